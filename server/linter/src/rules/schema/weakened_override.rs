use crate::config::Config;
use crate::rules::describe::shortened;
use crate::rules::identity::{root_group, root_user, run_as_root_allowed};
use crate::rules::profiles::{unconfined_apparmor, unconfined_seccomp};
use crate::rules::{Applicability, Reporter, Rule};
use kubernetes::{Container, Pod};
use yaml::Node;
use yaml::edit::Change;

rule! {
    /// Containers that override a secure setting of their pod.
    ///
    /// A container's `securityContext` overrides the pod's, field by field. Root in a pod with
    /// `runAsNonRoot: true`, an `Unconfined` profile under `RuntimeDefault`, or
    /// `ContainerAdministrator` under `ContainerUser` exempts that container from the pod's
    /// setting.
    ///
    /// ## Why
    ///
    /// A reviewer who reads the pod's `securityContext` believes that all containers are hardened.
    /// An attacker needs only the one that is not, because the containers of a pod share its
    /// network and its volumes.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   os:
    ///     name: windows
    ///   securityContext:
    ///     windowsOptions:
    ///       runAsUserName: ContainerUser
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         windowsOptions:
    ///           runAsUserName: ContainerAdministrator
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
    ///   os:
    ///     name: windows
    ///   securityContext:
    ///     windowsOptions:
    ///       runAsUserName: ContainerUser
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// Good: the container that needs more has its own pod, which does not restrict it.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   securityContext:
    ///     seccompProfile:
    ///       type: RuntimeDefault
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
    /// A container that has to differ, such as an init container that sets the owners of a volume.
    /// Explain it in an ignore comment. `fsGroup` often makes such a container unnecessary.
    ///
    /// ## What the fix changes
    ///
    /// It removes the container's value, so that the pod's applies. Programs that need what the pod
    /// forbids stop working. If the container would then have both the pod's `runAsNonRoot: true`
    /// and its own user 0, the fix removes both values.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version. If the rule about the value itself runs, only that
    /// rule reports it: `run-as-root-allowed`, `root-user`, `root-group`, `unconfined-seccomp` and
    /// `unconfined-apparmor`. For example, this rule reports `runAsNonRoot: false` in a pod with
    /// `true` at profile `baseline`, and `run-as-root-allowed` reports it at `restricted` and
    /// `hardened`.
    ///
    /// ## References
    ///
    /// - Kubernetes: Configure a Security Context for a Pod or Container:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/security-context/>
    /// - Kubernetes: Configure RunAsUserName for Windows pods and containers:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/configure-runasusername/>
    /// - The Pod Security Standards, the CIS Benchmark and the NSA/CISA guide have no section about it.
    id: "weakened-override",
    enablement: Always,
    severity: Warning,
    check: Check::Pod(check),
}

const USER: &str = "securityContext.runAsUser";

/// A setting of the pod that a container can override.
struct Field {
    /// The dotted path, from the pod's spec or from a container.
    field_path: &'static str,
    /// The path that the fix removes.
    removed: &'static str,
    hardens: fn(&str) -> bool,
    weakens: fn(&str) -> bool,
    /// The rule that reports the value itself, if it runs.
    reported_by: Option<&'static Rule>,
}

const FIELDS: [Field; 6] = [
    Field {
        field_path: "securityContext.runAsNonRoot",
        removed: "securityContext.runAsNonRoot",
        hardens: |value| value == "true",
        weakens: |value| value == "false",
        reported_by: Some(&run_as_root_allowed::RULE),
    },
    Field {
        field_path: USER,
        removed: USER,
        hardens: is_other_than_root,
        weakens: |value| value == "0",
        reported_by: Some(&root_user::RULE),
    },
    Field {
        field_path: "securityContext.runAsGroup",
        removed: "securityContext.runAsGroup",
        hardens: is_other_than_root,
        weakens: |value| value == "0",
        reported_by: Some(&root_group::RULE),
    },
    Field {
        field_path: "securityContext.seccompProfile.type",
        removed: "securityContext.seccompProfile",
        hardens: confines,
        weakens: |value| value == "Unconfined",
        reported_by: Some(&unconfined_seccomp::RULE),
    },
    Field {
        field_path: "securityContext.appArmorProfile.type",
        removed: "securityContext.appArmorProfile",
        hardens: confines,
        weakens: |value| value == "Unconfined",
        reported_by: Some(&unconfined_apparmor::RULE),
    },
    Field {
        field_path: "securityContext.windowsOptions.runAsUserName",
        removed: "securityContext.windowsOptions.runAsUserName",
        hardens: |name| !is_administrator(name),
        weakens: is_administrator,
        reported_by: None,
    },
];

fn is_other_than_root(value: &str) -> bool {
    value.parse::<i64>().is_ok_and(|id| id > 0)
}

fn confines(profile: &str) -> bool {
    matches!(profile, "RuntimeDefault" | "Localhost")
}

fn is_administrator(name: &str) -> bool {
    name.eq_ignore_ascii_case("ContainerAdministrator")
}

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    for field in FIELDS
        .iter()
        .filter(|field| !field.is_reported_elsewhere(config))
    {
        let Some(of_pod) = pod
            .lookup(field.field_path)
            .filter(|node| has_value(*node, field.hardens))
        else {
            continue;
        };
        for container in &pod.containers {
            if let Some(own) = container
                .lookup(field.field_path)
                .filter(|node| has_value(*node, field.weakens))
            {
                field.report_override(container, own, of_pod, report);
            }
        }
    }
}

fn has_value(node: Node<'_>, is_wanted: fn(&str) -> bool) -> bool {
    node.as_str().is_some_and(is_wanted)
}

impl Field {
    fn is_reported_elsewhere(&self, config: &Config) -> bool {
        self.reported_by.is_some_and(|rule| rule.runs(config))
    }

    fn report_override(
        &self,
        container: &Container<'_>,
        own: Node<'_>,
        of_pod: Node<'_>,
        report: &mut Reporter<'_, '_>,
    ) {
        let name = self.removed.rsplit('.').next().unwrap_or_default();
        let value = shortened(own.as_str().unwrap_or_default());
        let mut changes = vec![Change::Remove {
            path: container.path(self.removed),
        }];
        if name == "runAsNonRoot" && container.security().run_as_user == Some(0) {
            changes.push(Change::Remove {
                path: container.path(USER),
            });
        }
        report
            .at(
                own,
                format!("{container} overrides the pod's {name} with {value}"),
            )
            .in_container(container)
            .fix(
                Applicability::Unsafe,
                format!("remove {name} from the container (the pod's value applies)"),
                changes,
            )
            .related(of_pod, "the pod sets it here");
    }
}
