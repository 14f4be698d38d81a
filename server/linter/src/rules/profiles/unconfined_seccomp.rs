use crate::config::Config;
use crate::rules::pod_security::{overrides_baseline, spares_windows};
use crate::rules::security_context::{Owner, owners, text, token};
use crate::rules::{Applicability, Reporter};
use kubernetes::{Pod, Version};
use yaml::NodeKind;
use yaml::edit::{Change, Value};

rule! {
    /// Seccomp profiles that are neither `RuntimeDefault` nor `Localhost`.
    ///
    /// `Unconfined` lets a container make every system call of the kernel. A profile without a type, or with an unknown one,
    /// counts as well; so does the value on a pod whose containers all have their own.
    ///
    /// ## Why
    ///
    /// Somebody wrote it down that the kernel's whole surface is open. The dozens of system calls that `RuntimeDefault` shuts
    /// are those that published escapes were built on: `unshare` for CVE-2022-0185 and CVE-2022-0492, `add_key` for
    /// CVE-2016-0728, `userfaultfd` to win the races in many others.
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
    /// Good: a profile of its own for what needs more.
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
    /// Debuggers, sandboxes and programs that make containers of their own need system calls that `RuntimeDefault` shuts.
    /// Write a `Localhost` profile for them rather than none.
    ///
    /// ## What the fix changes
    ///
    /// It writes `RuntimeDefault`, and removes a `localhostProfile` that cannot stand beside it; on a pod for Windows, where
    /// the field is refused altogether, it removes the profile. A program that makes one of the system calls that are shut
    /// gets "Operation not permitted".
    ///
    /// ## Applies to
    ///
    /// Profile `baseline`. From Kubernetes 1.19 on the fields count; before, the annotations
    /// `seccomp.security.alpha.kubernetes.io/pod` and `container.seccomp.security.alpha.kubernetes.io/<container>`, with
    /// `runtime/default`, `docker/default` and `localhost/<profile>` as good values. At profile `restricted` from 1.25 on not
    /// pods for Windows (`spec.os.name`).
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
}

const PROFILE: &str = "securityContext.seccompProfile";
const POD_ANNOTATION: &str = "seccomp.security.alpha.kubernetes.io/pod";
const CONTAINER_ANNOTATION: &str = "container.seccomp.security.alpha.kubernetes.io/";

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    if overrides_baseline(config) && spares_windows(pod, config) {
        return;
    }
    if config.kubernetes_version < Version::new(19) {
        return check_annotations(pod, found);
    }
    for holder in owners(pod) {
        let Some((node, kind)) = holder.profile_type(PROFILE) else {
            continue;
        };
        let message = match kind {
            "RuntimeDefault" | "Localhost" => continue,
            "Unconfined" => format!("seccompProfile is Unconfined: {holder} may make any syscall"),
            "" => format!("seccompProfile of {holder} has no type"),
            other => format!("seccompProfile.type of {holder} is {other:?}, which is no profile"),
        };
        let (title, changes) = confinement(pod, holder);
        let has_no_type = node.kind() == NodeKind::Mapping;
        found
            .at(token(node), message)
            .in_container(holder.container())
            .as_missing_if(has_no_type)
            .fix(Applicability::Unsafe, title, changes);
    }
}

/// How to confine: on Windows the API server refuses the field, whatever its value.
fn confinement(pod: &Pod<'_>, holder: Owner<'_, '_>) -> (&'static str, Vec<Change>) {
    let path = holder.path(PROFILE);
    if pod.is_windows() {
        return (
            "remove seccompProfile (Windows pods cannot have it)",
            vec![Change::Remove { path }],
        );
    }
    let set = Change::Set {
        path: path.key("type"),
        value: Value::Text("RuntimeDefault".into()),
    };
    // The API server takes the name of a profile beside `Localhost` alone.
    let nameless = Change::Remove {
        path: path.key("localhostProfile"),
    };
    (
        "set seccompProfile.type: RuntimeDefault (unusual syscalls are refused)",
        vec![set, nameless],
    )
}

fn check_annotations(pod: &Pod<'_>, found: &mut Reporter<'_, '_>) {
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
        found
            .at(
                token(entry.value),
                format!("the seccomp annotation for {whose} is {profile:?}"),
            )
            .fix(
                Applicability::Unsafe,
                "set the annotation to runtime/default (unusual syscalls are refused)",
                pod.annotation_path(key).map(change),
            );
    }
}
