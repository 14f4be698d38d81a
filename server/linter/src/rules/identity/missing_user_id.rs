use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::identity::helpers as identity;
use crate::rules::identity::helpers::Id;
use kubernetes::Pod;

rule! {
    /// Pods that do not set `runAsUser` for all containers.
    ///
    /// Neither the container nor its pod sets the field, so that the image decides. One setting on
    /// the pod covers all of its containers, so the pod has a single finding. It is a hint if
    /// `runAsNonRoot: true` already rejects root.
    ///
    /// ## Why
    ///
    /// The image's `USER` decides, and any new build of the image can change it, even to root.
    /// `runAsNonRoot: true` rejects root and leaves the choice between all other users to the
    /// image: often 1000, an id that a person on the node has. With an id in the manifest, the
    /// owner of the files that the pod writes is known.
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
    ///     runAsUser: 10002
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
    /// On OpenShift, which assigns each namespace its own range of ids and rejects others. For your
    /// own images whose `USER` is a high id.
    ///
    /// ## What the fix changes
    ///
    /// On the pod, it sets an id that the pod already uses (`fsGroup`, the user or group, another
    /// container), or the configured one (`userId`, 10001 by default). Containers without their
    /// own id then run as that user. Images whose files belong to another user fail to read or
    /// write them, and images that start as root to switch to another user fail.
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
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.7.3
    id: "missing-user-id",
    enablement: Profile(Hardened),
    severity: Info,
    check: Check::Pod(check),
    related: [
        Trivy "KSV-0020", Checkov "CKV_K8S_40",
        KubeScore "container-security-context-user-group-id", Kubesec "RunAsUser",
    ],
    fields: ["PodSecurityContext.runAsUser"],
}

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    identity::check_missing(Id::User, pod, config, report);
}
