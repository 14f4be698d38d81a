use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::capabilities::helpers::{added, is_allowed_at_baseline, offer_removal};
use crate::rules::pod_security::{exempts_windows, overrides_baseline};
use crate::rules::security_context::token;
use kubernetes::{Container, Pod};

rule! {
    /// Containers that add capabilities beyond the `baseline` standard.
    ///
    /// `baseline` allows `AUDIT_WRITE`, `CHOWN`, `DAC_OVERRIDE`, `FOWNER`, `FSETID`, `KILL`,
    /// `MKNOD`, `NET_BIND_SERVICE`, `SETFCAP`, `SETGID`, `SETPCAP`, `SETUID` and `SYS_CHROOT`. It
    /// compares names exactly: `CAP_CHOWN` and `chown` are not allowed.
    ///
    /// ## Why
    ///
    /// Each of the others leads out of the container or into another one. With `SYS_ADMIN`, an
    /// attacker mounts the node's disk. With `SYS_MODULE`, they load code into the kernel. With
    /// `SYS_PTRACE` and `hostPID`, they take over a process of the node. With `NET_RAW`, they
    /// answer in the name of other pods. With `DAC_READ_SEARCH`, they open files of the node by
    /// handle.
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
    ///           add:
    ///             - NET_BIND_SERVICE
    ///             - SYS_ADMIN
    ///           drop: [ALL]
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
    ///           add:
    ///             - NET_BIND_SERVICE
    ///           drop: [ALL]
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
    ///           add: [CHOWN]
    ///           drop: [ALL]
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Some components of the node need one: network plugins (`NET_ADMIN`), clocks (`SYS_TIME`),
    /// profilers (`PERFMON`, `BPF`). One named capability is still far better than
    /// `privileged: true`.
    ///
    /// ## What the fix changes
    ///
    /// It removes the capability from `add`, and removes the list once it is empty. Calls that need
    /// the capability fail with "Operation not permitted".
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version. At profile `restricted` from Kubernetes 1.25 on,
    /// the rule skips Windows pods (`spec.os.name: windows`), which cannot set the field.
    ///
    /// ## References
    ///
    /// - Pod Security Standards: Capabilities:
    ///   <https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline>
    /// - Kubernetes: Set capabilities for a Container:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#set-capabilities-for-a-container>
    /// - [Linux: capabilities(7)](https://man7.org/linux/man-pages/man7/capabilities.7.html)
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.2.9
    /// - NSA/CISA Kubernetes Hardening Guide, "Pod security enforcement":
    ///   <https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF>
    id: "dangerous-capability",
    enablement: Profile(Baseline),
    severity: Error,
    check: Check::Pod(check),
    aliases: [Polaris "dangerousCapabilities", Kyverno "disallow-capabilities"],
    related: [
        Trivy "KSV-0005", Trivy "KSV-0022", Trivy "KSV-0119", Trivy "KSV-0120",
        Checkov "CKV_K8S_39", Kubescape "C-0046", Kubescape "C-0200", Kubesec "CapSysAdmin",
    ],
}

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    if overrides_baseline(config) && exempts_windows(pod, config) {
        return;
    }
    for container in &pod.containers {
        for added in added(container).filter(|added| !is_allowed_at_baseline(added.name)) {
            let mut finding = report
                .at(token(added.node), message(container, added.name))
                .in_container(container);
            offer_removal(&mut finding, container, &added);
        }
    }
}

fn message(container: &Container<'_>, name: &str) -> String {
    let effect = match name {
        "" => return format!("{container} adds a capability without a name"),
        "ALL" => "which is every capability of root",
        "SYS_ADMIN" => "which is nearly root on the node",
        "BPF" | "SYS_MODULE" => "which loads code into the node's kernel",
        "NET_ADMIN" => "which controls network interfaces",
        "NET_RAW" => "which can forge packets",
        "SYS_PTRACE" => "which controls other processes",
        "DAC_READ_SEARCH" => "which reads any file",
        "SYS_RAWIO" => "which accesses the node's memory and disks",
        _ => return format!("{container} adds {name}, which baseline does not allow"),
    };
    format!("{container} adds {name}, {effect}")
}
