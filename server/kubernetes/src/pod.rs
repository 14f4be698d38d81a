//! Pods and containers: typed values with their nodes, and the settings that a container inherits.

use super::Reading;
use super::deserialize::fields_of;
use k8s_openapi::api::core::v1 as core;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;
use std::sync::LazyLock;
use yaml::{Entry, Node, NodeKind, Path, Range};

/// One Kubernetes object of a document.
#[derive(Debug)]
pub struct Object<'y> {
    pub api_version: &'y str,
    pub kind: &'y str,
    pub namespace: Option<&'y str>,
    pub name: Option<&'y str>,
    pub node: Node<'y>,
    pub reading: Reading<'y>,
    /// Whether the type is of a newer `apiVersion` than the object, and may lack some of its
    /// fields.
    pub read_as_newer: bool,
    /// The pod that the object is or creates.
    pub pod: Option<Pod<'y>>,
    /// Whether the previous object is the same one with another pod.
    pub repeated: bool,
    /// Of a Namespace: the level that all pods that are known to be in it meet.
    pub pods_meet: Option<PodSecurityLevel>,
}

/// A level of the Pod Security Standards, from the weakest to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PodSecurityLevel {
    Privileged,
    Baseline,
    Restricted,
}

impl PodSecurityLevel {
    pub const ALL: [PodSecurityLevel; 3] = [
        PodSecurityLevel::Privileged,
        PodSecurityLevel::Baseline,
        PodSecurityLevel::Restricted,
    ];

    /// The value of the label of a Namespace.
    pub fn name(self) -> &'static str {
        match self {
            PodSecurityLevel::Privileged => "privileged",
            PodSecurityLevel::Baseline => "baseline",
            PodSecurityLevel::Restricted => "restricted",
        }
    }
}

/// A pod, wherever its object contains it.
#[derive(Debug)]
pub struct Pod<'y> {
    /// The mapping of the pod's `spec`.
    pub node: Node<'y>,
    /// The typed spec without its containers, which are in `containers`.
    pub spec: core::PodSpec,
    /// The `metadata` of the pod itself: of the pod template, not of the workload.
    pub metadata: Option<Node<'y>>,
    /// `initContainers`, then `containers`, then `ephemeralContainers`.
    pub containers: Vec<Container<'y>>,
    pub extent: Extent,
    /// Whether its ServiceAccount is known to disable the token.
    pub token_is_disabled: bool,
    /// Whether a role is known to be bound to its ServiceAccount.
    pub account_is_bound: bool,
    /// The key of its security context; custom resources use other keys.
    pub security_key: &'static str,
    pub(super) context: Context<'y>,
}

/// The key of a security context.
pub(super) const SECURITY: &str = "securityContext";

/// How much of a pod is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Extent {
    /// All of it.
    #[default]
    Whole,
    /// Its containers; a controller decides the rest.
    Containers,
    /// A part: a controller merges it into something else, or has other defaults.
    Part,
}

#[derive(Debug)]
pub struct Container<'y> {
    pub kind: ContainerKind,
    /// The item in its list.
    pub node: Node<'y>,
    /// An ephemeral container is converted to a container with the same fields.
    pub spec: core::Container,
    /// The key of its security context; custom resources use other keys.
    pub security_key: &'static str,
    /// Whether something else may add the missing name or image, because the object is incomplete
    /// or a custom resource.
    pub(super) may_be_completed: bool,
    pub(super) context: Context<'y>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerKind {
    Init,
    Ordinary,
    Ephemeral,
}

impl ContainerKind {
    /// The name in messages.
    pub fn name(self) -> &'static str {
        match self {
            ContainerKind::Init => "init container",
            ContainerKind::Ordinary => "container",
            ContainerKind::Ephemeral => "ephemeral container",
        }
    }
}

/// Where a setting is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Pod,
    Container,
}

/// A setting of a pod or a container as the kubelet sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Setting<'y, T> {
    /// Not written, or null.
    Unset,
    /// Written, but not readable as its type, such as a template's text: neither set nor unset.
    Unreadable(Node<'y>),
    Set {
        value: T,
        node: Node<'y>,
        level: Level,
    },
}

impl<'y, T> Setting<'y, T> {
    /// Returns this setting, or the other one if it is unset.
    pub fn or(self, inherited: Setting<'y, T>) -> Setting<'y, T> {
        match self {
            Setting::Unset => inherited,
            set => set,
        }
    }

    pub fn is_unset(&self) -> bool {
        matches!(self, Setting::Unset)
    }

    /// Returns the value, if it is readable.
    pub fn value(self) -> Option<T> {
        match self {
            Setting::Set { value, .. } => Some(value),
            _ => None,
        }
    }

    /// Reads the setting at a dotted path from a node. A scalar or a list in the middle of the path
    /// makes it unreadable.
    fn read(from: Node<'y>, dotted: &str, value: Option<T>, level: Level) -> Self {
        let mut at = from.resolve().unwrap_or(from);
        for key in dotted.split('.') {
            match at.get(key) {
                Some(next) => at = next,
                None if at.kind() == NodeKind::Mapping || at.is_null() => return Setting::Unset,
                None => return Setting::Unreadable(at),
            }
        }
        match value {
            Some(value) => Setting::Set {
                value,
                node: at,
                level,
            },
            None if at.is_null() => Setting::Unset,
            None => Setting::Unreadable(at),
        }
    }
}

/// The node of a security context, looked up once: most rules need it.
#[derive(Debug, Default)]
pub(super) struct Context<'y>(OnceCell<Option<Node<'y>>>);

impl<'y> Context<'y> {
    /// Returns the security context, and the rest of a dotted path into it.
    fn shortened<'d>(
        &self,
        holder: Node<'y>,
        security_key: &str,
        dotted: &'d str,
    ) -> Option<(Node<'y>, &'d str)> {
        let rest = dotted.strip_prefix(SECURITY)?.strip_prefix('.')?;
        let context = *self.0.get_or_init(|| holder.get(security_key));
        Some((context?, rest))
    }
}

/// Replaces the first key of a dotted path if the security context has another key.
fn written<'d>(dotted: &'d str, security_key: &str) -> Cow<'d, str> {
    match dotted.strip_prefix(SECURITY) {
        Some(rest) if security_key != SECURITY => Cow::Owned(format!("{security_key}{rest}")),
        _ => Cow::Borrowed(dotted),
    }
}

/// The node at a dotted path below another one, null included.
fn below<'y>(node: Node<'y>, dotted: &str) -> Option<Node<'y>> {
    dotted.split('.').try_fold(node, |node, key| node.get(key))
}

impl<'y> Object<'y> {
    /// Returns the container that contains a node.
    pub fn container_around(&self, node: Node<'_>) -> Option<&Container<'y>> {
        let mut containers = self.pod.iter().flat_map(|pod| &pod.containers);
        containers.find(|container| container.range().contains_range(node.range()))
    }
}

impl<'y> Pod<'y> {
    /// Returns a setting of the pod itself. `dotted` is its path from the pod's spec
    /// (`securityContext.runAsUser`), `value` the same field of the typed spec.
    pub fn setting<T>(&self, dotted: &str, value: Option<T>) -> Setting<'y, T> {
        match self.context.shortened(self.node, self.security_key, dotted) {
            Some((context, rest)) => Setting::read(context, rest, value, Level::Pod),
            None => Setting::read(
                self.node,
                &written(dotted, self.security_key),
                value,
                Level::Pod,
            ),
        }
    }

    /// Returns the node at a dotted path from the pod's spec.
    pub fn lookup(&self, dotted: &str) -> Option<Node<'y>> {
        match self.context.shortened(self.node, self.security_key, dotted) {
            Some((context, rest)) => below(context, rest),
            None => below(self.node, &written(dotted, self.security_key)),
        }
    }

    /// Returns the path of a field from the document's root, written or not. `dotted` starts at the
    /// pod's spec.
    pub fn path(&self, dotted: &str) -> Path {
        self.node.path_below(&written(dotted, self.security_key))
    }

    /// Returns the name of the pod's ServiceAccount; an empty name is unset. `serviceAccount` is
    /// the older field, and counts if the newer one is unset.
    pub fn service_account_name(&self) -> Setting<'y, String> {
        let named = |key, value: &Option<String>| match self.setting(key, value.clone()) {
            Setting::Set { value, .. } if value.is_empty() => Setting::Unset,
            setting => setting,
        };
        let older = named("serviceAccount", &self.spec.service_account);
        named("serviceAccountName", &self.spec.service_account_name).or(older)
    }

    /// Returns the pod's security context, empty if it is not written.
    pub fn security(&self) -> &core::PodSecurityContext {
        static NONE: LazyLock<core::PodSecurityContext> = LazyLock::new(Default::default);
        self.spec.security_context.as_ref().unwrap_or_else(|| &NONE)
    }

    /// Returns the pod's own annotations as the API server reads them: the last of equal keys, and
    /// those that `<<` adds.
    pub fn annotations(&self) -> impl Iterator<Item = Entry<'y>> {
        let mapping = self
            .metadata
            .and_then(|metadata| metadata.get("annotations"));
        let is_read = |mapping: Node<'y>, entry: &Entry<'y>| {
            let read = entry.key.as_str().and_then(|key| mapping.entry(key));
            read.is_some_and(|read| read.key == entry.key)
        };
        mapping.into_iter().flat_map(move |mapping| {
            let entries = mapping.entries().chain(mapping.merged_entries());
            entries.filter(move |entry| !entry.is_merge() && is_read(mapping, entry))
        })
    }

    /// Returns the path of an annotation of the pod; `None` if the pod has no `metadata`.
    pub fn annotation_path(&self, key: &str) -> Option<Path> {
        Some(self.metadata?.path().key("annotations").key(key))
    }

    /// Whether the pod runs on Windows (`spec.os.name`), where the API server rejects Linux
    /// settings.
    pub fn is_windows(&self) -> bool {
        self.spec.os.as_ref().is_some_and(|os| os.name == "windows")
    }

    /// Returns what shows that the pod runs on Windows nodes, if anything. Only `os.name` makes it a
    /// Windows pod for the API server and for Pod Security; see [`Pod::is_windows`].
    pub fn windows_sign(&self) -> Option<WindowsSign<'y>> {
        if self.spec.os.as_ref().is_some_and(|os| os.name == "linux") {
            return None;
        }
        let selector = self.node.get("nodeSelector");
        let selected = selector.and_then(|selector| windows_label(selector));
        let of_affinity = || windows_affinity(self.node);
        let options = || {
            let of_containers = self.containers.iter().map(|container| container.node);
            std::iter::once(self.node)
                .chain(of_containers)
                .find_map(|owner| owner.get(self.security_key)?.get("windowsOptions"))
                .filter(|options| !options.is_null())
        };
        selected
            .or_else(of_affinity)
            .map(WindowsSign::NodeSelection)
            .or_else(|| options().map(WindowsSign::Options))
    }

    /// Whether the pod runs on Windows nodes, with or without `os.name`.
    pub fn runs_on_windows(&self) -> bool {
        self.is_windows() || self.windows_sign().is_some()
    }

    /// Whether the pod runs in a user namespace of its own (`hostUsers: false`).
    pub fn has_user_namespace(&self) -> bool {
        self.spec.host_users == Some(false)
    }

    /// Whether something else completes every container, as in a patch. Then nothing counts as
    /// missing.
    pub fn has_unfinished_container(&self) -> bool {
        self.containers.iter().all(Container::is_unfinished)
    }

    /// Returns the containers that are complete.
    pub fn finished_containers(&self) -> impl Iterator<Item = &Container<'y>> {
        self.containers
            .iter()
            .filter(|container| !container.is_unfinished())
    }
}

/// What shows that a pod runs on Windows nodes.
#[derive(Debug, Clone, Copy)]
pub enum WindowsSign<'y> {
    /// It selects nodes with Windows. The value that says so.
    NodeSelection(Node<'y>),
    /// The pod or a container has `windowsOptions`. Their value.
    Options(Node<'y>),
}

/// The labels of a node that name its operating system; the second is the older one.
const OS_LABELS: [&str; 2] = ["kubernetes.io/os", "beta.kubernetes.io/os"];
const WINDOWS: &str = "windows";

fn windows_label(labels: Node<'_>) -> Option<Node<'_>> {
    let values = OS_LABELS.into_iter().filter_map(|label| labels.get(label));
    values
        .into_iter()
        .find(|value| value.as_str() == Some(WINDOWS))
}

/// Returns the value of a required node affinity that admits only Windows. The terms are
/// alternatives, so each of them must require it.
fn windows_affinity(spec: Node<'_>) -> Option<Node<'_>> {
    let terms = spec
        .get("affinity")?
        .get("nodeAffinity")?
        .get("requiredDuringSchedulingIgnoredDuringExecution")?
        .get("nodeSelectorTerms")?;
    fn required(term: Node<'_>) -> Option<Node<'_>> {
        let is_about_os = |expression: &Node<'_>| {
            let word = |key: &str| expression.get(key).and_then(Node::as_str);
            word("key").is_some_and(|key| OS_LABELS.contains(&key))
                && word("operator") == Some("In")
        };
        let expressions = term.get("matchExpressions")?;
        let expression = expressions.items().find(is_about_os)?;
        let mut values = expression.get("values")?.items();
        let value = values.next()?;
        (value.as_str() == Some(WINDOWS) && values.next().is_none()).then_some(value)
    }
    let required: Option<Vec<Node<'_>>> = terms.items().map(required).collect();
    required?.first().copied()
}

/// Returns the fields of a pod's `spec`.
pub fn pod_fields() -> &'static [&'static str] {
    static FIELDS: LazyLock<&[&str]> = LazyLock::new(fields_of::<core::PodSpec>);
    &FIELDS
}

impl Object<'_> {
    /// Whether a built-in kind has the fields that its API requires. A patch leaves them out, and
    /// so does an object that something else completes.
    pub fn has_required_fields(&self) -> bool {
        let has = |field_path: &[&str]| {
            field_path
                .iter()
                .try_fold(self.node, |node, key| node.get(key))
                .is_some_and(|node| !node.is_null())
        };
        match self.kind {
            "DaemonSet" | "Deployment" | "ReplicaSet" | "StatefulSet" => {
                has(&["spec", "selector"]) || self.read_as_newer
            }
            "CronJob" => has(&["spec", "schedule"]),
            "Job" => {
                let containers = self.pod.iter().flat_map(|pod| &pod.containers);
                has(&["spec", "template", "spec", "restartPolicy"])
                    || !containers.clone().any(Container::lacks_name_or_image)
            }
            _ => true,
        }
    }
}

impl<'y> Container<'y> {
    /// Returns the container's name as written; empty if there is none.
    pub fn name(&self) -> &'y str {
        self.node
            .get("name")
            .filter(|name| !name.is_null())
            .and_then(Node::as_str)
            .unwrap_or_default()
    }

    /// Returns a setting of the container itself, without inheritance. `dotted` is its path from
    /// the container, `value` the same field of the typed container.
    pub fn setting<T>(&self, dotted: &str, value: Option<T>) -> Setting<'y, T> {
        match self.context.shortened(self.node, self.security_key, dotted) {
            Some((context, rest)) => Setting::read(context, rest, value, Level::Container),
            None => Setting::read(
                self.node,
                &written(dotted, self.security_key),
                value,
                Level::Container,
            ),
        }
    }

    /// Returns the node at a dotted path from the container.
    pub fn lookup(&self, dotted: &str) -> Option<Node<'y>> {
        match self.context.shortened(self.node, self.security_key, dotted) {
            Some((context, rest)) => below(context, rest),
            None => below(self.node, &written(dotted, self.security_key)),
        }
    }

    /// Returns the path of a field from the document's root, written or not. `dotted` starts at the
    /// container.
    pub fn path(&self, dotted: &str) -> Path {
        self.node.path_below(&written(dotted, self.security_key))
    }

    /// Returns the container's own security context, empty if it is not written.
    pub fn security(&self) -> &core::SecurityContext {
        static NONE: LazyLock<core::SecurityContext> = LazyLock::new(Default::default);
        self.spec.security_context.as_ref().unwrap_or_else(|| &NONE)
    }

    /// Whether the name or the image is missing, which the API server requires.
    pub fn lacks_name_or_image(&self) -> bool {
        let missing = |key| self.node.get(key).is_none_or(Node::is_null);
        missing("name") || missing("image")
    }

    /// Whether something else adds the name or the image. Then no other field counts as missing.
    pub fn is_unfinished(&self) -> bool {
        self.may_be_completed && self.lacks_name_or_image()
    }

    /// Returns the range of the container's item.
    pub fn range(&self) -> Range {
        self.node.range()
    }
}

/// Writes the container as messages name it: `container "web"`, `init container "migrate"`.
impl fmt::Display for Container<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.name();
        match self.name() {
            "" => write!(f, "the {kind}"),
            name => write!(f, "{kind} {name:?}"),
        }
    }
}

/// Returns the pod at a holder of `metadata` and `spec`, with containers matched to their nodes.
pub(super) fn pod<'y>(
    spec: core::PodSpec,
    holder: Node<'y>,
    reading: &Reading<'y>,
) -> Option<Pod<'y>> {
    let node = holder
        .get("spec")
        .filter(|node| node.kind() == NodeKind::Mapping)?;
    Some(Pod {
        metadata: holder.get("metadata"),
        ..pod_at(spec, node, reading)
    })
}

/// Returns the pod without `metadata` whose spec is a mapping.
pub(super) fn pod_at<'y>(
    mut spec: core::PodSpec,
    node: Node<'y>,
    reading: &Reading<'y>,
) -> Pod<'y> {
    let mut containers = Vec::new();
    let mut add = |kind, key, typed: Vec<core::Container>| {
        let items = reading.items_read(node, key).filter_map(Node::resolve);
        containers.extend(items.zip(typed).map(|(node, spec)| Container {
            kind,
            node,
            spec,
            security_key: SECURITY,
            may_be_completed: true,
            context: Context::default(),
        }));
    };
    add(
        ContainerKind::Init,
        "initContainers",
        spec.init_containers.take().unwrap_or_default(),
    );
    add(
        ContainerKind::Ordinary,
        "containers",
        std::mem::take(&mut spec.containers),
    );
    let ephemeral = spec.ephemeral_containers.take().unwrap_or_default();
    add(
        ContainerKind::Ephemeral,
        "ephemeralContainers",
        ephemeral.into_iter().map(ordinary).collect(),
    );
    Pod {
        node,
        spec,
        metadata: None,
        containers,
        extent: Extent::Whole,
        token_is_disabled: false,
        account_is_bound: false,
        security_key: SECURITY,
        context: Context::default(),
    }
}

/// An ephemeral container has the fields of a container and `targetContainerName`.
fn ordinary(container: core::EphemeralContainer) -> core::Container {
    core::Container {
        args: container.args,
        command: container.command,
        env: container.env,
        env_from: container.env_from,
        image: container.image,
        image_pull_policy: container.image_pull_policy,
        lifecycle: container.lifecycle,
        liveness_probe: container.liveness_probe,
        name: container.name,
        ports: container.ports,
        readiness_probe: container.readiness_probe,
        resize_policy: container.resize_policy,
        resources: container.resources,
        restart_policy: container.restart_policy,
        restart_policy_rules: container.restart_policy_rules,
        security_context: container.security_context,
        startup_probe: container.startup_probe,
        stdin: container.stdin,
        stdin_once: container.stdin_once,
        termination_message_path: container.termination_message_path,
        termination_message_policy: container.termination_message_policy,
        tty: container.tty,
        volume_devices: container.volume_devices,
        volume_mounts: container.volume_mounts,
        working_dir: container.working_dir,
    }
}
