use crate::config::Config;
use crate::rules::security_context::{Owner, owners, text, token};
use crate::rules::{Applicability, Reporter};
use kubernetes::{Pod, Version};
use yaml::edit::Change;

rule! {
    /// `seLinuxOptions` with a user, a role, or a type that is not for containers.
    ///
    /// The types `container_t`, `container_init_t` and `container_kvm_t` are allowed, and
    /// `container_engine_t` from Kubernetes 1.31 on. `level` is not restricted. The rule checks the
    /// pod and each container.
    ///
    /// ## Why
    ///
    /// On nodes with SELinux, the label still confines a process when all other defenses have
    /// failed: `container_t` may access files labeled for containers and nothing else. `spc_t`, the
    /// type of "super privileged containers", and `unconfined_t` with its user and role remove this
    /// protection.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   securityContext:
    ///     runAsNonRoot: true
    ///     seLinuxOptions:
    ///       type: spc_t
    ///       level: s0:c123,c456
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
    ///   securityContext:
    ///     runAsNonRoot: true
    ///     seLinuxOptions:
    ///       level: s0:c123,c456
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
    ///   securityContext:
    ///     runAsNonRoot: true
    ///     seLinuxOptions:
    ///       type: container_init_t
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// A policy module written for the program, as `udica` generates it, is stricter than
    /// `container_t` and needs its own type. The Pod Security Standards do not know such types.
    /// Explain it in an ignore comment.
    ///
    /// ## What the fix changes
    ///
    /// It removes the key, so that the runtime's label applies. The process loses access to files
    /// of the node that only the other label may access.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version (`container_engine_t` from 1.31 on), every operating
    /// system.
    ///
    /// ## References
    ///
    /// - Pod Security Standards: SELinux:
    ///   <https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline>
    /// - Kubernetes: Assign SELinux labels to a Container:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#assign-selinux-labels-to-a-container>
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.7.3
    id: "custom-selinux-options",
    enablement: Profile(Baseline),
    severity: Error,
    check: Check::Pod(check),
    aliases: [Trivy "KSV-0025", Kyverno "disallow-selinux"],
    related: [Kubescape "C-0211"],
    fields: [
        "PodSecurityContext.seLinuxOptions",
        "SELinuxOptions.type",
        "SELinuxOptions.role",
        "SELinuxOptions.user",
    ],
}

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    for owner in owners(pod) {
        for key in ["type", "user", "role"] {
            check_key(owner, key, config, report);
        }
    }
}

fn check_key(owner: Owner<'_, '_>, key: &str, config: &Config, report: &mut Reporter<'_, '_>) {
    let field = format!("securityContext.seLinuxOptions.{key}");
    let Some((node, value)) = owner
        .lookup(&field)
        .and_then(|node| Some((node, text(node)?)))
    else {
        return;
    };
    if value.is_empty() || (key == "type" && is_for_containers(value, config)) {
        return;
    }
    let change = Change::Remove {
        path: owner.path(&field),
    };
    report
        .at(
            token(node),
            format!("{owner} sets seLinuxOptions.{key} to {value}"),
        )
        .in_container(owner.container())
        .fix(
            Applicability::Unsafe,
            format!("remove seLinuxOptions.{key} (the runtime's label applies)"),
            [change],
        );
}

/// The types for containers, each with the first minor version in which `baseline` allows it.
pub(crate) const TYPES: [(&str, u16); 4] = [
    ("container_t", 0),
    ("container_init_t", 0),
    ("container_kvm_t", 0),
    ("container_engine_t", 31),
];

fn is_for_containers(label: &str, config: &Config) -> bool {
    TYPES
        .iter()
        .any(|&(known, since)| known == label && config.kubernetes_version >= Version::new(since))
}
