use crate::config::Config;
use crate::rules::describe::shortened;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Object, meant};
use yaml::edit::{Change, Value};

rule! {
    /// Built-in kinds under an `apiVersion` that never had them.
    ///
    /// `v1` has no Deployment, and there is no `apps/v2`. Kinds are written with capitals:
    /// `Deployment`, not `deployment`.
    ///
    /// ## Why
    ///
    /// The API server knows a kind only in its own group: `no matches for kind "Deployment" in
    /// version "v1"`. It rejects the manifest, and the previous version keeps running.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Deployment
    /// metadata:
    ///   name: web
    /// spec:
    ///   selector:
    ///     matchLabels:
    ///       app: web
    ///   template:
    ///     metadata:
    ///       labels:
    ///         app: web
    ///     spec:
    ///       containers:
    ///         - name: web
    ///           image: registry.example.com/web:1.4
    /// ```
    ///
    /// Fixed:
    ///
    /// ```yaml fixed
    /// apiVersion: apps/v1
    /// kind: Deployment
    /// metadata:
    ///   name: web
    /// spec:
    ///   selector:
    ///     matchLabels:
    ///       app: web
    ///   template:
    ///     metadata:
    ///       labels:
    ///         app: web
    ///     spec:
    ///       containers:
    ///         - name: web
    ///           image: registry.example.com/web:1.4
    /// ```
    ///
    /// Good:
    ///
    /// ```yaml good
    /// apiVersion: apps/v1
    /// kind: Deployment
    /// metadata:
    ///   name: web
    /// spec:
    ///   selector:
    ///     matchLabels:
    ///       app: web
    ///   template:
    ///     metadata:
    ///       labels:
    ///         app: web
    ///     spec:
    ///       containers:
    ///         - name: web
    ///           image: registry.example.com/web:1.4
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Never for Kubernetes' own kinds. The rule skips other groups, which may have kinds of the
    /// same name, and the templates of charts.
    ///
    /// ## What the fix changes
    ///
    /// It writes the current `apiVersion` of the kind, or the kind with its capitals. No cluster
    /// accepted the manifest before, so that no running workload can break. Fields that the version
    /// does not have are reported afterwards.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, every kind that Kubernetes itself has or had. The
    /// rule [`removed-api`](removed-api.md) reports versions that are no longer served.
    ///
    /// ## References
    ///
    /// - [Kubernetes: API reference](https://kubernetes.io/docs/reference/kubernetes-api/)
    /// - [Kubernetes: API groups and versioning](https://kubernetes.io/docs/reference/using-api/)
    /// - The Pod Security Standards, the CIS Benchmark and the NSA/CISA guide have no section about it.
    id: "unknown-api-version",
    enablement: Always,
    severity: Error,
    check: Check::Object(check),
    reports_rejections: true,
}

fn check(object: &Object<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    if object.repeated || object.is_built_in() {
        return;
    }
    let Some(meant) = meant(object.api_version, object.kind) else {
        return;
    };
    let path = object.node.path();
    let (key, value, message) = if meant.kind == object.kind {
        let message = format!(
            "{} has no kind {}: use {}",
            shortened(object.api_version),
            meant.kind,
            meant.api_version
        );
        ("apiVersion", meant.api_version, message)
    } else {
        let message = format!(
            "unknown kind {}: use {}",
            shortened(object.kind),
            meant.kind
        );
        ("kind", meant.kind, message)
    };
    let Some(node) = object.node.get(key) else {
        return;
    };
    let change = Change::Set {
        path: path.key(key),
        value: Value::Text(value.into()),
    };
    report.at(node, message).as_missing().fix(
        Applicability::Unsafe,
        format!("replace with {value}"),
        [change],
    );
}
