use crate::config::Config;
use crate::rules::images::reference as image;
use crate::rules::{Applicability, Reporter};
use kubernetes::Pod;
use yaml::edit::{Change, Value};

rule! {
    /// Images from a registry that no longer gets updates.
    ///
    /// The rule knows `k8s.gcr.io`, frozen since April 2023 and replaced by `registry.k8s.io`; its
    /// predecessors `gcr.io/google_containers` and `gcr.io/google-containers`;
    /// `docker.pkg.github.com`, replaced by `ghcr.io`; and `bitnamilegacy` on Docker Hub, where
    /// Bitnami moved its old images in 2025.
    ///
    /// ## Why
    ///
    /// The images there stay as they are. A vulnerability that becomes known is never fixed there,
    /// and the tag of the fixed version does not exist. When the registry shuts down, a pod that
    /// moves to a new node no longer starts.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: pause
    /// spec:
    ///   containers:
    ///     - name: pause
    ///       image: k8s.gcr.io/pause:3.9
    /// ```
    ///
    /// Fixed:
    ///
    /// ```yaml fixed
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: pause
    /// spec:
    ///   containers:
    ///     - name: pause
    ///       image: registry.k8s.io/pause:3.9
    /// ```
    ///
    /// Good:
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: pause
    /// spec:
    ///   containers:
    ///     - name: pause
    ///       image: registry.k8s.io/pause:3.10
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// If the cluster's container runtime is configured to use a mirror instead of the old
    /// registry.
    ///
    /// ## What the fix changes
    ///
    /// It replaces `k8s.gcr.io` with `registry.k8s.io`, where the Kubernetes project copied every
    /// image with the same digest. If the cluster restricts its registries, it must allow that one.
    /// There is no fix for the other registries, because some of their images did not move, and
    /// some were renamed.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version, every operating system. The rule skips images
    /// that are not valid references, such as those with a placeholder.
    ///
    /// ## References
    ///
    /// - Kubernetes: k8s.gcr.io Redirect to registry.k8s.io:
    ///   <https://kubernetes.io/blog/2023/03/10/image-registry-redirect/>
    /// - Kubernetes: k8s.gcr.io Image Registry Will Be Frozen:
    ///   <https://kubernetes.io/blog/2023/02/06/k8s-gcr-io-freeze-announcement/>
    /// - [Bitnami: upcoming changes to the catalog](https://github.com/bitnami/charts/issues/35164)
    id: "deprecated-registry",
    enablement: Profile(Hardened),
    severity: Warning,
    check: Check::Pod(check),
    aliases: [Kubescape "C-0253", Kyverno "restrict-deprecated-registry"],
}

/// The old registries, each with its successor if that has all the same images.
const FROZEN: [(&str, Option<&str>); 5] = [
    ("k8s.gcr.io", Some("registry.k8s.io")),
    ("gcr.io/google_containers", None),
    ("gcr.io/google-containers", None),
    ("docker.pkg.github.com", None),
    ("docker.io/bitnamilegacy", None),
];

fn check(pod: &Pod<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    for container in &pod.containers {
        let Some((image, node)) = image::written(container) else {
            continue;
        };
        let Some(whole) =
            image::reference(image).map(|image| format!("{}/{}", image.registry, image.repository))
        else {
            continue;
        };
        let Some((old, new)) = FROZEN.iter().find(|(old, _)| is_from(&whole, old)) else {
            continue;
        };
        let mut finding = report
            .at(
                node,
                format!("image of {container} comes from {old}, which is frozen"),
            )
            .in_container(container);
        if let (Some(new), Some(rest)) = (new, image.strip_prefix(old)) {
            let change = Change::Set {
                path: container.path("image"),
                value: Value::Text(format!("{new}{rest}")),
            };
            finding.fix(
                Applicability::Safe,
                format!("pull the same image from {new}"),
                [change],
            );
        }
    }
}

fn is_from(repository: &str, place: &str) -> bool {
    repository
        .strip_prefix(place)
        .is_some_and(|rest| rest.starts_with('/'))
}
