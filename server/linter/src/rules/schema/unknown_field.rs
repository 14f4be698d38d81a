use crate::config::Config;
use crate::rules::describe::mapping_name;
use crate::rules::describe::shortened;
use crate::rules::schema::misspelled_security_field;
use crate::rules::schema::unknown_fields::unknown_keys;
use crate::rules::{Applicability, Reporter};
use crate::suggest::closest;
use kubernetes::{Object, UnknownField, pod_fields};
use yaml::Node;
use yaml::edit::Change;

rule! {
    /// Fields that the Kubernetes type does not have.
    ///
    /// Every mapping of a manifest has a Kubernetes type. The API server drops the keys that the
    /// type does not have, or rejects the manifest, depending on the client. The rule checks
    /// built-in kinds; the types of custom resources are in the cluster.
    ///
    /// ## Why
    ///
    /// The setting does not take effect, without any message. `podselector` in a NetworkPolicy rule
    /// selects every peer instead of a few. A misspelled `resources` leaves a container without
    /// limits.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata:
    ///   name: web
    /// spec:
    ///   podselector: # the pods of the shop
    ///     matchLabels:
    ///       app: shop
    /// ```
    ///
    /// Fixed:
    ///
    /// ```yaml fixed
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata:
    ///   name: web
    /// spec:
    ///   podSelector: # the pods of the shop
    ///     matchLabels:
    ///       app: shop
    /// ```
    ///
    /// If no similar field exists, there is no fix:
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Service
    /// metadata:
    ///   name: web
    /// spec:
    ///   containers: []
    ///   ports:
    ///     - port: 80
    /// ```
    ///
    /// Good:
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Service
    /// metadata:
    ///   name: web
    /// spec:
    ///   ports:
    ///     - port: 80
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// If another program reads the key and removes it before the manifest goes to a cluster.
    ///
    /// ## What the fix changes
    ///
    /// It renames the key to the most similar field of its type that is not set yet, and keeps the
    /// value. The field takes effect, perhaps for the first time.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version. Fields that are newer than the target version are
    /// accepted, and so are those of earlier versions. The rule skips objects of an `apiVersion`
    /// that is no longer served.
    ///
    /// ## References
    ///
    /// - [Kubernetes: API reference](https://kubernetes.io/docs/reference/kubernetes-api/)
    /// - [Kubernetes: Field validation](https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation)
    /// - The Pod Security Standards, the CIS Benchmark and the NSA/CISA guide have no section about it.
    id: "unknown-field",
    enablement: Always,
    severity: Warning,
    check: Check::Object(check),
    related: [KubeLinter "schema-validation"],
}

fn check(object: &Object<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    if object.read_as_newer {
        return;
    }
    for unknown in
        unknown_keys(object).filter(|unknown| !misspelled_security_field::reports(object, unknown))
    {
        let Some(key) = unknown.key.as_str() else {
            continue;
        };
        let is_free = |field: &&&str| {
            unknown
                .key
                .parent()
                .is_none_or(|mapping| mapping.get(field).is_none())
        };
        // Only similar fields are checked for being free, because that visits all keys of the
        // mapping, of which there can be thousands.
        let is_like = |field: &&&str| closest(key, std::iter::once(**field)).is_some();
        let near = closest(
            key,
            unknown
                .fields
                .iter()
                .filter(is_like)
                .filter(is_free)
                .copied(),
        );
        let place = pod_below(unknown, key);
        let message = match (near, place) {
            (Some(field), _) => format!("unknown field {}, did you mean {field}?", shortened(key)),
            (None, place) => {
                let mapping = mapping_name(unknown, object);
                let belongs =
                    place.map_or(String::new(), |place| format!(": it belongs in {place}"));
                format!("unknown field {} in {mapping}{belongs}", shortened(key))
            }
        };
        let mut finding = report
            .at(unknown.key, message)
            .in_container(object.container_around(unknown.key));
        if let Some(field) = near {
            let change = Change::Rename {
                path: unknown.value.path(),
                key: field.into(),
            };
            finding.fix(
                Applicability::Unsafe,
                format!("rename to {field}"),
                [change],
            );
        } else if let Some((place, holder)) = place.zip(unknown.key.parent()) {
            let change = Change::Move {
                from: unknown.value.path(),
                to: holder.path().keys(place).key(key),
            };
            finding.fix(Applicability::Unsafe, format!("move to {place}"), [change]);
        }
    }
}

/// The types that contain a pod, and the path from each to the pod's spec.
const POD_BELOW: [(&str, &str); 9] = [
    ("CronJobSpec", "jobTemplate.spec.template.spec"),
    ("DaemonSetSpec", "template.spec"),
    ("DeploymentSpec", "template.spec"),
    ("JobSpec", "template.spec"),
    ("JobTemplateSpec", "spec.template.spec"),
    ("PodTemplateSpec", "spec"),
    ("ReplicaSetSpec", "template.spec"),
    ("ReplicationControllerSpec", "template.spec"),
    ("StatefulSetSpec", "template.spec"),
];

/// Returns the path to the pod's spec below a mapping that has a field of it by mistake, unless the
/// spec has the field, too.
fn pod_below(unknown: &UnknownField<'_>, key: &str) -> Option<&'static str> {
    let (_, place) = POD_BELOW
        .iter()
        .find(|(type_name, _)| *type_name == unknown.type_name)?;
    let spec = place
        .split('.')
        .try_fold(unknown.key.parent()?, |node: Node<'_>, key| node.get(key));
    let is_free = spec.is_none_or(|spec| spec.get(key).is_none());
    (is_free && pod_fields().contains(&key)).then_some(place)
}
