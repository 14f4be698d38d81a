use crate::config::Config;
use crate::rules::capabilities::undropped_capabilities;
use crate::rules::privileges::privileged_container;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Pod, Setting, Version};
use yaml::edit::{Change, Value};

rule! {
    /// Containers that drop neither `NET_RAW` nor `ALL` capabilities.
    ///
    /// A weaker form of `undropped-capabilities`, for users who do not require `drop: [ALL]`. It is
    /// silent wherever that rule runs.
    ///
    /// ## Why
    ///
    /// `NET_RAW` is in the default set of every container runtime. With it, a process writes
    /// packets of any form. It can answer for the addresses of other pods (ARP and DNS spoofing),
    /// read what was meant for them, and scan the network. CVE-2020-14386, a kernel vulnerability,
    /// could be exploited by any process that had it.
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
    ///             - MKNOD
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
    ///             - MKNOD
    ///             - NET_RAW
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
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// If the program works on the network itself: `ping`, DHCP servers, some network plugins. Add
    /// `NET_RAW` explicitly; the rule is then silent.
    ///
    /// ## What the fix changes
    ///
    /// It adds `NET_RAW` to `capabilities.drop`. Programs that open raw sockets stop working, such
    /// as older versions of `ping`.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version, if `undropped-capabilities` does not run: if
    /// it is ignored or not selected, and before 1.22. The rule skips Windows pods
    /// (`spec.os.name: windows`), which cannot set the field. If a container is privileged and drops
    /// nothing, only `privileged-container` reports it.
    ///
    /// ## References
    ///
    /// - Kubernetes: Set capabilities for a Container:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#set-capabilities-for-a-container>
    /// - [Linux: capabilities(7)](https://man7.org/linux/man-pages/man7/capabilities.7.html)
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.2.8
    id: "undropped-net-raw",
    enablement: Profile(Hardened),
    severity: Info,
    check: Check::Pod(check),
    aliases: [
        Checkov "CKV_K8S_28", KubeLinter "drop-net-raw-capability", Kubescape "C-0199",
        Kyverno "drop-cap-net-raw",
    ],
}

const DROP: &str = "securityContext.capabilities.drop";
/// The missing item as if it were a key, so that the finding is at the list if there is one.
const ITEM: &str = "securityContext.capabilities.drop.NET_RAW";

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    if pod.is_windows() || requires_drop_all(config) {
        return;
    }
    for container in pod.finished_containers() {
        let lists = container.security().capabilities.as_ref();
        let mut added = lists
            .and_then(|lists| lists.add.as_ref())
            .into_iter()
            .flatten();
        let keeps = match container.setting(DROP, lists.and_then(|lists| lists.drop.as_ref())) {
            Setting::Set { value, .. } => !value
                .iter()
                .any(|name| is_net_raw(name) || name.eq_ignore_ascii_case("ALL")),
            Setting::Unset => !privileged_container::explains(container, config),
            Setting::Unreadable(_) => false,
        };
        if !keeps || added.any(|name| is_net_raw(name)) {
            continue;
        }
        report
            .missing(ITEM, format!("{container} does not drop NET_RAW"))
            .in_container(container)
            .fix(
                Applicability::Unsafe,
                "drop NET_RAW (programs that use raw sockets fail)",
                [Change::Append {
                    path: container.path(DROP),
                    value: Value::Text("NET_RAW".into()),
                }],
            );
    }
}

/// Whether another rule requires `drop: [ALL]`, which includes `NET_RAW`.
fn requires_drop_all(config: &Config) -> bool {
    undropped_capabilities::RULE.runs(config) && config.kubernetes_version >= Version::new(22)
}

fn is_net_raw(name: &str) -> bool {
    name.to_ascii_uppercase().trim_start_matches("CAP_") == "NET_RAW"
}
