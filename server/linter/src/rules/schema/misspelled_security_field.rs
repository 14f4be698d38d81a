use crate::config::Config;
use crate::rules::schema::misplaced_security_field::{hardening_fields, is_hardening_field};
use crate::rules::schema::unknown_fields::unknown_keys;
use crate::rules::suggest::{brief, nearest};
use crate::rules::{Applicability, Reporter};
use kubernetes::{Object, UnknownField};
use yaml::edit::Change;

rule! {
    /// Hardening fields whose name is misspelled, and which so do nothing.
    ///
    /// Kubernetes' field names are exact to the capital: `runasNonRoot`, `allowPriviledgeEscalation`, `securityContexts` and
    /// `automountServiceAccounttoken` are no fields. The API server drops them, or refuses the manifest, depending on how it
    /// is sent.
    ///
    /// ## Why
    ///
    /// The manifest reads as if the hole were closed, reviewers are satisfied, and the container runs without the protection:
    /// with `runasNonRoot: true`, a process that an attacker takes over is root all the same.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   securityContext:
    ///     runasNonRoot: true
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         allowPriviledgeEscalation: false # no setuid programs in the image
    ///         capabilities:
    ///           dropp: [ALL]
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
    ///   securityContext:
    ///     runAsNonRoot: true
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         allowPrivilegeEscalation: false # no setuid programs in the image
    ///         capabilities:
    ///           drop: [ALL]
    /// ```
    ///
    /// A name that is misspelled and in the wrong place is told, and left to you:
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
    ///       readonlyRootFileSystem: true
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
    ///     runAsNonRoot: true
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Never: the key does nothing. If what runs was tested without the field, deleting the key is the honest way out.
    ///
    /// ## What the fix changes
    ///
    /// It renames the key and leaves the value. The field takes effect, perhaps for the first time, with everything that the
    /// field's own rule says about it. It is not offered where the mapping has the right name as well, nor where the field
    /// belongs elsewhere.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, every operating system; every kind with such fields, ServiceAccounts among
    /// them.
    ///
    /// ## References
    ///
    /// - Kubernetes: Pod API, with the fields of both security contexts:
    ///   <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/>
    /// - [Kubernetes: Field validation](https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation)
    /// - The Pod Security Standards, the CIS Benchmark and the NSA/CISA guide have no section about it.
    id: "misspelled-security-field",
    enablement: Always,
    severity: Error,
    check: Check::Object(check),
    related: [KubeLinter "schema-validation"],
}

/// Types that are about hardening as a whole.
const TYPES: [&str; 8] = [
    "AppArmorProfile",
    "Capabilities",
    "PodOS",
    "PodSecurityContext",
    "SELinuxOptions",
    "SeccompProfile",
    "SecurityContext",
    "WindowsSecurityContextOptions",
];

/// A hardening field that a key was meant to be.
#[derive(Clone, Copy)]
enum Meant {
    /// The type has it under that name.
    Here(&'static str),
    /// Some other type of the pod has it.
    Elsewhere(&'static str),
}

fn check(object: &Object<'_>, _config: &Config, found: &mut Reporter<'_, '_>) {
    for unknown in unknown_keys(object) {
        let (Some(key), Some(meant)) = (unknown.key.as_str(), meant(object, unknown)) else {
            continue;
        };
        let (Meant::Here(field) | Meant::Elsewhere(field)) = meant;
        let message = format!("{} is not a field, {field} is", brief(key));
        let mut finding = found
            .at(unknown.key, message)
            .in_container(object.container_around(unknown.key));
        let is_free = unknown
            .key
            .parent()
            .is_none_or(|mapping| mapping.get(field).is_none());
        if matches!(meant, Meant::Here(_)) && is_free {
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

/// Whether this rule speaks of an unknown key.
pub(crate) fn speaks_of(object: &Object<'_>, unknown: &UnknownField<'_>) -> bool {
    meant(object, unknown).is_some()
}

fn meant(object: &Object<'_>, unknown: &UnknownField<'_>) -> Option<Meant> {
    let key = unknown.key.as_str()?;
    if let Some(field) = nearest(key, unknown.fields.iter().copied()) {
        let hardens = TYPES.contains(&unknown.type_name) || is_hardening_field(field);
        return hardens.then_some(Meant::Here(field));
    }
    object
        .pod
        .as_ref()
        .and_then(|_| nearest(key, hardening_fields()))
        .map(Meant::Elsewhere)
}
