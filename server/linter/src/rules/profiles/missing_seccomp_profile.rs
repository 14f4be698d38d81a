use crate::config::Config;
use crate::rules::pod_security::exempts_windows;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Container, Pod, Version};
use yaml::edit::{Change, Value};

rule! {
    /// Pods whose containers run without a seccomp profile.
    ///
    /// A container without `seccompProfile`, neither its own nor the pod's, may make every system
    /// call of the kernel, unless the kubelet uses the runtime's profile by default.
    ///
    /// ## Why
    ///
    /// Containers share the node's kernel, so that a bug in any of its several hundred system calls
    /// is a way out. `RuntimeDefault` blocks dozens that ordinary programs never make, such as
    /// `add_key`, `bpf`, `unshare` or `userfaultfd`. The published escapes CVE-2022-0185 and
    /// CVE-2022-0492 use `unshare` and fail under it.
    ///
    /// ## Example
    ///
    /// One setting on the pod covers all containers.
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   securityContext:
    ///     runAsNonRoot: true
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
    ///     runAsNonRoot: true
    ///     seccompProfile:
    ///       type: RuntimeDefault
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// Good: every container sets its own.
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
    ///         seccompProfile:
    ///           type: Localhost
    ///           localhostProfile: profiles/web.json
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// If every kubelet of the cluster runs with `seccompDefault: true`, the profile applies
    /// without being set. The Pod Security Standards still require it in the manifest. Debuggers
    /// and programs that create containers can need more than `RuntimeDefault`: write a `Localhost`
    /// profile for them rather than none.
    ///
    /// ## What the fix changes
    ///
    /// It sets `seccompProfile.type: RuntimeDefault` on the pod, where it applies to every
    /// container without its own profile. Docker has applied the same profile for years, so that
    /// ordinary programs keep working. Privileged containers stay unconfined.
    ///
    /// ## Applies to
    ///
    /// Profiles `restricted` and `hardened`, Kubernetes 1.19 and later. From 1.25 on, the rule
    /// skips Windows pods (`spec.os.name: windows`), which cannot set the field.
    ///
    /// ## References
    ///
    /// - [Pod Security Standards: Seccomp](https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted)
    /// - [Kubernetes: Restrict a Container's Syscalls with seccomp](https://kubernetes.io/docs/tutorials/security/seccomp/)
    /// - KEP-2413: Enable seccomp by default:
    ///   <https://github.com/kubernetes/enhancements/tree/master/keps/sig-node/2413-seccomp-by-default>
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.7.2
    /// - NSA/CISA Kubernetes Hardening Guide, "Hardening container environments":
    ///   <https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF>
    id: "missing-seccomp-profile",
    enablement: Profile(Restricted),
    severity: Warning,
    check: Check::Pod(check),
    aliases: [
        Trivy "KSV-0030", Kubescape "C-0210", Kubeaudit "SeccompProfileMissing",
        KubeScore "container-seccomp-profile", Kubesec "SeccompAny",
        Kyverno "restrict-seccomp-strict",
    ],
    related: [Checkov "CKV_K8S_31"],
    fields: ["PodSecurityContext.seccompProfile"],
}

const PROFILE: &str = "securityContext.seccompProfile";
const TYPE: &str = "securityContext.seccompProfile.type";

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    if config.kubernetes_version < Version::new(19) || exempts_windows(pod, config) {
        return;
    }
    let lacks_own = |container: &Container<'_>| {
        container
            .setting(PROFILE, container.security().seccomp_profile.as_ref())
            .is_unset()
    };
    if !pod
        .setting(PROFILE, pod.security().seccomp_profile.as_ref())
        .is_unset()
        || !pod.finished_containers().any(lacks_own)
    {
        return;
    }
    let mut finding = report.missing(
        TYPE,
        "pod does not set seccompProfile, so containers may make any syscall",
    );
    if !pod.is_windows() {
        let change = Change::Set {
            path: pod.path(TYPE),
            value: Value::Text("RuntimeDefault".into()),
        };
        finding.fix(
            Applicability::Safe,
            "set seccompProfile.type: RuntimeDefault on the pod",
            [change],
        );
    }
}
