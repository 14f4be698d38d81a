use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::identity::helpers as identity;
use crate::rules::identity::helpers::Id;
use kubernetes::Pod;

rule! {
    /// Containers that run with a user id below 10000.
    ///
    /// The rule checks the `runAsUser` that takes effect: the container's, else the pod's.
    /// `root-user` reports user 0. The limit is configurable (`minUserId`).
    ///
    /// ## Why
    ///
    /// User ids in a container are user ids on the node. Distributions assign ids below 10000 to
    /// people and services. A process that escapes from its container as user 1000 has the rights
    /// of the person with that id on the node: it owns their files and may signal their processes.
    /// An id that the node does not use owns nothing.
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
    ///     runAsUser: 1000
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
    ///     runAsUser: 10001
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// Good: the container overrides the pod's id.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   securityContext:
    ///     runAsUser: 1000
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         runAsUser: 65532
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Images whose files belong to a certain low id, and volumes whose data does, until you change
    /// both together.
    ///
    /// ## What the fix changes
    ///
    /// It sets the configured id (`userId`, 10001 by default) as an example: choose one that the image
    /// allows. There is no fix if the pod's `fsGroup` is the same id. The process loses access to files
    /// that only the old user may use, in the image and on volumes. `fsGroup` gives many kinds of
    /// volume to a group.
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
    /// - [Kubernetes: User Namespaces](https://kubernetes.io/docs/concepts/workloads/pods/user-namespaces/)
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.7.3
    id: "low-user-id",
    enablement: Profile(Hardened),
    severity: Info,
    check: Check::Pod(check),
    related: [
        Trivy "KSV-0020", Checkov "CKV_K8S_40",
        KubeScore "container-security-context-user-group-id", Kubesec "RunAsUser",
    ],
}

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    identity::check_low(Id::User, pod, config, report);
}
