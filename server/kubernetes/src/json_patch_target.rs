//! JSON patches read as objects of their target. The target is named next to the patch, or the path
//! of an operation only occurs in pods; otherwise nothing is read. Fields outside the patch are
//! unknown.

use super::kinds;
use super::pod::Object;
use super::{custom_resources, deserialize::Reading};
use std::sync::Arc;
use yaml::json_patch::{self, Operation};
use yaml::{Node, NodeId, NodeKind, Yaml};

/// What is known about the target of a patch. A field that is `None` can be anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PatchTarget {
    /// Empty for the core group.
    pub group: Option<Arc<str>>,
    pub version: Option<Arc<str>>,
    pub kind: Option<Arc<str>>,
}

/// A JSON patch and the values that it writes.
#[derive(Debug)]
pub struct JsonPatch {
    written: Yaml,
    /// The values in the patch. The nodes around them come from the pointers.
    values: Vec<NodeId>,
    /// The `apiVersion` and `kind` of the target, if known.
    identity: Option<(String, String)>,
}

impl JsonPatch {
    /// Reads a document as a JSON patch; `None` if it is not one.
    pub fn parse(yaml: &Yaml, target: &PatchTarget) -> Option<JsonPatch> {
        let operations = json_patch::operations(yaml)?;
        let identity = target.identity();
        let way = identity
            .as_ref()
            .and_then(|(api_version, kind)| kinds::pod_path(api_version, kind));
        let written = json_patch::to_tree(yaml, &operations, |operation| spec_path(operation, way));
        let values = operations
            .iter()
            .map(|operation| operation.value.id())
            .collect();
        Some(JsonPatch {
            written,
            values,
            identity,
        })
    }

    /// The values as a tree: a list with one item per operation. Nodes of the patch keep their ids.
    pub fn tree(&self) -> &Yaml {
        &self.written
    }

    /// The target object, once for each operation and each pod in it. `by_shape` also detects pods
    /// in unknown custom resources.
    pub fn objects(&self, by_shape: bool) -> Vec<Object<'_>> {
        let items = self.written.root().into_iter().flat_map(Node::items);
        let mut objects: Vec<Object<'_>> =
            items.flat_map(|item| self.read(item, by_shape)).collect();
        for (index, object) in objects.iter_mut().enumerate() {
            object.repeated = index > 0;
            // A numeric step of a pointer may be a key.
            object
                .reading
                .wrong
                .retain(|wrong| self.is_in_patch(wrong.node));
        }
        objects
    }

    fn read<'p>(&'p self, item: Node<'p>, by_shape: bool) -> Vec<Object<'p>> {
        let Some((api_version, kind)) = &self.identity else {
            return pod_by_path(item, "", "").into_iter().collect();
        };
        let objects = kinds::read_objects((item, api_version, kind), by_shape);
        let is_unknown = by_shape && custom_resources::is_unknown_kind(api_version, kind);
        if is_unknown && objects.iter().all(|object| object.pod.is_none()) {
            pod_by_path(item, api_version, kind).into_iter().collect()
        } else {
            objects
        }
    }

    fn is_in_patch(&self, node: Node<'_>) -> bool {
        std::iter::successors(Some(node), |node| node.parent())
            .any(|node| self.values.contains(&node.id()))
    }
}

/// The path of the pod spec that an operation is about: the path in the kind, else in the template
/// whose `metadata` the operation writes.
fn spec_path(operation: &Operation<'_>, known: Option<&[&str]>) -> Vec<String> {
    let steps: Vec<String> = operation.steps().collect();
    let is_template = |pair: &[String]| pair[0] == "template" && pair[1] == "metadata";
    let template = || {
        steps
            .windows(2)
            .position(is_template)
            .map(|at| steps[..=at].to_vec())
    };
    let holder = known
        .map(|way| way.iter().map(|&key| key.to_owned()).collect())
        .or_else(template);
    holder
        .map(|holder| [holder, vec!["spec".to_owned()]].concat())
        .unwrap_or_default()
}

/// Reads the pod at the usual paths of a target of unknown kind. Another type may have fields next
/// to those of the pod.
fn pod_by_path<'y>(node: Node<'y>, api_version: &'y str, kind: &'y str) -> Option<Object<'y>> {
    const TEMPLATES: [&[&str]; 2] = [
        &["spec", "template"],
        &["spec", "jobTemplate", "spec", "template"],
    ];
    const CONTAINERS: [&str; 3] = ["containers", "ephemeralContainers", "initContainers"];
    let at = |way: &[&str]| way.iter().try_fold(node, |node, key| node.get(key));
    let mapping = |node: &Node<'_>| node.kind() == NodeKind::Mapping;
    let template = TEMPLATES.iter().find_map(|way| {
        at(way).filter(|holder| holder.get("spec").is_some_and(|spec| mapping(&spec)))
    });
    let has_containers = |spec: Node<'_>| CONTAINERS.iter().any(|key| spec.get(key).is_some());
    let pod = || {
        at(&["spec"])
            .filter(|spec| has_containers(*spec))
            .map(|_| node)
    };
    let holder = template.or_else(pod)?;
    let (mut pod, reading): (_, Reading<'_>) =
        custom_resources::fields(holder.get("spec").filter(mapping)?, &[]);
    pod.metadata = holder.get("metadata");
    Some(Object {
        api_version,
        kind,
        namespace: None,
        name: None,
        node,
        reading,
        read_as_newer: false,
        pod: Some(pod),
        repeated: false,
        pods_meet: None,
    })
}

impl PatchTarget {
    /// Returns what two targets of one patch have in common: everything or nothing.
    pub fn common(&self, other: &PatchTarget) -> PatchTarget {
        if self == other {
            self.clone()
        } else {
            PatchTarget::default()
        }
    }

    /// The `apiVersion` and `kind` of the target, if only one fits.
    fn identity(&self) -> Option<(String, String)> {
        // A pattern may match several kinds.
        let kind = self.kind.as_deref().filter(|kind| {
            !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })?;
        let is_meant = |api_version: &&str| {
            let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
            let meets = |wanted: &Option<Arc<str>>, word| {
                wanted.as_deref().is_none_or(|wanted| wanted == word)
            };
            meets(&self.group, group) && meets(&self.version, version)
        };
        let own: Vec<&str> = kinds::versions(kind).filter(is_meant).collect();
        let group = self.group.as_deref();
        let custom: Vec<&str> = custom_resources::groups(kind)
            .filter(|known| group.is_none_or(|group| group == *known))
            .collect();
        let version = self.version.as_deref().unwrap_or("v1");
        let api_version = match (&own[..], &custom[..], group) {
            ([one], [], _) => (*one).to_owned(),
            ([], [one], _) => format!("{one}/{version}"),
            ([], [], Some(group)) if !group.is_empty() => format!("{group}/{version}"),
            _ => return None,
        };
        Some((api_version, kind.to_owned()))
    }
}
