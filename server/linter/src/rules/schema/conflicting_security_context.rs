use crate::config::Config;
use crate::rules::capabilities::names as capability_names;
use crate::rules::describe::shortened;
use crate::rules::identity::helpers::{Id, proposed};
use crate::rules::profiles::annotations::{Annotation, Profile, annotations, container};
use crate::rules::profiles::dead_seccomp_annotation;
use crate::rules::profiles::deprecated_apparmor_annotation;
use crate::rules::schema::unknown_fields::is_filled_in;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Container, Level, Pod, Setting, Version};
use yaml::edit::{Change, Value};
use yaml::{Node, NodeKind};

rule! {
    /// Settings that exclude each other, so that the pod is rejected or a container does not start.
    ///
    /// Each setting is valid by itself. The API server or the kubelet rejects the combination:
    ///
    /// - `allowPrivilegeEscalation: false` with `privileged: true`, or with `CAP_SYS_ADMIN` in `capabilities.add`
    /// - `runAsNonRoot: true` with `runAsUser: 0`, set on the pod or the container
    /// - `hostUsers: false` with `hostNetwork`, `hostPID` or `hostIPC`
    /// - `procMount: Unmasked` without `hostUsers: false`
    /// - `shareProcessNamespace: true` with `hostPID: true`
    /// - a network sysctl with `hostNetwork: true`, or an IPC sysctl with `hostIPC: true`
    /// - `windowsOptions.hostProcess: true` without `hostNetwork: true`, or only in some containers of a pod
    /// - an AppArmor or seccomp annotation that contradicts its field
    ///
    /// ## Why
    ///
    /// The manifest looks hardened but never runs; the previous version keeps running. Under
    /// pressure, the hardening is what gets removed.
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
    /// `hostUsers: false` excludes the node's namespaces:
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
    /// Never: no cluster runs the container. If you meant the other setting, remove the hardening
    /// and explain why.
    ///
    /// ## What the fix changes
    ///
    /// It keeps the setting that hardens and changes the other one: it sets `privileged: false`,
    /// replaces user 0, removes `CAP_SYS_ADMIN` or the node's namespaces, sets `hostUsers: false`
    /// for `procMount: Unmasked`, or removes an annotation that contradicts its field. A program
    /// that needs what is removed does not work; it did not start before either.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version. `procMount` without `hostUsers: false` from 1.31
    /// on, `appArmorProfile` from 1.30 on. On Windows pods, `wrong-os-field` reports Linux
    /// settings.
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

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    if pod.is_windows() {
        check_host_process(pod, report);
        return;
    }
    for container in &pod.containers {
        check_escalation(container, report);
    }
    check_root_user(pod, config, report);
    check_host_namespaces(pod, report);
    check_process_namespaces(pod, report);
    check_proc_mount(pod, config, report);
    check_sysctls(pod, report);
    check_host_process(pod, report);
    check_annotations(pod, config, report);
}

/// Returns the node of a setting if it has the wanted value.
fn node_if(setting: Setting<'_, bool>, wanted: bool) -> Option<Node<'_>> {
    match setting {
        Setting::Set { value, node, .. } if value == wanted => Some(node),
        _ => None,
    }
}

fn check_escalation(container: &Container<'_>, report: &mut Reporter<'_, '_>) {
    let security = container.security();
    let Some(forbidden) = node_if(
        container.setting(ESCALATION, security.allow_privilege_escalation),
        false,
    ) else {
        return;
    };
    if let Some(privileged) = node_if(container.setting(PRIVILEGED, security.privileged), true) {
        let change = Change::Set {
            path: container.path(PRIVILEGED),
            value: Value::Bool(false),
        };
        report
            .at(
                forbidden,
                format!("allowPrivilegeEscalation: false excludes privileged: true in {container}"),
            )
            .in_container(container)
            .fix(
                Applicability::Unsafe,
                "set privileged: false (no access to host devices)",
                [change],
            )
            .related(privileged, "privileged here");
    }
    // The API server compares with exactly this name, and accepts SYS_ADMIN.
    let admin = capability_names::items(container, capability_names::ADD)
        .into_iter()
        .find(|item| item.name == "CAP_SYS_ADMIN");
    if let Some(admin) = admin {
        let change = Change::Remove {
            path: admin.path(container),
        };
        report
            .at(
                forbidden,
                format!("allowPrivilegeEscalation: false excludes CAP_SYS_ADMIN in {container}"),
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

/// Checks for containers that the kubelet does not start: user 0 with `runAsNonRoot: true`. The
/// finding is at `runAsNonRoot`, because `root-user` reports the user.
fn check_root_user(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    let (demand_of_pod, user_of_pod) = (pod.security().run_as_non_root, pod.security().run_as_user);
    let mut is_pod_reported = false;
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
            (Level::Pod, Level::Pod) if is_pod_reported => continue,
            (Level::Pod, Level::Pod) => {
                is_pod_reported = true;
                report.at(
                    demand,
                    "runAsNonRoot: true excludes runAsUser: 0: containers do not start",
                )
            }
            (Level::Pod, Level::Container) => report.at(demand, excluded_user(container)),
            (Level::Container, _) => report
                .at(demand, excluded_user(container))
                .in_container(container),
        };
        let path = if user_level == Level::Pod {
            pod.path(USER)
        } else {
            container.path(USER)
        };
        let user_id = proposed(Id::User, pod, config);
        let change = Change::Set {
            path,
            value: Value::Integer(user_id),
        };
        let title = format!("set runAsUser: {user_id} (files owned by root become inaccessible)");
        finding
            .fix(Applicability::Unsafe, title, [change])
            .related(user, "user 0 here");
    }
}

fn excluded_user(container: &Container<'_>) -> String {
    format!("runAsNonRoot: true excludes runAsUser: 0 in {container}")
}

fn check_host_namespaces(pod: &Pod<'_>, report: &mut Reporter<'_, '_>) {
    let Some(own_users) = node_if(pod.setting("hostUsers", pod.spec.host_users), false) else {
        return;
    };
    let flags = [
        ("hostNetwork", pod.spec.host_network),
        ("hostPID", pod.spec.host_pid),
        ("hostIPC", pod.spec.host_ipc),
    ];
    let shared: Vec<_> = flags
        .into_iter()
        .filter_map(|(name, flag)| Some((name, node_if(pod.setting(name, flag), true)?)))
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
    let mut finding = report.at(
        own_users,
        format!("hostUsers: false excludes {first}: true"),
    );
    finding.fix(
        Applicability::Unsafe,
        format!("remove {names} (no access to the node's namespaces)"),
        changes,
    );
    for (name, node) in &shared {
        finding.related(*node, format!("{name} here"));
    }
}

fn check_process_namespaces(pod: &Pod<'_>, report: &mut Reporter<'_, '_>) {
    let shared = node_if(
        pod.setting("shareProcessNamespace", pod.spec.share_process_namespace),
        true,
    );
    let host = node_if(pod.setting("hostPID", pod.spec.host_pid), true);
    if let Some((shared, host)) = shared.zip(host) {
        let change = Change::Remove {
            path: pod.path("hostPID"),
        };
        report
            .at(shared, "shareProcessNamespace: true excludes hostPID: true")
            .fix(
                Applicability::Unsafe,
                "remove hostPID (no access to the node's processes)",
                [change],
            )
            .related(host, "hostPID here");
    }
}

/// The API server accepts `Unmasked` only with `hostUsers: false`.
fn check_proc_mount(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    if config.kubernetes_version < Version::new(31) || pod.has_user_namespace() {
        return;
    }
    let unmasked =
        |container: &Container<'_>| container.security().proc_mount.as_deref() == Some("Unmasked");
    let Some(container) = pod.containers.iter().find(|container| unmasked(container)) else {
        return;
    };
    let message = "procMount: Unmasked needs hostUsers: false";
    let mut finding = match pod.setting("hostUsers", pod.spec.host_users) {
        Setting::Set { node, .. } => report.at(node, message),
        Setting::Unset => report.missing("hostUsers", message),
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
            "set hostUsers: false (root in the pod is not root on the node)",
            [change],
        );
    }
}

/// The kubelet rejects sysctls of a namespace that the pod shares with the node.
fn check_sysctls(pod: &Pod<'_>, report: &mut Reporter<'_, '_>) {
    const NETWORK: [&str; 1] = ["net."];
    const IPC: [&str; 4] = ["kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue."];
    let network = node_if(pod.setting("hostNetwork", pod.spec.host_network), true)
        .map(|node| ("hostNetwork", node, &NETWORK[..]));
    let ipc = node_if(pod.setting("hostIPC", pod.spec.host_ipc), true)
        .map(|node| ("hostIPC", node, &IPC[..]));
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
            let mut finding = report.at(
                name,
                format!(
                    "sysctl {} is not allowed with {field}: true",
                    shortened(&text)
                ),
            );
            let change = Change::Remove {
                path: pod.path(field),
            };
            finding.fix(
                Applicability::Unsafe,
                format!("remove {field} (no access to the node's namespaces)"),
                [change],
            );
            finding.related(node, format!("{field} here"));
        }
    }
}

/// Either all containers of a pod are HostProcess containers or none, and they need the host
/// network.
fn check_host_process(pod: &Pod<'_>, report: &mut Reporter<'_, '_>) {
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
        let message =
            format!("{container} is not a HostProcess container, unlike others of the pod");
        match container.setting(HOST_PROCESS, of_container(container)) {
            Setting::Set { node, .. } => _ = report.at(node, message).in_container(container),
            Setting::Unset => {
                _ = report
                    .missing(HOST_PROCESS, message)
                    .in_container(container);
            }
            Setting::Unreadable(_) => {}
        }
    }
    let message = "hostProcess: true needs hostNetwork: true";
    match pod.setting("hostNetwork", pod.spec.host_network) {
        Setting::Set {
            value: false, node, ..
        } => _ = report.at(node, message),
        Setting::Unset => _ = report.missing("hostNetwork", message),
        Setting::Set { .. } | Setting::Unreadable(_) => {}
    }
}

/// The API server compares profile fields with the older annotations. For AppArmor, a container
/// without a profile has its pod's. For seccomp, pod and container each have their own annotation.
fn check_annotations(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
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
            check_annotation(
                annotation,
                profile.filter(|_| is_field),
                &container.to_string(),
                pod,
                report,
            );
        }
        let field = dead_seccomp_annotation::FIELD;
        let of_seccomp = annotation
            .name
            .strip_prefix(dead_seccomp_annotation::OF_CONTAINER);
        if let Some(container) = of_seccomp.and_then(|name| container(pod, name)) {
            check_annotation(
                annotation,
                container.lookup(field),
                &container.to_string(),
                pod,
                report,
            );
        } else if annotation.name == dead_seccomp_annotation::OF_POD {
            check_annotation(annotation, pod.lookup(field), "the pod", pod, report);
        }
    }
}

fn check_annotation(
    annotation: Annotation<'_>,
    profile: Option<Node<'_>>,
    whose: &str,
    pod: &Pod<'_>,
    report: &mut Reporter<'_, '_>,
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
    let mut finding = report.at(
        annotation.node,
        format!("{field} of {whose} contradicts the annotation"),
    );
    if let Some(entry) = profile.own_entry() {
        finding.related(entry.key, "the field is set here");
    }
    let gives_up = kind == "Unconfined" && said.is_some_and(|said| said.kind != kind);
    if let Some(removal) = annotation.removal(pod).filter(|_| !gives_up) {
        finding.fix(
            Applicability::Unsafe,
            "remove the annotation (the field applies)",
            [removal],
        );
    }
}
