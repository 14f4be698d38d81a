use crate::config::Config;
use crate::rules::{Applicability, Reporter, Tag};
use kubernetes::Pod;
use yaml::Node;
use yaml::edit::Change;

rule! {
    /// Pods that set the deprecated field `serviceAccount`.
    ///
    /// The field is the old name of `serviceAccountName`, kept for old manifests. If both are set,
    /// `serviceAccountName` wins.
    ///
    /// ## Why
    ///
    /// Many tools and reviewers look only at `serviceAccountName` and assume that the pod uses the
    /// default account. They then grant permissions to the wrong account, or remove them from it.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   serviceAccount: web # may read its own Secret
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// Fixed:
    ///
    /// ```yaml fixed
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   serviceAccountName: web # may read its own Secret
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// Good:
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   serviceAccountName: web
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Manifests that are read back from a cluster contain both fields, with the same value. That
    /// does no harm.
    ///
    /// ## What the fix changes
    ///
    /// It renames the field, or removes it if `serviceAccountName` is set. The pod keeps the same
    /// service account.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, every operating system.
    ///
    /// ## References
    ///
    /// - Kubernetes: Pod API, `serviceAccount`:
    ///   <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodSpec>
    /// - [Kubernetes: Service Accounts](https://kubernetes.io/docs/concepts/security/service-accounts/)
    /// - The Pod Security Standards, the CIS Benchmark and the NSA/CISA guide have no section about it.
    id: "deprecated-service-account-field",
    enablement: Always,
    severity: Info,
    check: Check::Pod(check),
    aliases: [KubeLinter "deprecated-service-account-field", Kubescape "C-0294"],
}

const OLD: &str = "serviceAccount";
const NEW: &str = "serviceAccountName";

fn check(pod: &Pod<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    // An empty name is the same as none.
    let is_set = |value: Node<'_>| !value.is_null() && value.as_str() != Some("");
    let Some(entry) = pod.node.entry(OLD).filter(|entry| is_set(entry.value)) else {
        return;
    };
    let mut finding = report.at(
        entry.key,
        "serviceAccount is deprecated: use serviceAccountName",
    );
    finding.tagged(Tag::Deprecated);
    let path = pod.path(OLD);
    let named = |node: Node<'_>| node.as_str().is_some_and(|name| !name.is_empty());
    match pod.lookup(NEW) {
        None => {
            _ = finding.fix(
                Applicability::Safe,
                "rename to serviceAccountName",
                [Change::Rename {
                    path,
                    key: NEW.into(),
                }],
            );
        }
        Some(new) if named(new) => {
            finding.fix(
                Applicability::Safe,
                "remove serviceAccount (serviceAccountName wins)",
                [Change::Remove { path }],
            );
        }
        Some(_) => {}
    }
}
