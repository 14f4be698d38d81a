use crate::config::Config;
use crate::rules::suggest::brief;
use crate::rules::{Applicability, Reporter, Rule};
use kubernetes::{Container, Pod};
use yaml::Node;
use yaml::edit::Change;

rule! {
    /// Containers whose own value undoes what the pod sets for all.
    ///
    /// A container's `securityContext` overrides the pod's, field by field. Root under a pod with `runAsNonRoot: true`, an
    /// `Unconfined` profile under `RuntimeDefault` or `ContainerAdministrator` under `ContainerUser` takes that container out
    /// of what the pod promises.
    ///
    /// ## Why
    ///
    /// Whoever reads the pod's `securityContext` takes all of its containers for hardened. An attacker needs only the one that
    /// is not, since the containers of a pod share its network and its volumes.
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
    /// Good: the container that needs more stands alone in a pod that does not promise more.
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
    /// A container that has to differ, such as an init container that sets the owners of a volume. Say so in a comment beside
    /// it; `fsGroup` often makes it unnecessary.
    ///
    /// ## What the fix changes
    ///
    /// It removes the container's value, so that the pod's holds. Programs that need what the pod forbids stop working. Where
    /// the container would be left with both the pod's `runAsNonRoot: true` and a user 0 of its own, both values go.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version. A value that is wrong whatever the pod says has a rule of its own, and where
    /// that one runs it alone speaks: `run-as-root-allowed`, `root-user`, `root-group`, `unconfined-seccomp` and
    /// `unconfined-apparmor`. So `runAsNonRoot: false` under a pod with `true` is this rule's at the profile `baseline`, and
    /// `run-as-root-allowed`'s from `restricted` on.
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

/// A setting that a container can take back.
struct Field {
    /// From the pod's spec and from a container alike.
    way: &'static str,
    /// What the fix removes.
    removed: &'static str,
    hardens: fn(&str) -> bool,
    undoes: fn(&str) -> bool,
    /// The rule that speaks of the value itself, where it runs.
    spoken_of_by: Option<&'static str>,
}

const FIELDS: [Field; 6] = [
    Field {
        way: "securityContext.runAsNonRoot",
        removed: "securityContext.runAsNonRoot",
        hardens: |value| value == "true",
        undoes: |value| value == "false",
        spoken_of_by: Some("run-as-root-allowed"),
    },
    Field {
        way: USER,
        removed: USER,
        hardens: is_other_than_root,
        undoes: |value| value == "0",
        spoken_of_by: Some("root-user"),
    },
    Field {
        way: "securityContext.runAsGroup",
        removed: "securityContext.runAsGroup",
        hardens: is_other_than_root,
        undoes: |value| value == "0",
        spoken_of_by: Some("root-group"),
    },
    Field {
        way: "securityContext.seccompProfile.type",
        removed: "securityContext.seccompProfile",
        hardens: confines,
        undoes: |value| value == "Unconfined",
        spoken_of_by: Some("unconfined-seccomp"),
    },
    Field {
        way: "securityContext.appArmorProfile.type",
        removed: "securityContext.appArmorProfile",
        hardens: confines,
        undoes: |value| value == "Unconfined",
        spoken_of_by: Some("unconfined-apparmor"),
    },
    Field {
        way: "securityContext.windowsOptions.runAsUserName",
        removed: "securityContext.windowsOptions.runAsUserName",
        hardens: |name| !is_administrator(name),
        undoes: is_administrator,
        spoken_of_by: None,
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

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    for field in FIELDS.iter().filter(|field| !field.is_spoken_of(config)) {
        let Some(of_pod) = pod
            .lookup(field.way)
            .filter(|node| says(*node, field.hardens))
        else {
            continue;
        };
        for container in &pod.containers {
            if let Some(own) = container
                .lookup(field.way)
                .filter(|node| says(*node, field.undoes))
            {
                field.report(container, own, of_pod, found);
            }
        }
    }
}

fn says(node: Node<'_>, what: fn(&str) -> bool) -> bool {
    node.as_str().is_some_and(what)
}

impl Field {
    fn is_spoken_of(&self, config: &Config) -> bool {
        self.spoken_of_by
            .and_then(Rule::named)
            .is_some_and(|rule| rule.runs(config))
    }

    fn report(
        &self,
        container: &Container<'_>,
        own: Node<'_>,
        of_pod: Node<'_>,
        found: &mut Reporter<'_, '_>,
    ) {
        let name = self.removed.rsplit('.').next().unwrap_or_default();
        let value = brief(own.as_str().unwrap_or_default());
        let mut changes = vec![Change::Remove {
            path: container.path(self.removed),
        }];
        if name == "runAsNonRoot" && container.security().run_as_user == Some(0) {
            changes.push(Change::Remove {
                path: container.path(USER),
            });
        }
        found
            .at(
                own,
                format!("{container} undoes the pod's {name} with {value}"),
            )
            .in_container(container)
            .fix(
                Applicability::Unsafe,
                format!("remove {name} from the container (the pod's value holds)"),
                changes,
            )
            .related(of_pod, "the pod sets it here");
    }
}
