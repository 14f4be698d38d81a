use crate::config::Config;
use crate::rules::privileges::privilege_escalation::escalates_anyway;
use crate::rules::{Applicability, Finding, Reporter};
use kubernetes::{Container, Object, Pod, UnknownField};
use yaml::edit::Change;
use yaml::{Node, Path, Resolved};

rule! {
    /// Security fields in the wrong place, where they have no effect.
    ///
    /// `capabilities` belongs to a container, `fsGroup` to the pod, `runAsUser` in
    /// `securityContext` rather than next to `image`, `hostNetwork` directly in the pod's spec, and
    /// a `securityContext` in the pod template rather than in the workload. The API server drops a
    /// field that its place does not have, or rejects the manifest, depending on the client.
    ///
    /// ## Why
    ///
    /// The manifest looks hardened, reviewers are satisfied, and the container runs without the
    /// protection. `kubectl` reports it by default since Kubernetes 1.27; Helm, Argo CD and other
    /// clients may not.
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
    ///       runAsUser: 10001 # the user web of the image
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
    ///       securityContext:
    ///         runAsUser: 10001 # the user web of the image
    /// ```
    ///
    /// Good: each field in its place.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   automountServiceAccountToken: false
    ///   securityContext:
    ///     fsGroup: 10001
    ///     runAsNonRoot: true
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         allowPrivilegeEscalation: false
    ///         capabilities:
    ///           drop: [ALL]
    /// ```
    ///
    /// A container field on the pod moves to the container, if there is only one:
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   securityContext:
    ///     runAsNonRoot: true
    ///     readOnlyRootFilesystem: true
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         allowPrivilegeEscalation: false
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
    ///         allowPrivilegeEscalation: false
    ///         readOnlyRootFilesystem: true
    /// ```
    ///
    /// A pod field in a container moves to the pod:
    ///
    /// ```yaml bad
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
    ///         runAsUser: 10001
    ///         fsGroup: 10001
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
    ///     fsGroup: 10001
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         runAsUser: 10001
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Never: the field has no effect where it is. If the workload was only tested without the
    /// field, delete it instead.
    ///
    /// ## What the fix changes
    ///
    /// It moves the field, with its value and comments, to its place. There it takes effect,
    /// perhaps for the first time; see the page of the rule about that field. If the right place
    /// already has the same value, the fix removes the field instead. There is no fix if several
    /// containers are candidates, if the right place has another value, if the text is shared
    /// through an anchor, or if the API server would reject the field there.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, every operating system; pods and all workloads.
    ///
    /// ## References
    ///
    /// - Kubernetes: Pod API, with the fields of both security contexts:
    ///   <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/>
    /// - [Kubernetes: Field validation](https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation)
    /// - KEP-2885: Server side unknown field validation:
    ///   <https://www.kubernetes.dev/resources/keps/2885/>
    /// - The Pod Security Standards, the CIS Benchmark and the NSA/CISA guide have no section about it.
    id: "misplaced-security-field",
    enablement: Always,
    severity: Error,
    check: Check::Object(check),
    related: [KubeLinter "schema-validation"],
}

/// The types that have a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Home {
    /// The pod's spec itself.
    PodSpec,
    /// The pod's `securityContext`.
    PodContext,
    /// A container's `securityContext`.
    ContainerContext,
    /// The `securityContext` of containers and of the pod.
    EitherContext,
    /// The pod's spec and the container: `securityContext` itself.
    PodOrContainer,
}

const FIELDS: [(&str, Home); 27] = [
    ("allowPrivilegeEscalation", Home::ContainerContext),
    ("capabilities", Home::ContainerContext),
    ("privileged", Home::ContainerContext),
    ("procMount", Home::ContainerContext),
    ("readOnlyRootFilesystem", Home::ContainerContext),
    ("fsGroup", Home::PodContext),
    ("fsGroupChangePolicy", Home::PodContext),
    ("seLinuxChangePolicy", Home::PodContext),
    ("supplementalGroups", Home::PodContext),
    ("supplementalGroupsPolicy", Home::PodContext),
    ("sysctls", Home::PodContext),
    ("appArmorProfile", Home::EitherContext),
    ("runAsGroup", Home::EitherContext),
    ("runAsNonRoot", Home::EitherContext),
    ("runAsUser", Home::EitherContext),
    ("seLinuxOptions", Home::EitherContext),
    ("seccompProfile", Home::EitherContext),
    ("windowsOptions", Home::EitherContext),
    ("automountServiceAccountToken", Home::PodSpec),
    ("hostIPC", Home::PodSpec),
    ("hostNetwork", Home::PodSpec),
    ("hostPID", Home::PodSpec),
    ("hostUsers", Home::PodSpec),
    ("runtimeClassName", Home::PodSpec),
    ("serviceAccountName", Home::PodSpec),
    ("shareProcessNamespace", Home::PodSpec),
    ("securityContext", Home::PodOrContainer),
];

fn check(object: &Object<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    let Some(pod) = &object.pod else { return };
    for unknown in &object.reading.unknown {
        let Some((field, home)) = security_field(unknown) else {
            continue;
        };
        let container = object.container_around(unknown.key);
        let message = format!(
            "{field} has no effect {}",
            location(unknown.type_name, container)
        );
        let mut finding = report.at(unknown.key, message).in_container(container);
        if let Some(target) =
            Target::of(field, home, pod, container).filter(|_| !is_shared(unknown.key))
        {
            target.offer(&mut finding, field, unknown.value, pod);
        }
    }
}

/// Whether a type of the pod has a security field with a name.
pub(crate) fn is_security_field(name: &str) -> bool {
    FIELDS.iter().any(|(field, _)| *field == name)
}

/// Returns the names of the pod's security fields.
pub(crate) fn security_fields() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().map(|(field, _)| *field)
}

/// Whether this rule reports an unknown field.
pub(crate) fn reports(object: &Object<'_>, unknown: &UnknownField<'_>) -> bool {
    object.pod.is_some() && security_field(unknown).is_some()
}

/// Returns the security field that an unknown key names in the wrong place.
fn security_field(unknown: &UnknownField<'_>) -> Option<(&'static str, Home)> {
    let key = unknown.key.as_str()?;
    FIELDS.into_iter().find(|(field, _)| *field == key)
}

/// Returns how messages name the place of a key.
fn location(type_name: &str, container: Option<&Container<'_>>) -> String {
    match (type_name, container) {
        ("Container" | "EphemeralContainer", Some(container)) => format!("directly in {container}"),
        ("SecurityContext", Some(container)) => format!("in the securityContext of {container}"),
        ("PodSecurityContext", _) => "in the pod's securityContext".into(),
        ("PodSpec", _) => "directly in the pod's spec".into(),
        (other, Some(container)) => format!("in the {other} of {container}"),
        (other, None) => match other.strip_suffix("Spec") {
            Some(kind) => format!("in the spec of the {kind}"),
            None => format!("directly in the {other}"),
        },
    }
}

/// The only place that a field can have been meant for.
struct Target<'p, 'y> {
    path: Path,
    name: String,
    /// The value that is there already.
    taken: Option<Node<'y>>,
    container: Option<&'p Container<'y>>,
}

impl<'p, 'y> Target<'p, 'y> {
    fn of(
        field: &str,
        home: Home,
        pod: &'p Pod<'y>,
        container: Option<&'p Container<'y>>,
    ) -> Option<Self> {
        let context = format!("securityContext.{field}");
        match (home, container) {
            (Home::PodSpec, _) | (Home::PodOrContainer, None) => {
                Some(Target::on_pod(pod, field, "the pod's spec"))
            }
            (Home::PodContext, _) | (Home::EitherContext, None) => {
                Some(Target::on_pod(pod, &context, "the pod's securityContext"))
            }
            (Home::PodOrContainer, Some(container)) => Some(Target::in_container(
                container,
                field,
                container.to_string(),
            )),
            (Home::ContainerContext | Home::EitherContext, Some(container)) => {
                Some(Target::in_context(container, &context))
            }
            (Home::ContainerContext, None) => match pod.containers.as_slice() {
                [only] => Some(Target::in_context(only, &context)),
                _ => None,
            },
        }
    }

    fn on_pod(pod: &Pod<'y>, field_path: &str, name: &str) -> Self {
        Target {
            path: pod.path(field_path),
            name: name.into(),
            taken: pod.lookup(field_path),
            container: None,
        }
    }

    fn in_context(container: &'p Container<'y>, field_path: &str) -> Self {
        Target::in_container(
            container,
            field_path,
            format!("the securityContext of {container}"),
        )
    }

    fn in_container(container: &'p Container<'y>, field_path: &str, name: String) -> Self {
        Target {
            path: container.path(field_path),
            name,
            taken: container.lookup(field_path),
            container: Some(container),
        }
    }

    /// Adds a fix that moves a field here, or removes it if the same value is already here.
    fn offer(self, finding: &mut Finding, field: &str, value: Node<'_>, pod: &Pod<'_>) {
        let from = value.path();
        match self.taken {
            None if !self.would_be_rejected(field, value, pod) => {
                let title = format!("move {field} to {}", self.name);
                finding.fix(
                    Applicability::Unsafe,
                    title,
                    [Change::Move {
                        from,
                        to: self.path,
                    }],
                );
            }
            Some(there) if there.resolved().is_some() && there.resolved() == value.resolved() => {
                let title = format!("remove {field} (already set in {})", self.name);
                finding.fix(Applicability::Safe, title, [Change::Remove { path: from }]);
            }
            _ => {}
        }
    }

    /// Whether the API server would reject the field here, together with the existing settings.
    fn would_be_rejected(&self, field: &str, value: Node<'_>, pod: &Pod<'_>) -> bool {
        let is_for_linux = pod.spec.os.as_ref().is_some_and(|os| os.name == "linux");
        let wrong_system = pod.is_windows() || (is_for_linux && field == "windowsOptions");
        let clashes = match self.container {
            Some(container) => clashes_in_container(field, value, container),
            None => clashes_on_pod(field, value, pod),
        };
        wrong_system || clashes
    }
}

/// Whether a container would both forbid privilege escalation and have a setting that implies it.
fn clashes_in_container(field: &str, value: Node<'_>, container: &Container<'_>) -> bool {
    let moved = flag(value);
    let forbidden = container.security().allow_privilege_escalation == Some(false);
    match field {
        "allowPrivilegeEscalation" => moved == Some(false) && escalates_anyway(container),
        "privileged" => moved != Some(false) && forbidden,
        "capabilities" => {
            forbidden
                && value
                    .get("add")
                    .is_some_and(|added| added.items().len() > 0)
        }
        _ => false,
    }
}

/// Whether a pod would have two namespace settings that exclude each other.
fn clashes_on_pod(field: &str, value: Node<'_>, pod: &Pod<'_>) -> bool {
    let after = |name, now| if field == name { flag(value) } else { now };
    let host_pid = after("hostPID", pod.spec.host_pid) == Some(true);
    let host_network = after("hostNetwork", pod.spec.host_network) == Some(true);
    let host_ipc = after("hostIPC", pod.spec.host_ipc) == Some(true);
    let own_users = after("hostUsers", pod.spec.host_users) == Some(false);
    let shared_processes =
        after("shareProcessNamespace", pod.spec.share_process_namespace) == Some(true);
    (own_users && (host_pid || host_network || host_ipc)) || (shared_processes && host_pid)
}

fn flag(value: Node<'_>) -> Option<bool> {
    match value.resolved() {
        Some(Resolved::Bool(flag)) => Some(flag),
        _ => None,
    }
}

/// Whether an anchor shares the text around a key with other places of the document.
fn is_shared(key: Node<'_>) -> bool {
    std::iter::successors(Some(key), |node| node.parent()).any(|node| node.anchor().is_some())
}
