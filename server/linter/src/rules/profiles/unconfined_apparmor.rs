use crate::config::Config;
use crate::rules::security_context::{Owner, owners, text, token};
use crate::rules::{Applicability, Reporter};
use kubernetes::{Container, Pod};
use yaml::edit::{Change, Value};
use yaml::{Entry, NodeKind};

rule! {
    /// AppArmor profiles that are neither `RuntimeDefault` nor `Localhost`.
    ///
    /// The field `appArmorProfile` counts on the pod and in each container, the annotation
    /// `container.apparmor.security.beta.kubernetes.io/<container>` besides. A profile without a type counts as well.
    ///
    /// ## Why
    ///
    /// On nodes with AppArmor the runtime's profile keeps a container, even one that runs as root, from writing to
    /// `/proc/sys` and `/sys`, from mounting, and from tracing others. `Unconfined` takes that away, and with it what stopped
    /// CVE-2022-0492 and its like where seccomp did not.
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
    /// The annotation from before Kubernetes 1.30:
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
    /// Programs that mount file systems or make containers of their own need more than `RuntimeDefault`. Load a profile for
    /// them on the nodes and name it as `Localhost`.
    ///
    /// ## What the fix changes
    ///
    /// It writes `RuntimeDefault`, in the annotation `runtime/default`, and removes a `localhostProfile` that cannot stand
    /// beside it. Where annotation and field speak about the same container, which the API server refuses unless they agree,
    /// the annotation goes. On a pod for Windows, where the field is refused altogether, the profile goes. A program that
    /// mounts or traces is refused.
    ///
    /// ## Applies to
    ///
    /// Profile `baseline`, every Kubernetes version, every operating system. An empty annotation is allowed.
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
}

const PROFILE: &str = "securityContext.appArmorProfile";
const ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";

fn check(pod: &Pod<'_>, _config: &Config, found: &mut Reporter<'_, '_>) {
    for holder in owners(pod) {
        let Some((node, kind)) = holder.profile_type(PROFILE) else {
            continue;
        };
        let message = match kind {
            "RuntimeDefault" | "Localhost" => continue,
            "Unconfined" => format!("appArmorProfile is Unconfined: nothing confines {holder}"),
            "" => format!("appArmorProfile of {holder} has no type"),
            other => format!("appArmorProfile.type of {holder} is {other:?}, which is no profile"),
        };
        let (title, changes) = confinement(pod, holder);
        let has_no_type = node.kind() == NodeKind::Mapping;
        found
            .at(token(node), message)
            .in_container(holder.container())
            .as_missing_if(has_no_type)
            .fix(Applicability::Unsafe, title, changes);
    }
    for entry in pod.annotations() {
        check_annotation(pod, entry, found);
    }
}

/// How to confine: on Windows the API server refuses the field, whatever its value; beside an annotation, another value.
fn confinement(pod: &Pod<'_>, holder: Owner<'_, '_>) -> (&'static str, Vec<Change>) {
    let path = holder.path(PROFILE);
    if pod.is_windows() {
        return (
            "remove appArmorProfile (Windows pods cannot have it)",
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
    let is_held = |container: &&Container<'_>| match holder {
        Owner::Pod(_) => !has_profile(Owner::Container(container)),
        Owner::Container(own) => own.name() == container.name(),
    };
    let held = pod.containers.iter().filter(is_held);
    let annotations = held
        .filter_map(|container| pod.annotation_path(&format!("{ANNOTATION}{}", container.name())));
    let removals = annotations.map(|path| Change::Remove { path });
    let changes = [set, nameless].into_iter().chain(removals).collect();
    (
        "set appArmorProfile.type: RuntimeDefault (mounting and tracing are refused)",
        changes,
    )
}

fn check_annotation(pod: &Pod<'_>, entry: Entry<'_>, found: &mut Reporter<'_, '_>) {
    let (Some(key), Some(profile)) = (entry.key.as_str(), text(entry.value)) else {
        return;
    };
    let Some(name) = key.strip_prefix(ANNOTATION) else {
        return;
    };
    if matches!(profile, "" | "runtime/default") || profile.starts_with("localhost/") {
        return;
    }
    let mut finding = found.at(
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
            "remove the annotation (appArmorProfile decides)",
            [Change::Remove { path }],
        );
    } else {
        let change = Change::Set {
            path,
            value: Value::Text("runtime/default".into()),
        };
        finding.fix(
            Applicability::Unsafe,
            "set the annotation to runtime/default (mounting and tracing are refused)",
            [change],
        );
    }
}

fn has_profile(holder: Owner<'_, '_>) -> bool {
    holder
        .lookup(PROFILE)
        .is_some_and(|profile| !profile.is_null())
}
