use crate::config::Config;
use crate::rules::images::reference as image;
use crate::rules::images::reference::{Pin, pin};
use crate::rules::images::unpinned_image;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Pod, Setting};
use yaml::edit::{Change, Value};

rule! {
    /// Images with a tag that moves from build to build, and nodes that do not look for the newer one.
    ///
    /// Such tags are `stable`, `main`, `nightly`, `edge`, `alpine` and the like. Without an `imagePullPolicy` a node pulls the
    /// image of a tag only once. An image without a tag or with the tag `latest` is left to `unpinned-image` where that rule
    /// runs.
    ///
    /// ## Why
    ///
    /// The nodes of a cluster run different programs under one name: each has the one that was current when it first pulled it.
    /// A fix that was pushed under the same tag reaches the nodes that happen to be new, and looks as if it had reached them
    /// all.
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
    ///       image: registry.example.com/web:stable
    ///       imagePullPolicy: IfNotPresent
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
    ///       image: registry.example.com/web:stable
    ///       imagePullPolicy: Always
    /// ```
    ///
    /// Better: a tag that stays where it is.
    ///
    /// ```yaml good
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
    /// ## When not to follow it
    ///
    /// On clusters without a way to their registry, and on those on one machine whose images are loaded into it by hand.
    /// `imagePullPolicy: Never` says so, and the rule is silent then.
    ///
    /// ## What the fix changes
    ///
    /// It writes `imagePullPolicy: Always`. The node then asks the registry for the tag's digest at every start of the
    /// container, and pulls what it does not have; if it cannot ask, the container does not start.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version, every operating system. Not images with a digest, and not tags that look
    /// like versions: any tag can be moved, but those are moved so rarely that a line for each of them would hide the others.
    ///
    /// ## References
    ///
    /// - [Kubernetes: Image pull policy](https://kubernetes.io/docs/concepts/containers/images/#image-pull-policy)
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 1.2, AlwaysPullImages
    id: "stale-image-pull-policy",
    enablement: Profile(Hardened),
    severity: Hint,
    check: Check::Pod(check),
    aliases: [
        Checkov "CKV_K8S_15", Polaris "pullPolicyNotAlways", Kubescape "C-0075",
        KubeScore "container-image-pull-policy", Kyverno "imagepullpolicy-always",
    ],
}

const FIELD: &str = "imagePullPolicy";

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    for container in &pod.containers {
        let Some((image, place)) = image::written(container) else {
            continue;
        };
        let Some(tag) = moving_tag(image, config) else {
            continue;
        };
        let mut finding =
            match container.setting(FIELD, container.spec.image_pull_policy.as_deref()) {
                Setting::Set { value, node, .. } if value == "IfNotPresent" => found
                    .at(
                        node,
                        format!("{FIELD} is {value}: nodes keep old images of the tag {tag}"),
                    )
                    .in_container(container),
                // The API server writes `IfNotPresent` where nothing is written, but for `latest`.
                Setting::Unset if tag != "latest" => found
                    .at(
                        place,
                        format!("{container} runs what {tag} was when its node pulled it"),
                    )
                    .in_container(container)
                    .as_missing(),
                _ => continue,
            };
        finding.fix(
            Applicability::Unsafe,
            "set imagePullPolicy: Always (nodes that cannot reach the registry do not start the container)",
            [Change::Set {
                path: container.path(FIELD),
                value: Value::Text("Always".into()),
            }],
        );
    }
}

/// The image's tag, if its name says that it moves on from build to build. `latest` is left to the rule about it.
fn moving_tag<'i>(image: &'i str, config: &Config) -> Option<&'i str> {
    const MOVING: [&str; 25] = [
        "latest", "stable", "edge", "nightly", "daily", "weekly", "main", "master", "trunk",
        "head", "tip", "develop", "devel", "dev", "next", "canary", "unstable", "testing",
        "snapshot", "rolling", "current", "mainline", "lts", "alpine", "slim",
    ];
    let latest_is_seen_to = || unpinned_image::RULE.runs(config);
    match pin(image) {
        Pin::Latest | Pin::Missing if !latest_is_seen_to() => Some("latest"),
        Pin::Tag(tag) if tag.split('-').all(|part| MOVING.contains(&part)) => Some(tag),
        _ => None,
    }
}
