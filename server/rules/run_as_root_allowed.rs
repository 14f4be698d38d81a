use super::standard::spares_user_namespace;
use super::{Findings, Safety};
use crate::config::Config;
use crate::k8s::{Container, Pod, Setting};
use crate::yaml::Path;
use crate::yaml::edit::{Change, Value};

rule! {
    /// Pods and containers that may run as root because `runAsNonRoot` is not true.
    ///
    /// With `runAsNonRoot: true` the kubelet looks at the user that a container is about to start as, and refuses user 0. A
    /// container without the field inherits the pod's; an explicit `false` counts on either level, whatever the other one
    /// says.
    ///
    /// ## Why
    ///
    /// Most images start as root unless told otherwise. Root in a container is the same user as root on the node: after an
    /// escape through a bug in the runtime or the kernel, and on every file that a volume shares, nothing stands between the
    /// attacker and the node any more.
    ///
    /// ## Example
    ///
    /// One setting on the pod settles it for all containers.
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   securityContext:
    ///     fsGroup: 10001
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
    ///     fsGroup: 10001
    ///     runAsNonRoot: true
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// Good: every container says it for itself.
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
    ///         runAsNonRoot: true
    /// ```
    ///
    /// A container that takes itself out is found on its own value:
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   securityContext:
    ///     runAsNonRoot: true
    ///   initContainers:
    ///     - name: permissions
    ///       image: registry.example.com/tools:3.0
    ///       securityContext:
    ///         runAsNonRoot: false
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
    ///   initContainers:
    ///     - name: permissions
    ///       image: registry.example.com/tools:3.0
    ///       securityContext:
    ///         runAsNonRoot: true
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// An image that has to start as root and cannot be rebuilt. On Kubernetes 1.35 and later, `hostUsers: false` is a good
    /// answer to that: root in the container is then an ordinary user of the node, and this rule is silent.
    ///
    /// ## What the fix changes
    ///
    /// It writes `runAsNonRoot: true`: once on the pod where the field is missing, or in the place of `false`. A container
    /// whose image starts as root, or names its user by a word instead of a number, no longer starts and shows
    /// `CreateContainerConfigError`; give it a `runAsUser` that its files allow. The fix is not offered where `runAsUser: 0`
    /// is written for a container that it would reach: mend that first.
    ///
    /// ## Applies to
    ///
    /// Profile `restricted`, every Kubernetes version, every operating system. From 1.35 on not pods with `hostUsers: false`.
    ///
    /// ## References
    ///
    /// - Pod Security Standards: Running as Non-root:
    ///   <https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted>
    /// - Kubernetes: Configure a Security Context for a Pod or Container:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/security-context/>
    /// - [Kubernetes: User Namespaces](https://kubernetes.io/docs/concepts/workloads/pods/user-namespaces/)
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.2.7
    /// - NSA/CISA Kubernetes Hardening Guide, "Non-root containers and rootless container engines":
    ///   <https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF>
    ///
    /// ## Other names
    ///
    /// Trivy `KSV-0012`; Checkov `CKV_K8S_23`; kube-linter `run-as-non-root`; Polaris `runAsRootAllowed`; Kubescape `C-0013`;
    /// kubeaudit `RunAsNonRootPSCNilCSCNil`, `RunAsNonRootPSCFalseCSCNil`, `RunAsNonRootCSCFalse`; Kyverno
    /// `require-run-as-nonroot`.
    "run-as-root-allowed", From(Restricted), Warning, Check::Pod(check),
}

const FIELD: &str = "securityContext.runAsNonRoot";

fn check(pod: &Pod<'_>, config: &Config, found: &mut Findings<'_, '_>) {
    if spares_user_namespace(pod, config) {
        return;
    }
    check_pod(pod, found);
    for container in &pod.containers {
        if let Setting::Set { value: false, node, .. } = own(container) {
            let finding = found.wrong_in(container, node, format!("runAsNonRoot is false: {container} may run as root"));
            if !runs_as_root(pod, container) {
                finding.fix(
                    Safety::Review,
                    "set runAsNonRoot: true (an image that runs as root does not start)",
                    [demand(container.path(FIELD))],
                );
            }
        }
    }
}

/// What the pod says or leaves unsaid for the containers that inherit from it.
fn check_pod(pod: &Pod<'_>, found: &mut Findings<'_, '_>) {
    let inherits = |container: &Container<'_>| own(container).is_unset();
    let finding = match pod.setting(FIELD, pod.security().run_as_non_root) {
        Setting::Set { value: false, node, .. } => {
            found.wrong(node, "runAsNonRoot is false: containers of the pod may run as root")
        }
        Setting::Unset if pod.finished_containers().any(inherits) => {
            found.absent(pod, FIELD, "pod does not set runAsNonRoot, so containers may run as root")
        }
        _ => return,
    };
    let reaches_root = pod.containers.iter().any(|container| inherits(container) && runs_as_root(pod, container));
    if !reaches_root {
        finding.fix(
            Safety::Review,
            "set runAsNonRoot: true on the pod (images that run as root do not start)",
            [demand(pod.path(FIELD))],
        );
    }
}

fn own<'y>(container: &Container<'y>) -> Setting<'y, bool> {
    container.setting(FIELD, container.security().run_as_non_root)
}

/// Whether the text itself makes the container run as user 0, so that the kubelet refuses to start it as anyone else.
fn runs_as_root(pod: &Pod<'_>, container: &Container<'_>) -> bool {
    container.security().run_as_user.or(pod.security().run_as_user) == Some(0)
}

fn demand(path: Path) -> Change {
    Change::Set { path, value: Value::Bool(true) }
}
