use crate::config::Config;
use crate::rules::capabilities::names::{ADD, DROP, Item, items};
use crate::rules::{Applicability, Reporter};
use kubernetes::{Container, Pod};
use yaml::edit::Change;

rule! {
    /// Capabilities that a container both adds and drops, or lists twice.
    ///
    /// `drop: [ALL]` together with a few names in `add` is the usual way to keep only those. The
    /// same name in both lists is a contradiction, and a name that occurs twice in one list hides
    /// what the list does.
    ///
    /// ## Why
    ///
    /// The container runtime decides which list wins: containerd adds first and then drops. A
    /// reviewer who sees the name under `drop` believes that it is gone. One who sees it under
    /// `add` believes that it is there. One of them is wrong.
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
    /// Never: one of the two entries has no effect.
    ///
    /// ## What the fix changes
    ///
    /// It removes the second of two equal names. If a name is in both lists, it removes the one in
    /// `add`, because containerd drops it too. If the program needs the capability, remove it from
    /// `drop` instead.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, every operating system. The comparison ignores case
    /// and the prefix `CAP_`.
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

fn check(pod: &Pod<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    for container in &pod.containers {
        let (added, dropped) = (items(container, ADD), items(container, DROP));
        repeated(container, &added, "add", report);
        repeated(container, &dropped, "drop", report);
        for (place, item) in added.iter().enumerate() {
            let other = dropped
                .iter()
                .find(|other| other.normalized_name == item.normalized_name);
            if let Some(other) = other.filter(|_| earlier(&added, place).is_none()) {
                let message = format!("{container} both adds and drops {}", item.normalized_name);
                let change = Change::Remove {
                    path: item.path(container),
                };
                report
                    .at(item.node, message)
                    .in_container(container)
                    .fix(
                        Applicability::Unsafe,
                        format!(
                            "remove {} from add (programs that need it fail)",
                            item.normalized_name
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
    report: &mut Reporter<'_, '_>,
) {
    for (place, item) in items.iter().enumerate() {
        if let Some(first) = earlier(items, place) {
            let change = Change::Remove {
                path: item.path(container),
            };
            report
                .at(
                    item.node,
                    format!("{container} lists {} twice in {list}", item.normalized_name),
                )
                .in_container(container)
                .fix(
                    Applicability::Unsafe,
                    format!("remove the duplicate {}", item.normalized_name),
                    [change],
                )
                .related(first.node, "first used here");
        }
    }
}

/// Returns the first item with the same name before this one.
fn earlier<'i, 'y>(items: &'i [Item<'y>], place: usize) -> Option<&'i Item<'y>> {
    let name = &items.get(place)?.normalized_name;
    items
        .iter()
        .take(place)
        .find(|item| item.normalized_name == *name)
}
