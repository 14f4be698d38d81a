use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::secrets::detector as secret;
use crate::rules::security_context::token;
use kubernetes::Object;
use yaml::{Entry, Node, NodeKind, Resolved, chunks};

rule! {
    /// ConfigMaps that contain a password, a token or a private key.
    ///
    /// The rule recognizes secrets by their value (a private key, tokens of GitHub, AWS, Slack and
    /// others, JSON Web Tokens, a URL with a password, an HTTP login such as `Bearer ...`) or by the
    /// end of their name: `db_password`.
    /// In settings files (`.properties`, `.env`, `.ini`, `.conf`, `.toml` and others), it checks
    /// each line. In YAML and JSON, and in values whose key has no extension, it checks each key and
    /// its value. The names are configurable (`secretNames`).
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
        let settings = Settings::of(name, text)?;
        settings.find(text, names)
    })?;
    Some((name, what))
}

/// How the names and values of a file are written.
enum Settings {
    /// One name and value in each line: `spring.datasource.password = ...`.
    Lines,
    /// YAML or JSON.
    Tree,
}

impl Settings {
    /// Recognizes a file of settings by its extension, or by its content if it has none. Scripts
    /// and other programs are not searched: most of their values are expressions.
    fn of(name: &str, text: &str) -> Option<Settings> {
        const LINES: [&str; 8] = [
            "properties",
            "env",
            "ini",
            "conf",
            "cnf",
            "cfg",
            "toml",
            "config",
        ];
        match name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("yaml" | "yml" | "json") => Some(Settings::Tree),
            Some(ending) if LINES.contains(&ending) => Some(Settings::Lines),
            None if name == "env" => Some(Settings::Lines),
            None if !text.starts_with("#!") => Some(Settings::Tree),
            _ => None,
        }
    }

    /// Returns the kind of the first secret. YAML with errors is read line by line, because many
    /// files are templates of a program that fills them in.
    fn find(&self, text: &str, names: &[String]) -> Option<&'static str> {
        if !secret::may_have_name(text, names) {
            return None;
        }
        match self {
            Settings::Tree => in_tree(text, names),
            Settings::Lines => in_lines(text, names),
        }
    }
}

fn in_tree(text: &str, names: &[String]) -> Option<&'static str> {
    chunks::documents(text).into_iter().find_map(|document| {
        let document = &text[document];
        let yaml = yaml::parse(document);
        let is_tree = yaml.errors().is_empty()
            && yaml
                .root()
                .is_some_and(|root| matches!(root.kind(), NodeKind::Mapping | NodeKind::Sequence));
        if !is_tree {
            return in_lines(document, names);
        }
        let mappings = yaml.nodes().filter(|node| node.kind() == NodeKind::Mapping);
        mappings
            .flat_map(|mapping| mapping.entries().map(move |entry| (mapping, entry)))
            .find_map(|(mapping, entry)| named_secret(mapping, &entry, names))
    })
}

/// Returns the kind of secret in an entry, by its key, or by the `name` beside a `value` as in a
/// list of environment variables.
fn named_secret(mapping: Node<'_>, entry: &Entry<'_>, names: &[String]) -> Option<&'static str> {
    let text = match entry.value.resolved()? {
        Resolved::Str(text) => text,
        Resolved::Int(_) | Resolved::Float(_) => entry.value.as_str()?,
        Resolved::Null | Resolved::Bool(_) => return None,
    };
    let name = match entry.key.as_str()? {
        "value" => mapping.get("name")?.as_str()?,
        key => key,
    };
    secret::by_name(name, text, names)
}

fn in_lines(text: &str, names: &[String]) -> Option<&'static str> {
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
