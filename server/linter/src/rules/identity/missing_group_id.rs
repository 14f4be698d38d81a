use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::identity::helpers as identity;
use crate::rules::identity::helpers::Id;
use kubernetes::Pod;

rule! {
    /// Pods with containers for which nobody chose a `runAsGroup`.
    ///
    /// Neither the container nor its pod sets it. One setting of the pod is enough for all of its containers, and the finding
    /// stands there once.
    ///
    /// ## Why
    ///
    /// Where `runAsUser` is a number that the image's `/etc/passwd` does not know, and no group is given, the process runs in
    /// group 0, which is root's: it may use whatever the image and the volumes leave open to that group. Otherwise the image
    /// decides, and can decide anew with each build.
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
    ///     runAsUser: 10001
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
    ///     runAsGroup: 10001
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// Good: each container has its own.
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
    ///         runAsUser: 10001
    ///         runAsGroup: 10001
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// With images that are made for any user id and group 0, as OpenShift asks for: their files belong to root's group on
    /// purpose.
    ///
    /// ## What the fix changes
    ///
    /// It writes the configured id, 10001 unless another one is configured, to the pod. Images whose files are open only to a
    /// group of theirs, or to root's, fail to read or write them.
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
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.7.3
    id: "missing-group-id",
    enablement: Profile(Hardened),
    severity: Info,
    check: Check::Pod(check),
    related: [
        Trivy "KSV-0021", KubeScore "container-security-context-user-group-id",
        Kubesec "RunAsGroup",
    ],
}

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    identity::missing(Id::Group, pod, config, found);
}
