use crate::config::Config;
use crate::rules::describe::shortened;
use crate::rules::schema::misplaced_security_field::{is_security_field, security_fields};
use crate::rules::schema::unknown_fields::unknown_keys;
use crate::rules::{Applicability, Reporter};
use crate::suggest::closest;
use kubernetes::{Object, UnknownField};
use yaml::edit::Change;

rule! {
    /// Misspelled security fields, which have no effect.
    ///
    /// Kubernetes' field names are case-sensitive: `runasNonRoot`, `allowPriviledgeEscalation`,
    /// `securityContexts` and `automountServiceAccounttoken` are unknown fields. The API server
    /// drops them, or rejects the manifest, depending on the client.
    ///
    /// ## Why
    ///
    /// The manifest looks hardened, reviewers are satisfied, and the container runs without the
    /// protection: despite `runasNonRoot: true`, a process that an attacker takes over is root.
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
    /// A field that is misspelled and in the wrong place is reported without a fix:
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
    /// Never: the key has no effect. If the workload was only tested without the field, delete the
    /// key instead.
    ///
    /// ## What the fix changes
    ///
    /// It renames the key and keeps the value. The field takes effect, perhaps for the first time;
    /// see the page of the rule about that field. There is no fix if the mapping already has the
    /// right name, or if the field belongs elsewhere.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, every operating system; every kind with such
    /// fields, including ServiceAccounts.
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

/// Types with only security fields.
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

/// The security field that a misspelled key was meant to be.
#[derive(Clone, Copy)]
enum Intended {
    /// A field of the same type.
    Here(&'static str),
    /// A field of another type of the pod.
    Elsewhere(&'static str),
}

fn check(object: &Object<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    for unknown in unknown_keys(object) {
        let (Some(key), Some(intended)) = (unknown.key.as_str(), intended(object, unknown)) else {
            continue;
        };
        let (Intended::Here(field) | Intended::Elsewhere(field)) = intended;
        let message = format!("unknown field {}, did you mean {field}?", shortened(key));
        let mut finding = report
            .at(unknown.key, message)
            .in_container(object.container_around(unknown.key));
        let is_free = unknown
            .key
            .parent()
            .is_none_or(|mapping| mapping.get(field).is_none());
        if matches!(intended, Intended::Here(_)) && is_free {
            let change = Change::Rename {
                path: unknown.value.path(),
                key: field.into(),
            };
            finding.fix(
                Applicability::Unsafe,
                format!("rename to {field}"),
                [change],
            );
        }
    }
}

/// Whether this rule reports an unknown field.
pub(crate) fn reports(object: &Object<'_>, unknown: &UnknownField<'_>) -> bool {
    intended(object, unknown).is_some()
}

fn intended(object: &Object<'_>, unknown: &UnknownField<'_>) -> Option<Intended> {
    let key = unknown.key.as_str()?;
    if let Some(field) = closest(key, unknown.fields.iter().copied()) {
        let hardens = TYPES.contains(&unknown.type_name) || is_security_field(field);
        return hardens.then_some(Intended::Here(field));
    }
    object
        .pod
        .as_ref()
        .and_then(|_| closest(key, security_fields()))
        .map(Intended::Elsewhere)
}
