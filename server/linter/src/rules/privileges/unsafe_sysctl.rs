use crate::config::Config;
use crate::rules::security_context::{text, token};
use crate::rules::{Applicability, Reporter};
use kubernetes::{Pod, Version};
use yaml::edit::Change;
use yaml::{Node, NodeKind};

rule! {
    /// Kernel settings outside the safe list: `sysctls`.
    ///
    /// Safe ones belong to the pod's own namespaces and cannot hurt the rest of the node: `kernel.shm_rmid_forced`,
    /// `net.ipv4.ip_local_port_range`, `net.ipv4.ip_unprivileged_port_start`, `net.ipv4.ping_group_range`,
    /// `net.ipv4.tcp_syncookies`, and those that later versions of Kubernetes added.
    ///
    /// ## Why
    ///
    /// Other settings reach past the pod: a memory or queue limit raised here starves the neighbours, a network setting opens
    /// the node to spoofed packets. CVE-2022-0811 (cr8escape) went through a sysctl: `kernel.core_pattern`, smuggled in
    /// behind an allowed one, ran the attacker's program as root on the node.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   securityContext:
    ///     sysctls:
    ///       - name: net.ipv4.tcp_syncookies
    ///         value: "1"
    ///       - name: kernel.msgmax
    ///         value: "65536"
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
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
    ///   securityContext:
    ///     sysctls:
    ///       - name: net.ipv4.tcp_syncookies
    ///         value: "1"
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
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
    ///   securityContext:
    ///     sysctls:
    ///       - name: net.ipv4.ip_unprivileged_port_start
    ///         value: "0"
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// A node pool whose kubelets allow the setting (`--allowed-unsafe-sysctls`), for a program that was measured to need it,
    /// such as `net.core.somaxconn` for a busy server. Elsewhere such a pod does not start.
    ///
    /// ## What the fix changes
    ///
    /// It removes the item, so that the node's default holds. A program that checks the setting at start refuses to run.
    ///
    /// ## Applies to
    ///
    /// Profile `baseline`, every Kubernetes version. Safe from 1.27 on: `net.ipv4.ip_local_reserved_ports`. From 1.29 on:
    /// `net.ipv4.tcp_fin_timeout`, `net.ipv4.tcp_keepalive_intvl`, `net.ipv4.tcp_keepalive_probes`,
    /// `net.ipv4.tcp_keepalive_time`. From 1.32 on: `net.ipv4.tcp_rmem`, `net.ipv4.tcp_wmem`. From 1.37 on:
    /// `net.ipv4.tcp_notsent_lowat`, `net.ipv4.tcp_slow_start_after_idle`.
    ///
    /// ## References
    ///
    /// - Pod Security Standards: Sysctls:
    ///   <https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline>
    /// - [Kubernetes: Using sysctls in a Cluster](https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/)
    id: "unsafe-sysctl",
    enablement: Profile(Baseline),
    severity: Error,
    check: Check::Pod(check),
    aliases: [Trivy "KSV-0026", KubeLinter "unsafe-sysctls", Kyverno "restrict-sysctls"],
    related: [Kubescape "C-0211"],
}

const LIST: &str = "securityContext.sysctls";
/// The safe settings, each with the version that its safety begins with.
pub(crate) const SAFE: [(&str, u16); 14] = [
    ("kernel.shm_rmid_forced", 0),
    ("net.ipv4.ip_local_port_range", 0),
    ("net.ipv4.ip_unprivileged_port_start", 0),
    ("net.ipv4.ping_group_range", 0),
    ("net.ipv4.tcp_syncookies", 0),
    ("net.ipv4.ip_local_reserved_ports", 27),
    ("net.ipv4.tcp_fin_timeout", 29),
    ("net.ipv4.tcp_keepalive_intvl", 29),
    ("net.ipv4.tcp_keepalive_probes", 29),
    ("net.ipv4.tcp_keepalive_time", 29),
    ("net.ipv4.tcp_rmem", 32),
    ("net.ipv4.tcp_wmem", 32),
    ("net.ipv4.tcp_notsent_lowat", 37),
    ("net.ipv4.tcp_slow_start_after_idle", 37),
];

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    let is_safe = |name| {
        SAFE.iter()
            .any(|&(safe, since)| safe == name && config.kubernetes_version >= Version::new(since))
    };
    let items = pod.lookup(LIST).map(|list| list.items());
    for (index, item) in items.into_iter().flatten().enumerate() {
        let Some((node, name)) = named(item).filter(|&(_, name)| !is_safe(name)) else {
            continue;
        };
        let message = match name {
            "" => "a sysctl without a name is not among the safe ones".to_owned(),
            name => format!("sysctl {name} is not among the safe ones"),
        };
        let change = Change::Remove {
            path: pod.path(LIST).index(index),
        };
        let title = "remove the sysctl (the node's default holds)";
        found
            .at(token(node), message)
            .as_missing_if(item.resolve() == Some(node))
            .fix(Applicability::Unsafe, title, [change]);
    }
}

/// The name of an item with its node; empty where none is written. `None` for what the API server cannot read.
fn named(item: Node<'_>) -> Option<(Node<'_>, &str)> {
    let item = item.resolve()?;
    match item.get("name") {
        Some(node) => Some((node, text(node)?)),
        None => (item.kind() == NodeKind::Mapping || item.is_null()).then_some((item, "")),
    }
}
