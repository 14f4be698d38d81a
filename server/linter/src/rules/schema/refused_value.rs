use crate::config::Config;
use crate::rules::describe::{name, token};
use crate::rules::schema::unknown_fields::{Unconcerned, is_filled_in};
use crate::rules::{Applicability, Reporter};
use kubernetes::{Container, Extent, Object};
use std::collections::HashSet;
use yaml::edit::{Change, Value};
use yaml::{Node, NodeKind};

mod choices;
mod parts;
mod resources;
pub(crate) mod values;

use values::{accepted_in, fields_of, shown};

rule! {
    /// Values of a pod that the API server refuses.
    ///
    /// An id below 0, a word that is none of the field's, a request above its limit, two sources in one volume, a mount of a
    /// volume that is not there, a name that two containers have: the types fit, and the API server refuses the object.
    ///
    /// ## Why
    ///
    /// A manifest that is refused hardens nothing. What runs goes on as it was, and who looks at the repository takes the
    /// settings there for those of the cluster.
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
    /// What was meant is left to you where there are many ways:
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
    /// A value that another program fills in, or a part that it adds, before the manifest goes to a cluster. Texts with `{{` or
    /// `$` in them count as such. What is missing is told only where the object is whole: of a patch, the rest is elsewhere.
    ///
    /// ## What the fix changes
    ///
    /// It writes the word or the name of a resource that was meant, where one is near. No cluster took the manifest before, so
    /// that nothing that runs can stop.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, every kind that is or makes pods: security contexts, resources, volumes and
    /// mounts, ports, environment, probes, and names. Not all that the API server looks at is told: a manifest without findings
    /// may be refused. What the types, the profiles of seccomp and AppArmor, and settings against each other are about, other
    /// rules tell.
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

/// Fields that the API server insists on, of types that people write in pods.
const NEEDED: [(&str, &str); 15] = [
    ("CSIVolumeSource", "driver"),
    ("ConfigMapVolumeSource", "name"),
    ("ContainerPort", "containerPort"),
    ("EnvVar", "name"),
    ("EphemeralVolumeSource", "volumeClaimTemplate"),
    ("ExecAction", "command"),
    ("HostPathVolumeSource", "path"),
    ("KeyToPath", "key"),
    ("KeyToPath", "path"),
    ("PersistentVolumeClaimVolumeSource", "claimName"),
    ("PodOS", "name"),
    ("SecretVolumeSource", "secretName"),
    ("Sysctl", "name"),
    ("Volume", "name"),
    ("VolumeMount", "mountPath"),
];

fn check(object: &Object<'_>, _config: &Config, found: &mut Reporter<'_, '_>) {
    let Some(pod) = &object.pod else { return };
    let (is_whole, is_pod_unfinished, unconcerned) = (
        is_whole(object),
        pod.has_unfinished_container(),
        Unconcerned::of(object),
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
        if !seen.insert(node.id()) || unconcerned.has(node) {
            continue;
        }
        check_fields(node, type_name, object, found);
        let needed = NEEDED.iter().filter(|row| row.0 == type_name);
        if is_whole && needed.clone().next().is_some() && is_finished(node) {
            needed.for_each(|(_, field)| check_needed(node, field, object, found));
        }
        if let Some(choice) = choices::of(type_name) {
            choice.check(node, is_whole && is_finished(node), object, found);
        }
        match type_name {
            "ResourceRequirements" => resources::check(node, object, found),
            "Probe" => parts::threshold(node, object, found),
            _ => {}
        }
    }
    parts::check(pod, object, is_whole, found);
}

/// Whether the object could be sent as it is. A patch leaves out what the API server insists on, and so does who has a controller
/// complete the pod.
fn is_whole(object: &Object<'_>) -> bool {
    let has = |way: &[&str]| {
        way.iter()
            .try_fold(object.node, |node, key| node.get(key))
            .is_some_and(|node| !node.is_null())
    };
    match object.kind {
        _ if object
            .pod
            .as_ref()
            .is_some_and(|pod| pod.extent == Extent::Part) =>
        {
            false
        }
        "DaemonSet" | "Deployment" | "ReplicaSet" | "StatefulSet" => {
            has(&["spec", "selector"]) || object.read_as_newer
        }
        "CronJob" => has(&["spec", "schedule"]),
        "Job" => has(&["spec", "template", "spec", "restartPolicy"]),
        _ => object
            .pod
            .as_ref()
            .is_some_and(|pod| pod.extent == Extent::Whole),
    }
}

/// The values of a mapping, each on its own.
fn check_fields(
    mapping: Node<'_>,
    type_name: &str,
    object: &Object<'_>,
    found: &mut Reporter<'_, '_>,
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
            let Some(objection) = accepted.objection(value) else {
                continue;
            };
            let message = format!("{} is {}, {objection}", name(value, object), shown(value));
            let mut finding = found.at(value, message).in_container(container);
            if let Some(word) = value.as_str().and_then(|text| accepted.nearest(text)) {
                let change = Change::Set {
                    path: value.path(),
                    value: Value::Text(word.into()),
                };
                finding.fix(
                    Applicability::Unsafe,
                    format!("write {word} (it takes effect then)"),
                    [change],
                );
            }
        }
    }
}

fn check_needed(mapping: Node<'_>, field: &str, object: &Object<'_>, found: &mut Reporter<'_, '_>) {
    let is_empty = |value: Node<'_>| {
        value.as_str() == Some("")
            || (value.kind() == NodeKind::Sequence && value.items().len() == 0)
    };
    if mapping
        .get(field)
        .is_none_or(|value| value.is_null() || is_empty(value))
    {
        let message = format!("{} has no {field}, and needs one", name(mapping, object));
        found
            .at(token(mapping), message)
            .in_container(object.container_around(mapping))
            .as_missing();
    }
}
