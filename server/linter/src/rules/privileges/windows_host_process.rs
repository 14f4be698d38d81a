use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::security_context::{Owner, owners, token};
use kubernetes::Pod;
use yaml::{Node, Resolved};

rule! {
    /// Windows pods and containers with `hostProcess: true`.
    ///
    /// A HostProcess container is not isolated: its processes run on the Windows node, with the
    /// node's network and files. The rule checks the pod and each container.
    ///
    /// ## Why
    ///
    /// An attacker who runs a command in it runs it on the node, as `NT AUTHORITY\SYSTEM` if the
    /// manifest sets that user. The credentials of the kubelet and of every pod on the node are
    /// files that it can read.
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
    /// Network and storage plugins and agents that set up a Windows node need it. Put them in a
    /// separate namespace.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: an image made for the node does not run in a container, and the API server
    /// requires all containers and `hostNetwork` to change with it.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version.
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
    fields: ["PodSecurityContext.windowsOptions", "WindowsSecurityContextOptions.hostProcess"],
}

fn check(pod: &Pod<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    for owner in owners(pod) {
        if let Some(node) = host_process(owner) {
            report
                .at(
                    token(node),
                    format!("hostProcess is true: {owner} runs on the node itself"),
                )
                .in_container(owner.container());
        }
    }
}

/// Whether the pod or one of its containers runs on the node itself.
pub(crate) fn is_host_process(pod: &Pod<'_>) -> bool {
    owners(pod).any(|owner| host_process(owner).is_some())
}

/// Returns the `true` of an owner that runs on the node itself.
fn host_process<'y>(owner: Owner<'_, 'y>) -> Option<Node<'y>> {
    let node = owner.lookup("securityContext.windowsOptions.hostProcess")?;
    matches!(node.resolved(), Some(Resolved::Bool(true))).then_some(node)
}
