use crate::config::Config;
use crate::rules::privileges::privilege_escalation::escalates_anyway;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Container, Object, Pod, UnknownField};
use yaml::edit::{Change, Value};
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
    /// already has the same value, the fix removes the field instead. A field of containers that
    /// is on the pod moves into every container that lacks it. The fix is safe if the field has
    /// no effect afterwards either, or if its value hardens, such as `readOnlyRootFilesystem: true`.
    /// There is no fix if a right place has another value, if the text is shared through an anchor,
    /// or if the API server would reject the field there.
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
        if is_shared(unknown.key) {
            finding.no_fix("an anchor shares the text with other places");
            continue;
        }
        let targets = Target::of(field, home, pod, container);
        match changes(&targets, field, unknown.value, pod) {
            Ok(changes) => {
                let title = title(&targets, field, &changes);
                finding.fix(
                    applicability(field, unknown.value, &changes),
                    title,
                    changes,
                );
            }
            Err(reason) => {
                finding.no_fix(reason);
            }
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

/// Returns the changes that bring a field to its places: it moves to the first that lacks it, the
/// others get its value. If no place lacks it, it is removed.
///
/// # Errors
/// Why that is not possible, for the user.
fn changes(
    targets: &[Target<'_, '_>],
    field: &str,
    value: Node<'_>,
    pod: &Pod<'_>,
) -> Result<Vec<Change>, String> {
    let from = value.path();
    let mut changes = Vec::new();
    for target in targets {
        match target.taken {
            Some(there) if is_same(there, value) => {}
            Some(_) => return Err(format!("{} has another value", target.name)),
            None if target.would_be_rejected(field, value, pod) => {
                return Err(format!("the API server would reject it in {}", target.name));
            }
            None if changes.is_empty() => changes.push(Change::Move {
                from: from.clone(),
                to: target.path.clone(),
            }),
            None => changes.push(Change::Set {
                path: target.path.clone(),
                value: Value::of(value).ok_or("its value cannot be copied")?,
            }),
        }
    }
    if changes.is_empty() {
        changes.push(Change::Remove { path: from });
    }
    Ok(changes)
}

/// Whether two scalars have the same value. Mappings and lists are not compared.
fn is_same(one: Node<'_>, other: Node<'_>) -> bool {
    one.resolved().is_some() && one.resolved() == other.resolved()
}

/// Returns how far the changes can be trusted. A value that hardens is moved where its author wants
/// it to have an effect; any other is for a review.
fn applicability(field: &str, value: Node<'_>, changes: &[Change]) -> Applicability {
    let is_only_removed = matches!(changes, [Change::Remove { .. }]);
    let hardens = match field {
        "readOnlyRootFilesystem" => flag(value) == Some(true),
        "allowPrivilegeEscalation" | "privileged" => flag(value) == Some(false),
        _ => false,
    };
    if is_only_removed || hardens {
        Applicability::Safe
    } else {
        Applicability::Unsafe
    }
}

fn title(targets: &[Target<'_, '_>], field: &str, changes: &[Change]) -> String {
    let name = match targets {
        [only] => only.name.as_str(),
        _ => "the securityContext of each container",
    };
    match changes {
        [Change::Remove { .. }] => format!("remove {field} (already set in {name})"),
        _ => format!("move {field} to {name}"),
    }
}

/// A place that a field can have been meant for.
struct Target<'p, 'y> {
    path: Path,
    name: String,
    /// The value that is there already.
    taken: Option<Node<'y>>,
    container: Option<&'p Container<'y>>,
}

impl<'p, 'y> Target<'p, 'y> {
    /// Returns all places that a field was meant for. A field of containers that is on the pod
    /// can only be meant for each of them.
    fn of(
        field: &str,
        home: Home,
        pod: &'p Pod<'y>,
        container: Option<&'p Container<'y>>,
    ) -> Vec<Self> {
        let context = format!("securityContext.{field}");
        let one = match (home, container) {
            (Home::PodSpec, _) | (Home::PodOrContainer, None) => {
                Target::on_pod(pod, field, "the pod's spec")
            }
            (Home::PodContext, _) | (Home::EitherContext, None) => {
                Target::on_pod(pod, &context, "the pod's securityContext")
            }
            (Home::PodOrContainer, Some(container)) => {
                Target::in_container(container, field, container.to_string())
            }
            (Home::ContainerContext | Home::EitherContext, Some(container)) => {
                Target::in_context(container, &context)
            }
            (Home::ContainerContext, None) => {
                let containers = pod.containers.iter();
                return containers
                    .map(|container| Target::in_context(container, &context))
                    .collect();
            }
        };
        vec![one]
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
