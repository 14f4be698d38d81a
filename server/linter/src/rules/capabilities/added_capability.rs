use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::capabilities::helpers::{added, is_allowed_at_baseline, offer_removal};
use crate::rules::pod_security::exempts_windows;
use crate::rules::security_context::token;
use kubernetes::{Pod, Version};

rule! {
    /// Containers that add capabilities other than `NET_BIND_SERVICE`.
    ///
    /// The `restricted` standard lets a container add `NET_BIND_SERVICE`, which allows ports below
    /// 1024, and nothing else. This rule reports the other capabilities that `baseline` allows.
    /// `dangerous-capability` reports those that `baseline` forbids.
    ///
    /// ## Why
    ///
    /// Container runtimes give these capabilities by default, and attackers count on them.
    /// `DAC_OVERRIDE` reads files whatever their mode. `SETUID` and `SETGID` switch to any user or
    /// group. `CHOWN` and `FOWNER` take over files. `SETFCAP` leaves a program behind that gives
    /// its capabilities to the next user who runs it.
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
    ///           drop: [ALL]
    ///           add: [NET_BIND_SERVICE, CHOWN]
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
    ///           drop: [ALL]
    ///           add: [NET_BIND_SERVICE]
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
    /// Images that start as root, give files to a user, and then become that user need `CHOWN`,
    /// `SETUID` and `SETGID`. The official images of PostgreSQL and Redis are among them. With
    /// `runAsUser` and `fsGroup` in the manifest, most of them need none.
    ///
    /// ## What the fix changes
    ///
    /// It removes the capability from `add`, and removes the list once it is empty. Images that
    /// start as root and then change owners or users stop working.
    ///
    /// ## Applies to
    ///
    /// Profiles `restricted` and `hardened`, Kubernetes 1.22 and later. From 1.25 on, the rule
    /// skips Windows pods (`spec.os.name: windows`), which cannot set the field.
    ///
    /// ## References
    ///
    /// - Pod Security Standards: Capabilities:
    ///   <https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted>
    /// - Kubernetes: Set capabilities for a Container:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#set-capabilities-for-a-container>
    /// - [Linux: capabilities(7)](https://man7.org/linux/man-pages/man7/capabilities.7.html)
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.2.9
    id: "added-capability",
    enablement: Profile(Restricted),
    severity: Warning,
    check: Check::Pod(check),
    related: [
        Trivy "KSV-0106", Checkov "CKV_K8S_25", Kubeaudit "CapabilityAdded",
        Kyverno "disallow-capabilities-strict",
    ],
    fields: ["Capabilities.add"],
}

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    if config.kubernetes_version < Version::new(22) || exempts_windows(pod, config) {
        return;
    }
    for container in &pod.containers {
        for added in added(container)
            .filter(|added| is_allowed_at_baseline(added.name) && added.name != "NET_BIND_SERVICE")
        {
            let message = format!(
                "{container} adds {}, which restricted does not allow",
                added.name
            );
            offer_removal(
                &mut report
                    .at(token(added.node), message)
                    .in_container(container),
                container,
                &added,
            );
        }
    }
}
