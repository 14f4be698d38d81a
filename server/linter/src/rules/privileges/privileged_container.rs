use crate::config::Config;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Container, Pod, Setting};
use yaml::edit::{Change, Value};

rule! {
    /// Containers with `privileged: true`.
    ///
    /// A privileged container keeps every Linux capability, sees every device of the node, and runs without the seccomp,
    /// AppArmor and SELinux confinement of other containers.
    ///
    /// ## Why
    ///
    /// Whoever gets to run a command in a privileged container owns the node: mount the node's disk from `/dev`, write a cron
    /// job or an SSH key there, and the next minute belongs to the attacker, with the credentials of every other pod on the
    /// node. No bug in the kernel is needed for it.
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
    ///         privileged: true # reads disk statistics
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
    ///         privileged: false # reads disk statistics
    /// ```
    ///
    /// Good: one capability in place of all of them.
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
    /// Parts of the cluster itself, such as network and storage plug-ins or device drivers, can need it. Keep them in a
    /// namespace of their own that nobody else may create pods in.
    ///
    /// ## What the fix changes
    ///
    /// It writes `false`; on a pod for Windows, where the field is refused altogether, it removes the field. The container
    /// loses the devices of the node and most capabilities, and seccomp and AppArmor apply to it again. Add back the one
    /// capability that it needs.
    ///
    /// ## Applies to
    ///
    /// Profile `baseline`, every Kubernetes version, every operating system.
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
}

fn check(pod: &Pod<'_>, _config: &Config, found: &mut Reporter<'_, '_>) {
    for container in &pod.containers {
        let privileged = container.setting(
            "securityContext.privileged",
            container.security().privileged,
        );
        if let Setting::Set {
            value: true, node, ..
        } = privileged
        {
            let message = format!("privileged is true: {container} has full access to the node");
            let mut finding = found.at(node, message).in_container(container);
            if !mounts_for_the_node(container) {
                let (title, change) = withdrawal(pod, container);
                finding.fix(Applicability::Unsafe, title, [change]);
            }
        }
    }
}

/// Whether the container hands its own mounts on to the node, which the API server allows to privileged ones alone.
fn mounts_for_the_node(container: &Container<'_>) -> bool {
    let mounts = container.spec.volume_mounts.iter().flatten();
    mounts
        .filter_map(|mount| mount.mount_propagation.as_deref())
        .any(|propagation| propagation == "Bidirectional")
}

/// How to take the privilege away: on Windows the API server refuses the field, whatever its value.
fn withdrawal(pod: &Pod<'_>, container: &Container<'_>) -> (&'static str, Change) {
    let path = container.path("securityContext.privileged");
    if pod.is_windows() {
        return (
            "remove privileged (Windows pods cannot have it)",
            Change::Remove { path },
        );
    }
    (
        "set privileged: false (devices of the node are out of reach)",
        Change::Set {
            path,
            value: Value::Bool(false),
        },
    )
}
