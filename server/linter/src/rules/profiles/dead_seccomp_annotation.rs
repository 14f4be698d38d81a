use crate::config::Config;
use crate::rules::describe::shortened;
use crate::rules::profiles::annotations::{Annotation, Profile, annotations, container};
use crate::rules::{Applicability, Reporter, Tag};
use kubernetes::{Container, Pod, Version};
use yaml::edit::Change;
use yaml::{Node, Path};

rule! {
    /// Seccomp annotations, which have no effect since Kubernetes 1.27.
    ///
    /// Before `securityContext.seccompProfile`, the annotations
    /// `seccomp.security.alpha.kubernetes.io/pod` and
    /// `container.seccomp.security.alpha.kubernetes.io/<container>` set the profile. Kubernetes
    /// 1.27 and later ignore them.
    ///
    /// ## Why
    ///
    /// The manifest looks as if system calls were filtered, but the container may make every one of
    /// them, including those of published escapes. Several scanners still accept the annotation as
    /// a profile.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    ///   annotations:
    ///     seccomp.security.alpha.kubernetes.io/pod: runtime/default
    ///     container.seccomp.security.alpha.kubernetes.io/web: localhost/web.json
    ///     example.com/team: shop
    /// spec:
    ///   securityContext:
    ///     runAsNonRoot: true
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
    ///     example.com/team: shop
    /// spec:
    ///   securityContext:
    ///     runAsNonRoot: true
    ///     seccompProfile:
    ///       type: RuntimeDefault
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         seccompProfile:
    ///           type: Localhost
    ///           localhostProfile: web.json
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
    ///     seccompProfile:
    ///       type: RuntimeDefault
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// If clusters older than 1.19 use the same manifest. They support only the annotation.
    ///
    /// ## What the fix changes
    ///
    /// It writes the field with the same meaning and removes the annotation. The profile takes
    /// effect, perhaps for the first time since the cluster was upgraded: a program that makes
    /// unusual system calls can fail. If the field is already set, or the annotation names no
    /// container, the fix only removes the annotation.
    ///
    /// ## Applies to
    ///
    /// Every profile, Kubernetes 1.27 and later. On Windows pods, which have no seccomp, the fix
    /// only removes the annotation.
    ///
    /// ## References
    ///
    /// - [Kubernetes: Restrict a Container's Syscalls with seccomp](https://kubernetes.io/docs/tutorials/security/seccomp/)
    /// - KEP-135: Seccomp, with the end of the annotations:
    ///   <https://github.com/kubernetes/enhancements/tree/master/keps/sig-node/135-seccomp>
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.7.2
    /// - The NSA/CISA guide has no section about it.
    id: "dead-seccomp-annotation",
    enablement: Always,
    severity: Warning,
    check: Check::Pod(check),
    aliases: [Kubeaudit "SeccompDeprecatedAnnotations"],
}

pub(crate) const OF_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
pub(crate) const OF_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
pub(crate) const FIELD: &str = "securityContext.seccompProfile";

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    if config.kubernetes_version < Version::new(27) {
        return;
    }
    for annotation in annotations(pod) {
        let field = match annotation.name.strip_prefix(OF_CONTAINER) {
            Some(name) => container(pod, name).map(Field::of_container),
            None if annotation.name == OF_POD => Some(Field {
                path: pod.path(FIELD),
                taken: pod.lookup(FIELD),
            }),
            None => continue,
        };
        let mut finding = report.at(
            annotation.key,
            "the seccomp annotation has no effect since Kubernetes 1.27",
        );
        finding.tagged(Tag::Unnecessary);
        match field.filter(|field| field.taken.is_none_or(Node::is_null) && !pod.is_windows()) {
            None => {
                _ = finding.fix(
                    Applicability::Unsafe,
                    "remove the annotation",
                    annotation.removal(pod),
                );
            }
            Some(field) => {
                if let Some((title, changes)) = migration(annotation, pod, &field) {
                    finding.fix(Applicability::Unsafe, title, changes);
                }
            }
        }
    }
}

/// The profile's field, and its value.
struct Field<'y> {
    path: Path,
    taken: Option<Node<'y>>,
}

impl<'y> Field<'y> {
    fn of_container(container: &Container<'y>) -> Self {
        Field {
            path: container.path(FIELD),
            taken: container.lookup(FIELD),
        }
    }
}

/// Returns the fix that writes the field and removes the annotation. `None` for an invalid value.
fn migration(
    annotation: Annotation<'_>,
    pod: &Pod<'_>,
    field: &Field<'_>,
) -> Option<(String, Vec<Change>)> {
    let value = annotation.value?;
    let profile = Profile::of(value)?;
    let title = format!("set seccompProfile to {}", shortened(value));
    Some((
        title,
        profile
            .settings(&field.path)
            .chain(annotation.removal(pod))
            .collect(),
    ))
}
