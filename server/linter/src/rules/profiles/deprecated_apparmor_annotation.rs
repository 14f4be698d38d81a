use crate::config::Config;
use crate::rules::profiles::annotations::{Annotation, Profile, annotations, container};
use crate::rules::suggest::brief;
use crate::rules::{Applicability, Reporter, Tag};
use kubernetes::{Container, Extent, Pod, Version};
use yaml::edit::Change;

rule! {
    /// Annotations that set an AppArmor profile, which has a field now.
    ///
    /// `container.apparmor.security.beta.kubernetes.io/` with a container's name still works: the API server copies it into
    /// `securityContext.appArmorProfile`. It is deprecated since Kubernetes 1.30, where the field came.
    ///
    /// ## Why
    ///
    /// The annotation names its container by a text that nothing keeps right: after the container is renamed, the API server
    /// refuses the pod. Once the annotation goes the way of seccomp's, the profile is gone without a word.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    ///   annotations:
    ///     container.apparmor.security.beta.kubernetes.io/web: localhost/k8s-web
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
    /// spec:
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         appArmorProfile:
    ///           type: Localhost
    ///           localhostProfile: k8s-web
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
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         appArmorProfile:
    ///           type: RuntimeDefault
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// A manifest that clusters older than 1.30 get as well, which know the annotation alone.
    ///
    /// ## What the fix changes
    ///
    /// It writes the field that the API server makes of the annotation, and removes the annotation. Where the field says the
    /// same already, or the annotation names no container, the annotation just goes. Where the field says something else,
    /// which the API server refuses, there is no fix.
    ///
    /// ## Applies to
    ///
    /// Every profile, Kubernetes 1.30 and later, not pods for Windows.
    ///
    /// ## References
    ///
    /// - Kubernetes: Restrict a Container's Access to Resources with AppArmor:
    ///   <https://kubernetes.io/docs/tutorials/security/apparmor/>
    /// - [KEP-24: AppArmor](https://github.com/kubernetes/enhancements/tree/master/keps/sig-node/24-apparmor)
    /// - The CIS Benchmark and the NSA/CISA guide have no section about it.
    id: "deprecated-apparmor-annotation",
    enablement: Always,
    severity: Info,
    check: Check::Pod(check),
    related: [Trivy "KSV-0002", Kubeaudit "AppArmorAnnotationMissing"],
}

pub(crate) const PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";
pub(crate) const FIELD: &str = "securityContext.appArmorProfile";

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    if config.kubernetes_version < Version::new(30) || pod.is_windows() {
        return;
    }
    for annotation in annotations(pod) {
        let Some(name) = annotation.name.strip_prefix(PREFIX) else {
            continue;
        };
        match container(pod, name) {
            None if pod.extent == Extent::Whole => {
                let message = format!(
                    "the AppArmor annotation names no container: there is no {:?}",
                    brief(name)
                );
                let mut finding = found.at(annotation.key, message);
                finding.tagged(Tag::Unnecessary);
                if !pod.has_unfinished_container() {
                    finding.fix(
                        Applicability::Safe,
                        "remove the annotation",
                        annotation.removal(pod),
                    );
                }
            }
            container => {
                let message =
                    "the AppArmor annotation is deprecated since Kubernetes 1.30: it has a field";
                let mut finding = found.at(annotation.key, message);
                finding.tagged(Tag::Deprecated);
                if let Some((title, changes)) =
                    container.and_then(|container| migration(annotation, pod, container))
                {
                    finding.fix(Applicability::Safe, title, changes);
                }
            }
        }
    }
}

fn migration(
    annotation: Annotation<'_>,
    pod: &Pod<'_>,
    container: &Container<'_>,
) -> Option<(&'static str, Vec<Change>)> {
    let removal = annotation.removal(pod)?;
    // The API server takes an empty value for no profile at all.
    if annotation.value == Some("") {
        return Some(("remove the annotation, which says nothing", vec![removal]));
    }
    let profile = Profile::of(annotation.value?)?;
    match container.lookup(FIELD).filter(|field| !field.is_null()) {
        Some(field) if profile.is_at(field) => Some((
            "remove the annotation, which the field repeats",
            vec![removal],
        )),
        Some(_) => None,
        None => {
            let field = container.path(FIELD);
            let changes = profile.settings(&field).chain([removal]).collect();
            Some(("set appArmorProfile instead of the annotation", changes))
        }
    }
}
