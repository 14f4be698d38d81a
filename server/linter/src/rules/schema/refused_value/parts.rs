//! Values of a pod that conflict with others: duplicate names, mounts of volumes that do not exist,
//! ports that differ.

use super::values::displayed;
use crate::rules::describe::{shortened, token};
use crate::rules::profiles::annotations::annotations;
use crate::rules::profiles::deprecated_apparmor_annotation::PREFIX as APPARMOR;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Container, ContainerKind, Object, Pod};
use std::collections::{HashMap, HashSet};
use yaml::edit::{Change, Value};
use yaml::{Node, NodeKind, Resolved};

pub(crate) fn check<'y>(
    pod: &Pod<'y>,
    object: &Object<'y>,
    is_whole: bool,
    report: &mut Reporter<'_, '_>,
) {
    if object.is_built_in() {
        check_restart_policy(pod, object, is_whole, report);
        check_ephemeral_containers(pod, object, report);
        check_apparmor_annotations(pod, is_whole, report);
        check_unique_host_ports(pod, report);
    }
    let names = pod
        .containers
        .iter()
        .filter_map(|container| Some((Some(container), name_of(container.node)?)));
    check_unique(names, "container", report);
    check_unique(
        items(pod.lookup("volumes"))
            .filter_map(name_of)
            .map(|name| (None, name)),
        "volume",
        report,
    );
    check_unique(
        items(pod.lookup("securityContext.sysctls"))
            .filter_map(name_of)
            .map(|name| (None, name)),
        "sysctl",
        report,
    );
    let volumes = volumes(pod, object);
    for container in &pod.containers {
        let port_names = items(container.lookup("ports")).filter_map(name_of);
        check_unique(
            port_names.map(|name| (Some(container), name)),
            "port",
            report,
        );
        check_unique(
            mounts(container).filter_map(|mount| Some((Some(container), mount.get("mountPath")?))),
            "mount at",
            report,
        );
        for mount in mounts(container) {
            if is_whole && !container.is_unfinished() {
                check_mount(mount, &volumes, container, report);
            }
            check_propagation(mount, container, report);
        }
        if pod.spec.host_network == Some(true) {
            check_host_ports(pod, container, report);
        }
        check_variables(container, report);
        match container.kind {
            ContainerKind::Init if container.spec.restart_policy.as_deref() != Some("Always") => {
                check_init_container(container, report);
            }
            ContainerKind::Ephemeral => check_ephemeral_container(container, report),
            ContainerKind::Init | ContainerKind::Ordinary => {}
        }
    }
}

/// Checks the restart policy of a pod template against its workload. The default is `Always`.
fn check_restart_policy(
    pod: &Pod<'_>,
    object: &Object<'_>,
    is_whole: bool,
    report: &mut Reporter<'_, '_>,
) {
    let (accepted, words): (&[&str], _) = match object.kind {
        "DaemonSet" | "Deployment" | "ReplicaSet" | "ReplicationController" | "StatefulSet" => {
            (&["Always"], "must be Always")
        }
        "CronJob" | "Job" => (&["OnFailure", "Never"], "must be OnFailure or Never"),
        _ => return,
    };
    let kind = object.kind;
    match pod.lookup("restartPolicy").filter(|node| !node.is_null()) {
        Some(node) => {
            let is_wrong = |word: &&str| {
                ["Always", "OnFailure", "Never"].contains(word) && !accepted.contains(word)
            };
            let Some(word) = text(node).filter(is_wrong) else {
                return;
            };
            let message = format!("restartPolicy is {word}: {words} in a {kind}");
            let mut finding = report.at(node, message);
            if let [one] = accepted {
                let change = Change::Set {
                    path: node.path(),
                    value: Value::Text((*one).into()),
                };
                finding.fix(
                    Applicability::Unsafe,
                    format!("replace with {one}"),
                    [change],
                );
            }
        }
        None if is_whole && !accepted.contains(&"Always") => {
            let message = format!("a {kind} has no restartPolicy, which {words}");
            report.at(token(pod.node), message).as_missing();
        }
        None => {}
    }
}

/// Ephemeral containers can only be added to a running pod. A manifest that was read back from a
/// cluster has a status.
fn check_ephemeral_containers(pod: &Pod<'_>, object: &Object<'_>, report: &mut Reporter<'_, '_>) {
    let entry = pod.node.entry("ephemeralContainers");
    let Some(entry) = entry.filter(|entry| entry.value.items().len() > 0) else {
        return;
    };
    if object.kind != "Pod" {
        let message = "ephemeral containers are not allowed in a pod template";
        report.at(entry.key, message);
    } else if object.node.get("status").is_none() {
        let message = "a pod cannot be created with ephemeral containers";
        report.at(entry.key, message);
    }
}

/// Two containers cannot use the same port of the node. With `hostNetwork`, each port is one.
fn check_unique_host_ports(pod: &Pod<'_>, report: &mut Reporter<'_, '_>) {
    let mut first: HashMap<(&str, &str, i64), Node<'_>> = HashMap::new();
    let ordinary = |container: &&Container<'_>| container.kind == ContainerKind::Ordinary;
    for container in pod.containers.iter().filter(ordinary) {
        for port in items(container.lookup("ports")) {
            let word = |key| port.get(key).map_or(Some(""), text);
            let number = |key| {
                let number = integer(port, key).filter(|number| *number != 0)?;
                Some((number, port.get(key)?))
            };
            let of_node = number("hostPort").or_else(|| {
                number("containerPort").filter(|_| pod.spec.host_network == Some(true))
            });
            let (Some((number, node)), Some(ip), Some(protocol)) =
                (of_node, word("hostIP"), word("protocol"))
            else {
                continue;
            };
            let protocol = if protocol.is_empty() { "TCP" } else { protocol };
            match first.get(&(ip, protocol, number)) {
                Some(other) if *other == node => {}
                Some(other) => {
                    let message = format!("duplicate host port {number}/{protocol}");
                    let mut finding = report.at(node, message).in_container(Some(container));
                    finding.related(*other, "first used here");
                }
                None => _ = first.insert((ip, protocol, number), node),
            }
        }
    }
}

/// An AppArmor annotation must name a container of the pod.
fn check_apparmor_annotations(pod: &Pod<'_>, is_whole: bool, report: &mut Reporter<'_, '_>) {
    for annotation in annotations(pod) {
        let name = annotation.name.strip_prefix(APPARMOR);
        let Some(name) = name.filter(|name| !name.contains("{{")) else {
            continue;
        };
        let names_one = pod.containers.iter().any(|it| it.name() == name);
        if !is_whole || names_one || pod.has_unfinished_container() {
            continue;
        }
        let message = format!(
            "the AppArmor annotation is for container {:?}, which does not exist",
            shortened(name)
        );
        let mut finding = report.at(annotation.key, message);
        finding.fix(
            Applicability::Safe,
            "remove the annotation",
            annotation.removal(pod),
        );
    }
}

/// Returns the items of a list, with aliases resolved.
pub(crate) fn items(list: Option<Node<'_>>) -> impl Iterator<Item = Node<'_>> {
    let list = list.filter(|list| list.kind() == NodeKind::Sequence);
    list.into_iter()
        .flat_map(Node::items)
        .filter_map(Node::resolve)
}

fn mounts<'y>(container: &Container<'y>) -> impl Iterator<Item = Node<'y>> {
    items(container.lookup("volumeMounts"))
}

fn name_of(item: Node<'_>) -> Option<Node<'_>> {
    item.get("name")
}

/// Returns the integer of a key.
pub(crate) fn integer(mapping: Node<'_>, key: &str) -> Option<i64> {
    match mapping.get(key)?.resolved()? {
        Resolved::Int(number) => Some(number),
        _ => None,
    }
}

/// Returns the text of a value, unless another program fills it in.
pub(crate) fn text(node: Node<'_>) -> Option<&str> {
    node.as_str().filter(|text| {
        !text.is_empty() && !text.contains("{{") && !text.contains("$(") && !node.is_null()
    })
}

/// Reports each name that occurs before.
pub(crate) fn check_unique<'p, 'y: 'p>(
    names: impl Iterator<Item = (Option<&'p Container<'y>>, Node<'y>)>,
    noun: &str,
    report: &mut Reporter<'_, '_>,
) {
    let mut names = names.filter_map(|(container, node)| Some((container, node, text(node)?)));
    let (Some(one), Some(two)) = (names.next(), names.next()) else {
        return;
    };
    let mut first: HashMap<&str, Node<'_>> = HashMap::new();
    for (container, node, name) in [one, two].into_iter().chain(names) {
        match first.get(name) {
            // An alias repeats the same item, which is reported once.
            Some(other) if *other == node => {}
            Some(other) => {
                let mut finding = report
                    .at(node, format!("duplicate {noun} {:?}", shortened(name)))
                    .in_container(container);
                finding.related(*other, "first used here");
            }
            None => _ = first.insert(name, node),
        }
    }
}

/// Returns the names of the volumes that a container can mount. `None` if some of them are unknown.
fn volumes<'y>(pod: &Pod<'y>, object: &Object<'y>) -> Option<HashSet<&'y str>> {
    let of_pod = items(pod.lookup("volumes")).map(name_of);
    let claims = object
        .node
        .get("spec")
        .and_then(|spec| spec.get("volumeClaimTemplates"));
    let of_claims = items(claims).map(|claim| claim.get("metadata").and_then(name_of));
    let all: Option<HashSet<&str>> = of_pod
        .chain(of_claims)
        .map(|name| name.and_then(text))
        .collect();
    all.filter(|_| {
        pod.lookup("volumes")
            .is_none_or(|list| list.kind() == NodeKind::Sequence || list.is_null())
    })
}

fn check_mount(
    mount: Node<'_>,
    volumes: &Option<HashSet<&str>>,
    container: &Container<'_>,
    report: &mut Reporter<'_, '_>,
) {
    let (Some(volumes), Some(node)) = (volumes, name_of(mount)) else {
        return;
    };
    if let Some(name) = text(node).filter(|name| !volumes.contains(name)) {
        report
            .at(
                node,
                format!(
                    "{container} mounts volume {:?}, which does not exist",
                    shortened(name)
                ),
            )
            .in_container(container)
            .as_missing();
    }
}

/// Checks the propagation settings of a mount against the rest of the container.
fn check_propagation(mount: Node<'_>, container: &Container<'_>, report: &mut Reporter<'_, '_>) {
    let value = |key: &str| mount.get(key).and_then(|node| Some((text(node)?, node)));
    let privileged = container.lookup("securityContext.privileged");
    let is = |node: Option<Node<'_>>| node.and_then(Node::resolved) == Some(Resolved::Bool(true));
    if let Some((_, node)) =
        value("mountPropagation").filter(|(word, _)| *word == "Bidirectional" && !is(privileged))
    {
        let message = "mountPropagation is Bidirectional, which needs privileged: true";
        report
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
            report
                .at(node, message)
                .in_container(container)
                .as_missing_if(read_only.is_none());
        } else if value("mountPropagation").is_some_and(|(word, _)| word != "None") {
            report
                .at(
                    node,
                    format!("recursiveReadOnly is {word}, which excludes mountPropagation"),
                )
                .in_container(container);
        }
    }
    if let Some((_, node)) = value("subPathExpr").filter(|_| value("subPath").is_some()) {
        report
            .at(
                node,
                "subPath and subPathExpr are both set: only one is allowed",
            )
            .in_container(container);
    }
}

/// With `hostNetwork`, a container's ports are ports of the node.
fn check_host_ports(pod: &Pod<'_>, container: &Container<'_>, report: &mut Reporter<'_, '_>) {
    for port in items(container.lookup("ports")) {
        let (Some(of_host), Some(of_container)) =
            (integer(port, "hostPort"), integer(port, "containerPort"))
        else {
            continue;
        };
        if let Some(node) = port
            .get("hostPort")
            .filter(|_| of_host != 0 && of_host != of_container)
        {
            let message =
                format!("hostPort is {of_host}: must be {of_container} with hostNetwork: true");
            let mut finding = report.at(node, message).in_container(container);
            if let Some(network) = pod.lookup("hostNetwork") {
                finding.related(network, "hostNetwork here");
            }
        }
    }
}

fn check_variables(container: &Container<'_>, report: &mut Reporter<'_, '_>) {
    for variable in items(container.lookup("env")) {
        let value = variable
            .get("value")
            .filter(|value| !value.is_null() && value.as_str() != Some(""));
        let from = variable.get("valueFrom").filter(|from| !from.is_null());
        if let (Some(value), Some(from)) = (value, from) {
            let mut finding = report
                .at(
                    value,
                    "value and valueFrom are both set: only one is allowed",
                )
                .in_container(container);
            finding.related(
                from.own_entry().map_or(from, |entry| entry.key),
                "valueFrom here",
            );
        }
    }
}

/// An init container that ends must not have probes and lifecycle hooks.
fn check_init_container(container: &Container<'_>, report: &mut Reporter<'_, '_>) {
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
            let is_missing = container.lookup("restartPolicy").is_none();
            let message = format!("{field} of {container} needs restartPolicy: Always");
            report
                .at(entry.key, message)
                .in_container(container)
                .as_missing_if(is_missing);
        }
    }
}

/// An ephemeral container must not set the fields that make it part of the pod.
fn check_ephemeral_container(container: &Container<'_>, report: &mut Reporter<'_, '_>) {
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
        report
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
            report
                .at(
                    path,
                    format!("{field} is not allowed in an ephemeral container"),
                )
                .in_container(container);
        }
    }
}

/// `successThreshold` must be 1, except in readiness probes.
pub(crate) fn check_success_threshold(
    probe: Node<'_>,
    object: &Object<'_>,
    report: &mut Reporter<'_, '_>,
) {
    let is_ready = probe
        .own_entry()
        .is_none_or(|entry| entry.key.as_str() == Some("readinessProbe"));
    let Some(node) = probe.get("successThreshold").filter(|_| !is_ready) else {
        return;
    };
    if matches!(node.resolved(), Some(Resolved::Int(2..))) {
        let message = format!(
            "successThreshold is {}: must be 1 in this probe",
            displayed(node)
        );
        report
            .at(node, message)
            .in_container(object.container_around(node));
    }
}
