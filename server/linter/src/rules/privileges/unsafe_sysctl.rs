use crate::config::Config;
use crate::rules::security_context::{text, token};
use crate::rules::{Applicability, Reporter};
use kubernetes::{Pod, Version};
use yaml::edit::Change;
use yaml::{Node, NodeKind};

rule! {
    /// Kernel parameters (`sysctls`) outside the safe list.
    ///
    /// Safe sysctls belong to the pod's own namespaces and do not affect the rest of the node:
    /// `kernel.shm_rmid_forced`, `net.ipv4.ip_local_port_range`,
    /// `net.ipv4.ip_unprivileged_port_start`, `net.ipv4.ping_group_range`,
    /// `net.ipv4.tcp_syncookies`, and those that later versions of Kubernetes added.
    ///
    /// ## Why
    ///
    /// Other sysctls affect more than the pod. A higher memory or queue limit starves other pods,
    /// and a network setting opens the node to spoofed packets. CVE-2022-0811 (cr8escape) used a
    /// sysctl: `kernel.core_pattern`, hidden behind an allowed one, ran the attacker's program as
    /// root on the node.
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
    /// On nodes whose kubelets allow the sysctl (`--allowed-unsafe-sysctls`), for a program that
    /// provably needs it, such as `net.core.somaxconn` for a busy server. On other nodes, such a
    /// pod does not start.
    ///
    /// ## What the fix changes
    ///
    /// It removes the sysctl, so that the node's default applies. A program that checks the setting
    /// at startup refuses to run.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version. Safe from 1.27 on:
    /// `net.ipv4.ip_local_reserved_ports`. From 1.29 on: `net.ipv4.tcp_fin_timeout`,
    /// `net.ipv4.tcp_keepalive_intvl`, `net.ipv4.tcp_keepalive_probes`,
    /// `net.ipv4.tcp_keepalive_time`. From 1.32 on: `net.ipv4.tcp_rmem`, `net.ipv4.tcp_wmem`. From
    /// 1.37 on: `net.ipv4.tcp_notsent_lowat`, `net.ipv4.tcp_slow_start_after_idle`.
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
    fields: ["PodSecurityContext.sysctls", "Sysctl.name"],
}

const LIST: &str = "securityContext.sysctls";
/// The safe sysctls, each with the first minor version in which it is safe.
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

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
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
            "" => "a sysctl without a name is not on the safe list".to_owned(),
            name => format!("sysctl {name} is not on the safe list"),
        };
        let change = Change::Remove {
            path: pod.path(LIST).index(index),
        };
        let title = "remove the sysctl (the node's default applies)";
        report
            .at(token(node), message)
            .as_missing_if(item.resolve() == Some(node))
            .fix(Applicability::Unsafe, title, [change]);
    }
}

/// Returns the name of an item with its node. The name is empty if it is missing; `None` if the API
/// server cannot read it.
fn named(item: Node<'_>) -> Option<(Node<'_>, &str)> {
    let item = item.resolve()?;
    match item.get("name") {
        Some(node) => Some((node, text(node)?)),
        None => (item.kind() == NodeKind::Mapping || item.is_null()).then_some((item, "")),
    }
}
