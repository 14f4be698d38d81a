use crate::config::Config;
use crate::rules::secrets::detector as secret;
use crate::rules::security_context::token;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Container, Object};
use std::cell::LazyCell;
use std::collections::HashMap;
use yaml::edit::{Change, Value};
use yaml::{Node, Path, Resolved};

rule! {
    /// Environment variables that contain a password, a token or a key.
    ///
    /// The rule recognizes secrets by their value (a private key, tokens of GitHub, AWS, Slack and
    /// others, JSON Web Tokens, a URL with a password, an HTTP login such as `Bearer ...`) or by the
    /// end of their name: `DB_PASSWORD`, `stripeApiKey`. The names are configurable (`secretNames`).
    /// It skips references (`$(VAR)`, `vault:...`, paths, URLs without a password), empty values, switches such as `yes`, and
    /// names of objects.
    ///
    /// ## Why
    ///
    /// Many people read manifests: they are in Git and its history, in build logs, in the
    /// annotation that `kubectl apply` leaves, and visible to every user who may read pods, which
    /// are far more than those who may read Secrets. A secret that has been in a manifest must be
    /// replaced.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: apps/v1
    /// kind: Deployment
    /// metadata:
    ///   name: shop
    /// spec:
    ///   selector:
    ///     matchLabels:
    ///       app: shop
    ///   template:
    ///     metadata:
    ///       labels:
    ///         app: shop
    ///     spec:
    ///       containers:
    ///         - name: shop
    ///           image: registry.example.com/shop:1.4
    ///           env:
    ///             - name: DB_HOST
    ///               value: db
    ///             - name: DB_PASSWORD
    ///               value: correct-Horse-7
    /// ```
    ///
    /// Fixed:
    ///
    /// ```yaml fixed
    /// apiVersion: apps/v1
    /// kind: Deployment
    /// metadata:
    ///   name: shop
    /// spec:
    ///   selector:
    ///     matchLabels:
    ///       app: shop
    ///   template:
    ///     metadata:
    ///       labels:
    ///         app: shop
    ///     spec:
    ///       containers:
    ///         - name: shop
    ///           image: registry.example.com/shop:1.4
    ///           env:
    ///             - name: DB_HOST
    ///               value: db
    ///             - name: DB_PASSWORD
    ///               valueFrom:
    ///                 secretKeyRef:
    ///                   name: shop-secrets
    ///                   key: db-password
    /// ```
    ///
    /// Good: the program reads a file that is mounted from a Secret.
    ///
    /// ```yaml good
    /// apiVersion: apps/v1
    /// kind: Deployment
    /// metadata:
    ///   name: shop
    /// spec:
    ///   selector:
    ///     matchLabels:
    ///       app: shop
    ///   template:
    ///     metadata:
    ///       labels:
    ///         app: shop
    ///     spec:
    ///       containers:
    ///         - name: shop
    ///           image: registry.example.com/shop:1.4
    ///           env:
    ///             - name: DB_PASSWORD_FILE
    ///               value: /run/secrets/db/password
    ///             - name: TOKEN_TTL
    ///               value: "3600"
    ///             - name: ALLOW_EMPTY_PASSWORD
    ///               value: "no"
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// If a value only looks like a secret, such as the well-known password of a database that only
    /// a test reaches.
    ///
    /// ## What the fix changes
    ///
    /// It replaces the value with a reference to a Secret that is named after the object and the
    /// variable. A comment after the value stays. The container does not start until that Secret
    /// exists in the same namespace. Save the value first, and replace it: it stays in the history
    /// of the repository.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version, every operating system.
    ///
    /// ## References
    ///
    /// - Kubernetes: Good practices for Kubernetes Secrets:
    ///   <https://kubernetes.io/docs/concepts/security/secrets-good-practices/>
    /// - Kubernetes: Define container environment variables using Secret data:
    ///   <https://kubernetes.io/docs/tasks/inject-data-application/distribute-credentials-secure/>
    /// - NSA/CISA Kubernetes Hardening Guide, "Secrets":
    ///   <https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF>
    id: "secret-in-env",
    enablement: Profile(Hardened),
    severity: Warning,
    check: Check::Object(check),
    aliases: [KubeLinter "env-var-secret", Polaris "sensitiveContainerEnvVar"],
    related: [Kubescape "C-0012"],
}

fn check(object: &Object<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    let values = LazyCell::new(|| values(object));
    for container in object.pod.iter().flat_map(|pod| &pod.containers) {
        let variables = container.lookup("env").map(|list| list.items());
        for (place, variable) in variables.into_iter().flatten().enumerate() {
            let Some((name, value)) = written(variable) else {
                continue;
            };
            let text = value.as_str().unwrap_or_default();
            let Some(what) = secret::detect(name, text, &config.values.secret_names) else {
                continue;
            };
            let mut finding = report
                .at(
                    token(value),
                    format!("{name} of {container} is {what} in plain text"),
                )
                .in_container(container);
            if let Some((name_of_secret, key)) =
                reference(object, container, name).filter(|(_, key)| values[key.as_str()].is_some())
            {
                let title =
                    format!("read {name} from Secret {name_of_secret} (the Secret must exist)");
                let changes =
                    by_reference(&container.path("env").index(place), name_of_secret, key);
                finding.fix(Applicability::Unsafe, title, changes);
            }
        }
    }
}

/// Returns the name and value of a variable whose value is a string. The API server rejects any
/// other.
fn written<'y>(variable: Node<'y>) -> Option<(&'y str, Node<'y>)> {
    let value = variable.entry("value")?.value;
    let is_text = matches!(value.resolved(), Some(Resolved::Str(_)));
    Some((variable.get("name")?.as_str()?, value)).filter(|_| is_text)
}

/// Returns the Secret and the key for the value, named after the object and the variable.
fn reference(
    object: &Object<'_>,
    container: &Container<'_>,
    variable: &str,
) -> Option<(String, String)> {
    let owner = object.name.unwrap_or(container.name());
    let is_plain = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    let key = key_of(variable);
    (is_plain(owner) && is_plain(&key)).then(|| (format!("{owner}-secrets"), key))
}

fn key_of(variable: &str) -> String {
    variable.to_ascii_lowercase().replace('_', "-")
}

/// Returns the values of the pod's variables, by the keys that they would get in the Secret. `None`
/// if variables with the same key have different values.
fn values<'y>(object: &Object<'y>) -> HashMap<String, Option<&'y str>> {
    let mut values = HashMap::new();
    let containers = object.pod.iter().flat_map(|pod| &pod.containers);
    let variables = containers
        .filter_map(|container| container.lookup("env"))
        .flat_map(Node::items);
    for (name, value) in variables.filter_map(written) {
        let text = value.as_str();
        let known = values.entry(key_of(name)).or_insert(text);
        *known = known.filter(|known| text == Some(known));
    }
    values
}

fn by_reference(variable: &Path, secret: String, key: String) -> [Change; 2] {
    let mapping = |entries: Vec<(&str, Value)>| {
        Value::Mapping(
            entries
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        )
    };
    let selector = mapping(vec![
        ("name", Value::Text(secret)),
        ("key", Value::Text(key)),
    ]);
    // The entry keeps its position and its comment.
    let path = variable.key("value");
    [
        Change::Rename {
            path: path.clone(),
            key: "valueFrom".into(),
        },
        Change::Set {
            path,
            value: mapping(vec![("secretKeyRef", selector)]),
        },
    ]
}
