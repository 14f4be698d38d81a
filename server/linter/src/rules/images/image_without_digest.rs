use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::images::reference as image;
use crate::rules::images::reference::{Pin, pin};
use crate::rules::images::unpinned_image;
use kubernetes::Pod;

rule! {
    /// Images that are named by a tag alone, without a digest.
    ///
    /// The rule is off: it runs where it is selected. An image without a tag or with the tag `latest` is left to
    /// `unpinned-image` where that rule runs.
    ///
    /// ## Why
    ///
    /// A tag is a name that can be given to another image at any time. Whoever gets to push to the repository, with a stolen
    /// token or through its build, has their image run under the old tag at the next start of a pod. A digest (`@sha256:...`)
    /// is the content itself: another image has another one, and the node refuses it.
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
    /// Good: the tag may stay, for people to read.
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
    /// Where nothing keeps the digests up to date. Digests that nobody changes are images that get no security fixes; let a
    /// program such as Renovate change them. Where an admission controller verifies signatures, it can also write the digests.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: the digest is not in the manifest but in the registry, and kubeharden asks nobody. `crane digest IMAGE`
    /// and `docker buildx imagetools inspect IMAGE` show it.
    ///
    /// ## Applies to
    ///
    /// Off unless selected; every profile, every Kubernetes version, every operating system. An image that is no valid
    /// reference, such as one with a placeholder in it, is left alone.
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

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    let tags_are_seen_to = unpinned_image::RULE.runs(config);
    for container in &pod.containers {
        let Some((image, node)) = image::written(container) else {
            continue;
        };
        match pin(image) {
            Pin::Missing | Pin::Latest if tags_are_seen_to => {}
            Pin::Missing | Pin::Latest | Pin::Tag(_) => {
                found
                    .at(node, format!("image of {container} has no digest"))
                    .in_container(container);
            }
            Pin::Digest | Pin::Unreadable => {}
        }
    }
}
