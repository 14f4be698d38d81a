use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::images::reference as image;
use crate::rules::images::reference::Reference;
use kubernetes::Pod;

rule! {
    /// Images from a registry that is denied or not allowed.
    ///
    /// The configuration has a list of allowed registries, a list of denied ones, or both. The
    /// denied list wins. An entry names a registry (`ghcr.io`), all registries below a domain
    /// (`*.example.com`), or a repository with everything below it (`docker.io/library`). An image
    /// without a registry comes from `docker.io`. Without a list, the rule reports nothing.
    ///
    /// ## Why
    ///
    /// Anyone can publish an image on a public registry, under a name that differs from a
    /// well-known one by one letter. An image name that was mistyped or copied from a web page runs
    /// with all the rights of the pod. A private registry contains images that were reviewed,
    /// scanned and signed.
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
    ///       image: example/web:1.4
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
    /// If an admission controller verifies the signature of every image, the registry matters less.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: first copy the image to an allowed registry, or find it there.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, every operating system, if a list of registries is
    /// configured. The rule skips images that are not valid references, such as those with a
    /// placeholder.
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

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
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
            report
                .at(
                    node,
                    format!("image of {container} comes from {registry}, which is denied"),
                )
                .in_container(container);
        } else if !allowed.is_empty() && !meets(allowed, &image) {
            report
                .at(
                    node,
                    format!("image of {container} comes from {registry}, which is not allowed"),
                )
                .in_container(container);
        }
    }
}

/// Whether an entry matches an image: by registry (`ghcr.io`, `*.example.com`) or by repository
/// (`docker.io/library`).
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
    fn entries_match_registries_and_repositories() {
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
