use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::images::reference as image;
use crate::rules::images::reference::Reference;
use kubernetes::Pod;

rule! {
    /// Images from a registry that is not allowed, or that is denied.
    ///
    /// Which are, configuration says: a list of allowed registries, a list of denied ones, or both; what is denied is denied
    /// even if it is allowed. An entry names a registry (`ghcr.io`), all registries below a domain (`*.example.com`), or a
    /// repository with all that is below it (`docker.io/library`). An image without a registry comes from `docker.io`. Without
    /// a list the rule has nothing to say.
    ///
    /// ## Why
    ///
    /// Anybody can publish an image on a public registry, under a name that differs from a well-known one by a letter. What was
    /// typed in a hurry or copied from a page runs with all that the pod is allowed. A registry of one's own holds what
    /// somebody has looked at, scanned and signed.
    ///
    /// ## Example
    ///
    /// With `registry.example.com` as the only allowed registry:
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   containers:
    ///     - name: web
    ///       image: somebody/web:1.4
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
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// For a cluster whose admission controller verifies the signature of every image, where an image comes from makes less of
    /// a difference.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: the image has to be copied to an allowed registry, or found there, before a manifest can name it.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, every operating system, once a list of registries is configured: who writes down
    /// whom they trust means it whatever the profile. An image that is no valid reference, such as one with a placeholder in it,
    /// is left alone.
    ///
    /// ## References
    ///
    /// - [Kubernetes: Images](https://kubernetes.io/docs/concepts/containers/images/)
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.5.1
    id: "untrusted-registry",
    enablement: Always,
    severity: Error,
    check: Check::Pod(check),
    aliases: [Trivy "KSV-0125", Kubescape "C-0078", Kyverno "restrict-image-registries"],
    related: [Kubeaudit "ImageTagIncorrect"],
}

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    let (allowed, denied) = (
        &config.values.allowed_registries,
        &config.values.denied_registries,
    );
    let meets =
        |list: &[String], image: &Reference<'_>| list.iter().any(|entry| is_from(image, entry));
    for container in &pod.containers {
        let Some((text, node)) = image::written(container) else {
            continue;
        };
        let Some(image) = image::reference(text) else {
            continue;
        };
        let registry = image.registry;
        if meets(denied, &image) {
            found
                .at(
                    node,
                    format!("image of {container} comes from {registry}, which is denied"),
                )
                .in_container(container);
        } else if !allowed.is_empty() && !meets(allowed, &image) {
            found
                .at(
                    node,
                    format!("image of {container} comes from {registry}, which is not allowed"),
                )
                .in_container(container);
        }
    }
}

/// Whether an image is from a registry (`ghcr.io`, `*.example.com`) or below a repository in one (`docker.io/library`).
fn is_from(image: &Reference<'_>, entry: &str) -> bool {
    let (registry, repository) = match entry.trim_end_matches('/').split_once('/') {
        Some((registry, repository)) => (registry, Some(repository)),
        None => (entry.trim_end_matches('/'), None),
    };
    let is_registry = match registry.strip_prefix('*') {
        Some(domain) => image.registry.ends_with(domain),
        None => image.registry == registry,
    };
    let is_below = |folder: &str| {
        image
            .repository
            .strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    is_registry && repository.is_none_or(is_below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_name_registries_and_what_is_below_them() {
        let is_from =
            |image: &str, entry| is_from(&image::reference(image).expect("a reference"), entry);
        for (image, entry) in [
            ("nginx", "docker.io"),
            ("nginx:1.29", "docker.io/library"),
            ("acme/web", "docker.io/acme"),
            ("ghcr.io/acme/web", "ghcr.io/acme/"),
            ("ghcr.io/acme/web", "ghcr.io/acme/web"),
            ("localhost:5000/web", "localhost:5000"),
            ("eu.example.com/web", "*.example.com"),
        ] {
            assert!(is_from(image, entry), "{image} is from {entry}");
        }
        for (image, entry) in [
            ("acme/web", "docker.io/library"),
            ("ghcr.io/acme-evil/web", "ghcr.io/acme"),
            ("ghcr.io.evil.com/acme/web", "ghcr.io"),
            ("evilexample.com/web", "*.example.com"),
        ] {
            assert!(!is_from(image, entry), "{image} is not from {entry}");
        }
    }
}
