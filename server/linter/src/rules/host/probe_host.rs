use crate::config::Config;
use crate::rules::security_context::{text, token};
use crate::rules::{Applicability, Reporter};
use kubernetes::{Pod, Version};
use yaml::edit::Change;

rule! {
    /// Probes and lifecycle hooks with a `host` of their own.
    ///
    /// A probe or hook with `httpGet` or `tcpSocket` goes to the pod's address unless `host` names another one. The kubelet
    /// makes the connection, from the node.
    ///
    /// ## Why
    ///
    /// The kubelet becomes the attacker's hand: whoever may write a pod has it call any address that the node reaches, among
    /// them the cloud's metadata service, services on the node's `127.0.0.1`, and networks that policies shut off for pods.
    /// Probes tell by their result what answered.
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
    ///       readinessProbe:
    ///         httpGet:
    ///           host: 169.254.169.254
    ///           path: /healthz
    ///           port: 8080
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
    ///       readinessProbe:
    ///         httpGet:
    ///           path: /healthz
    ///           port: 8080
    /// ```
    ///
    /// Good: a name that the server wants to hear is a header.
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
    ///       readinessProbe:
    ///         httpGet:
    ///           httpHeaders:
    ///             - name: Host
    ///               value: shop.example.com
    ///           path: /healthz
    ///           port: 8080
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// A pod with `hostNetwork: true` whose program listens on `127.0.0.1` alone has been probed this way. An `exec` probe
    /// does it without.
    ///
    /// ## What the fix changes
    ///
    /// It removes `host`, so that the kubelet connects to the pod's own address. A program that listens on another address
    /// alone, such as `127.0.0.1`, is no longer reached.
    ///
    /// ## Applies to
    ///
    /// Profile `baseline`, Kubernetes 1.34 and later, every operating system. `127.0.0.1` is a host like any other.
    ///
    /// ## References
    ///
    /// - Pod Security Standards: Host Probes / Lifecycle Hooks:
    ///   <https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline>
    /// - Kubernetes: Configure Liveness, Readiness and Startup Probes:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/>
    id: "probe-host",
    enablement: Profile(Baseline),
    severity: Warning,
    check: Check::Pod(check),
}

/// What of a container makes the kubelet act.
const HANDLERS: [&str; 5] = [
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle.postStart",
    "lifecycle.preStop",
];
/// The actions that connect to a host; `grpc` has none to choose.
const ACTIONS: [&str; 2] = ["httpGet", "tcpSocket"];

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    if config.kubernetes_version < Version::new(34) {
        return;
    }
    for container in &pod.containers {
        let handlers = HANDLERS
            .iter()
            .filter_map(|handler| Some((handler, container.lookup(handler)?)));
        for (handler, (action, node)) in
            handlers.flat_map(|(handler, node)| ACTIONS.map(|action| (handler, (action, node))))
        {
            let Some(node) = node.get(action).and_then(|action| action.get("host")) else {
                continue;
            };
            if text(node).is_none_or(str::is_empty) {
                continue;
            }
            let change = Change::Remove {
                path: container.path(&format!("{handler}.{action}.host")),
            };
            found
                .at(
                    token(node),
                    format!("{handler} of {container} names a host for the kubelet"),
                )
                .in_container(container)
                .fix(
                    Applicability::Unsafe,
                    "remove host (the kubelet connects to the pod's own address)",
                    [change],
                );
        }
    }
}
