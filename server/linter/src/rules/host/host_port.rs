use crate::config::Config;
use crate::rules::security_context::token;
use crate::rules::{Applicability, Reporter};
use kubernetes::Pod;
use yaml::Resolved;
use yaml::edit::Change;

rule! {
    /// Containers that take a port of the node: `hostPort`.
    ///
    /// Every container of the pod counts; 0 means none. With `hostNetwork: true` the ports of containers are ports of the
    /// node anyway.
    ///
    /// ## Why
    ///
    /// The port is open on every address of the node, past Services, ingresses and, with many network plug-ins, past network
    /// policies. On a node with a public address that is the internet. A port that the kubelet or another agent gives up for
    /// a moment can be taken, and the clients talk to the attacker.
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
    /// Good: a name for the port, which a Service refers to.
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
    /// Ingress controllers on bare metal and agents that the node itself talks to need one. A Service of type `NodePort` or
    /// `LoadBalancer` does the same for most other programs.
    ///
    /// ## What the fix changes
    ///
    /// It removes `hostPort`, and the `hostIP` that goes with it. Clients that use the node's address and port no longer
    /// reach the container; give them a Service.
    ///
    /// ## Applies to
    ///
    /// Profile `baseline`, every Kubernetes version, every operating system.
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

fn check(pod: &Pod<'_>, _config: &Config, found: &mut Reporter<'_, '_>) {
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
            found
                .at(
                    token(node),
                    format!("hostPort is {port}: {container} takes a port of the node"),
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
