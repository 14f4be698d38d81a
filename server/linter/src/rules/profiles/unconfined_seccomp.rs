use crate::config::Config;
use crate::rules::pod_security::{exempts_windows, overrides_baseline};
use crate::rules::security_context::{Owner, owners, text, token};
use crate::rules::{Applicability, Reporter};
use kubernetes::{Pod, Version};
use yaml::NodeKind;
use yaml::edit::{Change, Value};

rule! {
    /// Seccomp profiles other than `RuntimeDefault` and `Localhost`.
    ///
    /// `Unconfined` lets a container make every system call of the kernel. The rule also reports a
    /// profile without a type or with an unknown one, and a value on a pod whose containers all set
    /// their own.
    ///
    /// ## Why
    ///
    /// The manifest explicitly opens the whole kernel interface. The dozens of system calls that
    /// `RuntimeDefault` blocks are those that published escapes use: `unshare` for CVE-2022-0185
    /// and CVE-2022-0492, `add_key` for CVE-2016-0728, `userfaultfd` to win the races in many
    /// others.
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
    ///     seccompProfile:
    ///       type: Unconfined
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
    ///     seccompProfile:
    ///       type: RuntimeDefault
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// Good: a custom profile for a program that needs more.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   securityContext:
    ///     runAsNonRoot: true
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         seccompProfile:
    ///           type: Localhost
    ///           localhostProfile: profiles/web.json
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Debuggers, sandboxes and programs that create containers need system calls that
    /// `RuntimeDefault` blocks. Write a `Localhost` profile for them rather than none.
    ///
    /// ## What the fix changes
    ///
    /// It sets `RuntimeDefault`, and removes a `localhostProfile`, which that type excludes. On a
    /// Windows pod, where the API server rejects the field, it removes the profile. A program that
    /// makes a blocked system call gets "Operation not permitted".
    ///
    /// ## Applies to
    ///
    /// Every profile. From Kubernetes 1.19 on, the rule checks the fields. Before, it checks the
    /// annotations `seccomp.security.alpha.kubernetes.io/pod` and
    /// `container.seccomp.security.alpha.kubernetes.io/<container>`, for which `runtime/default`,
    /// `docker/default` and `localhost/<profile>` are good values. At profile `restricted` from
    /// Kubernetes 1.25 on, it skips Windows pods (`spec.os.name: windows`).
    ///
    /// ## References
    ///
    /// - Pod Security Standards: Seccomp:
    ///   <https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline>
    /// - [Kubernetes: Restrict a Container's Syscalls with seccomp](https://kubernetes.io/docs/tutorials/security/seccomp/)
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.7.2
    id: "unconfined-seccomp",
    enablement: Profile(Baseline),
    severity: Error,
    check: Check::Pod(check),
    aliases: [Trivy "KSV-0104", Kubesec "SeccompUnconfined", Kyverno "restrict-seccomp"],
    related: [
        Checkov "CKV_K8S_31", Kubescape "C-0055", Kubeaudit "SeccompDisabledPod",
        Kubeaudit "SeccompDisabledContainer",
    ],
    fields: ["SeccompProfile.type"],
}

const PROFILE: &str = "securityContext.seccompProfile";
const POD_ANNOTATION: &str = "seccomp.security.alpha.kubernetes.io/pod";
const CONTAINER_ANNOTATION: &str = "container.seccomp.security.alpha.kubernetes.io/";

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    if overrides_baseline(config) && exempts_windows(pod, config) {
        return;
    }
    if config.kubernetes_version < Version::new(19) {
        return check_annotations(pod, report);
    }
    for owner in owners(pod) {
        let Some((node, kind)) = owner.profile_type(PROFILE) else {
            continue;
        };
        let message = match kind {
            "RuntimeDefault" | "Localhost" => continue,
            "Unconfined" => format!("seccompProfile is Unconfined: {owner} may make any syscall"),
            "" => format!("seccompProfile of {owner} has no type"),
            other => {
                format!("seccompProfile.type of {owner} is {other:?}, which is not a valid type")
            }
        };
        let (title, changes) = confinement(pod, owner);
        let has_no_type = node.kind() == NodeKind::Mapping;
        report
            .at(token(node), message)
            .in_container(owner.container())
            .as_missing_if(has_no_type)
            .fix(Applicability::Unsafe, title, changes);
    }
}

/// Returns the fix. On Windows, it removes the field, which the API server rejects there.
fn confinement(pod: &Pod<'_>, owner: Owner<'_, '_>) -> (&'static str, Vec<Change>) {
    let path = owner.path(PROFILE);
    if pod.is_windows() {
        return (
            "remove seccompProfile (not allowed on Windows)",
            vec![Change::Remove { path }],
        );
    }
    let set = Change::Set {
        path: path.key("type"),
        value: Value::Text("RuntimeDefault".into()),
    };
    // The API server allows `localhostProfile` only with `Localhost`.
    let nameless = Change::Remove {
        path: path.key("localhostProfile"),
    };
    (
        "set seccompProfile.type: RuntimeDefault (unusual syscalls fail)",
        vec![set, nameless],
    )
}

fn check_annotations(pod: &Pod<'_>, report: &mut Reporter<'_, '_>) {
    let names_container = |name: &str| {
        pod.containers
            .iter()
            .any(|container| container.name() == name)
    };
    for entry in pod.annotations() {
        let (Some(key), Some(profile)) = (entry.key.as_str(), text(entry.value)) else {
            continue;
        };
        let counts = key == POD_ANNOTATION
            || key
                .strip_prefix(CONTAINER_ANNOTATION)
                .is_some_and(names_container);
        let is_confined = matches!(profile, "runtime/default" | "docker/default")
            || profile.starts_with("localhost/");
        if !counts || is_confined {
            continue;
        }
        let whose = key
            .strip_prefix(CONTAINER_ANNOTATION)
            .map_or("the pod".to_owned(), |name| format!("container {name:?}"));
        let change = |path| Change::Set {
            path,
            value: Value::Text("runtime/default".into()),
        };
        report
            .at(
                token(entry.value),
                format!("the seccomp annotation for {whose} is {profile:?}"),
            )
            .fix(
                Applicability::Unsafe,
                "set the annotation to runtime/default (unusual syscalls fail)",
                pod.annotation_path(key).map(change),
            );
    }
}
