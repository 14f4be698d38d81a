use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::security_context::{Owner, owners, token};
use kubernetes::Pod;
use yaml::{Node, Resolved};

rule! {
    /// Windows pods and containers with `hostProcess: true`.
    ///
    /// A HostProcess container is no container in the sense of a wall: its processes run on the Windows node, with the node's
    /// network and files. On the pod as in a container, whatever the other one says.
    ///
    /// ## Why
    ///
    /// Whoever gets to run a command in it runs it on the node, as `NT AUTHORITY\SYSTEM` if the manifest says so: the
    /// credentials of the kubelet and of every pod on the node are files within reach.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: agent
    /// spec:
    ///   os:
    ///     name: windows
    ///   hostNetwork: true
    ///   securityContext:
    ///     windowsOptions:
    ///       hostProcess: true
    ///       runAsUserName: NT AUTHORITY\SYSTEM
    ///   containers:
    ///     - name: agent
    ///       image: registry.example.com/agent:2.1
    /// ```
    ///
    /// Good: an ordinary container with an ordinary user.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   os:
    ///     name: windows
    ///   securityContext:
    ///     runAsNonRoot: true
    ///     windowsOptions:
    ///       runAsUserName: ContainerUser
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Network and storage plug-ins and agents that set a Windows node up need it. Keep them in a namespace of their own.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: an image made for the node does not run in a container, and the API server wants all containers and
    /// `hostNetwork` to change along with it.
    ///
    /// ## Applies to
    ///
    /// Profile `baseline`, every Kubernetes version.
    ///
    /// ## References
    ///
    /// - Pod Security Standards: HostProcess:
    ///   <https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline>
    /// - Kubernetes: Create a Windows HostProcess Pod:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/create-hostprocess-pod/>
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.2.11
    id: "windows-host-process",
    enablement: Profile(Baseline),
    severity: Error,
    check: Check::Pod(check),
    aliases: [
        Trivy "KSV-0103", Polaris "hostProcess", Kubescape "C-0202",
        Kyverno "disallow-host-process",
    ],
}

fn check(pod: &Pod<'_>, _config: &Config, found: &mut Reporter<'_, '_>) {
    for holder in owners(pod) {
        if let Some(node) = host_process(holder) {
            found
                .at(
                    token(node),
                    format!("hostProcess is true: {holder} runs on the node itself"),
                )
                .in_container(holder.container());
        }
    }
}

/// Whether the pod or one of its containers runs on the node itself.
pub(crate) fn is_host_process(pod: &Pod<'_>) -> bool {
    owners(pod).any(|holder| host_process(holder).is_some())
}

/// The `true` of a holder that runs on the node itself.
fn host_process<'y>(holder: Owner<'_, 'y>) -> Option<Node<'y>> {
    let node = holder.lookup("securityContext.windowsOptions.hostProcess")?;
    matches!(node.resolved(), Some(Resolved::Bool(true))).then_some(node)
}
