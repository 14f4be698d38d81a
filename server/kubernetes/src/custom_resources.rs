//! Pods in custom resources: a table of the paths in well-known kinds, and detection by shape in
//! others. For a pod that its controller completes, or that is only detected by shape, no field
//! counts as missing.

use super::deserialize::{Reading, UnknownField, read};
use super::pod::{Context, Extent, Pod, SECURITY, pod, pod_at};
use super::{Container, ContainerKind};
use k8s_openapi::api::core::v1 as core;
use yaml::{Node, NodeKind};

/// The paths of pods in some kinds. `[]` means each item of a list, `*` each value of a mapping.
struct Row {
    group: &'static str,
    kinds: &'static [&'static str],
    paths: &'static [&'static str],
    shape: Shape,
}

/// What is written at the end of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// `metadata` and `spec`, as in a Deployment.
    Template,
    /// `metadata` and `spec`; the controller keeps the containers and fills in the rest.
    Served,
    /// Some fields of a pod's `spec` among others.
    Fields,
    /// The `spec` of a Tekton task: its steps are containers.
    Steps,
    /// A template of an Argo workflow: a container, or several.
    Argo,
}

macro_rules! rows {
    ($($group:literal { $($shape:ident: $($kind:literal)|+ => $($way:literal),+;)+ })+) => {
        const ROWS: &[Row] = &[
            $($(Row { group: $group, kinds: &[$($kind),+], paths: &[$($way),+], shape: Shape::$shape },)+)+
        ];
    };
}

rows! {
    "agones.dev" {
        Template: "Fleet" | "GameServerSet" => "spec.template.spec.template";
        Template: "GameServer" => "spec.template";
    }
    "apps.kruise.io" {
        Template: "BroadcastJob" | "CloneSet" | "DaemonSet" | "StatefulSet" => "spec.template";
        Template: "AdvancedCronJob" => "spec.template.jobTemplate.spec.template", "spec.template.broadcastJobTemplate.spec.template";
        Fields: "SidecarSet" => "spec";
    }
    "apps.openshift.io" {
        Template: "DeploymentConfig" => "spec.template";
    }
    "argoproj.io" {
        Template: "Rollout" => "spec.template";
        Fields: "Workflow" | "WorkflowTemplate" | "ClusterWorkflowTemplate" => "spec";
        Argo: "Workflow" | "WorkflowTemplate" | "ClusterWorkflowTemplate" => "spec.templates[]", "spec.templateDefaults";
        Fields: "CronWorkflow" => "spec.workflowSpec";
        Argo: "CronWorkflow" => "spec.workflowSpec.templates[]", "spec.workflowSpec.templateDefaults";
    }
    "batch.volcano.sh" {
        Template: "Job" => "spec.tasks[].template";
    }
    "jobset.x-k8s.io" {
        Template: "JobSet" => "spec.replicatedJobs[].template.spec.template";
    }
    "keda.sh" {
        Template: "ScaledJob" => "spec.jobTargetRef.template";
    }
    "kubeflow.org" {
        Template: "MPIJob" => "spec.mpiReplicaSpecs.*.template";
        Template: "PyTorchJob" => "spec.pytorchReplicaSpecs.*.template";
        Template: "TFJob" => "spec.tfReplicaSpecs.*.template";
        Template: "XGBoostJob" => "spec.xgbReplicaSpecs.*.template";
        Template: "Notebook" => "spec.template";
    }
    "leaderworkerset.x-k8s.io" {
        Template: "LeaderWorkerSet" => "spec.leaderWorkerTemplate.leaderTemplate", "spec.leaderWorkerTemplate.workerTemplate";
    }
    "monitoring.coreos.com" {
        Fields: "Alertmanager" | "Prometheus" | "PrometheusAgent" | "ThanosRuler" => "spec";
    }
    "ray.io" {
        Template: "RayCluster" => "spec.headGroupSpec.template", "spec.workerGroupSpecs[].template";
        Template: "RayJob" => "spec.rayClusterSpec.headGroupSpec.template", "spec.rayClusterSpec.workerGroupSpecs[].template",
            "spec.submitterPodTemplate";
        Template: "RayService" => "spec.rayClusterConfig.headGroupSpec.template", "spec.rayClusterConfig.workerGroupSpecs[].template";
    }
    "serving.knative.dev" {
        Served: "Configuration" | "Service" => "spec.template";
        Served: "Revision" => "";
    }
    "sources.knative.dev" {
        Template: "ContainerSource" => "spec.template";
    }
    "tekton.dev" {
        Steps: "ClusterTask" | "Task" => "spec";
        Steps: "TaskRun" => "spec.taskSpec";
        Steps: "Pipeline" => "spec.tasks[].taskSpec", "spec.finally[].taskSpec";
        Steps: "PipelineRun" => "spec.pipelineSpec.tasks[].taskSpec", "spec.pipelineSpec.finally[].taskSpec";
        Fields: "TaskRun" => "spec.podTemplate";
        Fields: "PipelineRun" => "spec.taskRunTemplate.podTemplate", "spec.podTemplate", "spec.taskRunSpecs[].podTemplate";
    }
}

/// Groups whose resources describe pods but do not create any: policies, packages with values of
/// their own, and compositions, which patch their content.
const POLICY_GROUPS: [&str; 10] = [
    "apiextensions.crossplane.io",
    "config.gatekeeper.sh",
    "constraints.gatekeeper.sh",
    "helm.cattle.io",
    "helm.toolkit.fluxcd.io",
    "kyverno.io",
    "mutations.gatekeeper.sh",
    "policies.kyverno.io",
    "security.openshift.io",
    "templates.gatekeeper.sh",
];

/// Keys below which names have another meaning, or nothing is written by the author.
const OPAQUE: [&str; 8] = [
    "apiVersion",
    "kind",
    "metadata",
    "openAPIV3Schema",
    "status",
    "values",
    "valuesObject",
    "valuesContent",
];

/// Returns the pods of a custom resource, each with its reading. `by_shape` also detects pods in
/// unknown kinds.
pub(super) fn pods<'y>(
    object: Node<'y>,
    api_version: &str,
    kind: &str,
    by_shape: bool,
) -> Vec<(Pod<'y>, Reading<'y>)> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    // A kind that Kubernetes does not have in `v1` or `apps` may be one of OpenShift 3.
    if !is_custom(group) && group.contains('.') {
        return Vec::new();
    }
    let rows = || {
        ROWS.iter()
            .filter(|row| row.group == group && row.kinds.contains(&kind))
    };
    if rows().next().is_some() {
        let places = rows().flat_map(|row| row.paths.iter().map(move |way| (row.shape, *way)));
        return places
            .flat_map(|(shape, way)| {
                nodes_at(object, way)
                    .into_iter()
                    .filter_map(move |node| shape.read(node))
            })
            .collect();
    }
    let mut found = Vec::new();
    if by_shape && !POLICY_GROUPS.contains(&group) {
        find_pods(object, "", MAX_DEPTH, &mut found);
    }
    found
}

/// The groups with a known kind of this name.
pub(super) fn groups(kind: &str) -> impl Iterator<Item = &'static str> {
    ROWS.iter().enumerate().filter_map(move |(index, row)| {
        let is_first = || {
            !ROWS[..index]
                .iter()
                .any(|other| other.group == row.group && other.kinds.contains(&kind))
        };
        (row.kinds.contains(&kind) && is_first()).then_some(row.group)
    })
}

/// Whether a custom kind may contain pods at unknown paths.
pub(super) fn is_unknown_kind(api_version: &str, kind: &str) -> bool {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let is_known = ROWS
        .iter()
        .any(|row| row.group == group && row.kinds.contains(&kind));
    !group.is_empty() && is_custom(group) && !is_known && !POLICY_GROUPS.contains(&group)
}

fn is_custom(group: &str) -> bool {
    const OWN: [&str; 5] = ["apps", "autoscaling", "batch", "extensions", "policy"];
    !OWN.contains(&group) && !group.ends_with(".k8s.io") || group.ends_with(".x-k8s.io")
}

/// The mappings at a path.
fn nodes_at<'y>(object: Node<'y>, way: &str) -> Vec<Node<'y>> {
    let mut nodes = vec![object];
    for step in way.split('.').filter(|step| !step.is_empty()) {
        let (key, each) = step
            .strip_suffix("[]")
            .map_or((step, false), |key| (key, true));
        let next = |node: Node<'y>| -> Vec<Node<'y>> {
            match key {
                "*" => node
                    .entries()
                    .filter_map(|entry| entry.value.resolve())
                    .collect(),
                key => node.get(key).into_iter().collect(),
            }
        };
        nodes = nodes.into_iter().flat_map(next).collect();
        if each {
            nodes = nodes
                .into_iter()
                .flat_map(Node::items)
                .filter_map(Node::resolve)
                .collect();
        }
    }
    nodes
        .into_iter()
        .filter(|node| node.kind() == NodeKind::Mapping)
        .collect()
}

impl Shape {
    fn read(self, node: Node<'_>) -> Option<(Pod<'_>, Reading<'_>)> {
        match self {
            Shape::Template => template(node, Extent::Whole),
            Shape::Served => extended_template(node, Extent::Containers),
            Shape::Fields => Some(fields(node, &[])),
            Shape::Steps => Some(fields(
                node,
                &[
                    ("steps", ContainerKind::Ordinary),
                    ("sidecars", ContainerKind::Ordinary),
                    ("stepTemplate", ContainerKind::Ordinary),
                ],
            )),
            Shape::Argo => Some(fields(
                node,
                &[
                    ("container", ContainerKind::Ordinary),
                    ("script", ContainerKind::Ordinary),
                    ("containerSet.containers", ContainerKind::Ordinary),
                    ("sidecars", ContainerKind::Ordinary),
                ],
            )),
        }
    }
}

/// Reads a pod with `metadata` and `spec`.
fn template(holder: Node<'_>, extent: Extent) -> Option<(Pod<'_>, Reading<'_>)> {
    let (template, reading) = read::<core::PodTemplateSpec>(holder, None);
    let pod = pod(template?.spec?, holder, &reading)?;
    Some((Pod { extent, ..pod }, reading))
}

/// Like [`template`], if another type may add fields to those of the pod.
fn extended_template(holder: Node<'_>, extent: Extent) -> Option<(Pod<'_>, Reading<'_>)> {
    let (pod, mut reading) = template(holder, extent)?;
    reading.unknown.retain(is_plain);
    Some((pod, reading))
}

/// Whether an unknown key belongs to a type that custom resources do not extend.
fn is_plain(unknown: &UnknownField<'_>) -> bool {
    !matches!(
        unknown.type_name,
        "Container" | "PodSpec" | "PodTemplateSpec"
    )
}

/// Reads some fields of a pod from a mapping with other fields, and containers at keys that a pod
/// does not have.
pub(super) fn fields<'y>(node: Node<'y>, more: &[(&str, ContainerKind)]) -> (Pod<'y>, Reading<'y>) {
    let (spec, mut reading) = read::<core::PodSpec>(node, None);
    let mut pod = pod_at(spec.unwrap_or_default(), node, &reading);
    pod.extent = Extent::Part;
    for (way, kind) in more {
        let found = way.split('.').try_fold(node, |node, key| node.get(key));
        let items = found.map(|found| {
            if found.kind() == NodeKind::Mapping {
                vec![found]
            } else {
                found.items().collect()
            }
        });
        for node in items
            .into_iter()
            .flatten()
            .filter_map(Node::resolve)
            .filter(|node| node.kind() == NodeKind::Mapping)
        {
            let (container, read) = read::<core::Container>(node, None);
            pod.containers.extend(container.map(|spec| Container {
                kind: *kind,
                node,
                spec,
                security_key: SECURITY,
                may_be_completed: true,
                context: Context::default(),
            }));
            reading.absorb(read);
        }
    }
    // Unknown or wrong fields directly in the mapping belong to the other type.
    let inside = |node: Node<'_>| {
        let security = node_of(pod.node, "securityContext");
        let around = pod
            .containers
            .iter()
            .map(|container| container.node)
            .chain(security);
        around
            .into_iter()
            .any(|around| around != node && around.range().contains_range(node.range()))
    };
    reading
        .unknown
        .retain(|unknown| is_plain(unknown) && inside(unknown.key));
    reading.wrong.retain(|wrong| inside(wrong.node));
    (pod, reading)
}

fn node_of<'y>(node: Node<'y>, key: &str) -> Option<Node<'y>> {
    node.get(key)
        .filter(|node| node.kind() == NodeKind::Mapping)
}

/// Whether a custom resource only names a chart or a repository, from which a controller in the
/// cluster makes workloads.
pub fn makes_workloads_elsewhere(api_version: &str, kind: &str) -> bool {
    const KINDS: [(&str, &str); 10] = [
        ("helm.toolkit.fluxcd.io", "HelmRelease"),
        ("kustomize.toolkit.fluxcd.io", "Kustomization"),
        ("argoproj.io", "Application"),
        ("argoproj.io", "ApplicationSet"),
        ("helm.cattle.io", "HelmChart"),
        ("helm.cattle.io", "HelmChartConfig"),
        ("fleet.cattle.io", "GitRepo"),
        ("kappctrl.k14s.io", "App"),
        ("packaging.carvel.dev", "PackageInstall"),
        ("helm.crossplane.io", "Release"),
    ];
    let group = api_version.split('/').next().unwrap_or_default();
    KINDS.contains(&(group, kind))
}

/// Reads the security context of a container whose other fields are elsewhere.
fn lone_security_context(node: Node<'_>) -> Option<(Pod<'_>, Reading<'_>)> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Holder {
        security_context: Option<core::SecurityContext>,
    }
    let (holder, mut reading) = read::<Holder>(node, None);
    let context = node_of(node, "securityContext")?;
    let inside = |node: Node<'_>| node != context && context.range().contains_range(node.range());
    reading.unknown.retain(|unknown| inside(unknown.key));
    reading.wrong.retain(|wrong| inside(wrong.node));
    let spec = core::Container {
        security_context: holder?.security_context,
        ..Default::default()
    };
    let container = Container {
        kind: ContainerKind::Ordinary,
        node,
        spec,
        security_key: SECURITY,
        may_be_completed: true,
        context: Context::default(),
    };
    // The pod has no node of its own. At this node no setting of a container is found.
    let pod = Pod {
        node: context,
        spec: Default::default(),
        metadata: None,
        containers: vec![container],
        extent: Extent::Part,
        token_is_disabled: false,
        account_is_bound: false,
        security_key: SECURITY,
        context: Context::default(),
    };
    Some((pod, reading))
}

/// Reads `podSecurityContext` and `containerSecurityContext` next to each other. The mapping
/// belongs to another type, which may have further fields.
fn named_security_contexts(node: Node<'_>) -> Option<(Pod<'_>, Reading<'_>)> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Holder {
        pod_security_context: Option<core::PodSecurityContext>,
        container_security_context: Option<core::SecurityContext>,
    }
    let is_one =
        |key: &str| node_of(node, key).is_some_and(|context| has_any(context, &SECURITY_FIELDS));
    if !is_one(POD_KEY) && !is_one(CONTAINER_KEY) {
        return None;
    }
    let (holder, mut reading) = read::<Holder>(node, None);
    let holder = holder?;
    reading.unknown.clear();
    reading.wrong.clear();
    let container = holder.container_security_context.map(|context| Container {
        kind: ContainerKind::Ordinary,
        node,
        spec: core::Container {
            security_context: Some(context),
            ..Default::default()
        },
        security_key: CONTAINER_KEY,
        may_be_completed: true,
        context: Context::default(),
    });
    let pod = Pod {
        node,
        spec: core::PodSpec {
            security_context: holder.pod_security_context,
            ..Default::default()
        },
        metadata: None,
        containers: container.into_iter().collect(),
        extent: Extent::Part,
        token_is_disabled: false,
        account_is_bound: false,
        security_key: POD_KEY,
        context: Context::default(),
    };
    Some((pod, reading))
}

const POD_KEY: &str = "podSecurityContext";
const CONTAINER_KEY: &str = "containerSecurityContext";

/// The depth to search. Custom resources do not nest pods deeper.
const MAX_DEPTH: u8 = 24;

/// Searches a mapping or a list below a key for pods.
fn find_pods<'y>(node: Node<'y>, key: &str, levels: u8, found: &mut Vec<(Pod<'y>, Reading<'y>)>) {
    let Some(levels) = levels.checked_sub(1) else {
        return;
    };
    match node.kind() {
        NodeKind::Sequence => node
            .items()
            .for_each(|item| find_pods(item, key, levels, found)),
        NodeKind::Mapping => {
            if key.to_ascii_lowercase().ends_with("template") && has_whole_pod(node) {
                found.extend(extended_template(node, Extent::Whole));
                return;
            }
            let read = pod_at_mapping(node, key);
            let taken: &[&str] = if read.is_some() {
                &["containers", "initContainers", "securityContext"]
            } else {
                &[]
            };
            found.extend(read);
            found.extend(named_security_contexts(node));
            for entry in node.entries() {
                let Some(key) = entry.key.as_str() else {
                    continue;
                };
                if !OPAQUE.contains(&key) && !taken.contains(&key) {
                    find_pods(entry.value, key, levels, found);
                }
            }
        }
        // The target of an alias is searched where it is written.
        _ => {}
    }
}

/// Whether a mapping has a `spec` whose containers all have a name and an image.
fn has_whole_pod(holder: Node<'_>) -> bool {
    let containers = holder
        .get("spec")
        .and_then(|spec| spec.get("containers"))
        .filter(|list| list.kind() == NodeKind::Sequence);
    containers.is_some_and(|list| {
        list.items().len() > 0
            && list
                .items()
                .all(|item| has_text(item, "name") && has_text(item, "image"))
    })
}

/// Reads the pod fields of a mapping, if it has any.
fn pod_at_mapping<'y>(node: Node<'y>, key: &str) -> Option<(Pod<'y>, Reading<'y>)> {
    let has_containers = ["containers", "initContainers"]
        .iter()
        .any(|key| node.get_own(key).is_some_and(are_containers));
    let context =
        node_of(node, "securityContext").filter(|context| has_any(*context, &SECURITY_FIELDS));
    match context {
        Some(context)
            if has_any(context, &CONTAINER_ONLY_FIELDS)
                || (key.ends_with("ontainer") && !has_any(context, &POD_ONLY_FIELDS)) =>
        {
            if has_containers {
                Some(fields(node, &[]))
            } else {
                lone_security_context(node)
            }
        }
        Some(_) => Some(fields(node, &[])),
        None => has_containers.then(|| fields(node, &[])),
    }
}

/// Whether a list contains containers, or patches for them.
fn are_containers(list: Node<'_>) -> bool {
    const TELLING: [&str; 8] = [
        "image",
        "securityContext",
        "command",
        "args",
        "env",
        "volumeMounts",
        "resources",
        "livenessProbe",
    ];
    let is_one = |item: Node<'_>| has_text(item, "name") && has_any(item, &TELLING);
    list.kind() == NodeKind::Sequence && list.items().len() > 0 && list.items().all(is_one)
}

fn has_text(node: Node<'_>, key: &str) -> bool {
    node.get(key)
        .is_some_and(|value| matches!(value.kind(), NodeKind::Scalar(_)))
}

fn has_any(node: Node<'_>, keys: &[&str]) -> bool {
    keys.iter().any(|key| node.get(key).is_some())
}

/// Fields that only the security context of a container has.
const CONTAINER_ONLY_FIELDS: [&str; 5] = [
    "allowPrivilegeEscalation",
    "capabilities",
    "privileged",
    "procMount",
    "readOnlyRootFilesystem",
];
/// Fields that only the security context of a pod has.
const POD_ONLY_FIELDS: [&str; 5] = [
    "fsGroup",
    "fsGroupChangePolicy",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "sysctls",
];
/// Fields that distinguish a security context from other mappings of that name.
const SECURITY_FIELDS: [&str; 15] = [
    "allowPrivilegeEscalation",
    "appArmorProfile",
    "capabilities",
    "fsGroup",
    "fsGroupChangePolicy",
    "privileged",
    "procMount",
    "readOnlyRootFilesystem",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "seLinuxOptions",
    "seccompProfile",
    "supplementalGroups",
    "sysctls",
];
