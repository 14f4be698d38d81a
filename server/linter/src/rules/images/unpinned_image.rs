use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::images::reference as image;
use crate::rules::images::reference::{Pin, pin};
use kubernetes::Pod;

rule! {
    /// Images without a tag or digest, or with the tag `latest`.
    ///
    /// An image without a tag means `latest`, and `latest` means whatever was pushed last. A digest
    /// (`@sha256:...`) pins an image for good and needs no tag. The port of a registry
    /// (`registry:5000/app`) is not a tag.
    ///
    /// ## Why
    ///
    /// It is unknown what runs. Two replicas started a day apart can be different programs, and a
    /// rollback to yesterday's manifest does not restore yesterday's image. An attacker who can
    /// push to the repository, with a stolen token or through its build, runs code in the cluster
    /// at the next restart of a pod, without a change to any manifest.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   initContainers:
    ///     - name: migrate
    ///       image: registry.example.com:5000/migrate
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com:5000/web:latest
    /// ```
    ///
    /// Good: a version, or a digest.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   initContainers:
    ///     - name: migrate
    ///       image: registry.example.com:5000/migrate@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com:5000/web:1.4.2
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// If another tool fills in the images, such as the `images` of a kustomization or a release
    /// script. On a developer's own machine, `latest` does no harm.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: the manifest does not contain the intended version.
    /// `kubectl get pod -o yaml` shows the digest of the running image in
    /// `status.containerStatuses[].imageID`.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version, every operating system. The rule skips images
    /// that are not valid references, such as those with a placeholder.
    ///
    /// ## References
    ///
    /// - [Kubernetes: Images](https://kubernetes.io/docs/concepts/containers/images/)
    /// - Kubernetes: Application Security Checklist:
    ///   <https://kubernetes.io/docs/concepts/security/application-security-checklist/>
    /// - NSA/CISA Kubernetes Hardening Guide, "Building secure container images":
    ///   <https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF>
    id: "unpinned-image",
    enablement: Profile(Hardened),
    severity: Warning,
    check: Check::Pod(check),
    aliases: [
        Trivy "KSV-0013", Checkov "CKV_K8S_14", KubeLinter "latest-tag", Polaris "tagNotSpecified",
        Kubeaudit "ImageTagMissing", KubeScore "container-image-tag",
        Kyverno "disallow-latest-tag",
    ],
}

fn check(pod: &Pod<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    for container in &pod.containers {
        let Some((image, node)) = image::written(container) else {
            continue;
        };
        match pin(image) {
            Pin::Missing => {
                report
                    .at(
                        node,
                        format!("image of {container} has neither tag nor digest"),
                    )
                    .in_container(container);
            }
            Pin::Latest => {
                report
                    .at(
                        node,
                        format!("{container} uses the tag latest, which can change at any time"),
                    )
                    .in_container(container);
            }
            Pin::Tag(_) | Pin::Digest | Pin::Unreadable => {}
        }
    }
}
