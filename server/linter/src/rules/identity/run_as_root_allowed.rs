use crate::config::Config;
use crate::rules::pod_security::spares_user_namespace;
use crate::rules::{Applicability, Finding, Reporter};
use kubernetes::{Container, Pod, Setting};
use yaml::Path;
use yaml::edit::{Change, Value};

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
    /// With `runAsUser: 0` beside it, the kubelet would not start the container, so that both change together:
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
    /// An image that has to start as root and cannot be rebuilt. On Kubernetes 1.35 and later, `hostUsers: false` is a good
    /// answer to that: root in the container is then an ordinary user of the node, and this rule is silent.
    ///
    /// ## What the fix changes
    ///
    /// It writes `runAsNonRoot: true`: once on the pod where the field is missing, or in the place of `false`. A container
    /// whose image starts as root, or names its user by a word instead of a number, no longer starts and shows
    /// `CreateContainerConfigError`; give it a `runAsUser` that its files allow. Where the manifest itself gives user 0 to a
    /// container that the setting reaches, the fix writes the configured user id in its place.
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
}

const FIELD: &str = "securityContext.runAsNonRoot";
const USER: &str = "securityContext.runAsUser";

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    if spares_user_namespace(pod, config) {
        return;
    }
    check_pod(pod, config, found);
    for container in &pod.containers {
        if let Setting::Set {
            value: false, node, ..
        } = own(container)
        {
            let mut finding = found
                .at(
                    node,
                    format!("runAsNonRoot is false: {container} may run as root"),
                )
                .in_container(container);
            demand(
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
                finding.related(node, "the pod demands it here");
            }
        }
    }
}

/// What the pod says or leaves unsaid for the containers that inherit from it.
fn check_pod(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    let inherits = |container: &&Container<'_>| own(container).is_unset();
    let mut finding = match pod.setting(FIELD, pod.security().run_as_non_root) {
        Setting::Set {
            value: false, node, ..
        } => found.at(
            node,
            "runAsNonRoot is false: containers of the pod may run as root",
        ),
        Setting::Unset
            if pod
                .finished_containers()
                .any(|container| inherits(&container)) =>
        {
            found.missing(
                FIELD,
                "pod does not set runAsNonRoot, so containers may run as root",
            )
        }
        _ => return,
    };
    let heirs = pod.containers.iter().filter(inherits);
    demand(
        &mut finding,
        pod.path(FIELD),
        " on the pod",
        root_users(pod, heirs, config),
        config,
    );
}

fn own<'y>(container: &Container<'y>) -> Setting<'y, bool> {
    container.setting(FIELD, container.security().run_as_non_root)
}

/// Another user wherever the text makes one of the containers run as root, since the kubelet would not start it any more. On
/// Windows the user id is refused, and means nothing to the kubelet.
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

fn demand(
    finding: &mut Finding,
    path: Path,
    place: &str,
    root_users: Vec<Change>,
    config: &Config,
) {
    let other_user = match root_users.as_slice() {
        [] => String::new(),
        _ => format!(", runAsUser: {} where it is 0", config.values.user_id),
    };
    let title =
        format!("set runAsNonRoot: true{place}{other_user} (images that run as root do not start)");
    let demand = Change::Set {
        path,
        value: Value::Bool(true),
    };
    finding.fix(
        Applicability::Unsafe,
        title,
        std::iter::once(demand).chain(root_users),
    );
}
