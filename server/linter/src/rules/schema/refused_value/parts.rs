//! What one part of a pod may not be because of another: equal names, mounts of volumes that are not there, ports that differ.

use super::values::shown;
use crate::rules::Reporter;
use crate::rules::suggest::brief;
use kubernetes::{Container, ContainerKind, Object, Pod};
use std::collections::{HashMap, HashSet};
use yaml::{Node, NodeKind, Resolved};

pub(crate) fn check<'y>(
    pod: &Pod<'y>,
    object: &Object<'y>,
    is_whole: bool,
    found: &mut Reporter<'_, '_>,
) {
    let names = pod
        .containers
        .iter()
        .filter_map(|container| Some((Some(container), named(container.node)?)));
    unique(names, "container", found);
    unique(
        items(pod.lookup("volumes"))
            .filter_map(named)
            .map(|name| (None, name)),
        "volume",
        found,
    );
    unique(
        items(pod.lookup("securityContext.sysctls"))
            .filter_map(named)
            .map(|name| (None, name)),
        "sysctl",
        found,
    );
    let volumes = volumes(pod, object);
    for container in &pod.containers {
        let port_names = items(container.lookup("ports")).filter_map(named);
        unique(
            port_names.map(|name| (Some(container), name)),
            "port",
            found,
        );
        unique(
            mounts(container).filter_map(|mount| Some((Some(container), mount.get("mountPath")?))),
            "mount at",
            found,
        );
        for mount in mounts(container) {
            if is_whole && !container.is_unfinished() {
                mounted(mount, &volumes, container, found);
            }
            propagation(mount, container, found);
        }
        if pod.spec.host_network == Some(true) {
            ports(pod, container, found);
        }
        variables(container, found);
        match container.kind {
            ContainerKind::Init if container.spec.restart_policy.as_deref() != Some("Always") => {
                startup(container, found)
            }
            ContainerKind::Ephemeral => visitor(container, found),
            ContainerKind::Init | ContainerKind::Ordinary => {}
        }
    }
}

fn items(list: Option<Node<'_>>) -> impl Iterator<Item = Node<'_>> {
    let list = list.filter(|list| list.kind() == NodeKind::Sequence);
    list.into_iter()
        .flat_map(Node::items)
        .filter_map(Node::resolve)
}

fn mounts<'y>(container: &Container<'y>) -> impl Iterator<Item = Node<'y>> {
    items(container.lookup("volumeMounts"))
}

fn named(item: Node<'_>) -> Option<Node<'_>> {
    item.get("name")
}

/// The text of a value that stands there already.
fn text(node: Node<'_>) -> Option<&str> {
    node.as_str().filter(|text| {
        !text.is_empty() && !text.contains("{{") && !text.contains("$(") && !node.is_null()
    })
}

/// Tells each name that another one before it has.
fn unique<'p, 'y: 'p>(
    names: impl Iterator<Item = (Option<&'p Container<'y>>, Node<'y>)>,
    noun: &str,
    found: &mut Reporter<'_, '_>,
) {
    let mut names = names.filter_map(|(container, node)| Some((container, node, text(node)?)));
    let (Some(one), Some(two)) = (names.next(), names.next()) else {
        return;
    };
    let mut first: HashMap<&str, Node<'_>> = HashMap::new();
    for (container, node, name) in [one, two].into_iter().chain(names) {
        match first.get(name) {
            // An alias brings the same item twice; the place is told once.
            Some(other) if *other == node => {}
            Some(other) => {
                let mut finding = found
                    .at(node, format!("there is another {noun} {:?}", brief(name)))
                    .in_container(container);
                finding.related(*other, "the first one");
            }
            None => _ = first.insert(name, node),
        }
    }
}

/// The names of the volumes that a container of the pod can mount; `None` where not all of them can be known.
fn volumes<'y>(pod: &Pod<'y>, object: &Object<'y>) -> Option<HashSet<&'y str>> {
    let of_pod = items(pod.lookup("volumes")).map(named);
    let claims = object
        .node
        .get("spec")
        .and_then(|spec| spec.get("volumeClaimTemplates"));
    let of_claims = items(claims).map(|claim| claim.get("metadata").and_then(named));
    let all: Option<HashSet<&str>> = of_pod
        .chain(of_claims)
        .map(|name| name.and_then(text))
        .collect();
    all.filter(|_| {
        pod.lookup("volumes")
            .is_none_or(|list| list.kind() == NodeKind::Sequence || list.is_null())
    })
}

fn mounted(
    mount: Node<'_>,
    volumes: &Option<HashSet<&str>>,
    container: &Container<'_>,
    found: &mut Reporter<'_, '_>,
) {
    let (Some(volumes), Some(node)) = (volumes, named(mount)) else {
        return;
    };
    if let Some(name) = text(node).filter(|name| !volumes.contains(name)) {
        found
            .at(
                node,
                format!("{container} mounts {:?}, which is no volume", brief(name)),
            )
            .in_container(container)
            .as_missing();
    }
}

/// What a mount says of how mounts below it spread, against the rest of the container.
fn propagation(mount: Node<'_>, container: &Container<'_>, found: &mut Reporter<'_, '_>) {
    let value = |key: &str| mount.get(key).and_then(|node| Some((text(node)?, node)));
    let privileged = container.lookup("securityContext.privileged");
    let is = |node: Option<Node<'_>>| node.and_then(Node::resolved) == Some(Resolved::Bool(true));
    if let Some((_, node)) =
        value("mountPropagation").filter(|(word, _)| *word == "Bidirectional" && !is(privileged))
    {
        let message = "mountPropagation is Bidirectional, which needs privileged: true";
        found
            .at(node, message)
            .in_container(container)
            .as_missing_if(privileged.is_none());
    }
    if let Some((word, node)) =
        value("recursiveReadOnly").filter(|(word, _)| ["Enabled", "IfPossible"].contains(word))
    {
        let read_only = mount.get("readOnly");
        if !is(read_only) {
            let message = format!("recursiveReadOnly is {word}, which needs readOnly: true");
            found
                .at(node, message)
                .in_container(container)
                .as_missing_if(read_only.is_none());
        } else if value("mountPropagation").is_some_and(|(word, _)| word != "None") {
            found
                .at(
                    node,
                    format!("recursiveReadOnly is {word}, which excludes mountPropagation"),
                )
                .in_container(container);
        }
    }
    if let Some((_, node)) = value("subPathExpr").filter(|_| value("subPath").is_some()) {
        found
            .at(
                node,
                "subPathExpr is there beside subPath, which excludes it",
            )
            .in_container(container);
    }
}

/// On the node's network, a container's ports are the node's.
fn ports(pod: &Pod<'_>, container: &Container<'_>, found: &mut Reporter<'_, '_>) {
    for port in items(container.lookup("ports")) {
        let number = |key: &str| match port.get(key)?.resolved()? {
            Resolved::Int(number) => Some(number),
            _ => None,
        };
        let (Some(of_host), Some(of_container)) = (number("hostPort"), number("containerPort"))
        else {
            continue;
        };
        if let Some(node) = port
            .get("hostPort")
            .filter(|_| of_host != 0 && of_host != of_container)
        {
            let message =
                format!("hostPort is {of_host}, not {of_container}, which hostNetwork: true needs");
            let mut finding = found.at(node, message).in_container(container);
            if let Some(network) = pod.lookup("hostNetwork") {
                finding.related(network, "hostNetwork here");
            }
        }
    }
}

fn variables(container: &Container<'_>, found: &mut Reporter<'_, '_>) {
    for variable in items(container.lookup("env")) {
        let value = variable
            .get("value")
            .filter(|value| !value.is_null() && value.as_str() != Some(""));
        let from = variable.get("valueFrom").filter(|from| !from.is_null());
        if let (Some(value), Some(from)) = (value, from) {
            let mut finding = found
                .at(value, "value is there beside valueFrom, which excludes it")
                .in_container(container);
            finding.related(
                from.own_entry().map_or(from, |entry| entry.key),
                "valueFrom here",
            );
        }
    }
}

/// An init container that ends has no life to watch.
fn startup(container: &Container<'_>, found: &mut Reporter<'_, '_>) {
    for field in [
        "lifecycle",
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
    ] {
        let entry = container
            .node
            .entry(field)
            .filter(|entry| !entry.value.is_null());
        if let Some(entry) = entry {
            let is_left_out = container.lookup("restartPolicy").is_none();
            let message = format!("{field} of {container} needs restartPolicy: Always");
            found
                .at(entry.key, message)
                .in_container(container)
                .as_missing_if(is_left_out);
        }
    }
}

/// An ephemeral container is there to look at a pod, not to be a part of it.
fn visitor(container: &Container<'_>, found: &mut Reporter<'_, '_>) {
    let fields = [
        "lifecycle",
        "livenessProbe",
        "ports",
        "readinessProbe",
        "resizePolicy",
        "resources",
        "startupProbe",
    ];
    let is_set = |node: Node<'_>| {
        !node.is_null()
            && node
                .resolve()
                .is_some_and(|node| node.children().next().is_some())
    };
    let own = fields
        .into_iter()
        .filter_map(|field| Some((field, container.node.entry(field)?)));
    for (field, entry) in own.filter(|(_, entry)| is_set(entry.value)) {
        found
            .at(
                entry.key,
                format!("{field} is not allowed in an ephemeral container"),
            )
            .in_container(container);
    }
    for (mount, field) in
        mounts(container).flat_map(|mount| [(mount, "subPath"), (mount, "subPathExpr")])
    {
        if let Some(path) = mount.get(field).filter(|path| text(*path).is_some()) {
            found
                .at(
                    path,
                    format!("{field} is not allowed in an ephemeral container"),
                )
                .in_container(container);
        }
    }
}

/// What is to be 1 in probes that only ever fail.
pub(crate) fn threshold(probe: Node<'_>, object: &Object<'_>, found: &mut Reporter<'_, '_>) {
    let is_ready = probe
        .own_entry()
        .is_none_or(|entry| entry.key.as_str() == Some("readinessProbe"));
    let Some(node) = probe.get("successThreshold").filter(|_| !is_ready) else {
        return;
    };
    if matches!(node.resolved(), Some(Resolved::Int(2..))) {
        let message = format!(
            "successThreshold is {}, not 1, as this probe needs it",
            shown(node)
        );
        found
            .at(node, message)
            .in_container(object.container_around(node));
    }
}
