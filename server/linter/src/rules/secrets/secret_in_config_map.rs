use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::secrets::detector as secret;
use crate::rules::security_context::token;
use kubernetes::Object;
use yaml::{Entry, Resolved};

rule! {
    /// ConfigMaps that hold a password, a token or a private key.
    ///
    /// What is one shows in the value itself (a private key, tokens of GitHub, AWS, Slack and others, JSON Web Tokens, a URL
    /// with a password in it) or in the end of its name: `db_password`. In files of settings (`.properties`, `.env`, `.ini`,
    /// `.conf`, `.toml` and the like) each line counts. The names can be configured.
    ///
    /// ## Why
    ///
    /// Kubernetes does not treat a ConfigMap as something to keep: it is stored unencrypted even where Secrets are encrypted,
    /// everybody with the role `view` reads it, and it ends up in Git, in logs and in the output of `kubectl describe`. A
    /// private key in it is a key that many people have.
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
    /// Good: the configuration says where the secret is.
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
    /// For a value that only looks like a secret, such as the well-known password of a test database that nobody but the test
    /// reaches.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: the value belongs in a Secret, and the pods that use the ConfigMap have to read it from there. Change
    /// the secret as well, because it stays in the history of the repository.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version. `data` only: what is in `binaryData` is not looked into.
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

fn check(object: &Object<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    if (object.api_version, object.kind) != ("v1", "ConfigMap") {
        return;
    }
    let entries = object.node.get("data").map(|data| data.entries());
    for entry in entries.into_iter().flatten() {
        if let Some((name, what)) = content(&entry, &config.values.secret_names) {
            found.at(
                token(entry.value),
                format!("{name} of the ConfigMap holds {what} in plain text"),
            );
        }
    }
}

/// What secret an entry holds, if any, with the entry's name.
fn content<'y>(entry: &Entry<'y>, names: &[String]) -> Option<(&'y str, &'static str)> {
    let (name, value) = (entry.key.as_str()?, entry.value.resolve()?);
    let Some(Resolved::Str(text)) = value.resolved() else {
        return None;
    };
    let what = secret::recognised(name, text, names).or_else(|| {
        is_settings(name)
            .then(|| in_settings(text, names))
            .flatten()
    })?;
    Some((name, what))
}

/// Whether an entry is a file of names and values rather than a program, a template or a page.
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

/// The first line that gives a literal value to a name of a secret: `spring.datasource.password = ...`.
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
