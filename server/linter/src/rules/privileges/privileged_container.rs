use crate::config::Config;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Container, Pod, Setting};
use yaml::edit::{Change, Value};

rule! {
    /// Containers with `privileged: true`.
    ///
    /// A privileged container keeps every Linux capability, sees every device of the node, and runs
    /// without the seccomp, AppArmor and SELinux confinement of other containers.
    ///
    /// ## Why
    ///
    /// An attacker who runs a command in a privileged container owns the node. They mount the
    /// node's disk from `/dev`, write a cron job or an SSH key there, and a minute later control
    /// the node, with the credentials of every other pod on it. They need no kernel bug for this.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: exporter
    /// spec:
    ///   containers:
    ///     - name: exporter
    ///       image: registry.example.com/exporter:2.3
    ///       securityContext:
    ///         privileged: true
    /// ```
    ///
    /// Fixed:
    ///
    /// ```yaml fixed
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: exporter
    /// spec:
    ///   containers:
    ///     - name: exporter
    ///       image: registry.example.com/exporter:2.3
    ///       securityContext:
    ///         privileged: false
    /// ```
    ///
    /// Good: one capability instead of all of them.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: clock
    /// spec:
    ///   containers:
    ///     - name: clock
    ///       image: registry.example.com/clock:1.0
    ///       securityContext:
    ///         capabilities:
    ///           drop: [ALL]
    ///           add: [SYS_TIME]
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Components of the cluster itself can need it, such as network and storage plugins or device
    /// drivers. Put them in a separate namespace in which other users cannot create pods.
    ///
    /// ## What the fix changes
    ///
    /// It sets `privileged: false`. On a Windows pod, where the API server rejects the field, it
    /// removes the field. The container loses the devices of the node and most capabilities, and
    /// seccomp and AppArmor apply to it again. Add back the one capability that it needs.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, every operating system.
    ///
    /// A privileged container has all capabilities and can gain privileges, so `undropped-capabilities`,
    /// `undropped-net-raw` and `privilege-escalation` do not report what it leaves out. They do so once it is
    /// no longer privileged, or if this rule does not run.
    ///
    /// ## References
    ///
    /// - Pod Security Standards: Privileged Containers:
    ///   <https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline>
    /// - Kubernetes: Configure a Security Context for a Pod or Container:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/security-context/>
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.2.2
    /// - NSA/CISA Kubernetes Hardening Guide, "Pod security enforcement":
    ///   <https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF>
    id: "privileged-container",
    enablement: Profile(Baseline),
    severity: Error,
    check: Check::Pod(check),
    aliases: [
        Trivy "KSV-0017", Checkov "CKV_K8S_16", KubeLinter "privileged-container",
        Polaris "runAsPrivileged", Kubescape "C-0057", Kubeaudit "PrivilegedTrue",
        KubeScore "container-security-context-privileged",
        Kyverno "disallow-privileged-containers",
    ],
    fields: ["SecurityContext.privileged"],
}

fn check(pod: &Pod<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    for container in &pod.containers {
        if let Setting::Set {
            value: true, node, ..
        } = privileged(container)
        {
            let message = format!("privileged is true: {container} has full access to the node");
            let mut finding = report.at(node, message).in_container(container);
            if !shares_mounts(container) {
                let (title, change) = removal(pod, container);
                finding.fix(Applicability::Unsafe, title, [change]);
            }
        }
    }
}

fn privileged<'y>(container: &Container<'y>) -> Setting<'y, bool> {
    container.setting(
        "securityContext.privileged",
        container.security().privileged,
    )
}

/// Whether this rule covers what a container has because it is privileged: all capabilities, and programs that gain
/// privileges. Settings against that have no effect, or the API server rejects them.
pub(crate) fn explains(container: &Container<'_>, config: &Config) -> bool {
    RULE.runs(config) && matches!(privileged(container), Setting::Set { value: true, .. })
}

/// Whether the container shares its mounts with the node, which the API server allows only to
/// privileged containers.
fn shares_mounts(container: &Container<'_>) -> bool {
    let mounts = container.spec.volume_mounts.iter().flatten();
    mounts
        .filter_map(|mount| mount.mount_propagation.as_deref())
        .any(|propagation| propagation == "Bidirectional")
}

/// Returns the fix. On Windows, it removes the field, which the API server rejects there.
fn removal(pod: &Pod<'_>, container: &Container<'_>) -> (&'static str, Change) {
    let path = container.path("securityContext.privileged");
    if pod.is_windows() {
        return (
            "remove privileged (not allowed on Windows)",
            Change::Remove { path },
        );
    }
    (
        "set privileged: false (no access to host devices)",
        Change::Set {
            path,
            value: Value::Bool(false),
        },
    )
}
