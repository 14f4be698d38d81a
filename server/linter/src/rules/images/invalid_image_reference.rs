use crate::config::Config;
use crate::rules::describe::shortened;
use crate::rules::images::reference as image;
use crate::rules::images::reference::Invalid;
use crate::rules::schema::unknown_fields::is_filled_in;
use crate::rules::{Applicability, Reporter};
use kubernetes::Pod;
use yaml::edit::{Change, Value};

rule! {
    /// Image references that the kubelet rejects.
    ///
    /// A repository with upper-case letters, a digest of the wrong length or of an unknown
    /// algorithm, an empty tag. Only the host of a registry may have upper-case letters.
    ///
    /// ## Why
    ///
    /// The API server accepts the pod, but the kubelet cannot parse the reference. The container
    /// never starts: its status is `InvalidImageName`. A digest with a missing character pins
    /// nothing.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/team/Web:1.4
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
    ///       image: registry.example.com/team/web:1.4
    /// ```
    ///
    /// A digest cannot be guessed, so there is no fix:
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web@sha256:cafe01
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
    ///       image: registry.example.com/web@sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// If another program replaces the image before the manifest goes to a cluster. The rule skips
    /// what looks like a placeholder: `IMAGE`, `<image>`, `{{ .image }}`, `$IMAGE`.
    ///
    /// ## What the fix changes
    ///
    /// It writes the repository in lower case. No container with the previous reference could
    /// start.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, every container.
    ///
    /// ## References
    ///
    /// - The grammar of references: <https://github.com/distribution/reference>
    /// - [Kubernetes: Images](https://kubernetes.io/docs/concepts/containers/images/)
    /// - The Pod Security Standards, the CIS Benchmark and the NSA/CISA guide have no section about it.
    id: "invalid-image-reference",
    enablement: Always,
    severity: Error,
    check: Check::Pod(check),
}

fn check(pod: &Pod<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    for container in &pod.containers {
        let Some((image, node)) = image::written(container) else {
            continue;
        };
        if image.is_empty() || is_filled_in(node) || image::is_placeholder(image) {
            continue;
        }
        let Some(invalid) = image::invalid(image) else {
            continue;
        };
        let mut finding = report
            .at(node, format!("invalid image: {invalid}"))
            .in_container(Some(container));
        if let Invalid::UpperCase(right) = invalid {
            let title = format!("replace with {}", shortened(&right));
            let change = Change::Set {
                path: node.path(),
                value: Value::Text(right),
            };
            finding.fix(Applicability::Unsafe, title, [change]);
        }
    }
}
