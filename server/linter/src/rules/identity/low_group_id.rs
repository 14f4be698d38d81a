use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::identity::helpers as identity;
use crate::rules::identity::helpers::Id;
use kubernetes::Pod;

rule! {
    /// Containers that run with a group id below 10000.
    ///
    /// The rule checks the `runAsGroup` that takes effect: the container's, else the pod's.
    /// `root-group` reports group 0. The limit is configurable (`minGroupId`).
    ///
    /// ## Why
    ///
    /// Group ids in a container are group ids on the node, and low ids have privileges there.
    /// `disk` reads the disks without any permission check, `docker` is equivalent to root,
    /// `shadow` reads the password hashes. A process that escapes from the container, or that
    /// writes to a volume of the node, has the rights of the group with the same id.
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
    ///         runAsGroup: 999
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
    ///         runAsGroup: 10001
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
    ///     runAsGroup: 10001
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Images whose files belong to a certain low group, and containers that share a group with the
    /// node, for example to use a device.
    ///
    /// ## What the fix changes
    ///
    /// It sets the configured id (`groupId`, 10001 by default) as an example: choose one that the image
    /// allows. There is no fix if the pod's `fsGroup` is the same id. The process loses access to files
    /// that only the old group may use.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version. The rule skips Windows pods
    /// (`spec.os.name: windows`), which cannot set the field. From 1.35 on, it also skips pods with
    /// `hostUsers: false`, whose ids are different on the node.
    ///
    /// ## References
    ///
    /// - Kubernetes: Configure a Security Context for a Pod or Container:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/security-context/>
    /// - [Debian: system groups](https://wiki.debian.org/SystemGroups)
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.7.3
    id: "low-group-id",
    enablement: Profile(Hardened),
    severity: Info,
    check: Check::Pod(check),
    related: [
        Trivy "KSV-0021", KubeScore "container-security-context-user-group-id",
        Kubesec "RunAsGroup",
    ],
}

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    identity::check_low(Id::Group, pod, config, report);
}
