use crate::config::Config;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Pod, Setting};
use yaml::edit::Change;

rule! {
    /// Pods with `hostIPC: true`.
    ///
    /// The containers use the node's shared memory, semaphores and message queues instead of the
    /// pod's own.
    ///
    /// ## Why
    ///
    /// Databases, browsers and machine learning frameworks keep working data in shared memory and
    /// trust what they find there. A container in the same namespace can read this data, and change
    /// it under a process of the node or of another such pod.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: agent
    /// spec:
    ///   hostIPC: true
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
    /// Good: a volume for the containers of one pod that need a lot of shared memory.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: agent
    /// spec:
    ///   containers:
    ///     - name: agent
    ///       image: registry.example.com/agent:2.1
    ///       volumeMounts:
    ///         - name: shm
    ///           mountPath: /dev/shm
    ///   volumes:
    ///     - name: shm
    ///       emptyDir:
    ///         medium: Memory
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// If a program talks to a daemon of the node through shared memory. The containers of one pod
    /// share an IPC namespace without this setting.
    ///
    /// ## What the fix changes
    ///
    /// It removes `hostIPC`. Processes no longer find shared memory that the node or another pod
    /// created.
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
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.2.4
    /// - NSA/CISA Kubernetes Hardening Guide, "Pod security enforcement":
    ///   <https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF>
    id: "host-ipc",
    enablement: Profile(Baseline),
    severity: Error,
    check: Check::Pod(check),
    aliases: [
        Trivy "KSV-0008", Checkov "CKV_K8S_18", KubeLinter "host-ipc", Polaris "hostIPCSet",
        Kubescape "C-0276", Kubeaudit "NamespaceHostIPCTrue", Kubesec "HostIPC",
    ],
    related: [Kubescape "C-0038", Kyverno "disallow-host-namespaces"],
}

fn check(pod: &Pod<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    if let Setting::Set {
        value: true, node, ..
    } = pod.setting("hostIPC", pod.spec.host_ipc)
    {
        let change = Change::Remove {
            path: pod.path("hostIPC"),
        };
        report
            .at(node, "hostIPC is true: the pod shares memory with the node")
            .fix(
                Applicability::Unsafe,
                "remove hostIPC (no access to the node's shared memory)",
                [change],
            );
    }
}
