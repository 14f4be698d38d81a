use crate::config::Config;
use crate::rules::describe::owner;
use crate::rules::schema::misspelled_security_field;
use crate::rules::schema::unknown_fields::unknown_keys;
use crate::rules::suggest::{brief, nearest};
use crate::rules::{Applicability, Reporter};
use kubernetes::Object;
use yaml::edit::Change;

rule! {
    /// Keys that Kubernetes' type does not have.
    ///
    /// Every mapping of a manifest is read as a Kubernetes type, and the API server drops the keys that the type has no field
    /// for, or refuses the manifest, depending on how it is sent. Kinds with a type of their own in Kubernetes are checked;
    /// custom resources have theirs in the cluster.
    ///
    /// ## Why
    ///
    /// What was written does not happen: `podselector` in a NetworkPolicy rule selects every peer instead of a few, a
    /// misspelled `resources` leaves a container without limits, and nobody is told.
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
    /// Where no name is near, only you know what was meant:
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
    /// A key that another program reads and removes before the manifest goes to a cluster.
    ///
    /// ## What the fix changes
    ///
    /// It renames the key to the nearest field of its type that is not there yet, and leaves the value. The field then takes
    /// effect, perhaps for the first time.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version. Fields that are newer than the target version count as known, and so do those
    /// that former versions had. Objects of an `apiVersion` that is served no longer are left out.
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

fn check(object: &Object<'_>, _config: &Config, found: &mut Reporter<'_, '_>) {
    if object.read_as_newer {
        return;
    }
    for unknown in unknown_keys(object)
        .filter(|unknown| !misspelled_security_field::speaks_of(object, unknown))
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
        // To see whether a field is free takes a look at all keys beside it, of which there can be thousands: few fields are asked for.
        let is_like = |field: &&&str| nearest(key, std::iter::once(**field)).is_some();
        let near = nearest(
            key,
            unknown
                .fields
                .iter()
                .filter(is_like)
                .filter(is_free)
                .copied(),
        );
        let message = format!(
            "{} is not a field of {}",
            brief(key),
            owner(unknown, object)
        );
        let mut finding = found
            .at(unknown.key, message)
            .in_container(object.container_around(unknown.key));
        if let Some(field) = near {
            let change = Change::Rename {
                path: unknown.value.path(),
                key: field.into(),
            };
            finding.fix(
                Applicability::Unsafe,
                format!("rename it to {field} (it takes effect then)"),
                [change],
            );
        }
    }
}
