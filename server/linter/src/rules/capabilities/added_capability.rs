use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::capabilities::helpers::{added, is_allowed_at_baseline, withdraw};
use crate::rules::pod_security::spares_windows;
use crate::rules::security_context::token;
use kubernetes::{Pod, Version};

rule! {
    /// Capabilities added other than `NET_BIND_SERVICE`.
    ///
    /// The standard `restricted` lets a container add the right to listen on a port below 1024, and nothing else. The other
    /// capabilities that `baseline` allows are meant here; those that it does not allow have the rule `dangerous-capability`.
    ///
    /// ## Why
    ///
    /// These are the capabilities that container runtimes give by default, and attackers count on them: `DAC_OVERRIDE` reads
    /// files whatever their mode, `SETUID` and `SETGID` become anybody, `CHOWN` and `FOWNER` take files over, `SETFCAP`
    /// leaves a program behind that gives its powers to the next one who runs it.
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
    /// Images that start as root, give files to a user and become that user need `CHOWN`, `SETUID` and `SETGID`: the official
    /// images of PostgreSQL and Redis among them. With `runAsUser` and `fsGroup` in the manifest most of them need none.
    ///
    /// ## What the fix changes
    ///
    /// It removes the item, and the list with the last one. Images that start as root and then change owners or users stop
    /// working.
    ///
    /// ## Applies to
    ///
    /// Profile `restricted`, Kubernetes 1.22 and later. From 1.25 on not pods for Windows (`spec.os.name`), which cannot have
    /// the field.
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
}

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    if config.kubernetes_version < Version::new(22) || spares_windows(pod, config) {
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
            withdraw(
                &mut found.at(token(added.node), message).in_container(container),
                container,
                &added,
            );
        }
    }
}
