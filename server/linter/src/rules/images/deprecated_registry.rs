use crate::config::Config;
use crate::rules::images::reference as image;
use crate::rules::{Applicability, Reporter};
use kubernetes::Pod;
use yaml::edit::{Change, Value};

rule! {
    /// Images from a registry that gets no new ones.
    ///
    /// They are `k8s.gcr.io`, frozen since April 2023 for `registry.k8s.io`; `gcr.io/google_containers` and
    /// `gcr.io/google-containers` before it; `docker.pkg.github.com`, for `ghcr.io`; and `bitnamilegacy` on Docker Hub, where
    /// Bitnami put its images aside in 2025.
    ///
    /// ## Why
    ///
    /// What is there stays as it is: a hole that becomes known in one of the images is never mended there, and the tag of the
    /// mended version does not exist. One day the registry itself is gone, and a pod that moves to a new node does not start
    /// any more.
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
    /// Where the cluster's container runtime is told to use a mirror in the place of the old registry.
    ///
    /// ## What the fix changes
    ///
    /// It writes `registry.k8s.io` in the place of `k8s.gcr.io`: the Kubernetes project copied every image there, with the same
    /// digest. A cluster that reaches only listed registries has to reach that one. For the other registries there is no fix,
    /// because not every image moved, and some got another name.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version, every operating system. An image that is no valid reference, such as one
    /// with a placeholder in it, is left alone.
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

/// Where images used to be, and where the same images are now, if they moved as they were.
const FROZEN: [(&str, Option<&str>); 5] = [
    ("k8s.gcr.io", Some("registry.k8s.io")),
    ("gcr.io/google_containers", None),
    ("gcr.io/google-containers", None),
    ("docker.pkg.github.com", None),
    ("docker.io/bitnamilegacy", None),
];

fn check(pod: &Pod<'_>, _config: &Config, found: &mut Reporter<'_, '_>) {
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
        let mut finding = found
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
                format!("take the image from {new}, which has the same one"),
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
