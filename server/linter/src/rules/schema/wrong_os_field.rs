use crate::config::Config;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Pod, Version};
use yaml::edit::Change;
use yaml::{Entry, Node, Resolved};

rule! {
    /// Fields of Linux in a pod for Windows, and the reverse.
    ///
    /// A pod that names its operating system in `spec.os.name` may not have settings that the other one does not know. They
    /// are refused whatever their value; `runAsNonRoot` is for both.
    ///
    /// ## Why
    ///
    /// The API server refuses the pod. Hardening that was copied from a pod for Linux protects nothing on Windows, and keeps
    /// the version that runs from being replaced.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   os:
    ///     name: windows
    ///   securityContext:
    ///     runAsNonRoot: true
    ///     seccompProfile:
    ///       type: RuntimeDefault
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         allowPrivilegeEscalation: false
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
    ///   os:
    ///     name: windows
    ///   securityContext:
    ///     runAsNonRoot: true
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// Good:
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
    /// Never: the API server refuses the pod. If the pod is for the other system after all, mend `spec.os.name`.
    ///
    /// ## What the fix changes
    ///
    /// It removes the field. No cluster took the pod with it.
    ///
    /// ## Applies to
    ///
    /// Every profile, Kubernetes 1.24 and later, pods with `spec.os.name`.
    ///
    /// ## References
    ///
    /// - Kubernetes: Pod API, `os`, with the list of fields:
    ///   <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodSpec>
    /// - KEP-2802: Identify Windows pods at API admission level:
    ///   <https://github.com/kubernetes/enhancements/tree/master/keps/sig-windows/2802-identify-windows-pods-apiserver-admission>
    /// - The Pod Security Standards, the CIS Benchmark and the NSA/CISA guide have no section about it.
    id: "wrong-os-field",
    enablement: Always,
    severity: Error,
    check: Check::Pod(check),
    reports_rejections: true,
}

const POD_OF_LINUX: [&str; 15] = [
    "hostIPC",
    "hostPID",
    "hostUsers",
    "shareProcessNamespace",
    "securityContext.appArmorProfile",
    "securityContext.fsGroup",
    "securityContext.fsGroupChangePolicy",
    "securityContext.runAsGroup",
    "securityContext.runAsUser",
    "securityContext.seLinuxChangePolicy",
    "securityContext.seLinuxOptions",
    "securityContext.seccompProfile",
    "securityContext.supplementalGroups",
    "securityContext.supplementalGroupsPolicy",
    "securityContext.sysctls",
];
const CONTAINER_OF_LINUX: [&str; 10] = [
    "securityContext.allowPrivilegeEscalation",
    "securityContext.appArmorProfile",
    "securityContext.capabilities",
    "securityContext.privileged",
    "securityContext.procMount",
    "securityContext.readOnlyRootFilesystem",
    "securityContext.runAsGroup",
    "securityContext.runAsUser",
    "securityContext.seLinuxOptions",
    "securityContext.seccompProfile",
];
const OF_WINDOWS: [&str; 1] = ["securityContext.windowsOptions"];

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    if config.kubernetes_version < Version::new(24) {
        return;
    }
    let (of_pod, of_container, system): (&[&str], &[&str], _) =
        match pod.spec.os.as_ref().map(|os| os.name.as_str()) {
            Some("windows") => (&POD_OF_LINUX, &CONTAINER_OF_LINUX, "windows"),
            Some("linux") => (&OF_WINDOWS, &OF_WINDOWS, "linux"),
            _ => return,
        };
    for way in of_pod {
        if let Some((entry, name)) = refused(pod.node, way) {
            let change = Change::Remove {
                path: pod.path(way),
            };
            found
                .at(
                    entry.key,
                    format!("{name} is refused on a pod with os.name: {system}"),
                )
                .fix(Applicability::Safe, format!("remove {name}"), [change]);
        }
    }
    for container in &pod.containers {
        for way in of_container {
            if let Some((entry, name)) = refused(container.node, way) {
                let change = Change::Remove {
                    path: container.path(way),
                };
                found
                    .at(
                        entry.key,
                        format!("{name} is refused in a pod with os.name: {system}"),
                    )
                    .in_container(container)
                    .fix(Applicability::Safe, format!("remove {name}"), [change]);
            }
        }
    }
}

/// The entry at a way, where the API server takes it for set. The flags that have no "unset" may be false, the sysctls none.
fn refused<'y>(from: Node<'y>, way: &'static str) -> Option<(Entry<'y>, &'static str)> {
    let (holder, name) = match way.rsplit_once('.') {
        Some((holder, name)) => (
            holder
                .split('.')
                .try_fold(from, |node, key| node.get(key))?,
            name,
        ),
        None => (from, way),
    };
    let entry = holder.entry(name)?;
    let off = matches!(name, "hostIPC" | "hostPID")
        && entry.value.resolved() == Some(Resolved::Bool(false));
    let none = name == "sysctls"
        && entry
            .value
            .resolve()
            .is_some_and(|list| list.items().len() == 0);
    (!off && !none && !entry.value.is_null()).then_some((entry, name))
}
