use crate::config::{Config, Profile};
use crate::rules::pod_security::exempts_user_namespaces;
use crate::rules::security_context::token;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Pod, Setting};
use yaml::edit::Change;

rule! {
    /// Containers with a `procMount` other than `Default`.
    ///
    /// Container runtimes hide parts of `/proc` and make others read-only. `Unmasked` exposes all
    /// of it.
    ///
    /// ## Why
    ///
    /// `/proc/sysrq-trigger` reboots the node. `/proc/sys/kernel/core_pattern` names a program that
    /// the kernel runs as root on the node the next time any process crashes. `/proc/kcore` is the
    /// kernel's memory. Only the mask keeps an attacker away from them, and, with
    /// `hostUsers: false`, the user namespace.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: build
    /// spec:
    ///   hostUsers: false
    ///   containers:
    ///     - name: build
    ///       image: registry.example.com/build:3.2
    ///       securityContext:
    ///         procMount: Unmasked
    /// ```
    ///
    /// Fixed:
    ///
    /// ```yaml fixed
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: build
    /// spec:
    ///   hostUsers: false
    ///   containers:
    ///     - name: build
    ///       image: registry.example.com/build:3.2
    /// ```
    ///
    /// Good: the default, set explicitly.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: build
    /// spec:
    ///   containers:
    ///     - name: build
    ///       image: registry.example.com/build:3.2
    ///       securityContext:
    ///         procMount: Default
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Containers that build or run containers without privileges need `Unmasked` to mount their
    /// own `/proc`. The API server requires `hostUsers: false` with it, and `baseline` allows this
    /// combination from 1.35 on.
    ///
    /// ## What the fix changes
    ///
    /// It removes the field, which means `Default`. Tools that create containers inside the
    /// container stop working.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, every operating system. At profile `baseline` from
    /// Kubernetes 1.35 on, the rule skips pods with `hostUsers: false`. `restricted` has no such
    /// exemption.
    ///
    /// ## References
    ///
    /// - Pod Security Standards: /proc Mount Type:
    ///   <https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline>
    /// - [Kubernetes: User Namespaces](https://kubernetes.io/docs/concepts/workloads/pods/user-namespaces/)
    /// - KEP-4265: Add ProcMount option:
    ///   <https://github.com/kubernetes/enhancements/tree/master/keps/sig-node/4265-proc-mount>
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.7.3
    id: "unmasked-proc-mount",
    enablement: Profile(Baseline),
    severity: Error,
    check: Check::Pod(check),
    aliases: [
        Trivy "KSV-0027", KubeLinter "unsafe-proc-mount", Polaris "procMount",
        Kyverno "disallow-proc-mount",
    ],
    related: [Kubescape "C-0211"],
    fields: ["SecurityContext.procMount"],
}

const FIELD: &str = "securityContext.procMount";

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    if config.profile == Profile::Baseline && exempts_user_namespaces(pod, config) {
        return;
    }
    for container in &pod.containers {
        let Setting::Set { value, node, .. } =
            container.setting(FIELD, container.security().proc_mount.as_deref())
        else {
            continue;
        };
        let message = match value {
            "Default" => continue,
            "Unmasked" => format!("procMount is Unmasked: {container} sees all of /proc"),
            other => format!("procMount of {container} is {other:?}, not Default"),
        };
        let change = Change::Remove {
            path: container.path(FIELD),
        };
        report.at(token(node), message).in_container(container).fix(
            Applicability::Unsafe,
            "remove procMount (nested containers fail)",
            [change],
        );
    }
}
