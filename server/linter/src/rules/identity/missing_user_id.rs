use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::identity::helpers as identity;
use crate::rules::identity::helpers::Id;
use kubernetes::Pod;

rule! {
    /// Pods with containers for which nobody chose a `runAsUser`.
    ///
    /// Neither the container nor its pod sets it, so that the image decides. One setting of the pod is enough for all of its
    /// containers, and the finding stands there once.
    ///
    /// ## Why
    ///
    /// The image's `USER` decides, and it can change with any new build of the image, to root as well. `runAsNonRoot: true`
    /// refuses root and leaves the choice between all other users to the image: often 1000, an id that somebody on the node
    /// has. With a number in the manifest it is known who owns the files that the pod writes.
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
    ///     - name: proxy
    ///       image: registry.example.com/proxy:2.1
    ///       securityContext:
    ///         runAsUser: 10002
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
    ///     - name: proxy
    ///       image: registry.example.com/proxy:2.1
    ///       securityContext:
    ///         runAsUser: 10002
    ///   securityContext:
    ///     runAsUser: 10001
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
    ///     runAsNonRoot: true
    ///     runAsUser: 10001
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// On OpenShift, which gives every namespace a range of ids of its own and refuses others. With images that are your own
    /// and whose `USER` is a high number.
    ///
    /// ## What the fix changes
    ///
    /// It writes the configured id, 10001 unless another one is configured, to the pod. Containers without an id of their own
    /// then run as that user: images whose files belong to another user fail to read or write them, and images that start as
    /// root to change to another user fail.
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
    id: "missing-user-id",
    enablement: Profile(Hardened),
    severity: Info,
    check: Check::Pod(check),
    related: [
        Trivy "KSV-0020", Checkov "CKV_K8S_40",
        KubeScore "container-security-context-user-group-id", Kubesec "RunAsUser",
    ],
}

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    identity::missing(Id::User, pod, config, found);
}
