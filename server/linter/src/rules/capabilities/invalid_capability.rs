use crate::config::Config;
use crate::rules::capabilities::names::{ADD, DROP, Item, NAMES, items};
use crate::rules::capabilities::undropped_capabilities;
use crate::rules::describe::shortened;
use crate::rules::schema::unknown_fields::is_filled_in;
use crate::rules::{Applicability, Reporter};
use crate::suggest::closest;
use kubernetes::{Container, Pod};
use yaml::edit::{Change, Value};

rule! {
    /// Names in `capabilities` that are not Linux capabilities.
    ///
    /// Kubernetes expects the names of capabilities in capitals and without the prefix `CAP_`:
    /// `NET_RAW`. It accepts any text and leaves it to the container runtime what `CAP_NET_RAW`,
    /// `net_raw` or `NETRAW` mean.
    ///
    /// ## Why
    ///
    /// containerd puts `CAP_` in front of every name, so that `CAP_NET_RAW` becomes a name that the
    /// kernel does not know. CRI-O accepts it. As a result, a capability that should be dropped
    /// stays on some nodes, one that should be added is missing, or the container does not start.
    /// The Pod Security Standards compare the names exactly and reject other spellings.
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
    ///           drop: [ALL, CAP_NET_RAW]
    ///           add:
    ///             - net_bind_servce # listens on 443
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
    ///           drop: [ALL, NET_RAW]
    ///           add:
    ///             - NET_BIND_SERVICE # listens on 443
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
    /// If the name is a capability of a kernel newer than this program.
    ///
    /// ## What the fix changes
    ///
    /// It writes the name that Kubernetes expects, if it is clear which one was meant. The
    /// capability is then dropped or added for the first time.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version. A misspelled `ALL` in `drop` is left to
    /// `undropped-capabilities` where that rule runs.
    ///
    /// ## References
    ///
    /// - Kubernetes: Set capabilities for a Container:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#set-capabilities-for-a-container>
    /// - [Linux: capabilities(7)](https://man7.org/linux/man-pages/man7/capabilities.7.html)
    /// - containerd, `WithCapabilities`:
    ///   <https://github.com/containerd/containerd/blob/main/internal/cri/opts/spec_linux_opts.go>
    /// - The CIS Benchmark and the NSA/CISA guide have no section about it.
    id: "invalid-capability",
    enablement: Always,
    severity: Warning,
    check: Check::Pod(check),
}

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    for container in &pod.containers {
        for item in items(container, ADD) {
            check_item(&item, container, report);
        }
        let is_all_reported = undropped_capabilities::applies_to(pod, config);
        for item in items(container, DROP)
            .iter()
            .filter(|item| !(is_all_reported && item.normalized_name == "ALL"))
        {
            check_item(item, container, report);
        }
    }
}

fn check_item(item: &Item<'_>, container: &Container<'_>, report: &mut Reporter<'_, '_>) {
    if NAMES.contains(&item.name) || is_filled_in(item.node) {
        return;
    }
    let message = format!(
        "{container} lists {:?}, which is not a capability",
        shortened(item.name)
    );
    let mut finding = report.at(item.node, message).in_container(container);
    let right = NAMES
        .into_iter()
        .find(|name| *name == item.normalized_name)
        .or_else(|| closest(&item.normalized_name, NAMES));
    if let Some(right) = right {
        let change = Change::Set {
            path: item.path(container),
            value: Value::Text(right.into()),
        };
        finding.fix(
            Applicability::Unsafe,
            format!("replace with {right}"),
            [change],
        );
    }
}
