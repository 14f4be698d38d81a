use crate::config::Config;
use crate::rules::security_context::{Owner, owners, text, token};
use crate::rules::{Applicability, Reporter};
use kubernetes::{Container, Pod};
use yaml::edit::{Change, Value};
use yaml::{Entry, NodeKind};

rule! {
    /// AppArmor profiles other than `RuntimeDefault` and `Localhost`.
    ///
    /// The rule checks `appArmorProfile` on the pod and in each container, and the annotation
    /// `container.apparmor.security.beta.kubernetes.io/<container>`. It also reports a profile
    /// without a type.
    ///
    /// ## Why
    ///
    /// On nodes with AppArmor, the runtime's profile keeps a container, even one that runs as root,
    /// from writing to `/proc/sys` and `/sys`, from mounting, and from tracing others. `Unconfined`
    /// removes this protection, which stopped CVE-2022-0492 and similar attacks where seccomp did
    /// not.
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
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         appArmorProfile:
    ///           type: Unconfined
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
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         appArmorProfile:
    ///           type: RuntimeDefault
    /// ```
    ///
    /// The annotation used before Kubernetes 1.30:
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    ///   annotations:
    ///     container.apparmor.security.beta.kubernetes.io/web: unconfined
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
    ///   annotations:
    ///     container.apparmor.security.beta.kubernetes.io/web: runtime/default
    /// spec:
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
    ///     appArmorProfile:
    ///       type: Localhost
    ///       localhostProfile: web
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Programs that mount file systems or create containers need more than `RuntimeDefault`. Load
    /// a profile for them on the nodes and reference it as `Localhost`.
    ///
    /// ## What the fix changes
    ///
    /// It sets `RuntimeDefault` (`runtime/default` in the annotation), and removes a
    /// `localhostProfile`, which that type excludes. If annotation and field apply to the same
    /// container, it removes the annotation, because the API server rejects the pod unless both
    /// agree. On a Windows pod, where the API server rejects the field, it removes the profile. A
    /// program that mounts or traces fails.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, every operating system. An empty annotation is
    /// allowed.
    ///
    /// ## References
    ///
    /// - Pod Security Standards: AppArmor:
    ///   <https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline>
    /// - [Kubernetes: Restrict a Container's Access to Resources with AppArmor](https://kubernetes.io/docs/tutorials/security/apparmor/)
    /// - KEP-24: AppArmor:
    ///   <https://github.com/kubernetes/enhancements/tree/master/keps/sig-node/24-apparmor>
    id: "unconfined-apparmor",
    enablement: Profile(Baseline),
    severity: Error,
    check: Check::Pod(check),
    aliases: [Kubesec "ApparmorUnconfined", Kyverno "restrict-apparmor-profiles"],
    related: [Kubeaudit "AppArmorDisabled", Kubeaudit "AppArmorBadValue"],
    fields: ["PodSecurityContext.appArmorProfile", "AppArmorProfile.type"],
}

const PROFILE: &str = "securityContext.appArmorProfile";
const ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";

fn check(pod: &Pod<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    for owner in owners(pod) {
        let Some((node, kind)) = owner.profile_type(PROFILE) else {
            continue;
        };
        let message = match kind {
            "RuntimeDefault" | "Localhost" => continue,
            "Unconfined" => format!("appArmorProfile is Unconfined: nothing confines {owner}"),
            "" => format!("appArmorProfile of {owner} has no type"),
            other => {
                format!("appArmorProfile.type of {owner} is {other:?}, which is not a valid type")
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
    for entry in pod.annotations() {
        check_annotation(pod, entry, report);
    }
}

/// Returns the fix. On Windows, it removes the field, which the API server rejects there. It
/// removes annotations, which would contradict the field.
fn confinement(pod: &Pod<'_>, owner: Owner<'_, '_>) -> (&'static str, Vec<Change>) {
    let path = owner.path(PROFILE);
    if pod.is_windows() {
        return (
            "remove appArmorProfile (not allowed on Windows)",
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
    let is_held = |container: &&Container<'_>| match owner {
        Owner::Pod(_) => !has_profile(Owner::Container(container)),
        Owner::Container(own) => own.name() == container.name(),
    };
    let held = pod.containers.iter().filter(is_held);
    let annotations = held
        .filter_map(|container| pod.annotation_path(&format!("{ANNOTATION}{}", container.name())));
    let removals = annotations.map(|path| Change::Remove { path });
    let changes = [set, nameless].into_iter().chain(removals).collect();
    (
        "set appArmorProfile.type: RuntimeDefault (programs that mount or trace fail)",
        changes,
    )
}

fn check_annotation(pod: &Pod<'_>, entry: Entry<'_>, report: &mut Reporter<'_, '_>) {
    let (Some(key), Some(profile)) = (entry.key.as_str(), text(entry.value)) else {
        return;
    };
    let Some(name) = key.strip_prefix(ANNOTATION) else {
        return;
    };
    if matches!(profile, "" | "runtime/default") || profile.starts_with("localhost/") {
        return;
    }
    let mut finding = report.at(
        token(entry.value),
        format!("the AppArmor annotation for container {name:?} is {profile:?}"),
    );
    let Some(path) = pod.annotation_path(key) else {
        return;
    };
    let has_field = |container: &Container<'_>| {
        container.name() == name && has_profile(Owner::Container(container))
    };
    if pod.containers.iter().any(has_field) || has_profile(Owner::Pod(pod)) {
        finding.fix(
            Applicability::Unsafe,
            "remove the annotation (appArmorProfile applies)",
            [Change::Remove { path }],
        );
    } else {
        let change = Change::Set {
            path,
            value: Value::Text("runtime/default".into()),
        };
        finding.fix(
            Applicability::Unsafe,
            "set the annotation to runtime/default (programs that mount or trace fail)",
            [change],
        );
    }
}

fn has_profile(owner: Owner<'_, '_>) -> bool {
    owner
        .lookup(PROFILE)
        .is_some_and(|profile| !profile.is_null())
}
