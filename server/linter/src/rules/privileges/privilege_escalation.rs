use crate::config::Config;
use crate::rules::pod_security::exempts_windows;
use crate::rules::privileges::privileged_container;
use crate::rules::{Applicability, Finding, Reporter};
use kubernetes::{Container, Pod, Setting, Version};
use yaml::edit::{Change, Value};

rule! {
    /// Containers that do not set `allowPrivilegeEscalation: false`.
    ///
    /// The default is insecure: an unset field allows escalation, and there is no setting on the
    /// pod. With `false`, the kernel sets `no_new_privs` for every process of the container, so
    /// that none can gain more privileges than its parent.
    ///
    /// ## Why
    ///
    /// An attacker who runs code as a non-root user in the container looks for a setuid program
    /// next: `su`, `mount`, an old `sudo`, or one that the base image contains unnoticed. With
    /// `no_new_privs`, such a program starts without its extra rights, and a bug in it is useless.
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
    /// An explicit `true` is reported at its value:
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
    /// A container that becomes another user needs it: one that runs `sudo` or `ping` with a setuid
    /// bit, or that builds images with `newuidmap`. Explain it in an ignore comment.
    ///
    /// ## What the fix changes
    ///
    /// It sets `allowPrivilegeEscalation: false`. Programs with a setuid bit or file capabilities
    /// start without them; most images do not use such programs. The fix is not offered with
    /// `privileged: true` or an added `SYS_ADMIN`, which imply escalation. Fix those first.
    ///
    /// ## Applies to
    ///
    /// Profiles `restricted` and `hardened`, Kubernetes 1.8 and later. From 1.25 on, the rule skips
    /// Windows pods (`spec.os.name: windows`), which cannot set the field. If a container is
    /// privileged and does not set the field, only `privileged-container` reports it.
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
    fields: ["SecurityContext.allowPrivilegeEscalation"],
}

const FIELD: &str = "securityContext.allowPrivilegeEscalation";

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    if config.kubernetes_version < Version::new(8) || exempts_windows(pod, config) {
        return;
    }
    for container in &pod.containers {
        let mut finding = match container
            .setting(FIELD, container.security().allow_privilege_escalation)
        {
            Setting::Set {
                value: true, node, ..
            } => report
                .at(
                    node,
                    format!("allowPrivilegeEscalation is true: {container} can gain privileges"),
                )
                .in_container(container),
            Setting::Unset
                if !container.is_unfinished()
                    && !privileged_container::explains(container, config) =>
            {
                report
                    .missing(
                        FIELD,
                        format!("{container} does not set allowPrivilegeEscalation"),
                    )
                    .in_container(container)
            }
            _ => continue,
        };
        if !pod.is_windows() && !escalates_anyway(container) {
            offer_fix(&mut finding, container);
        }
    }
}

fn offer_fix(finding: &mut Finding, container: &Container<'_>) {
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

/// Whether the container has, or may have, a setting that excludes
/// `allowPrivilegeEscalation: false`. The API server compares with `CAP_SYS_ADMIN` only; for the
/// kernel, `SYS_ADMIN` is the same capability.
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
