use super::Findings;
use crate::config::Config;
use crate::k8s::{Pod, Setting};
use oci_spec::distribution::Reference;

rule! {
    /// Images without a tag and a digest, or with the tag `latest`.
    ///
    /// An image without a tag means `latest`, and `latest` means whatever was pushed last. A digest (`@sha256:...`) pins an
    /// image for good and needs no tag beside it; the port of a registry (`registry:5000/app`) is no tag.
    ///
    /// ## Why
    ///
    /// Nobody can say what runs: two replicas started a day apart can be different programs, and going back to yesterday's
    /// manifest does not bring yesterday's image back. Whoever gets to push to the repository, with a stolen token or through
    /// its build, runs code in the cluster at the next restart of a pod, without a change to any manifest.
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
    /// In manifests whose images something else fills in, such as the `images` of a kustomization or a release script. For a
    /// cluster on a developer's own machine `latest` does no harm.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix, because which version is meant stands nowhere in the manifest. `kubectl get pod -o yaml` shows under
    /// `status.containerStatuses[].imageID` the digest of the image that runs now.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version, every operating system. An image that is no valid reference, such as one
    /// with a placeholder in it, is left alone.
    ///
    /// ## References
    ///
    /// - [Kubernetes: Images](https://kubernetes.io/docs/concepts/containers/images/)
    /// - Kubernetes: Application Security Checklist:
    ///   <https://kubernetes.io/docs/concepts/security/application-security-checklist/>
    /// - NSA/CISA Kubernetes Hardening Guide, "Building secure container images":
    ///   <https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF>
    ///
    /// ## Other names
    ///
    /// Trivy `KSV-0013`; Checkov `CKV_K8S_14`; kube-linter `latest-tag`; Polaris `tagNotSpecified`; kubeaudit
    /// `ImageTagMissing`; kube-score `container-image-tag`; Kyverno `disallow-latest-tag`.
    "unpinned-image", From(Hardened), Warning, Check::Pod(check),
}

fn check(pod: &Pod<'_>, _config: &Config, found: &mut Findings<'_, '_>) {
    for container in &pod.containers {
        let Setting::Set { value: image, node, .. } = container.setting("image", container.spec.image.clone()) else { continue };
        match pin(&image) {
            Pin::Missing => {
                found.wrong_in(container, node, format!("image of {container} has neither tag nor digest"));
            }
            Pin::Latest => {
                found.wrong_in(container, node, format!("{container} runs whatever is tagged latest"));
            }
            Pin::Fixed | Pin::Unreadable => {}
        }
    }
}

/// What an image's reference says about which image it is.
#[derive(Debug, PartialEq, Eq)]
enum Pin {
    Missing,
    Latest,
    Fixed,
    Unreadable,
}

fn pin(image: &str) -> Pin {
    let Ok(reference) = image.parse::<Reference>() else { return Pin::Unreadable };
    match (reference.digest(), reference.tag()) {
        // The parser fills in `latest` where no tag is written.
        (None, Some("latest")) if image.ends_with(":latest") => Pin::Latest,
        (None, None | Some("latest")) => Pin::Missing,
        _ => Pin::Fixed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_told_apart_as_registries_read_them() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let cases = [
            ("nginx".to_owned(), Pin::Missing),
            ("localhost:5000/nginx".into(), Pin::Missing),
            ("registry.example.com:443/team/app".into(), Pin::Missing),
            ("nginx:latest".into(), Pin::Latest),
            ("localhost:5000/latest:latest".into(), Pin::Latest),
            ("registry.example.com/latest".into(), Pin::Missing),
            ("nginx:1.29".into(), Pin::Fixed),
            ("nginx:latest-alpine".into(), Pin::Fixed),
            (format!("nginx@{digest}"), Pin::Fixed),
            (format!("nginx:latest@{digest}"), Pin::Fixed),
            (format!("localhost:5000/nginx@{digest}"), Pin::Fixed),
            (String::new(), Pin::Unreadable),
            ("nginx:".into(), Pin::Unreadable),
            ("Nginx Web".into(), Pin::Unreadable),
            ("$(REGISTRY)/web".into(), Pin::Unreadable),
            ("{{ .Values.image }}".into(), Pin::Unreadable),
            ("nginx@sha256:short".into(), Pin::Unreadable),
        ];
        for (image, expected) in cases {
            assert_eq!(pin(&image), expected, "{image:?}");
        }
    }
}
