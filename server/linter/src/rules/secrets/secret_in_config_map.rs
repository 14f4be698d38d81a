use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::secrets::detector as secret;
use crate::rules::security_context::token;
use kubernetes::Object;
use yaml::{Entry, Resolved};

rule! {
    /// ConfigMaps that contain a password, a token or a private key.
    ///
    /// The rule recognizes secrets by their value (a private key, tokens of GitHub, AWS, Slack and
    /// others, JSON Web Tokens, a URL with a password) or by the end of their name: `db_password`.
    /// In settings files (`.properties`, `.env`, `.ini`, `.conf`, `.toml` and others), it checks
    /// each line. The names are configurable (`secretNames`).
    ///
    /// ## Why
    ///
    /// Kubernetes does not protect ConfigMaps: they are stored unencrypted even if Secrets are
    /// encrypted, every user with the role `view` reads them, and they end up in Git, in logs and
    /// in the output of `kubectl describe`. Many people then have a copy of a private key.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: ConfigMap
    /// metadata:
    ///   name: shop
    /// data:
    ///   db_host: db
    ///   db_url: postgres://shop:correct-Horse-7@db:5432/shop
    ///   application.properties: |
    ///     server.port = 8080
    ///     spring.datasource.password = correct-Horse-7
    /// ```
    ///
    /// Good: the configuration contains only the path of the secret.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: ConfigMap
    /// metadata:
    ///   name: shop
    /// data:
    ///   db_host: db
    ///   db_url: postgres://db:5432/shop
    ///   password_file: /run/secrets/db/password
    ///   application.properties: |
    ///     server.port = 8080
    ///     spring.datasource.password = ${DB_PASSWORD}
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// If a value only looks like a secret, such as the well-known password of a database that only
    /// a test reaches.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: move the value to a Secret, and let the pods that use the ConfigMap read it
    /// from there. Also replace the secret, because it stays in the history of the repository.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version. The rule checks only `data`, not `binaryData`.
    ///
    /// ## References
    ///
    /// - Kubernetes: Good practices for Kubernetes Secrets:
    ///   <https://kubernetes.io/docs/concepts/security/secrets-good-practices/>
    /// - [Kubernetes: ConfigMaps](https://kubernetes.io/docs/concepts/configuration/configmap/)
    id: "secret-in-config-map",
    enablement: Profile(Hardened),
    severity: Warning,
    check: Check::Object(check),
    aliases: [Polaris "sensitiveConfigmapContent"],
    related: [Trivy "KSV-0109", Trivy "KSV-01010", Kubescape "C-0012"],
}

fn check(object: &Object<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    if (object.api_version, object.kind) != ("v1", "ConfigMap") {
        return;
    }
    let entries = object.node.get("data").map(|data| data.entries());
    for entry in entries.into_iter().flatten() {
        if let Some((name, what)) = content(&entry, &config.values.secret_names) {
            report.at(
                token(entry.value),
                format!("{name} of the ConfigMap contains {what} in plain text"),
            );
        }
    }
}

/// Returns the kind of secret in an entry, if any, with the entry's name.
fn content<'y>(entry: &Entry<'y>, names: &[String]) -> Option<(&'y str, &'static str)> {
    let (name, value) = (entry.key.as_str()?, entry.value.resolve()?);
    let Some(Resolved::Str(text)) = value.resolved() else {
        return None;
    };
    let what = secret::detect(name, text, names).or_else(|| {
        is_settings(name)
            .then(|| in_settings(text, names))
            .flatten()
    })?;
    Some((name, what))
}

/// Whether an entry is a file of names and values, by its extension.
fn is_settings(name: &str) -> bool {
    const ENDINGS: [&str; 8] = [
        ".properties",
        ".env",
        ".ini",
        ".conf",
        ".cnf",
        ".cfg",
        ".toml",
        ".config",
    ];
    ENDINGS.iter().any(|ending| name.ends_with(ending)) || name == "env"
}

/// Returns the kind of the first secret in a settings file: `spring.datasource.password = ...`.
fn in_settings(text: &str, names: &[String]) -> Option<&'static str> {
    let settings = text.lines().filter(|line| !secret::is_comment(line));
    settings
        .filter_map(|line| line.split_once(['=', ':']))
        .find_map(|(name, value)| {
            let (name, value) = (name.trim(), value.trim().trim_matches(['"', '\'']));
            let is_plain =
                !name.contains(char::is_whitespace) && !value.contains(['(', '[', '{', '<', ';']);
            is_plain
                .then(|| secret::by_name(name, value, names))
                .flatten()
        })
}
