use crate::config::Config;
use crate::rules::capabilities::names::{ADD, DROP, Item, items};
use crate::rules::{Applicability, Reporter};
use kubernetes::{Container, Pod};
use yaml::edit::Change;

rule! {
    /// Capabilities that a container both adds and drops, or names twice.
    ///
    /// `drop: [ALL]` with some of them in `add` is the way to keep a few. The same name in both lists is a contradiction, and a
    /// name that is twice in one list hides what the list says.
    ///
    /// ## Why
    ///
    /// Which list wins is up to the container runtime: containerd adds first and drops then. A reviewer who sees the name under
    /// `drop` takes it for gone, one who sees it under `add` for present, and one of them is wrong.
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
    ///       securityContext:
    ///         capabilities:
    ///           drop:
    ///             - ALL
    ///             - NET_RAW
    ///             - ALL
    ///           add:
    ///             - NET_RAW
    ///             - NET_BIND_SERVICE
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
    ///         capabilities:
    ///           drop:
    ///             - ALL
    ///             - NET_RAW
    ///           add:
    ///             - NET_BIND_SERVICE
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
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         capabilities:
    ///           drop: [ALL]
    ///           add: [NET_BIND_SERVICE]
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Never: one of the two does nothing.
    ///
    /// ## What the fix changes
    ///
    /// It removes the second of two equal names, and of a name in both lists the one under `add`, as containerd does. Where
    /// the program needs the capability, remove it from `drop` instead.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, every operating system. Names count as equal whatever their capitals and with
    /// or without `CAP_`.
    ///
    /// ## References
    ///
    /// - Kubernetes: Set capabilities for a Container:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#set-capabilities-for-a-container>
    /// - containerd, `WithCapabilities`:
    ///   <https://github.com/containerd/containerd/blob/main/internal/cri/opts/spec_linux_opts.go>
    /// - The Pod Security Standards, the CIS Benchmark and the NSA/CISA guide have no section about it.
    id: "conflicting-capabilities",
    enablement: Always,
    severity: Warning,
    check: Check::Pod(check),
}

fn check(pod: &Pod<'_>, _config: &Config, found: &mut Reporter<'_, '_>) {
    for container in &pod.containers {
        let (added, dropped) = (items(container, ADD), items(container, DROP));
        repeated(container, &added, "add", found);
        repeated(container, &dropped, "drop", found);
        for (place, item) in added.iter().enumerate() {
            let other = dropped.iter().find(|other| other.normal == item.normal);
            if let Some(other) = other.filter(|_| earlier(&added, place).is_none()) {
                let message = format!("{container} adds {} and drops it too", item.normal);
                let change = Change::Remove {
                    path: item.path(container),
                };
                found
                    .at(item.node, message)
                    .in_container(container)
                    .fix(
                        Applicability::Unsafe,
                        format!(
                            "remove {} from add (programs that need it fail)",
                            item.normal
                        ),
                        [change],
                    )
                    .related(other.node, "dropped here");
            }
        }
    }
}

fn repeated(
    container: &Container<'_>,
    items: &[Item<'_>],
    list: &str,
    found: &mut Reporter<'_, '_>,
) {
    for (place, item) in items.iter().enumerate() {
        if let Some(first) = earlier(items, place) {
            let change = Change::Remove {
                path: item.path(container),
            };
            found
                .at(
                    item.node,
                    format!("{container} has {} twice in {list}", item.normal),
                )
                .in_container(container)
                .fix(
                    Applicability::Unsafe,
                    format!("remove the second {}", item.normal),
                    [change],
                )
                .related(first.node, "the first one");
        }
    }
}

/// The item of the same name before this one.
fn earlier<'i, 'y>(items: &'i [Item<'y>], place: usize) -> Option<&'i Item<'y>> {
    let name = &items.get(place)?.normal;
    items.iter().take(place).find(|item| item.normal == *name)
}
