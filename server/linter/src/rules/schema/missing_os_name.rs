use crate::config::{Config, Profile};
use crate::rules::{Applicability, Reporter};
use kubernetes::{Pod, Version, WindowsSign};
use yaml::edit::{Change, Value};

rule! {
    /// Pods that run on Windows nodes and do not set `os.name`.
    ///
    /// The rule recognizes a Windows pod by its `nodeSelector` or required node affinity
    /// (`kubernetes.io/os: windows`), or by `windowsOptions`.
    ///
    /// ## Why
    ///
    /// Pod Security looks only at `os.name`. Without it, `restricted` demands settings of Linux, such
    /// as a seccomp profile and dropped capabilities, which do nothing on Windows. With
    /// `os.name: windows`, it does not demand them, and the API server rejects settings of Linux.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   nodeSelector:
    ///     kubernetes.io/os: windows
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
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
    ///   nodeSelector:
    ///     kubernetes.io/os: windows
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///   os:
    ///     name: windows
    /// ```
    ///
    /// Good: the pod runs on Linux.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   nodeSelector:
    ///     kubernetes.io/os: linux
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Clusters with Kubernetes before 1.25 do not know the field.
    ///
    /// ## What the fix changes
    ///
    /// It sets `os.name: windows`. The kubelet of a Linux node then refuses the pod. If only
    /// `windowsOptions` shows that the pod is for Windows, review the fix. There is no fix if the pod
    /// has settings of Linux that the API server would reject. Until `os.name` is set, no fix of
    /// another rule writes settings of Linux to such a pod.
    ///
    /// ## Applies to
    ///
    /// Profiles `restricted` and `hardened`, Kubernetes 1.25 and later. Pod Security says nothing of a
    /// missing `os.name` itself, so `baseline` does not report it.
    ///
    /// ## References
    ///
    /// - Pod Security Standards: Pod OS field:
    ///   <https://kubernetes.io/docs/concepts/security/pod-security-standards/#os-specific-policy-controls>
    /// - Kubernetes: Windows containers in Kubernetes:
    ///   <https://kubernetes.io/docs/concepts/windows/intro/>
    id: "missing-os-name",
    enablement: Always,
    severity: Info,
    check: Check::Pod(check),
}

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    let is_demanded =
        config.profile >= Profile::Restricted && config.kubernetes_version >= Version::new(25);
    if !is_demanded || pod.spec.os.is_some() {
        return;
    }
    let Some(sign) = pod.windows_sign() else {
        return;
    };
    let (node, applicability) = match sign {
        WindowsSign::NodeSelection(node) => (node, Applicability::Safe),
        WindowsSign::Options(node) => (node, Applicability::Unsafe),
    };
    let change = Change::Set {
        path: pod.path("os.name"),
        value: Value::Text("windows".to_owned()),
    };
    let message = "pod runs on Windows but does not set os.name, so it counts as a Linux pod";
    report
        .missing("os.name", message)
        .fix(
            applicability,
            "set os.name: windows (the pod no longer starts on Linux nodes)",
            [change],
        )
        .related(node, "the pod runs on Windows because of this");
}
