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
    /// The pod reaches what listens on the node's `127.0.0.1` only because nobody else should: the kubelet's read-only port,
    /// an etcd, a debug server. It reads other pods' traffic where it also has `NET_RAW`, most network policies do not apply
    /// to it, and the cloud's metadata service gives it the credentials of the node.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: agent
    /// spec:
    ///   hostNetwork: true # scrapes the kubelet
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
    /// Good: the default, written out.
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
    /// Network plug-ins, kube-proxy, ingress controllers on bare metal and node exporters need it. Keep them in a namespace
    /// of their own, and let them run as an ordinary user without capabilities.
    ///
    /// ## What the fix changes
    ///
    /// It removes the line. The pod gets an address of its own: clients that used the node's address need a Service, and a
    /// program that talks to something on the node's `127.0.0.1` no longer reaches it. The fix is not offered for Windows
    /// pods with `hostProcess: true`, which the API server refuses without the host's network.
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

fn check(pod: &Pod<'_>, _config: &Config, found: &mut Reporter<'_, '_>) {
    let Setting::Set {
        value: true, node, ..
    } = pod.setting("hostNetwork", pod.spec.host_network)
    else {
        return;
    };
    let mut finding = found.at(
        node,
        "hostNetwork is true: the pod is on the node's own network",
    );
    // The API server refuses a HostProcess pod that is not on the host's network.
    if !is_host_process(pod) {
        let change = Change::Remove {
            path: pod.path("hostNetwork"),
        };
        finding.fix(
            Applicability::Unsafe,
            "remove hostNetwork (the pod gets an address of its own)",
            [change],
        );
    }
}
