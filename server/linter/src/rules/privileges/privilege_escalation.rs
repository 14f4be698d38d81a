use crate::config::Config;
use crate::rules::pod_security::spares_windows;
use crate::rules::{Applicability, Finding, Reporter};
use kubernetes::{Container, Pod, Setting, Version};
use yaml::edit::{Change, Value};

rule! {
    /// Containers that do not set `allowPrivilegeEscalation: false`.
    ///
    /// The field has no default that protects: unset means allowed, and no pod-level setting stands in for it. With `false`,
    /// the kernel's `no_new_privs` holds for every process of the container, and none can gain more than its parent had.
    ///
    /// ## Why
    ///
    /// An attacker who runs code as an ordinary user in the container looks for a setuid program next: `su`, `mount`, an old
    /// `sudo`, or one that the base image brought along unnoticed. With `no_new_privs` such a program starts without its
    /// extra rights, and the bug in it is worth nothing.
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
    ///       securityContext:
    ///         allowPrivilegeEscalation: false
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
    ///   initContainers:
    ///     - name: migrate
    ///       image: registry.example.com/migrate:1.4
    ///       securityContext: { allowPrivilegeEscalation: false }
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         allowPrivilegeEscalation: false
    /// ```
    ///
    /// An explicit `true` is found on its value:
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
    ///       securityContext:
    ///         allowPrivilegeEscalation: true
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
    ///       securityContext:
    ///         allowPrivilegeEscalation: false
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// A container whose work is to become another user, such as one that runs `sudo`, `ping` with a setuid bit, or builds
    /// images with `newuidmap`, needs it. Say so in a comment beside the container.
    ///
    /// ## What the fix changes
    ///
    /// It writes `allowPrivilegeEscalation: false`. Programs with a setuid bit or file capabilities start without them; most
    /// images have no such program in use. The fix is not offered beside `privileged: true` or an added `SYS_ADMIN`: both
    /// bring the escalation with them, so mend those first.
    ///
    /// ## Applies to
    ///
    /// Profile `restricted`, Kubernetes 1.8 and later. From 1.25 on not pods for Windows (`spec.os.name`), which cannot have
    /// the field.
    ///
    /// ## References
    ///
    /// - Pod Security Standards: Privilege Escalation:
    ///   <https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted>
    /// - Kubernetes: Configure a Security Context for a Pod or Container:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/security-context/>
    /// - [Linux: No New Privileges Flag](https://docs.kernel.org/userspace-api/no_new_privs.html)
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.2.6
    /// - NSA/CISA Kubernetes Hardening Guide, "Pod security enforcement":
    ///   <https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF>
    id: "privilege-escalation",
    enablement: Profile(Restricted),
    severity: Warning,
    check: Check::Pod(check),
    aliases: [
        Trivy "KSV-0001", Checkov "CKV_K8S_20", KubeLinter "privilege-escalation-container",
        Polaris "privilegeEscalationAllowed", Kubescape "C-0016",
        Kyverno "disallow-privilege-escalation",
    ],
    related: [Kubeaudit "AllowPrivilegeEscalationNil", Kubeaudit "AllowPrivilegeEscalationTrue"],
}

const FIELD: &str = "securityContext.allowPrivilegeEscalation";

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    if config.kubernetes_version < Version::new(8) || spares_windows(pod, config) {
        return;
    }
    for container in &pod.containers {
        let mut finding = match container
            .setting(FIELD, container.security().allow_privilege_escalation)
        {
            Setting::Set {
                value: true, node, ..
            } => found
                .at(
                    node,
                    format!("allowPrivilegeEscalation is true: {container} can gain privileges"),
                )
                .in_container(container),
            Setting::Unset if !container.is_unfinished() => found
                .missing(
                    FIELD,
                    format!("{container} does not set allowPrivilegeEscalation"),
                )
                .in_container(container),
            _ => continue,
        };
        if !pod.is_windows() && !escalates_anyway(container) {
            forbid(&mut finding, container);
        }
    }
}

fn forbid(finding: &mut Finding, container: &Container<'_>) {
    let change = Change::Set {
        path: container.path(FIELD),
        value: Value::Bool(false),
    };
    finding.fix(
        Applicability::Safe,
        "set allowPrivilegeEscalation: false",
        [change],
    );
}

/// Whether the container has what the API server refuses beside `allowPrivilegeEscalation: false`, or may have it where the
/// text is unreadable. The API server looks for `CAP_SYS_ADMIN` alone; `SYS_ADMIN` is the same capability to the kernel.
pub(crate) fn escalates_anyway(container: &Container<'_>) -> bool {
    let security = container.security();
    let privileged = container.setting("securityContext.privileged", security.privileged);
    let added = container.setting(
        "securityContext.capabilities.add",
        security
            .capabilities
            .as_ref()
            .and_then(|lists| lists.add.as_ref()),
    );
    let is_privileged = !matches!(
        privileged,
        Setting::Unset | Setting::Set { value: false, .. }
    );
    let adds_admin = match added {
        Setting::Unset => false,
        Setting::Unreadable(_) => true,
        Setting::Set { value, .. } => value
            .iter()
            .any(|name| name.trim_start_matches("CAP_") == "SYS_ADMIN"),
    };
    is_privileged || adds_admin
}
