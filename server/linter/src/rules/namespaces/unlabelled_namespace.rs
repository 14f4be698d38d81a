use crate::config::Config;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Object, Version};
use yaml::edit::{Change, Value};
use yaml::{Entry, Node, NodeKind, Path};

rule! {
    /// Namespaces without labels of the Pod Security admission, or with a label that it does not understand.
    ///
    /// `pod-security.kubernetes.io/enforce`, `warn` and `audit` say which of the Pod Security Standards (`privileged`,
    /// `baseline`, `restricted`) the pods of the namespace are held to; with `-version` behind them, of which Kubernetes
    /// version (`latest`, `v1.30`).
    ///
    /// ## Why
    ///
    /// Without a label the API server accepts every pod in the namespace: a privileged one, one with the node's file system.
    /// Whoever may create pods there may then take over the node. A label whose name it does not know (`enforced`) does
    /// nothing; a level or a version that it does not know makes it refuse the namespace.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Namespace
    /// metadata:
    ///   name: shop
    /// ```
    ///
    /// Fixed:
    ///
    /// ```yaml fixed
    /// apiVersion: v1
    /// kind: Namespace
    /// metadata:
    ///   name: shop
    ///   labels:
    ///     pod-security.kubernetes.io/warn: restricted
    ///     pod-security.kubernetes.io/audit: restricted
    /// ```
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Namespace
    /// metadata:
    ///   name: shop
    ///   labels:
    ///     pod-security.kubernetes.io/enforce: Restricted
    ///     pod-security.kubernetes.io/enforce-version: "1.30"
    /// ```
    ///
    /// Fixed:
    ///
    /// ```yaml fixed
    /// apiVersion: v1
    /// kind: Namespace
    /// metadata:
    ///   name: shop
    ///   labels:
    ///     pod-security.kubernetes.io/enforce: restricted
    ///     pod-security.kubernetes.io/enforce-version: "v1.30"
    /// ```
    ///
    /// Good:
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Namespace
    /// metadata:
    ///   name: shop
    ///   labels:
    ///     pod-security.kubernetes.io/enforce: baseline
    ///     pod-security.kubernetes.io/warn: restricted
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// On clusters whose API server has a default for namespaces without labels, or where another admission controller, such as
    /// Kyverno or Gatekeeper, does the same.
    ///
    /// ## What the fix changes
    ///
    /// It adds the labels `warn` and `audit` for the standard `restricted`: who creates a pod that does not meet it is told so,
    /// the audit log says it, and the pod runs all the same. A second action adds `enforce: baseline`, with which the API
    /// server refuses pods that do not meet that one; those that run go on until they are replaced. Wrong names, levels and
    /// versions are put right where it is plain what is meant; the label then takes effect.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, Kubernetes 1.23 and later. Not `kube-system`, `kube-public` and `kube-node-lease`.
    ///
    /// ## References
    ///
    /// - [Kubernetes: Pod Security Admission](https://kubernetes.io/docs/concepts/security/pod-security-admission/)
    /// - Kubernetes: Enforce Pod Security Standards with Namespace Labels:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/enforce-standards-namespace-labels/>
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.2.1
    id: "unlabelled-namespace",
    enablement: Profile(Hardened),
    severity: Info,
    check: Check::Object(check),
    related: [Kubescape "C-0192"],
}

const PREFIX: &str = "pod-security.kubernetes.io/";
const MODES: [&str; 3] = ["enforce", "audit", "warn"];
const LEVELS: [&str; 3] = ["privileged", "baseline", "restricted"];
/// Where the admission is on unless somebody turns it off.
const SINCE: Version = Version::new(23);

fn check(object: &Object<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    let is_namespace = (object.api_version, object.kind) == ("v1", "Namespace");
    if !is_namespace || config.kubernetes_version < SINCE || is_spared(object) {
        return;
    }
    let labels = object
        .node
        .get("metadata")
        .and_then(|metadata| metadata.get("labels"));
    if labels.is_some_and(|labels| labels.kind() != NodeKind::Mapping && !labels.is_null()) {
        return;
    }
    let path = object.node.path().keys("metadata.labels");
    let entries: Vec<Entry<'_>> = labels
        .into_iter()
        .flat_map(|labels| labels.entries().chain(labels.merged_entries()))
        .collect();
    let ours = entries
        .iter()
        .filter_map(|entry| Some((entry, entry.key.as_str()?.strip_prefix(PREFIX)?)));
    if ours.clone().next().is_none() {
        unlabelled(&path, found);
    }
    for (entry, label) in ours {
        check_label(entry, label, &path, found);
    }
}

/// Whether it is one of Kubernetes' own namespaces, whose pods need what the standards forbid, or no namespace yet, or an order
/// to delete one.
fn is_spared(object: &Object<'_>) -> bool {
    let is_own = matches!(
        object.name,
        Some("kube-system" | "kube-public" | "kube-node-lease")
    );
    is_own || object.name.is_none() || object.node.get("$patch").is_some()
}

fn unlabelled(labels: &Path, found: &mut Reporter<'_, '_>) {
    let set = |mode: &str, level: &str| Change::Set {
        path: labels.key(&format!("{PREFIX}{mode}")),
        value: Value::Text(level.to_owned()),
    };
    found
        .at(
            found.object_token(),
            "namespace has no label that says which pods it accepts",
        )
        .as_missing()
        .fix(
            Applicability::Safe,
            "warn and audit pods that the standard restricted refuses",
            [set("warn", "restricted"), set("audit", "restricted")],
        )
        .alternative(
            Applicability::Unsafe,
            "enforce the standard baseline (pods that it refuses do not start)",
            [set("enforce", "baseline")],
        );
}

fn check_label(entry: &Entry<'_>, label: &str, labels: &Path, found: &mut Reporter<'_, '_>) {
    let Some(value) = entry.value.resolve() else {
        return;
    };
    let path = || labels.key(&format!("{PREFIX}{label}"));
    match label.strip_suffix("-version") {
        Some(mode) if MODES.contains(&mode) => check_version(label, value, path(), found),
        None if MODES.contains(&label) => check_level(label, value, path(), found),
        _ => {
            let mut finding = found.at(
                entry.key,
                format!("{PREFIX}{label} is no label that Kubernetes knows"),
            );
            if let Some(near) = MODES.iter().find(|mode| label.starts_with(**mode)) {
                let suffix = if label.contains("version") {
                    "-version"
                } else {
                    ""
                };
                let key = format!("{PREFIX}{near}{suffix}");
                let change = Change::Rename {
                    path: path(),
                    key: key.as_str().into(),
                };
                finding.fix(
                    Applicability::Unsafe,
                    format!("rename it to {key} (it takes effect)"),
                    [change],
                );
            }
        }
    }
}

fn check_level(label: &str, value: Node<'_>, path: Path, found: &mut Reporter<'_, '_>) {
    let text = value.as_str().unwrap_or_default();
    if LEVELS.contains(&text) || value.source().is_empty() {
        return;
    }
    let mut finding = found.at(
        value,
        format!("{label} is none of privileged, baseline, restricted"),
    );
    if let Some(level) = LEVELS
        .iter()
        .find(|level| text.trim().eq_ignore_ascii_case(level))
    {
        let change = Change::Set {
            path,
            value: Value::Text((*level).to_owned()),
        };
        finding.fix(
            Applicability::Unsafe,
            format!("set {label}: {level} (the API server refuses other spellings)"),
            [change],
        );
    }
}

fn check_version(label: &str, value: Node<'_>, path: Path, found: &mut Reporter<'_, '_>) {
    let text = value.as_str().unwrap_or_default();
    if text == "latest"
        || text.strip_prefix("v1.").is_some_and(is_number)
        || value.source().is_empty()
    {
        return;
    }
    let mut finding = found.at(value, format!("{label} is neither latest nor v1.N"));
    if text.strip_prefix("1.").is_some_and(is_number) {
        let change = Change::Set {
            path,
            value: Value::Text(format!("v{text}")),
        };
        finding.fix(
            Applicability::Unsafe,
            format!("set {label}: v{text} (the API server refuses other spellings)"),
            [change],
        );
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
