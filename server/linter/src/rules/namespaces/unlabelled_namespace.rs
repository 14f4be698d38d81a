use crate::config::Config;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Object, PodSecurityLevel, Version};
use yaml::edit::{Change, Value};
use yaml::{Entry, Node, NodeKind, Path};

rule! {
    /// Namespaces without Pod Security labels, or with invalid ones.
    ///
    /// The labels `pod-security.kubernetes.io/enforce`, `warn` and `audit` set which of the Pod
    /// Security Standards (`privileged`, `baseline`, `restricted`) the pods of the namespace must
    /// meet. With the suffix `-version`, they set the Kubernetes version of the standard (`latest`,
    /// `v1.30`).
    ///
    /// ## Why
    ///
    /// Without a label, the API server accepts every pod in the namespace, including a privileged
    /// one or one that mounts the node's file system. A user who may create pods there can then
    /// take over the node. A label with an unknown name (`enforced`) has no effect. The API server
    /// rejects a namespace with an unknown level or version.
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
    /// On clusters whose API server has a default for namespaces without labels, or where another
    /// admission controller, such as Kyverno or Gatekeeper, does the same.
    ///
    /// ## What the fix changes
    ///
    /// If the checked files, or the workspace of the editor, contain pods of the namespace, the fix
    /// adds `enforce` with the level that all of them meet: the API server then rejects other pods
    /// that do not meet it, and running pods continue until they are replaced. A pod belongs to the
    /// namespace if it names it, or a kustomization puts it there; templates and patches do not count.
    ///
    /// If no pod is known, or one meets no standard, the fix adds the labels `warn` and `audit` with the `restricted` standard.
    /// Users who create a pod that does not meet it get a warning, the audit log records it, and the
    /// pod still runs. Use it if most pods of the namespace meet the standard, or soon will. If no
    /// pod is known, a second action adds `enforce: baseline`.
    ///
    /// Misspelled names, levels and versions are corrected if it is clear what was meant; the label
    /// then takes effect.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, Kubernetes 1.23 and later. The rule skips `kube-system`, `kube-public`
    /// and `kube-node-lease`.
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
/// The first version that enables Pod Security admission by default.
const SINCE: Version = Version::new(23);

fn check(object: &Object<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    let is_namespace = (object.api_version, object.kind) == ("v1", "Namespace");
    if !is_namespace || config.kubernetes_version < SINCE || is_exempt(object) {
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
    let pod_security_labels = entries
        .iter()
        .filter_map(|entry| Some((entry, entry.key.as_str()?.strip_prefix(PREFIX)?)));
    if pod_security_labels.clone().next().is_none() {
        report_missing_labels(object.pods_meet, &path, report);
    }
    for (entry, label) in pod_security_labels {
        check_label(entry, label, &path, report);
    }
}

/// Whether it is one of Kubernetes' own namespaces, whose pods need what the standards forbid, or
/// has no name yet, or is a patch that deletes a namespace.
fn is_exempt(object: &Object<'_>) -> bool {
    let is_own = matches!(
        object.name,
        Some("kube-system" | "kube-public" | "kube-node-lease")
    );
    is_own || object.name.is_none() || object.node.get("$patch").is_some()
}

/// `met` is the level that the known pods of the namespace meet.
fn report_missing_labels(
    met: Option<PodSecurityLevel>,
    labels: &Path,
    report: &mut Reporter<'_, '_>,
) {
    let set = |mode: &str, level: &str| Change::Set {
        path: labels.key(&format!("{PREFIX}{mode}")),
        value: Value::Text(level.to_owned()),
    };
    let warn = (
        "set warn and audit to restricted (warns about pods that do not meet it)",
        [set("warn", "restricted"), set("audit", "restricted")],
    );
    let enforce = |level: PodSecurityLevel| [set("enforce", level.name())];
    let token = report.object_token();
    let Some(met) = met else {
        report
            .at(token, "namespace has no Pod Security label")
            .as_missing()
            .fix(Applicability::Unsafe, warn.0, warn.1)
            .alternative(
                Applicability::Unsafe,
                "set enforce to baseline (rejects pods that do not meet it)",
                enforce(PodSecurityLevel::Baseline),
            );
        return;
    };
    let level = met.name();
    let message = format!("namespace has no Pod Security label; its known pods meet {level}");
    let mut finding = report.at(token, message).as_missing();
    // `enforce: privileged` protects nothing, and would make the findings of the pods hints.
    if met == PodSecurityLevel::Privileged {
        finding.fix(Applicability::Unsafe, warn.0, warn.1);
        return;
    }
    finding
        .fix(
            Applicability::Unsafe,
            format!("set enforce to {level}, which all known pods meet"),
            enforce(met),
        )
        .alternative(Applicability::Unsafe, warn.0, warn.1);
}

fn check_label(entry: &Entry<'_>, label: &str, labels: &Path, report: &mut Reporter<'_, '_>) {
    let Some(value) = entry.value.resolve() else {
        return;
    };
    let path = || labels.key(&format!("{PREFIX}{label}"));
    match label.strip_suffix("-version") {
        Some(mode) if MODES.contains(&mode) => check_version(label, value, path(), report),
        None if MODES.contains(&label) => check_level(label, value, path(), report),
        _ => {
            let mut finding = report.at(entry.key, format!("unknown label {PREFIX}{label}"));
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
                finding.fix(Applicability::Unsafe, format!("rename to {key}"), [change]);
            }
        }
    }
}

fn check_level(label: &str, value: Node<'_>, path: Path, report: &mut Reporter<'_, '_>) {
    let text = value.as_str().unwrap_or_default();
    let mut levels = PodSecurityLevel::ALL
        .map(PodSecurityLevel::name)
        .into_iter();
    if levels.clone().any(|level| level == text) || value.source().is_empty() {
        return;
    }
    let mut finding = report.at(
        value,
        format!("{label} must be privileged, baseline or restricted"),
    );
    if let Some(level) = levels.find(|level| text.trim().eq_ignore_ascii_case(level)) {
        let change = Change::Set {
            path,
            value: Value::Text(level.to_owned()),
        };
        finding.fix(
            Applicability::Unsafe,
            format!("set {label}: {level}"),
            [change],
        );
    }
}

fn check_version(label: &str, value: Node<'_>, path: Path, report: &mut Reporter<'_, '_>) {
    let text = value.as_str().unwrap_or_default();
    if text == "latest"
        || text.strip_prefix("v1.").is_some_and(is_number)
        || value.source().is_empty()
    {
        return;
    }
    let mut finding = report.at(value, format!("{label} must be latest or v1.N"));
    if text.strip_prefix("1.").is_some_and(is_number) {
        let change = Change::Set {
            path,
            value: Value::Text(format!("v{text}")),
        };
        finding.fix(
            Applicability::Unsafe,
            format!("set {label}: v{text}"),
            [change],
        );
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
