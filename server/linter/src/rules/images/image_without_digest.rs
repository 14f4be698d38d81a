use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::images::reference as image;
use crate::rules::images::reference::{Pin, pin};
use crate::rules::images::unpinned_image;
use kubernetes::Pod;

rule! {
    /// Images that are referenced by tag, without a digest.
    ///
    /// The rule is off by default. It runs if you select it or give it a severity. An image without
    /// a tag or with the tag `latest` is left to `unpinned-image` where that rule runs.
    ///
    /// ## Why
    ///
    /// A tag can be moved to another image at any time. An attacker who can push to the repository,
    /// with a stolen token or through its build, has their image run under the old tag at the next
    /// start of a pod. A digest (`@sha256:...`) identifies the content itself. Another image has
    /// another digest, and the node rejects it.
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
    ///       image: registry.example.com/web:1.4.2
    /// ```
    ///
    /// Good: the tag may stay for readers.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4.2@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// If nothing keeps the digests up to date: images whose digests never change get no security
    /// fixes. Let a tool such as Renovate update them. If an admission controller verifies
    /// signatures, it can also write the digests.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: the digest is in the registry, and kubeharden makes no network requests.
    /// `crane digest IMAGE` and `docker buildx imagetools inspect IMAGE` print it.
    ///
    /// ## Applies to
    ///
    /// Off unless selected; then every profile, every Kubernetes version, every operating system.
    /// The rule skips images that are not valid references, such as those with a placeholder.
    ///
    /// ## References
    ///
    /// - [Kubernetes: Images](https://kubernetes.io/docs/concepts/containers/images/)
    /// - OCI Distribution Specification, "Pulling manifests":
    ///   <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>
    id: "image-without-digest",
    enablement: OptIn,
    severity: Info,
    check: Check::Pod(check),
    aliases: [Checkov "CKV_K8S_43", Kubescape "C-0306", Kyverno "require-image-checksum"],
}

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    let tags_are_reported = unpinned_image::RULE.runs(config);
    for container in &pod.containers {
        let Some((image, node)) = image::written(container) else {
            continue;
        };
        match pin(image) {
            Pin::Missing | Pin::Latest if tags_are_reported => {}
            Pin::Missing | Pin::Latest | Pin::Tag(_) => {
                report
                    .at(node, format!("image of {container} has no digest"))
                    .in_container(container);
            }
            Pin::Digest | Pin::Unreadable => {}
        }
    }
}
