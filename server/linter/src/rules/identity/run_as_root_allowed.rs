use crate::config::Config;
use crate::rules::identity::helpers::{Id, proposed};
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
    ///     runAsNonRoot: true
    ///     fsGroup: 10001
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
    /// allow. If the manifest itself sets user 0 for such a container, the fix replaces it with an
    /// id that the pod already uses, or with the configured one. If the manifest gives every
    /// container a user other than 0, the field changes nothing at run time, and the fix is safe.
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
            let consequence = if runs_as_other_user(pod, container) {
                format!(", although {container} does not run as root")
            } else {
                format!(": {container} may run as root")
            };
            let mut finding = report
                .at(node, format!("runAsNonRoot is false{consequence}"))
                .in_container(container);
            offer_fix(
                &mut finding,
                pod,
                &[container],
                container.path(FIELD),
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
    let inheriting: Vec<_> = pod.containers.iter().filter(inherits).collect();
    let is_without_root = are_without_root(pod, &inheriting);
    let mut finding = match pod.setting(FIELD, pod.security().run_as_non_root) {
        Setting::Set {
            value: false, node, ..
        } if is_without_root => report.at(
            node,
            "runAsNonRoot is false, although no container of the pod runs as root",
        ),
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
            let message = if is_without_root {
                "pod does not set runAsNonRoot, although no container runs as root"
            } else {
                "pod does not set runAsNonRoot, so containers may run as root"
            };
            report.missing(FIELD, message)
        }
        _ => return,
    };
    offer_fix(&mut finding, pod, &inheriting, pod.path(FIELD), config);
}

/// Whether a container runs as a user other than root, whatever its image says. Windows has no
/// user ids.
fn runs_as_other_user(pod: &Pod<'_>, container: &Container<'_>) -> bool {
    let user = container
        .security()
        .run_as_user
        .or(pod.security().run_as_user);
    !pod.is_windows() && user.is_some_and(|user| user > 0)
}

fn are_without_root(pod: &Pod<'_>, containers: &[&Container<'_>]) -> bool {
    !containers.is_empty()
        && containers
            .iter()
            .all(|container| runs_as_other_user(pod, container))
}

fn own_setting<'y>(container: &Container<'y>) -> Setting<'y, bool> {
    container.setting(FIELD, container.security().run_as_non_root)
}

/// Returns the changes that replace user 0 in the containers, which the kubelet would no longer
/// start. None on Windows, where the API server rejects user ids.
fn root_users(pod: &Pod<'_>, containers: &[&Container<'_>], user: i64) -> Vec<Change> {
    if pod.is_windows() {
        return Vec::new();
    }
    let path = |container: &&Container<'_>| match (
        container.security().run_as_user,
        pod.security().run_as_user,
    ) {
        (Some(0), _) => Some(container.path(USER)),
        (None, Some(0)) => Some(pod.path(USER)),
        _ => None,
    };
    let mut paths: Vec<Path> = containers.iter().filter_map(path).collect();
    paths.dedup();
    paths
        .into_iter()
        .map(|path| Change::Set {
            path,
            value: Value::Integer(user),
        })
        .collect()
}

/// Offers `runAsNonRoot: true` at a path, for these containers.
fn offer_fix(
    finding: &mut Finding,
    pod: &Pod<'_>,
    containers: &[&Container<'_>],
    path: Path,
    config: &Config,
) {
    let place = if path == pod.path(FIELD) {
        " on the pod"
    } else {
        ""
    };
    let change = Change::Set {
        path,
        value: Value::Bool(true),
    };
    if are_without_root(pod, containers) {
        let title = format!("set runAsNonRoot: true{place}");
        finding.fix(Applicability::Safe, title, [change]);
        return;
    }
    let user = proposed(Id::User, pod, config);
    let root_users = root_users(pod, containers, user);
    let other_user = if root_users.is_empty() {
        String::new()
    } else {
        format!(" and runAsUser: {user} instead of 0")
    };
    let title =
        format!("set runAsNonRoot: true{place}{other_user} (images that run as root do not start)");
    let changes = std::iter::once(change).chain(root_users);
    finding.fix(Applicability::Unsafe, title, changes);
}
