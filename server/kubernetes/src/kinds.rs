//! The objects of a document: `apiVersion` and `kind` decide the type, and where the pod is. Every
//! mapping with both that could be sent to a cluster is an object, whatever its file; configuration
//! of tools is not.

use super::deserialize::{Identity, Reading, read};
use super::pod::pod;
use super::versions::meant;
use super::{Object, Pod, custom_resources};
use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::api::{
    admissionregistration::v1 as admission, apps::v1 as apps, autoscaling::v1 as autoscaling_v1,
    autoscaling::v2 as autoscaling_v2, batch::v1 as batch, certificates::v1 as certificates,
    coordination::v1 as coordination, core::v1 as core, discovery::v1 as discovery,
    flowcontrol::v1 as flowcontrol, networking::v1 as networking, node::v1 as node_api,
    policy::v1 as policy, rbac::v1 as rbac, resource::v1 as resource, scheduling::v1 as scheduling,
    storage::v1 as storage,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as extensions;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1 as registration;
use k8s_openapi::{Resource, serde::de::DeserializeOwned};
use yaml::{Node, NodeKind, Yaml};

/// Returns the objects of a document in the order of the text, with the items of a `List`
/// separately. A custom resource with several pods occurs once for each pod.
pub fn objects(yaml: &Yaml) -> Vec<Object<'_>> {
    objects_with(yaml, true)
}

/// Like [`objects`]. `by_shape` also detects pods in custom resources of unknown kinds.
pub fn objects_with(yaml: &Yaml, by_shape: bool) -> Vec<Object<'_>> {
    let Some((root, api_version, kind)) = yaml.root().and_then(identify) else {
        return Vec::new();
    };
    let identified = match items_of(root, api_version, kind) {
        Some((items, item_kind)) => items
            .items()
            .filter_map(|item| list_item(item, api_version, item_kind))
            .collect(),
        None => vec![(root, api_version, kind)],
    };
    identified
        .into_iter()
        .flat_map(|object| read_objects(object, by_shape))
        .collect()
}

/// The `apiVersion` and `kind` of a list's items that do not state their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListKind {
    api_version: String,
    /// Without the final `List`; empty for a plain `List`.
    kind: String,
}

impl ListKind {
    /// Reads the document of a list without its items; `None` if it is not a list.
    pub fn of_envelope(frame: &Yaml) -> Option<ListKind> {
        let (_, api_version, kind) = identify(frame.root()?)?;
        let kind = kind.strip_suffix("List")?;
        Some(ListKind {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
        })
    }
}

/// Returns the objects of a chunk that is a sequence of list items; `by_shape` as in
/// [`objects_with`].
pub fn list_items<'y>(yaml: &'y Yaml, list: &'y ListKind, by_shape: bool) -> Vec<Object<'y>> {
    let items = yaml.root().into_iter().flat_map(Node::items);
    let identified = items.filter_map(|item| list_item(item, &list.api_version, &list.kind));
    identified
        .flat_map(|object| read_objects(object, by_shape))
        .collect()
}

/// A mapping with its `apiVersion` and `kind`.
type Identified<'y> = (Node<'y>, &'y str, &'y str);

/// The items of a list or an OpenShift template, and the kind of those that do not state their own.
fn items_of<'y>(root: Node<'y>, api_version: &str, kind: &'y str) -> Option<(Node<'y>, &'y str)> {
    let is_template =
        kind == "Template" && matches!(api_version, "template.openshift.io/v1" | "v1");
    let (key, item_kind) = if is_template {
        ("objects", "")
    } else {
        ("items", kind.strip_suffix("List")?)
    };
    root.get(key)
        .filter(|items| items.kind() == NodeKind::Sequence)
        .map(|items| (items, item_kind))
}

fn identify(node: Node<'_>) -> Option<Identified<'_>> {
    let node = node
        .resolve()
        .filter(|node| node.kind() == NodeKind::Mapping)?;
    let text = |key| {
        node.get(key)
            .and_then(Node::as_str)
            .filter(|text| !text.is_empty())
    };
    let (api_version, kind) = (text("apiVersion")?, text("kind")?);
    (!is_tool_configuration(api_version, kind)).then_some((node, api_version, kind))
}

/// An item of a typed list may leave out its `apiVersion` and `kind`, as in the output of old
/// versions of `kubectl get -o yaml`.
fn list_item<'y>(
    item: Node<'y>,
    list_version: &'y str,
    item_kind: &'y str,
) -> Option<Identified<'y>> {
    identify(item).or_else(|| {
        let node = item
            .resolve()
            .filter(|node| node.kind() == NodeKind::Mapping)?;
        (!item_kind.is_empty()).then_some((node, list_version, item_kind))
    })
}

/// Reads an object; a custom resource with several pods once for each pod.
pub(super) fn read_objects(
    (node, api_version, kind): Identified<'_>,
    by_shape: bool,
) -> Vec<Object<'_>> {
    let first = object(node, api_version, kind);
    if first.pod.is_some()
        || Workload::of(api_version, kind).is_some()
        || reader_of(api_version, kind).is_some()
    {
        return vec![first];
    }
    let mut pods = custom_resources::pods(node, api_version, kind, by_shape).into_iter();
    let Some((pod, reading)) = pods.next() else {
        return vec![first];
    };
    let more = |(pod, reading)| Object {
        pod: Some(pod),
        reading,
        repeated: true,
        ..object(node, api_version, kind)
    };
    let first = Object {
        pod: Some(pod),
        reading,
        ..first
    };
    std::iter::once(first).chain(pods.map(more)).collect()
}

/// Groups of files with an `apiVersion` and a `kind` that never go to a cluster: a tool reads them.
const TOOLS: &[&str] = &[
    "apiserver.config.k8s.io",
    "audit.k8s.io",
    "backstage.io",
    "builtin",
    "chainsaw.kyverno.io",
    "cli.kyverno.io",
    "client.authentication.k8s.io",
    "config.karmada.io",
    "config.kio.kpt.dev",
    "config.kueue.x-k8s.io",
    "config.kwok.x-k8s.io",
    "controller-runtime.sigs.k8s.io",
    "credentialprovider.kubelet.k8s.io",
    "ctlptl.dev",
    "descheduler",
    "eksctl.io",
    "garden.io",
    "gator.gatekeeper.sh",
    "imgpkg.carvel.dev",
    "k0sctl.k0sproject.io",
    "k3d.io",
    "kapp.k14s.io",
    "kbld.k14s.io",
    "kind.x-k8s.io",
    "kops.k8s.io",
    "kpt.dev",
    "krew.googlecontainertools.github.com",
    "kubeadm.k8s.io",
    "kubecontrollermanager.config.k8s.io",
    "kubectl.config.k8s.io",
    "kubelet.config.k8s.io",
    "kubeproxy.config.k8s.io",
    "kubescheduler.config.k8s.io",
    "kustomize.config.k8s.io",
    "kuttl.dev",
    "pod-security.admission.config.k8s.io",
    "scorecard.operatorframework.io",
    "skaffold",
    "test.gatekeeper.sh",
    // Talos, which has no group.
    "v1alpha1",
    "vendir.k14s.io",
    "zarf.dev",
];

fn is_tool_configuration(api_version: &str, kind: &str) -> bool {
    let group = api_version.split('/').next().unwrap_or_default();
    // Kubernetes versions start with a letter.
    let is_number = group == api_version && group.starts_with(|first: char| first.is_ascii_digit());
    TOOLS.contains(&group) || is_number || (api_version == "v1" && kind == "Config")
}

fn object<'y>(node: Node<'y>, api_version: &'y str, kind: &'y str) -> Object<'y> {
    let (pod, reading) = match Workload::of(api_version, kind) {
        Some(workload) => workload.read(node),
        None => match reader_of(api_version, kind) {
            Some(read) => (None, read(node)),
            // With a wrong `apiVersion`, the pod is still clear.
            None => meant(api_version, kind)
                .and_then(|meant| Workload::named(meant.kind))
                .map(|workload| workload.read(node))
                .unwrap_or_default(),
        },
    };
    let metadata = |key| {
        node.get("metadata")?
            .get(key)
            .filter(|value| !value.is_null())?
            .as_str()
            .filter(|text| !text.is_empty())
    };
    let read_as_newer = Workload::of(api_version, kind)
        .is_some_and(|workload| workload.current_version() != api_version);
    let mut object = Object {
        api_version,
        kind,
        namespace: metadata("namespace"),
        name: metadata("name"),
        node,
        reading,
        read_as_newer,
        pod,
        repeated: false,
        pods_meet: None,
    };
    if object.has_required_fields() {
        let containers = object.pod.iter_mut().flat_map(|pod| &mut pod.containers);
        containers.for_each(|container| container.may_be_completed = false);
    }
    object
}

impl Object<'_> {
    /// Whether Kubernetes itself has the kind.
    pub fn is_built_in(&self) -> bool {
        Workload::of(self.api_version, self.kind).is_some()
            || reader_of(self.api_version, self.kind).is_some()
    }

    /// Returns the keys from the object to the `metadata` and `spec` of its pod; `None` if the kind
    /// is not a built-in one that makes pods.
    pub fn pod_path(&self) -> Option<&'static [&'static str]> {
        pod_path(self.api_version, self.kind)
    }
}

type ReadKind = fn(Node<'_>) -> Reading<'_>;

/// The reader of a kind without a pod; `None` if the type is unknown.
fn reader_of(api_version: &str, kind: &str) -> Option<ReadKind> {
    KINDS
        .iter()
        .find(|row| row.0 == api_version && row.1 == kind)
        .map(|row| row.2)
}

/// The `apiVersion` of each known type for a kind of this name.
pub(super) fn versions(kind: &str) -> impl Iterator<Item = &'static str> {
    let without_pod = KINDS
        .iter()
        .filter(move |row| row.1 == kind)
        .map(|row| row.0);
    Workload::named(kind)
        .map(Workload::current_version)
        .into_iter()
        .chain(without_pod)
}

/// The keys from an object to the `metadata` and `spec` of its pod, for a kind of Kubernetes
/// itself.
pub(super) fn pod_path(api_version: &str, kind: &str) -> Option<&'static [&'static str]> {
    Workload::of(api_version, kind).map(Workload::pod_path)
}

/// The kinds without a pod, each with its version and reader.
macro_rules! kinds {
    ($($module:ident { $($kind:ident),+ $(,)? })+) => {
        const KINDS: &[(&str, &str, ReadKind)] = &[
            $($((<$module::$kind as Resource>::API_VERSION, <$module::$kind as Resource>::KIND, read_kind::<$module::$kind>),)+)+
        ];
    };
}

kinds! {
    core {
        ConfigMap, Endpoints, LimitRange, Namespace, Node, PersistentVolume, PersistentVolumeClaim, ResourceQuota, Secret, Service,
        ServiceAccount,
    }
    admission {
        MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, MutatingWebhookConfiguration, ValidatingAdmissionPolicy,
        ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration,
    }
    apps { ControllerRevision }
    autoscaling_v1 { HorizontalPodAutoscaler }
    autoscaling_v2 { HorizontalPodAutoscaler }
    certificates { CertificateSigningRequest }
    coordination { Lease }
    discovery { EndpointSlice }
    extensions { CustomResourceDefinition }
    flowcontrol { FlowSchema, PriorityLevelConfiguration }
    networking { Ingress, IngressClass, IPAddress, NetworkPolicy, ServiceCIDR }
    node_api { RuntimeClass }
    policy { PodDisruptionBudget }
    rbac { ClusterRole, ClusterRoleBinding, Role, RoleBinding }
    registration { APIService }
    resource { DeviceClass, ResourceClaim, ResourceClaimTemplate }
    scheduling { PriorityClass }
    storage { CSIDriver, CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment, VolumeAttributesClass }
}

fn read_kind<T: DeserializeOwned>(node: Node<'_>) -> Reading<'_> {
    read::<T>(node, None).1
}

/// A kind that is a pod or creates pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Workload {
    Pod,
    PodTemplate,
    ReplicationController,
    Deployment,
    ReplicaSet,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
}

impl Workload {
    fn of(api_version: &str, kind: &str) -> Option<Workload> {
        Workload::named(kind).filter(|workload| workload.versions().contains(&api_version))
    }

    fn named(kind: &str) -> Option<Workload> {
        Some(match kind {
            "Pod" => Workload::Pod,
            "PodTemplate" => Workload::PodTemplate,
            "ReplicationController" => Workload::ReplicationController,
            "Deployment" => Workload::Deployment,
            "ReplicaSet" => Workload::ReplicaSet,
            "StatefulSet" => Workload::StatefulSet,
            "DaemonSet" => Workload::DaemonSet,
            "Job" => Workload::Job,
            "CronJob" => Workload::CronJob,
            _ => return None,
        })
    }

    /// Every `apiVersion` of the kind, the current one first. Removed versions count too: their
    /// pods are written the same way.
    fn versions(self) -> &'static [&'static str] {
        match self {
            Workload::Pod | Workload::PodTemplate | Workload::ReplicationController => &["v1"],
            Workload::Deployment
            | Workload::ReplicaSet
            | Workload::StatefulSet
            | Workload::DaemonSet => &[
                "apps/v1",
                "apps/v1beta2",
                "apps/v1beta1",
                "extensions/v1beta1",
            ],
            Workload::Job | Workload::CronJob => &["batch/v1", "batch/v1beta1", "batch/v2alpha1"],
        }
    }

    /// The `apiVersion` of the type that the kind is read as.
    fn current_version(self) -> &'static str {
        self.versions()[0]
    }

    /// The keys from the object to the `metadata` and `spec` of its pod.
    fn pod_path(self) -> &'static [&'static str] {
        match self {
            Workload::Pod => &[],
            Workload::PodTemplate => &["template"],
            Workload::CronJob => &["spec", "jobTemplate", "spec", "template"],
            _ => &["spec", "template"],
        }
    }

    fn read(self, node: Node<'_>) -> (Option<Pod<'_>>, Reading<'_>) {
        let (spec, reading) = match self {
            Workload::Pod => read_pod::<core::Pod>(node, |it| it.spec),
            Workload::PodTemplate => read_pod::<core::PodTemplate>(node, |it| it.template?.spec),
            Workload::ReplicationController => {
                read_pod::<core::ReplicationController>(node, |it| it.spec?.template?.spec)
            }
            Workload::Deployment => read_pod::<apps::Deployment>(node, |it| it.spec.template.spec),
            Workload::ReplicaSet => read_pod::<apps::ReplicaSet>(node, |it| it.spec.template?.spec),
            Workload::StatefulSet => {
                read_pod::<apps::StatefulSet>(node, |it| it.spec.template.spec)
            }
            Workload::DaemonSet => read_pod::<apps::DaemonSet>(node, |it| it.spec.template.spec),
            Workload::Job => read_pod::<batch::Job>(node, |it| it.spec?.template.spec),
            Workload::CronJob => {
                read_pod::<batch::CronJob>(node, |it| it.spec.job_template.spec?.template.spec)
            }
        };
        let holder = self
            .pod_path()
            .iter()
            .try_fold(node, |node, key| node.get(key));
        let pod = spec
            .zip(holder)
            .and_then(|(spec, holder)| pod(spec, holder, &reading));
        (pod, reading)
    }
}

fn read_pod<T>(node: Node<'_>, spec: fn(T) -> Option<PodSpec>) -> (Option<PodSpec>, Reading<'_>)
where
    T: DeserializeOwned + Resource,
{
    let (object, reading) = read::<T>(
        node,
        Some(Identity {
            api_version: T::API_VERSION,
            kind: T::KIND,
        }),
    );
    (object.and_then(spec), reading)
}
