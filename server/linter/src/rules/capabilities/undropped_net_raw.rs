use crate::config::Config;
use crate::rules::capabilities::undropped_capabilities;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Pod, Setting, Version};
use yaml::edit::{Change, Value};

rule! {
    /// Containers that drop neither `NET_RAW` nor `ALL` capabilities.
    ///
    /// It is the small form of `undropped-capabilities`, and is silent wherever that one runs: for those who do not ask for
    /// `drop: [ALL]`.
    ///
    /// ## Why
    ///
    /// `NET_RAW` is in the default set of every container runtime. With it a process writes packets of any form: it answers for
    /// the addresses of other pods (ARP and DNS spoofing), reads along what was meant for them, and scans the network.
    /// CVE-2020-14386, a hole in the kernel, was open to whoever had it.
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
    /// For programs whose trade is the network itself: `ping`, DHCP servers, some network plugins. Adding `NET_RAW` says so,
    /// and the rule is silent then.
    ///
    /// ## What the fix changes
    ///
    /// It adds `NET_RAW` to `capabilities.drop`. Programs that open raw sockets stop working, older versions of `ping` first of
    /// all.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version, wherever `undropped-capabilities` does not run: where it is ignored or not
    /// selected, and before 1.22. Not pods for Windows (`spec.os.name`), which cannot have the field.
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
/// The missing item as if it were a key, so that a finding stands on the list where there is one.
const ITEM: &str = "securityContext.capabilities.drop.NET_RAW";

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    if pod.is_windows() || asks_for_all(config) {
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
            Setting::Unset => true,
            Setting::Unreadable(_) => false,
        };
        if !keeps || added.any(|name| is_net_raw(name)) {
            continue;
        }
        found
            .missing(ITEM, format!("{container} keeps the capability NET_RAW"))
            .in_container(container)
            .fix(
                Applicability::Unsafe,
                "drop NET_RAW (ping and other users of raw sockets stop working)",
                [Change::Append {
                    path: container.path(DROP),
                    value: Value::Text("NET_RAW".into()),
                }],
            );
    }
}

/// Whether another rule asks for `drop: [ALL]`, which is more.
fn asks_for_all(config: &Config) -> bool {
    undropped_capabilities::RULE.runs(config) && config.kubernetes_version >= Version::new(22)
}

fn is_net_raw(name: &str) -> bool {
    name.to_ascii_uppercase().trim_start_matches("CAP_") == "NET_RAW"
}
