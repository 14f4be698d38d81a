use crate::config::Config;
use crate::rules::host::host_path::{HostPath, volumes};
use crate::rules::{Applicability, Reporter};
use kubernetes::{Container, Pod};
use yaml::edit::{Change, Value};
use yaml::{Node, Path, Resolved};

rule! {
    /// Mounts of `hostPath` volumes without `readOnly: true`.
    ///
    /// The container can change files of the node. The rule skips sockets and devices, which a
    /// process uses in the same way through a read-only mount.
    ///
    /// ## Why
    ///
    /// An attacker who takes over the container changes the node from inside it: a script in a
    /// directory that root's jobs run, a library that other programs load, a log that hides what
    /// happened. Through a read-only mount, they can still read the files, but not change them.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: shipper
    /// spec:
    ///   containers:
    ///     - name: shipper
    ///       image: registry.example.com/shipper:2.0
    ///       volumeMounts:
    ///         - name: logs
    ///           mountPath: /logs
    ///   volumes:
    ///     - name: logs
    ///       hostPath:
    ///         path: /srv/logs
    /// ```
    ///
    /// Fixed:
    ///
    /// ```yaml fixed
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: shipper
    /// spec:
    ///   containers:
    ///     - name: shipper
    ///       image: registry.example.com/shipper:2.0
    ///       volumeMounts:
    ///         - name: logs
    ///           mountPath: /logs
    ///           readOnly: true
    ///   volumes:
    ///     - name: logs
    ///       hostPath:
    ///         path: /srv/logs
    /// ```
    ///
    /// Good: a volume of the cluster for what the program writes.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: shipper
    /// spec:
    ///   containers:
    ///     - name: shipper
    ///       image: registry.example.com/shipper:2.0
    ///       volumeMounts:
    ///         - name: logs
    ///           mountPath: /logs
    ///           readOnly: true
    ///         - name: positions
    ///           mountPath: /positions
    ///   volumes:
    ///     - name: logs
    ///       hostPath:
    ///         path: /srv/logs
    ///     - name: positions
    ///       persistentVolumeClaim:
    ///         claimName: shipper
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Programs whose purpose is to write there: storage drivers, network plugins, installers of
    /// node components. `host-path-volume` reports the volume itself.
    ///
    /// ## What the fix changes
    ///
    /// It sets `readOnly: true` on the mount. A program that writes there fails with "Read-only
    /// file system". There is no fix for mounts with `mountPropagation: Bidirectional`, because
    /// such a container mounts file systems for the node. Other file systems mounted below the path
    /// stay writable unless `recursiveReadOnly` is set.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version, every operating system.
    ///
    /// ## References
    ///
    /// - [Kubernetes: hostPath](https://kubernetes.io/docs/concepts/storage/volumes/#hostpath)
    /// - Kubernetes: Read-only mounts:
    ///   <https://kubernetes.io/docs/concepts/storage/volumes/#read-only-mounts>
    id: "writable-host-path",
    enablement: Profile(Hardened),
    severity: Info,
    check: Check::Pod(check),
    aliases: [
        KubeLinter "writable-host-mount", Kubescape "C-0045", Kyverno "ensure-readonly-hostpath",
    ],
}

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    let host_paths: Vec<HostPath<'_>> = volumes(pod, config)
        .filter(|volume| is_file_mount(pod, volume))
        .collect();
    for container in &pod.containers {
        for (mount, path) in mounts(container) {
            let name = mount.get("name").and_then(Node::as_str);
            let Some(volume) = host_paths.iter().find(|volume| Some(volume.volume) == name) else {
                continue;
            };
            check_mount(container, mount, volume, path, report);
        }
    }
}

fn mounts<'y>(container: &Container<'y>) -> impl Iterator<Item = (Node<'y>, Path)> {
    let list = container.path("volumeMounts");
    let items = container.lookup("volumeMounts").map(|list| list.items());
    items
        .into_iter()
        .flatten()
        .enumerate()
        .map(move |(place, mount)| (mount, list.index(place)))
}

/// Whether the volume contains files. A process can use a socket or a device even if its mount is
/// read-only.
fn is_file_mount(pod: &Pod<'_>, volume: &HostPath<'_>) -> bool {
    let typed = pod
        .spec
        .volumes
        .iter()
        .flatten()
        .find(|typed| typed.name == volume.volume);
    let kind = typed
        .and_then(|typed| typed.host_path.as_ref()?.type_.as_deref())
        .unwrap_or_default();
    let is_special = |path: &str| path.ends_with(".sock") || path.starts_with("/dev/");
    !matches!(kind, "Socket" | "CharDevice" | "BlockDevice")
        && !volume.path.as_deref().is_some_and(is_special)
}

fn check_mount(
    container: &Container<'_>,
    mount: Node<'_>,
    volume: &HostPath<'_>,
    path: Path,
    report: &mut Reporter<'_, '_>,
) {
    let message = match &volume.path {
        Some(path) => format!("{container} can write to {path} on the node"),
        None => format!("{container} can write to a directory on the node"),
    };
    let mut finding = match mount.get("readOnly") {
        Some(value) if matches!(value.resolved(), Some(Resolved::Bool(false))) => {
            report.at(value, message).in_container(container)
        }
        Some(value) if !value.is_null() => return,
        _ => match mount.get("mountPath") {
            Some(place) if place.as_str().is_some_and(|text| !text.is_empty()) => report
                .at(place, message)
                .in_container(container)
                .as_missing(),
            _ => return,
        },
    };
    finding.related(volume.node, "the hostPath volume");
    // The container mounts file systems for the node there.
    if mount.get("mountPropagation").and_then(Node::as_str) != Some("Bidirectional") {
        let change = Change::Set {
            path: path.key("readOnly"),
            value: Value::Bool(true),
        };
        finding.fix(
            Applicability::Unsafe,
            "set readOnly: true (writes to the volume fail)",
            [change],
        );
    }
}
