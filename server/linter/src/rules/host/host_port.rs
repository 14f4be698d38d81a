use crate::config::Config;
use crate::rules::security_context::token;
use crate::rules::{Applicability, Reporter};
use kubernetes::Pod;
use yaml::Resolved;
use yaml::edit::Change;

rule! {
    /// Containers that open a port on the node (`hostPort`).
    ///
    /// The rule checks every container of the pod. `hostPort: 0` means no port. With
    /// `hostNetwork: true`, the ports of containers are ports of the node in any case.
    ///
    /// ## Why
    ///
    /// The port is open on every address of the node, which bypasses Services, ingresses and, with
    /// many network plugins, network policies. On a node with a public address, it is open to the
    /// internet. An attacker can also take a port that the kubelet or another agent gives up for a
    /// moment; the clients then talk to the attacker.
    ///
    /// ## Example
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
    ///       ports:
    ///         - containerPort: 8080
    ///           hostPort: 80
    ///           hostIP: 192.0.2.10
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
    ///       ports:
    ///         - containerPort: 8080
    /// ```
    ///
    /// Good: a named port that a Service refers to.
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
    ///       ports:
    ///         - containerPort: 8080
    ///           name: http
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Ingress controllers on bare metal and agents that the node itself talks to need one. For
    /// most other programs, use a Service of type `NodePort` or `LoadBalancer`.
    ///
    /// ## What the fix changes
    ///
    /// It removes `hostPort` and the `hostIP` that belongs to it. Clients that use the node's
    /// address and port no longer reach the container. Create a Service for them.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, every operating system.
    ///
    /// ## References
    ///
    /// - Pod Security Standards: Host Ports:
    ///   <https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline>
    /// - [Kubernetes: Configuration best practices](https://kubernetes.io/docs/concepts/configuration/overview/)
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.2.13
    /// - NSA/CISA Kubernetes Hardening Guide, "Pod security enforcement":
    ///   <https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF>
    id: "host-port",
    enablement: Profile(Baseline),
    severity: Error,
    check: Check::Pod(check),
    aliases: [
        Trivy "KSV-0024", Checkov "CKV_K8S_26", Polaris "hostPortSet",
        Kyverno "disallow-host-ports",
    ],
    related: [Kubescape "C-0044", Kubescape "C-0204"],
}

fn check(pod: &Pod<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    for container in &pod.containers {
        let ports = container.lookup("ports").map(|list| list.items());
        for (index, item) in ports.into_iter().flatten().enumerate() {
            let Some(node) = item.get("hostPort") else {
                continue;
            };
            let Some(Resolved::Int(port @ (..=-1 | 1..))) = node.resolved() else {
                continue;
            };
            let place = container.path("ports").index(index);
            let changes = ["hostPort", "hostIP"].map(|key| Change::Remove {
                path: place.key(key),
            });
            report
                .at(
                    token(node),
                    format!("{container} opens port {port} on the node"),
                )
                .in_container(container)
                .fix(
                    Applicability::Unsafe,
                    "remove hostPort (clients need a Service)",
                    changes,
                );
        }
    }
}
