use crate::config::Config;
use crate::rules::capabilities::names as capability_names;
use crate::rules::profiles::annotations::{Annotation, Profile, annotations, container};
use crate::rules::profiles::dead_seccomp_annotation;
use crate::rules::profiles::deprecated_apparmor_annotation;
use crate::rules::schema::unknown_fields::is_filled_in;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Container, Level, Pod, Setting, Version};
use yaml::edit::{Change, Value};
use yaml::{Node, NodeKind};

rule! {
    /// Settings that exclude each other, so that the pod is refused or a container does not start.
    ///
    /// Each of them is allowed by itself; together the API server refuses them, or the kubelet does:
    ///
    /// - `allowPrivilegeEscalation: false` with `privileged: true`, or with `CAP_SYS_ADMIN` in `capabilities.add`
    /// - `runAsNonRoot: true` with `runAsUser: 0`, in whichever way a container comes to have both
    /// - `hostUsers: false` with `hostNetwork`, `hostPID` or `hostIPC`
    /// - `procMount: Unmasked` without `hostUsers: false`
    /// - `shareProcessNamespace: true` with `hostPID: true`
    /// - a sysctl of the network with `hostNetwork: true`, or of inter-process communication with `hostIPC: true`
    /// - `windowsOptions.hostProcess: true` without `hostNetwork: true`, or in some of a pod's containers only
    /// - an annotation for AppArmor or seccomp with a field that says something else
    ///
    /// ## Why
    ///
    /// The manifest looks hardened and never runs. What goes on running is the version before it; and under pressure it is
    /// the hardening that is taken out.
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
    ///     runAsUser: 0
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         allowPrivilegeEscalation: false
    ///         privileged: true
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
    ///     runAsUser: 10001
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         allowPrivilegeEscalation: false
    ///         privileged: false
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
    ///     runAsUser: 10001
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         allowPrivilegeEscalation: false
    /// ```
    ///
    /// A user namespace of the pod's own excludes the node's namespaces:
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   hostUsers: false
    ///   hostPID: true
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
    ///   hostUsers: false
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Never: no cluster runs the container. If the other one of the two settings was meant, remove the hardening and say why.
    ///
    /// ## What the fix changes
    ///
    /// Of the two settings, it keeps the one that hardens and changes the other: `privileged: false`, another user than 0, no
    /// `CAP_SYS_ADMIN`, no namespaces of the node, `hostUsers: false` beside `procMount: Unmasked`, no annotation beside its
    /// field. A program that needs what is taken away does not work; it did not start before either.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version; the pair with `procMount` from 1.31 on, `appArmorProfile` from 1.30 on. On
    /// Windows, the settings of Linux are `wrong-os-field`'s business.
    ///
    /// ## References
    ///
    /// - Kubernetes' validation of pods:
    ///   <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/validation.go>
    /// - The kubelet's check of `runAsNonRoot`:
    ///   <https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/kuberuntime/security_context.go>
    /// - [Kubernetes: User Namespaces](https://kubernetes.io/docs/concepts/workloads/pods/user-namespaces/)
    /// - Kubernetes: Create a Windows HostProcess Pod:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/create-hostprocess-pod/>
    /// - The Pod Security Standards, the CIS Benchmark and the NSA/CISA guide have no section about it.
    id: "conflicting-security-context",
    enablement: Always,
    severity: Error,
    check: Check::Pod(check),
    reports_rejections: true,
}

const ESCALATION: &str = "securityContext.allowPrivilegeEscalation";
const PRIVILEGED: &str = "securityContext.privileged";
const NON_ROOT: &str = "securityContext.runAsNonRoot";
const USER: &str = "securityContext.runAsUser";
const HOST_PROCESS: &str = "securityContext.windowsOptions.hostProcess";

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    if pod.is_windows() {
        host_process(pod, found);
        return;
    }
    for container in &pod.containers {
        escalation(container, found);
    }
    root(pod, config, found);
    namespaces(pod, found);
    processes(pod, found);
    proc_mount(pod, config, found);
    sysctls(pod, found);
    host_process(pod, found);
    annotated(pod, config, found);
}

/// The node of a flag that has this value.
fn is(setting: Setting<'_, bool>, wanted: bool) -> Option<Node<'_>> {
    match setting {
        Setting::Set { value, node, .. } if value == wanted => Some(node),
        _ => None,
    }
}

fn escalation(container: &Container<'_>, found: &mut Reporter<'_, '_>) {
    let security = container.security();
    let Some(forbidden) = is(
        container.setting(ESCALATION, security.allow_privilege_escalation),
        false,
    ) else {
        return;
    };
    if let Some(privileged) = is(container.setting(PRIVILEGED, security.privileged), true) {
        let change = Change::Set {
            path: container.path(PRIVILEGED),
            value: Value::Bool(false),
        };
        found
            .at(
                forbidden,
                format!("{container} is privileged, which this value excludes"),
            )
            .in_container(container)
            .fix(
                Applicability::Unsafe,
                "set privileged: false (the container loses the rights of the node's root)",
                [change],
            )
            .related(privileged, "privileged here");
    }
    // The API server compares with this very text, and lets SYS_ADMIN pass.
    let admin = capability_names::items(container, capability_names::ADD)
        .into_iter()
        .find(|item| item.name == "CAP_SYS_ADMIN");
    if let Some(admin) = admin {
        let change = Change::Remove {
            path: admin.path(container),
        };
        found
            .at(
                forbidden,
                format!("{container} adds CAP_SYS_ADMIN, which this value excludes"),
            )
            .in_container(container)
            .fix(
                Applicability::Unsafe,
                "remove CAP_SYS_ADMIN (programs that mount or set up namespaces fail)",
                [change],
            )
            .related(admin.node, "added here");
    }
}

/// What the kubelet does not start: a container that may not be root and is to be user 0. It is told at the demand, since of
/// the user `root-user` speaks.
fn root(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    let (demand_of_pod, user_of_pod) = (pod.security().run_as_non_root, pod.security().run_as_user);
    let mut told_of_pod = false;
    for container in &pod.containers {
        let security = container.security();
        let demand = container
            .setting(NON_ROOT, security.run_as_non_root)
            .or(pod.setting(NON_ROOT, demand_of_pod));
        let user = container
            .setting(USER, security.run_as_user)
            .or(pod.setting(USER, user_of_pod));
        let Setting::Set {
            value: true,
            node: demand,
            level: demand_level,
        } = demand
        else {
            continue;
        };
        let Setting::Set {
            value: 0,
            node: user,
            level: user_level,
        } = user
        else {
            continue;
        };
        let mut finding = match (demand_level, user_level) {
            (Level::Pod, Level::Pod) if told_of_pod => continue,
            (Level::Pod, Level::Pod) => {
                told_of_pod = true;
                found.at(
                    demand,
                    "runAsUser is 0, which this value excludes: containers do not start",
                )
            }
            (Level::Pod, Level::Container) => found.at(demand, excluded(container)),
            (Level::Container, _) => found
                .at(demand, excluded(container))
                .in_container(container),
        };
        let path = if user_level == Level::Pod {
            pod.path(USER)
        } else {
            container.path(USER)
        };
        let change = Change::Set {
            path,
            value: Value::Integer(config.values.user_id),
        };
        let title = format!(
            "set runAsUser: {} (files of root are out of reach)",
            config.values.user_id
        );
        finding
            .fix(Applicability::Unsafe, title, [change])
            .related(user, "user 0 here");
    }
}

fn excluded(container: &Container<'_>) -> String {
    format!("runAsUser of {container} is 0, which this value excludes")
}

fn namespaces(pod: &Pod<'_>, found: &mut Reporter<'_, '_>) {
    let Some(own_users) = is(pod.setting("hostUsers", pod.spec.host_users), false) else {
        return;
    };
    let flags = [
        ("hostNetwork", pod.spec.host_network),
        ("hostPID", pod.spec.host_pid),
        ("hostIPC", pod.spec.host_ipc),
    ];
    let shared: Vec<_> = flags
        .into_iter()
        .filter_map(|(name, flag)| Some((name, is(pod.setting(name, flag), true)?)))
        .collect();
    let Some((first, _)) = shared.first() else {
        return;
    };
    let names = shared
        .iter()
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .join(", ");
    let changes = shared.iter().map(|(name, _)| Change::Remove {
        path: pod.path(name),
    });
    let mut finding = found.at(
        own_users,
        format!("{first} is true, which hostUsers: false excludes"),
    );
    finding.fix(
        Applicability::Unsafe,
        format!("remove {names} (programs that look at the node fail)"),
        changes,
    );
    for (name, node) in &shared {
        finding.related(*node, format!("{name} here"));
    }
}

fn processes(pod: &Pod<'_>, found: &mut Reporter<'_, '_>) {
    let shared = is(
        pod.setting("shareProcessNamespace", pod.spec.share_process_namespace),
        true,
    );
    let host = is(pod.setting("hostPID", pod.spec.host_pid), true);
    if let Some((shared, host)) = shared.zip(host) {
        let change = Change::Remove {
            path: pod.path("hostPID"),
        };
        found
            .at(
                shared,
                "hostPID is true, which shareProcessNamespace: true excludes",
            )
            .fix(
                Applicability::Unsafe,
                "remove hostPID (programs that look at the node's processes fail)",
                [change],
            )
            .related(host, "hostPID here");
    }
}

/// The API server takes `Unmasked` only in a user namespace of the pod's own.
fn proc_mount(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    if config.kubernetes_version < Version::new(31) || pod.has_user_namespace() {
        return;
    }
    let unmasked =
        |container: &Container<'_>| container.security().proc_mount.as_deref() == Some("Unmasked");
    let Some(container) = pod.containers.iter().find(|container| unmasked(container)) else {
        return;
    };
    let message = "hostUsers is not false, which procMount: Unmasked needs";
    let mut finding = match pod.setting("hostUsers", pod.spec.host_users) {
        Setting::Set { node, .. } => found.at(node, message),
        Setting::Unset => found.missing("hostUsers", message),
        Setting::Unreadable(_) => return,
    };
    if let Some(node) = container.lookup("securityContext.procMount") {
        finding.related(node, "unmasked here");
    }
    let shares =
        [pod.spec.host_network, pod.spec.host_pid, pod.spec.host_ipc].contains(&Some(true));
    if !shares {
        let change = Change::Set {
            path: pod.path("hostUsers"),
            value: Value::Bool(false),
        };
        finding.fix(
            Applicability::Unsafe,
            "set hostUsers: false (root in the pod is no root of the node)",
            [change],
        );
    }
}

/// The kubelet refuses to set for one pod what all of the node shares with it.
fn sysctls(pod: &Pod<'_>, found: &mut Reporter<'_, '_>) {
    const NETWORK: [&str; 1] = ["net."];
    const IPC: [&str; 4] = ["kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue."];
    let network = is(pod.setting("hostNetwork", pod.spec.host_network), true)
        .map(|node| ("hostNetwork", node, &NETWORK[..]));
    let ipc =
        is(pod.setting("hostIPC", pod.spec.host_ipc), true).map(|node| ("hostIPC", node, &IPC[..]));
    let names = pod
        .lookup("securityContext.sysctls")
        .into_iter()
        .flat_map(Node::items)
        .filter_map(|item| item.get("name"));
    for name in names {
        let text = name.as_str().unwrap_or_default().replace('/', ".");
        let shared = [network, ipc]
            .into_iter()
            .flatten()
            .find(|(.., starts)| starts.iter().any(|start| text.starts_with(start)));
        if let Some((field, node, _)) = shared {
            let mut finding = found.at(name, format!("a sysctl that {field}: true excludes"));
            let change = Change::Remove {
                path: pod.path(field),
            };
            finding.fix(
                Applicability::Unsafe,
                format!("remove {field} (programs that look at the node fail)"),
                [change],
            );
            finding.related(node, format!("{field} here"));
        }
    }
}

/// A pod is of the host's processes as a whole or not at all, and then on the host's network.
fn host_process(pod: &Pod<'_>, found: &mut Reporter<'_, '_>) {
    let of_pod = pod
        .security()
        .windows_options
        .as_ref()
        .and_then(|options| options.host_process);
    let of_container =
        |container: &Container<'_>| container.security().windows_options.as_ref()?.host_process;
    let effective = |container: &&Container<'_>| of_container(container).or(of_pod) == Some(true);
    if !pod.containers.iter().any(|container| effective(&container)) {
        return;
    }
    for container in pod
        .containers
        .iter()
        .filter(|container| !effective(container))
    {
        let message = format!("{container} is not hostProcess, unlike others of the pod");
        match container.setting(HOST_PROCESS, of_container(container)) {
            Setting::Set { node, .. } => _ = found.at(node, message).in_container(container),
            Setting::Unset => _ = found.missing(HOST_PROCESS, message).in_container(container),
            Setting::Unreadable(_) => {}
        }
    }
    let message = "hostNetwork is not true, which hostProcess: true needs";
    match pod.setting("hostNetwork", pod.spec.host_network) {
        Setting::Set {
            value: false, node, ..
        } => _ = found.at(node, message),
        Setting::Unset => _ = found.missing("hostNetwork", message),
        Setting::Set { .. } | Setting::Unreadable(_) => {}
    }
}

/// The API server compares the fields of profiles with the annotations from before them. A container without a profile for
/// AppArmor has its pod's there; for seccomp, pod and container have an annotation each.
fn annotated(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    for annotation in annotations(pod) {
        let of_app_armor = annotation
            .name
            .strip_prefix(deprecated_apparmor_annotation::PREFIX);
        if let Some(container) = of_app_armor.and_then(|name| container(pod, name)) {
            let field = deprecated_apparmor_annotation::FIELD;
            let profile = container
                .lookup(field)
                .filter(|field| !field.is_null())
                .or_else(|| pod.lookup(field));
            let is_field = config.kubernetes_version >= Version::new(30);
            contradiction(
                annotation,
                profile.filter(|_| is_field),
                &container.to_string(),
                pod,
                found,
            );
        }
        let field = dead_seccomp_annotation::FIELD;
        let of_seccomp = annotation
            .name
            .strip_prefix(dead_seccomp_annotation::OF_CONTAINER);
        if let Some(container) = of_seccomp.and_then(|name| container(pod, name)) {
            contradiction(
                annotation,
                container.lookup(field),
                &container.to_string(),
                pod,
                found,
            );
        } else if annotation.name == dead_seccomp_annotation::OF_POD {
            contradiction(annotation, pod.lookup(field), "the pod", pod, found);
        }
    }
}

fn contradiction(
    annotation: Annotation<'_>,
    profile: Option<Node<'_>>,
    whose: &str,
    pod: &Pod<'_>,
    found: &mut Reporter<'_, '_>,
) {
    let Some(profile) = profile.filter(|profile| profile.kind() == NodeKind::Mapping) else {
        return;
    };
    let kind = profile
        .get("type")
        .and_then(Node::as_str)
        .unwrap_or_default();
    let Some(value) = annotation
        .value
        .filter(|_| ["RuntimeDefault", "Localhost", "Unconfined"].contains(&kind))
    else {
        return;
    };
    let said = Profile::of(value);
    if is_filled_in(annotation.node) || said.as_ref().is_some_and(|said| said.is_at(profile)) {
        return;
    }
    let field = profile
        .own_entry()
        .and_then(|entry| entry.key.as_str())
        .unwrap_or_default();
    let mut finding = found.at(
        annotation.node,
        format!("{field} of {whose} says something else than the annotation"),
    );
    if let Some(entry) = profile.own_entry() {
        finding.related(entry.key, "the field is here");
    }
    let gives_up = kind == "Unconfined" && said.is_some_and(|said| said.kind != kind);
    if let Some(removal) = annotation.removal(pod).filter(|_| !gives_up) {
        finding.fix(
            Applicability::Unsafe,
            "remove the annotation (the field takes effect)",
            [removal],
        );
    }
}
