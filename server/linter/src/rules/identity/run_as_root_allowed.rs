use crate::config::Config;
use crate::rules::pod_security::exempts_user_namespaces;
use crate::rules::{Applicability, Finding, Reporter};
use kubernetes::{Container, Pod, Setting};
use yaml::Path;
use yaml::edit::{Change, Value};

rule! {
    /// Pods and containers that may run as root because `runAsNonRoot` is not true.
    ///
    /// With `runAsNonRoot: true`, the kubelet checks the user of a container before it starts, and
    /// rejects user 0. A container without the field inherits the pod's value. The rule reports an
    /// explicit `false` on either level, whatever the other level sets.
    ///
    /// ## Why
    ///
    /// Most images start as root unless told otherwise. Root in a container is the same user as
    /// root on the node. After an escape through a bug in the runtime or the kernel, and on every
    /// file that a volume shares, nothing separates the attacker from the node.
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
    /// Good: every container sets it.
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
    /// A container that overrides the pod is reported at its own value:
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
    /// With `runAsUser: 0`, the kubelet would not start the container, so the fix changes both:
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
    ///         runAsNonRoot: false
    ///         runAsUser: 0
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
    ///         runAsNonRoot: true
    ///         runAsUser: 10001
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// An image that has to start as root and cannot be rebuilt. On Kubernetes 1.35 and later, set
    /// `hostUsers: false` for it: root in the container is then an ordinary user of the node, and
    /// this rule is silent.
    ///
    /// ## What the fix changes
    ///
    /// It sets `runAsNonRoot: true`: on the pod if the field is missing, or instead of `false`. A
    /// container whose image starts as root, or whose `USER` is a name instead of a number, no
    /// longer starts and shows `CreateContainerConfigError`. Set a `runAsUser` that its files
    /// allow. If the manifest itself sets user 0 for such a container, the fix replaces it with the
    /// configured id.
    ///
    /// ## Applies to
    ///
    /// Profiles `restricted` and `hardened`, every Kubernetes version, every operating system. From
    /// 1.35 on, the rule skips pods with `hostUsers: false`.
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
    id: "run-as-root-allowed",
    enablement: Profile(Restricted),
    severity: Warning,
    check: Check::Pod(check),
    aliases: [Trivy "KSV-0012", Polaris "runAsRootAllowed", Kyverno "require-run-as-nonroot"],
    related: [
        Checkov "CKV_K8S_23", KubeLinter "run-as-non-root", Kubescape "C-0013",
        Kubeaudit "RunAsNonRootPSCNilCSCNil", Kubeaudit "RunAsNonRootPSCFalseCSCNil",
        Kubeaudit "RunAsNonRootCSCFalse",
    ],
    fields: ["PodSecurityContext.runAsNonRoot"],
}

const FIELD: &str = "securityContext.runAsNonRoot";
const USER: &str = "securityContext.runAsUser";

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    if exempts_user_namespaces(pod, config) {
        return;
    }
    check_pod(pod, config, report);
    for container in &pod.containers {
        if let Setting::Set {
            value: false, node, ..
        } = own_setting(container)
        {
            let mut finding = report
                .at(
                    node,
                    format!("runAsNonRoot is false: {container} may run as root"),
                )
                .in_container(container);
            offer_fix(
                &mut finding,
                container.path(FIELD),
                "",
                root_users(pod, [container], config),
                config,
            );
            if let Setting::Set {
                value: true, node, ..
            } = pod.setting(FIELD, pod.security().run_as_non_root)
            {
                finding.related(node, "set on the pod here");
            }
        }
    }
}

/// Checks the pod's value, or its absence, for the containers that inherit it.
fn check_pod(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    let inherits = |container: &&Container<'_>| own_setting(container).is_unset();
    let mut finding = match pod.setting(FIELD, pod.security().run_as_non_root) {
        Setting::Set {
            value: false, node, ..
        } => report.at(
            node,
            "runAsNonRoot is false: containers of the pod may run as root",
        ),
        Setting::Unset
            if pod
                .finished_containers()
                .any(|container| inherits(&container)) =>
        {
            report.missing(
                FIELD,
                "pod does not set runAsNonRoot, so containers may run as root",
            )
        }
        _ => return,
    };
    let inheriting = pod.containers.iter().filter(inherits);
    offer_fix(
        &mut finding,
        pod.path(FIELD),
        " on the pod",
        root_users(pod, inheriting, config),
        config,
    );
}

fn own_setting<'y>(container: &Container<'y>) -> Setting<'y, bool> {
    container.setting(FIELD, container.security().run_as_non_root)
}

/// Returns the changes that replace user 0 in the containers, which the kubelet would no longer
/// start. None on Windows, where the API server rejects user ids.
fn root_users<'p, 'y: 'p>(
    pod: &Pod<'y>,
    containers: impl IntoIterator<Item = &'p Container<'y>>,
    config: &Config,
) -> Vec<Change> {
    if pod.is_windows() {
        return Vec::new();
    }
    let value = Value::Integer(config.values.user_id);
    let path = |container: &Container<'_>| match (
        container.security().run_as_user,
        pod.security().run_as_user,
    ) {
        (Some(0), _) => Some(container.path(USER)),
        (None, Some(0)) => Some(pod.path(USER)),
        _ => None,
    };
    let mut paths: Vec<Path> = containers.into_iter().filter_map(path).collect();
    paths.dedup();
    paths
        .into_iter()
        .map(|path| Change::Set {
            path,
            value: value.clone(),
        })
        .collect()
}

fn offer_fix(
    finding: &mut Finding,
    path: Path,
    place: &str,
    root_users: Vec<Change>,
    config: &Config,
) {
    let other_user = match root_users.as_slice() {
        [] => String::new(),
        _ => format!(" and runAsUser: {} instead of 0", config.values.user_id),
    };
    let title =
        format!("set runAsNonRoot: true{place}{other_user} (images that run as root do not start)");
    let offer_fix = Change::Set {
        path,
        value: Value::Bool(true),
    };
    finding.fix(
        Applicability::Unsafe,
        title,
        std::iter::once(offer_fix).chain(root_users),
    );
}
