use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::identity::helpers as identity;
use crate::rules::identity::helpers::Id;
use kubernetes::Pod;

rule! {
    /// Containers that run in a group with an id below 10000.
    ///
    /// What counts is the `runAsGroup` that takes effect: the container's, else the pod's. Group 0 is root's, which
    /// `root-group` is about. The lowest id that is not low can be configured.
    ///
    /// ## Why
    ///
    /// Group ids in a container are group ids on the node, where the low ones open doors: `disk` reads the disks past every
    /// permission, `docker` is as good as root, `shadow` reads the hashes of passwords. A process that breaks out, or that
    /// writes to a volume of the node, has the rights of the group with its number.
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
    /// Images whose files belong to a certain low group, and containers that have to share a group with the node, as for a
    /// device.
    ///
    /// ## What the fix changes
    ///
    /// It writes the configured id, 10001 unless another one is configured. The process loses access to files that only the old
    /// group may use.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version. Not pods for Windows (`spec.os.name`), which cannot have the field, nor,
    /// from 1.35 on, pods with `hostUsers: false`, whose ids are other ones on the node.
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

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    identity::low(Id::Group, pod, config, found);
}
