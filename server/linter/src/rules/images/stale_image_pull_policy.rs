use crate::config::Config;
use crate::rules::images::reference as image;
use crate::rules::images::reference::{Pin, pin};
use crate::rules::images::unpinned_image;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Pod, Setting};
use yaml::edit::{Change, Value};

rule! {
    /// Images with a moving tag that nodes do not pull again.
    ///
    /// Moving tags are `stable`, `main`, `nightly`, `edge`, `alpine` and similar ones. Without an
    /// `imagePullPolicy`, a node pulls the image of a tag only once. An image without a tag or with
    /// the tag `latest` is left to `unpinned-image` where that rule runs.
    ///
    /// ## Why
    ///
    /// The nodes of a cluster run different programs under one name: each has the one that was
    /// current when it first pulled it. A fix that was pushed under the same tag reaches only nodes
    /// that do not have the image yet, and looks as if it had reached all of them.
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
    /// Better: a tag that does not move.
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
    /// On clusters that cannot reach their registry, and on single-machine clusters whose images
    /// are loaded by hand. Set `imagePullPolicy: Never` there; the rule is then silent.
    ///
    /// ## What the fix changes
    ///
    /// It sets `imagePullPolicy: Always`. The node asks the registry for the tag's digest at every
    /// start of the container and pulls the image if it does not have it. If the node cannot reach
    /// the registry, the container does not start.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version, every operating system. The rule skips images
    /// with a digest and tags that look like versions. Those tags can move too, but so rarely that
    /// reporting them would hide the others.
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

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    for container in &pod.containers {
        let Some((image, place)) = image::written(container) else {
            continue;
        };
        let Some(tag) = moving_tag(image, config) else {
            continue;
        };
        let mut finding =
            match container.setting(FIELD, container.spec.image_pull_policy.as_deref()) {
                Setting::Set { value, node, .. } if value == "IfNotPresent" => report
                    .at(
                        node,
                        format!("{FIELD} is {value}: nodes keep old images of the tag {tag}"),
                    )
                    .in_container(container),
                // The API server defaults to `IfNotPresent`, except for `latest`.
                Setting::Unset if tag != "latest" => report
                    .at(
                        place,
                        format!("{container} may run an outdated image of the tag {tag}"),
                    )
                    .in_container(container)
                    .as_missing(),
                _ => continue,
            };
        finding.fix(
            Applicability::Unsafe,
            "set imagePullPolicy: Always (needs the registry at every start)",
            [Change::Set {
                path: container.path(FIELD),
                value: Value::Text("Always".into()),
            }],
        );
    }
}

/// Returns the image's tag if it usually moves with every build. `latest` is left to
/// `unpinned-image`.
fn moving_tag<'i>(image: &'i str, config: &Config) -> Option<&'i str> {
    const MOVING: [&str; 25] = [
        "latest", "stable", "edge", "nightly", "daily", "weekly", "main", "master", "trunk",
        "head", "tip", "develop", "devel", "dev", "next", "canary", "unstable", "testing",
        "snapshot", "rolling", "current", "mainline", "lts", "alpine", "slim",
    ];
    let latest_is_reported = || unpinned_image::RULE.runs(config);
    match pin(image) {
        Pin::Latest | Pin::Missing if !latest_is_reported() => Some("latest"),
        Pin::Tag(tag) if tag.split('-').all(|part| MOVING.contains(&part)) => Some(tag),
        _ => None,
    }
}
