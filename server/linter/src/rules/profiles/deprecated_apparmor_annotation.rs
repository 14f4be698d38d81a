use crate::config::Config;
use crate::rules::profiles::annotations::{Annotation, Profile, annotations, container};
use crate::rules::{Applicability, Reporter, Tag};
use kubernetes::{Container, Pod, Version};
use yaml::edit::Change;

rule! {
    /// AppArmor annotations, which a field replaces.
    ///
    /// `container.apparmor.security.beta.kubernetes.io/<container>` still works: the API server
    /// copies it into `securityContext.appArmorProfile`. It is deprecated since Kubernetes 1.30,
    /// which introduced the field.
    ///
    /// ## Why
    ///
    /// The annotation refers to its container by name, and nothing keeps the two in sync. After the
    /// container is renamed, the API server rejects the pod. When Kubernetes stops reading the
    /// annotation, as it did for seccomp, the profile disappears without a warning.
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
    /// If clusters older than 1.30 use the same manifest. They support only the annotation.
    ///
    /// ## What the fix changes
    ///
    /// It writes the field that the API server derives from the annotation, and removes the
    /// annotation. If the field already has the same value, or the annotation names no container,
    /// the fix only removes the annotation. If the field has another value, which the API server
    /// rejects, there is no fix.
    ///
    /// ## Applies to
    ///
    /// Every profile, Kubernetes 1.30 and later. The rule skips Windows pods.
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

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    if config.kubernetes_version < Version::new(30) || pod.is_windows() {
        return;
    }
    for annotation in annotations(pod) {
        let Some(name) = annotation.name.strip_prefix(PREFIX) else {
            continue;
        };
        let message =
            "the AppArmor annotation is deprecated since Kubernetes 1.30: use appArmorProfile";
        let mut finding = report.at(annotation.key, message);
        finding.tagged(Tag::Deprecated);
        if let Some((title, changes)) =
            container(pod, name).and_then(|container| migration(annotation, pod, container))
        {
            finding.fix(Applicability::Safe, title, changes);
        }
    }
}

fn migration(
    annotation: Annotation<'_>,
    pod: &Pod<'_>,
    container: &Container<'_>,
) -> Option<(&'static str, Vec<Change>)> {
    let removal = annotation.removal(pod)?;
    // For the API server, an empty value is no profile.
    if annotation.value == Some("") {
        return Some(("remove the empty annotation", vec![removal]));
    }
    let profile = Profile::of(annotation.value?)?;
    match container.lookup(FIELD).filter(|field| !field.is_null()) {
        Some(field) if profile.is_at(field) => Some((
            "remove the annotation (the field has the same value)",
            vec![removal],
        )),
        Some(_) => None,
        None => {
            let field = container.path(FIELD);
            let changes = profile.settings(&field).chain([removal]).collect();
            Some(("replace the annotation with appArmorProfile", changes))
        }
    }
}
