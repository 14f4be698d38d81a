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
    /// The pod sees `/proc` of every process on the node: command lines and environments with their
    /// passwords. A container that runs as root also sees `/proc/<pid>/root`, which is the file
    /// system of any other container or of the node itself. With `SYS_PTRACE` or `privileged`,
    /// `nsenter -t 1 -a` is a root shell on the node.
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
    /// Good: a process namespace that only the containers of the pod share.
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
    /// Monitoring and security agents that watch the processes of the node need it. Put them in
    /// their own namespace.
    ///
    /// ## What the fix changes
    ///
    /// It removes `hostPID`. The containers see only their own processes. Tools that watch or
    /// signal processes of the node stop working.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, every operating system.
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

fn check(pod: &Pod<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    if let Setting::Set {
        value: true, node, ..
    } = pod.setting("hostPID", pod.spec.host_pid)
    {
        let change = Change::Remove {
            path: pod.path("hostPID"),
        };
        report
            .at(
                node,
                "hostPID is true: the pod sees every process of the node",
            )
            .fix(
                Applicability::Unsafe,
                "remove hostPID (no access to the node's processes)",
                [change],
            );
    }
}
