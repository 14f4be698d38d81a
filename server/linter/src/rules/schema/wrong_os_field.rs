use crate::config::Config;
use crate::rules::{Applicability, Finding, Reporter};
use kubernetes::{Pod, Version};
use yaml::edit::Change;
use yaml::{Entry, Node, Path, Resolved, Step};

rule! {
    /// Linux fields in a Windows pod, and Windows fields in a Linux pod.
    ///
    /// A pod that sets its operating system in `spec.os.name` must not set fields of the other one,
    /// whatever their value. `runAsNonRoot` is allowed on both.
    ///
    /// ## Why
    ///
    /// The API server rejects the pod. Hardening copied from a Linux pod protects nothing on
    /// Windows, and keeps the running version from being replaced.
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
    /// Never: the API server rejects the pod. If the pod is for the other operating system, correct
    /// `spec.os.name`.
    ///
    /// ## What the fix changes
    ///
    /// It removes the field. No cluster accepted the pod with it.
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

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    if config.kubernetes_version < Version::new(24) {
        return;
    }
    let (of_pod, of_container, system): (&[&str], &[&str], _) =
        match pod.spec.os.as_ref().map(|os| os.name.as_str()) {
            Some("windows") => (&POD_OF_LINUX, &CONTAINER_OF_LINUX, "windows"),
            Some("linux") => (&OF_WINDOWS, &OF_WINDOWS, "linux"),
            _ => return,
        };
    for field_path in of_pod {
        if let Some((entry, name)) = rejected_entry(pod.node, field_path) {
            let change = Change::Remove {
                path: pod.path(field_path),
            };
            report
                .at(
                    entry.key,
                    format!("{name} is not allowed in a pod with os.name: {system}"),
                )
                .fix(Applicability::Safe, format!("remove {name}"), [change]);
        }
    }
    for container in &pod.containers {
        for field_path in of_container {
            if let Some((entry, name)) = rejected_entry(container.node, field_path) {
                let change = Change::Remove {
                    path: container.path(field_path),
                };
                report
                    .at(
                        entry.key,
                        format!("{name} is not allowed in a pod with os.name: {system}"),
                    )
                    .in_container(container)
                    .fix(Applicability::Safe, format!("remove {name}"), [change]);
            }
        }
    }
}

/// Removes the fixes that write settings of Linux to the pod of an object that runs on Windows nodes. Such a setting
/// does nothing there, and the API server rejects it once `os.name` is set.
pub(crate) fn withhold_linux_settings(object: usize, pod: &Pod<'_>, findings: &mut [Finding]) {
    if !pod.runs_on_windows() {
        return;
    }
    let is_about_pod = |finding: &&mut Finding| finding.target.object == Some(object);
    for finding in findings.iter_mut().filter(is_about_pod) {
        finding
            .fix
            .take_if(|fix| writes_linux_setting(&fix.changes));
        finding
            .alternatives
            .retain(|fix| !writes_linux_setting(&fix.changes));
    }
}

fn writes_linux_setting(changes: &[Change]) -> bool {
    let is_of_linux = |path: &Path| {
        let keys = path.steps().filter_map(|step| match step {
            Step::Key(key) => Some(key),
            Step::Index(_) => None,
        });
        let keys: Vec<&str> = keys.collect();
        let mut fields = POD_OF_LINUX.iter().chain(&CONTAINER_OF_LINUX);
        fields.any(|field| {
            let field: Vec<&str> = field.split('.').collect();
            keys.windows(field.len()).any(|part| part == field)
        })
    };
    changes.iter().any(|change| match change {
        Change::Set { path, .. } | Change::Append { path, .. } => is_of_linux(path),
        Change::Move { to, .. } => is_of_linux(to),
        _ => false,
    })
}

/// Returns the entry at a dotted path if the API server rejects it. It accepts `false` for the host
/// namespaces, and no sysctls.
fn rejected_entry<'y>(
    from: Node<'y>,
    field_path: &'static str,
) -> Option<(Entry<'y>, &'static str)> {
    let (owner, name) = match field_path.rsplit_once('.') {
        Some((owner, name)) => (
            owner.split('.').try_fold(from, |node, key| node.get(key))?,
            name,
        ),
        None => (from, field_path),
    };
    let entry = owner.entry(name)?;
    let off = matches!(name, "hostIPC" | "hostPID")
        && entry.value.resolved() == Some(Resolved::Bool(false));
    let none = name == "sysctls"
        && entry
            .value
            .resolve()
            .is_some_and(|list| list.items().len() == 0);
    (!off && !none && !entry.value.is_null()).then_some((entry, name))
}
