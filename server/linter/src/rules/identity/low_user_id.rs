use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::identity::helpers as identity;
use crate::rules::identity::helpers::Id;
use kubernetes::Pod;

rule! {
    /// Containers that run as a user with an id below 10000.
    ///
    /// What counts is the `runAsUser` that takes effect: the container's, else the pod's. User 0 is root, which `root-user` is
    /// about. The lowest id that is not low can be configured.
    ///
    /// ## Why
    ///
    /// User ids in a container are user ids on the node. Those that distributions give to people and services lie below 10000:
    /// a process that breaks out of its container as user 1000 is the person with that id on the node, owns their files and may
    /// signal their processes. An id that nobody has there owns nothing.
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
    /// Good: the container's own id takes effect.
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
    /// Images whose files belong to a certain low id, and volumes with data that does, until both are changed together.
    ///
    /// ## What the fix changes
    ///
    /// It writes the configured id, 10001 unless another one is configured. The process loses access to files that only the old
    /// user may use, in the image and on volumes; `fsGroup` gives many kinds of volume to a group.
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

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    identity::low(Id::User, pod, config, found);
}
