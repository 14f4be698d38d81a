use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::capabilities::helpers::{added, is_allowed_at_baseline, withdraw};
use crate::rules::pod_security::{overrides_baseline, spares_windows};
use crate::rules::security_context::token;
use kubernetes::{Container, Pod};

rule! {
    /// Capabilities added beyond those of the standard `baseline`.
    ///
    /// It allows `AUDIT_WRITE`, `CHOWN`, `DAC_OVERRIDE`, `FOWNER`, `FSETID`, `KILL`, `MKNOD`, `NET_BIND_SERVICE`, `SETFCAP`,
    /// `SETGID`, `SETPCAP`, `SETUID` and `SYS_CHROOT`. Names count exactly as written: `CAP_CHOWN` and `chown` are not among
    /// them.
    ///
    /// ## Why
    ///
    /// Each of the others is a way out of the container or into others. With `SYS_ADMIN` an attacker mounts the node's disk,
    /// with `SYS_MODULE` loads code into the kernel, with `SYS_PTRACE` and `hostPID` takes over a process of the node, with
    /// `NET_RAW` answers in the name of other pods, with `DAC_READ_SEARCH` opens files of the node by their handle.
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
    ///             - SYS_ADMIN # for the profiler
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
    /// Parts of the node, such as network plug-ins (`NET_ADMIN`), clocks (`SYS_TIME`) and profilers (`PERFMON`, `BPF`), need
    /// one. One named capability is still far better than `privileged: true`.
    ///
    /// ## What the fix changes
    ///
    /// It removes the item, and the list with the last one. Calls that need the capability fail with "Operation not
    /// permitted".
    ///
    /// ## Applies to
    ///
    /// Profile `baseline`, every Kubernetes version. At profile `restricted` from 1.25 on not pods for Windows
    /// (`spec.os.name`), which cannot have the field.
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

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    if overrides_baseline(config) && spares_windows(pod, config) {
        return;
    }
    for container in &pod.containers {
        for added in added(container).filter(|added| !is_allowed_at_baseline(added.name)) {
            let mut finding = found
                .at(token(added.node), message(container, added.name))
                .in_container(container);
            withdraw(&mut finding, container, &added);
        }
    }
}

fn message(container: &Container<'_>, name: &str) -> String {
    let power = match name {
        "" => return format!("{container} adds a capability without a name"),
        "ALL" => "every right of root",
        "SYS_ADMIN" => "most rights of root",
        "BPF" | "SYS_MODULE" => "code in the node's kernel",
        "NET_ADMIN" => "power over network interfaces",
        "NET_RAW" => "forged packets",
        "SYS_PTRACE" => "power over other processes",
        "DAC_READ_SEARCH" => "every file in reach",
        "SYS_RAWIO" => "the node's memory and disks",
        _ => return format!("{container} adds {name}, which baseline does not allow"),
    };
    format!("{container} adds {name}: {power}")
}
