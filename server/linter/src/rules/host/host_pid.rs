use crate::config::Config;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Pod, Setting};
use yaml::edit::Change;

rule! {
    /// Pods with `hostPID: true`.
    ///
    /// The containers see every process of the node and can signal those of their user.
    ///
    /// ## Why
    ///
    /// `/proc` of every process of the node is in view: command lines and environments with their passwords, and, for a
    /// container that runs as root, `/proc/<pid>/root`, which is the file system of any other container or of the node
    /// itself. With `SYS_PTRACE` or privileges, `nsenter -t 1 -a` is a root shell on the node.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: agent
    /// spec:
    ///   hostPID: true
    ///   containers:
    ///     - name: agent
    ///       image: registry.example.com/agent:2.1
    /// ```
    ///
    /// Fixed:
    ///
    /// ```yaml fixed
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: agent
    /// spec:
    ///   containers:
    ///     - name: agent
    ///       image: registry.example.com/agent:2.1
    /// ```
    ///
    /// Good: containers of one pod that have to see one another share a namespace of their own.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: agent
    /// spec:
    ///   shareProcessNamespace: true
    ///   containers:
    ///     - name: agent
    ///       image: registry.example.com/agent:2.1
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Monitoring and security agents that watch the processes of the node need it. Keep them in a namespace of their own.
    ///
    /// ## What the fix changes
    ///
    /// It removes the line. The containers see only their own processes; tools that watch or signal processes of the node
    /// stop working.
    ///
    /// ## Applies to
    ///
    /// Profile `baseline`, every Kubernetes version, every operating system.
    ///
    /// ## References
    ///
    /// - Pod Security Standards: Host Namespaces:
    ///   <https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline>
    /// - [Kubernetes: Pod, host namespaces](https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/)
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.2.3
    /// - NSA/CISA Kubernetes Hardening Guide, "Pod security enforcement":
    ///   <https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF>
    id: "host-pid",
    enablement: Profile(Baseline),
    severity: Error,
    check: Check::Pod(check),
    aliases: [
        Trivy "KSV-0010", Checkov "CKV_K8S_17", KubeLinter "host-pid", Polaris "hostPIDSet",
        Kubescape "C-0275", Kubeaudit "NamespaceHostPIDTrue", Kubesec "HostPID",
    ],
    related: [Kubescape "C-0038", Kyverno "disallow-host-namespaces"],
}

fn check(pod: &Pod<'_>, _config: &Config, found: &mut Reporter<'_, '_>) {
    if let Setting::Set {
        value: true, node, ..
    } = pod.setting("hostPID", pod.spec.host_pid)
    {
        let change = Change::Remove {
            path: pod.path("hostPID"),
        };
        found
            .at(
                node,
                "hostPID is true: the pod sees every process of the node",
            )
            .fix(
                Applicability::Unsafe,
                "remove hostPID (tools that watch the node's processes stop working)",
                [change],
            );
    }
}
