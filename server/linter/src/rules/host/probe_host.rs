use crate::config::Config;
use crate::rules::security_context::{text, token};
use crate::rules::{Applicability, Reporter};
use kubernetes::{Pod, Version};
use yaml::edit::Change;

rule! {
    /// Probes and lifecycle hooks that set `host`.
    ///
    /// The kubelet makes the connection of a probe or hook with `httpGet` or `tcpSocket`, from the
    /// node. It connects to the pod's address unless `host` names another one.
    ///
    /// ## Why
    ///
    /// The kubelet acts for the attacker: a user who may create a pod makes it call any address
    /// that the node reaches. This includes the cloud's metadata service, services on the node's
    /// `127.0.0.1`, and networks that policies block for pods. The result of the probe reveals what
    /// answered.
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
    /// Good: a header with the host name that the server expects.
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
    /// A pod with `hostNetwork: true` whose program listens only on `127.0.0.1` may be probed this
    /// way. An `exec` probe works without it.
    ///
    /// ## What the fix changes
    ///
    /// It removes `host`, so that the kubelet connects to the pod's own address. The probe fails if
    /// the program listens only on another address, such as `127.0.0.1`.
    ///
    /// ## Applies to
    ///
    /// Every profile, Kubernetes 1.34 and later, every operating system. The rule also reports
    /// `127.0.0.1`.
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

/// The probes and hooks of a container.
const HANDLERS: [&str; 5] = [
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle.postStart",
    "lifecycle.preStop",
];
/// The actions that have a `host`; `grpc` has none.
const ACTIONS: [&str; 2] = ["httpGet", "tcpSocket"];

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
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
            report
                .at(
                    token(node),
                    format!("{handler} of {container} sets host, which the kubelet connects to"),
                )
                .in_container(container)
                .fix(
                    Applicability::Unsafe,
                    "remove host (the kubelet connects to the pod)",
                    [change],
                );
        }
    }
}
