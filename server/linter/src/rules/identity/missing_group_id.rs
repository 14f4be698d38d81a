use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::identity::helpers as identity;
use crate::rules::identity::helpers::Id;
use kubernetes::Pod;

rule! {
    /// Pods that do not set `runAsGroup` for all containers.
    ///
    /// Neither the container nor its pod sets the field. One setting on the pod covers all of its
    /// containers, so the pod has a single finding. It is a hint if `runAsNonRoot: true` already rejects
    /// root.
    ///
    /// ## Why
    ///
    /// If `runAsUser` is an id that the image's `/etc/passwd` does not contain, and no group is
    /// set, the process runs in group 0, which is root's group. It may use whatever the image and
    /// the volumes open to that group. Otherwise the image decides, and every new build of the
    /// image can decide differently.
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
    /// Good: each container sets its own group.
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
    /// Images made for any user id and group 0, as OpenShift requires. Their files belong to root's
    /// group on purpose.
    ///
    /// ## What the fix changes
    ///
    /// On the pod, it sets an id that the pod already uses (`fsGroup`, the user or group, another
    /// container), or the configured one (`groupId`, 10001 by default). Images whose files are
    /// open only to their own group, or to root's, fail to read or write them.
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
    id: "missing-group-id",
    enablement: Profile(Hardened),
    severity: Info,
    check: Check::Pod(check),
    related: [
        Trivy "KSV-0021", KubeScore "container-security-context-user-group-id",
        Kubesec "RunAsGroup",
    ],
    fields: ["PodSecurityContext.runAsGroup"],
}

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    identity::check_missing(Id::Group, pod, config, report);
}
