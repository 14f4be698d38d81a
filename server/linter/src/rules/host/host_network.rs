use crate::config::Config;
use crate::rules::privileges::windows_host_process::is_host_process;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Pod, Setting};
use yaml::edit::Change;

rule! {
    /// Pods with `hostNetwork: true`.
    ///
    /// The containers use the node's network interfaces and addresses instead of the pod's own.
    ///
    /// ## Why
    ///
    /// The pod reaches services on the node's `127.0.0.1` that are meant for the node alone: the
    /// kubelet's read-only port, an etcd, a debug server. With `NET_RAW`, it reads other pods'
    /// traffic. Most network policies do not apply to it, and the cloud's metadata service gives it
    /// the credentials of the node.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: agent
    /// spec:
    ///   hostNetwork: true
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
    /// Good: the default, set explicitly.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: agent
    /// spec:
    ///   hostNetwork: false
    ///   containers:
    ///     - name: agent
    ///       image: registry.example.com/agent:2.1
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Network plugins, kube-proxy, ingress controllers on bare metal and node exporters need it.
    /// Put them in their own namespace, and run them as a non-root user without capabilities.
    ///
    /// ## What the fix changes
    ///
    /// It removes `hostNetwork`, so that the pod gets its own address. Clients that used the node's
    /// address need a Service, and the pod no longer reaches services on the node's `127.0.0.1`.
    /// There is no fix for Windows pods with `hostProcess: true`, which the API server rejects
    /// without the host network.
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
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.2.5
    /// - NSA/CISA Kubernetes Hardening Guide, "Pod security enforcement":
    ///   <https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF>
    id: "host-network",
    enablement: Profile(Baseline),
    severity: Error,
    check: Check::Pod(check),
    aliases: [
        Trivy "KSV-0009", Checkov "CKV_K8S_19", KubeLinter "host-network",
        Polaris "hostNetworkSet", Kubescape "C-0041", Kubeaudit "NamespaceHostNetworkTrue",
        Kubesec "HostNetwork",
    ],
    related: [Kyverno "disallow-host-namespaces"],
}

fn check(pod: &Pod<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    let Setting::Set {
        value: true, node, ..
    } = pod.setting("hostNetwork", pod.spec.host_network)
    else {
        return;
    };
    let mut finding = report.at(node, "hostNetwork is true: the pod uses the node's network");
    // The API server rejects a HostProcess pod without the host network.
    if !is_host_process(pod) {
        let change = Change::Remove {
            path: pod.path("hostNetwork"),
        };
        finding.fix(
            Applicability::Unsafe,
            "remove hostNetwork (the pod gets its own address)",
            [change],
        );
    }
}
