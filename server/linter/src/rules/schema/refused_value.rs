use crate::config::Config;
use crate::rules::describe::{name, token};
use crate::rules::schema::unknown_fields::{ServerManaged, is_filled_in};
use crate::rules::{Applicability, Reporter};
use kubernetes::{Container, Extent, Object, Pod};
use std::collections::HashSet;
use yaml::edit::{Change, Value};
use yaml::{Node, NodeKind};

mod choices;
pub(crate) mod parts;
pub(crate) mod resources;
pub(crate) mod values;

use values::{accepted_in, displayed, fields_of};

rule! {
    /// Values in a pod that the API server rejects.
    ///
    /// An id below 0, an unknown value of an enumeration, a request above its limit, two sources in
    /// one volume, a mount of a volume that does not exist, a name that two containers have: the
    /// types match, but the API server rejects the object.
    ///
    /// ## Why
    ///
    /// A rejected manifest hardens nothing. The previous version keeps running, and readers of the
    /// repository believe that the cluster has the new settings.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       imagePullPolicy: always
    ///       resources:
    ///         limits:
    ///           mem: 64Mi
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
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       imagePullPolicy: Always
    ///       resources:
    ///         limits:
    ///           memory: 64Mi
    /// ```
    ///
    /// If there are many ways to correct a value, there is no fix:
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   securityContext:
    ///     runAsUser: -1
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       resources:
    ///         requests:
    ///           memory: 2Gi
    ///         limits:
    ///           memory: 1Gi
    ///       volumeMounts:
    ///         - name: settings
    ///           mountPath: /etc/web
    ///   volumes:
    ///     - name: setings
    ///       configMap:
    ///         name: web
    ///       emptyDir: {}
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
    ///   securityContext:
    ///     runAsUser: 10001
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       resources:
    ///         requests:
    ///           memory: 1Gi
    ///         limits:
    ///           memory: 1Gi
    ///       volumeMounts:
    ///         - name: settings
    ///           mountPath: /etc/web
    ///   volumes:
    ///     - name: settings
    ///       configMap:
    ///         name: web
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// If another program fills in a value, or adds a part, before the manifest goes to a cluster.
    /// The rule skips values with `{{` or `$`. It reports missing fields only if the object is
    /// complete; a patch has the rest elsewhere.
    ///
    /// ## What the fix changes
    ///
    /// It writes the value or resource name that was meant, if a similar one exists. No cluster
    /// accepted the manifest before, so that no running workload can break.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, pods and all workloads: security contexts,
    /// resources, volumes and mounts, ports, environment variables, probes, and names. The rule
    /// does not cover all of the API server's validation: a manifest without findings may still be
    /// rejected. Other rules check types, seccomp and AppArmor profiles, and settings that exclude
    /// each other.
    ///
    /// ## References
    ///
    /// - Kubernetes' validation of pods:
    ///   <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/validation.go>
    /// - [Kubernetes: API reference](https://kubernetes.io/docs/reference/kubernetes-api/)
    /// - The Pod Security Standards, the CIS Benchmark and the NSA/CISA guide have no section about it.
    id: "refused-value",
    enablement: Always,
    severity: Error,
    check: Check::Object(check),
    reports_rejections: true,
}

/// Required fields of the types in pods.
const REQUIRED: [(&str, &str); 20] = [
    ("CSIVolumeSource", "driver"),
    ("ConfigMapVolumeSource", "name"),
    ("Container", "image"),
    ("Container", "name"),
    ("ContainerPort", "containerPort"),
    ("EnvVar", "name"),
    ("EphemeralContainer", "image"),
    ("EphemeralContainer", "name"),
    ("EphemeralVolumeSource", "volumeClaimTemplate"),
    ("ExecAction", "command"),
    ("HostPathVolumeSource", "path"),
    ("KeyToPath", "key"),
    ("KeyToPath", "path"),
    ("PersistentVolumeClaimVolumeSource", "claimName"),
    ("PodOS", "name"),
    ("PodSpec", "containers"),
    ("SecretVolumeSource", "secretName"),
    ("Sysctl", "name"),
    ("Volume", "name"),
    ("VolumeMount", "mountPath"),
];

fn check(object: &Object<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    let Some(pod) = &object.pod else {
        check_containers(object, report);
        return;
    };
    let (is_whole, is_pod_unfinished, server_managed) = (
        is_whole(object),
        pod.has_unfinished_container(),
        ServerManaged::of(object),
    );
    let is_finished = |node| {
        object
            .container_around(node)
            .map_or(!is_pod_unfinished, |container: &Container<'_>| {
                !container.is_unfinished()
            })
    };
    let mut seen = HashSet::with_capacity(object.reading.types.len());
    for &(node, type_name) in &object.reading.types {
        if !seen.insert(node.id()) || server_managed.contains(node) {
            continue;
        }
        check_fields(node, type_name, object, report);
        let required = REQUIRED.iter().filter(|row| row.0 == type_name);
        if is_whole && required.clone().next().is_some() && is_finished(node) {
            required.for_each(|(_, field)| check_required(node, field, object, report));
        }
        if let Some(choice) = choices::of(type_name) {
            choice.check(node, is_whole && is_finished(node), object, report);
        }
        match type_name {
            "ResourceRequirements" => resources::check(node, object, report),
            "Probe" => parts::check_success_threshold(node, object, report),
            _ => {}
        }
    }
    parts::check(pod, object, is_whole, report);
}

/// Checks that a workload with a selector or a schedule has a pod. Without these, it may be a patch.
fn check_containers(object: &Object<'_>, report: &mut Reporter<'_, '_>) {
    let makes_pods = matches!(
        object.kind,
        "CronJob" | "DaemonSet" | "Deployment" | "ReplicaSet" | "StatefulSet"
    );
    let Some(pod_path) = object.pod_path().filter(|_| makes_pods) else {
        return;
    };
    if object.read_as_newer || !object.has_required_fields() {
        return;
    }
    let mut deepest = object.node;
    for key in pod_path.iter().chain(&["spec"]) {
        match deepest.get(key) {
            Some(node) if is_filled_in(node) => return,
            Some(node) => deepest = node,
            None => break,
        }
    }
    if deepest.is_null() || deepest.kind() == NodeKind::Mapping {
        let message = format!("the {} has no containers, which are required", object.kind);
        report.at(token(deepest), message).as_missing();
    }
}

/// Whether the object is complete. A patch leaves out required fields, and so does a pod that a
/// controller completes.
fn is_whole(object: &Object<'_>) -> bool {
    let is_part = |pod: &Pod<'_>| pod.extent != Extent::Whole;
    !object.pod.as_ref().is_some_and(is_part) && object.has_required_fields()
}

/// Checks the values of a mapping independently of each other.
fn check_fields(
    mapping: Node<'_>,
    type_name: &str,
    object: &Object<'_>,
    report: &mut Reporter<'_, '_>,
) {
    let fields = fields_of(type_name);
    if fields.is_empty() {
        return;
    }
    let container = object.container_around(mapping);
    for entry in mapping.entries().chain(mapping.merged_entries()) {
        let Some(accepted) = entry
            .key
            .as_str()
            .and_then(|field| accepted_in(fields, field))
        else {
            continue;
        };
        let Some(value) = entry.value.resolve() else {
            continue;
        };
        let lone = (value.kind() != NodeKind::Sequence).then_some(value);
        for value in lone
            .into_iter()
            .chain(value.items())
            .filter(|value| !is_filled_in(*value))
        {
            let Some(violation) = accepted.violation(value) else {
                continue;
            };
            let message = format!(
                "{} is {}: {violation}",
                name(value, object),
                displayed(value)
            );
            let mut finding = report.at(value, message).in_container(container);
            if let Some(word) = value.as_str().and_then(|text| accepted.closest(text)) {
                let change = Change::Set {
                    path: value.path(),
                    value: Value::Text(word.into()),
                };
                finding.fix(
                    Applicability::Unsafe,
                    format!("replace with {word}"),
                    [change],
                );
            }
        }
    }
}

fn check_required(
    mapping: Node<'_>,
    field: &str,
    object: &Object<'_>,
    report: &mut Reporter<'_, '_>,
) {
    let is_empty = |value: Node<'_>| {
        value.as_str() == Some("")
            || (value.kind() == NodeKind::Sequence && value.items().len() == 0)
    };
    if mapping
        .get(field)
        .is_none_or(|value| value.is_null() || is_empty(value))
    {
        let container = object.container_around(mapping);
        let holder = match container {
            Some(container) if container.node == mapping => container.to_string(),
            _ => name(mapping, object),
        };
        let message = format!("{holder} has no {field}, which is required");
        report
            .at(token(mapping), message)
            .in_container(container)
            .as_missing();
    }
}
