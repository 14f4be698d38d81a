//! Whom the Pod Security Standards let off, and from which Kubernetes version on.

use crate::config::{Config, Profile};
use kubernetes::{Pod, Version};
use yaml::{Node, NodeKind};

/// Whether the checks of what only Linux has pass over this pod because it runs on Windows.
pub(super) fn spares_windows(pod: &Pod<'_>, config: &Config) -> bool {
    pod.is_windows() && config.kubernetes_version >= Version::new(25)
}

/// Whether root may be root in this pod because its user namespace makes it an ordinary user of the node.
pub(super) fn spares_user_namespace(pod: &Pod<'_>, config: &Config) -> bool {
    pod.has_user_namespace() && config.kubernetes_version >= Version::new(35)
}

/// Whether a check of `restricted` stands in the place of the same one of `baseline`, even where it allows more: an override in
/// `k8s.io/pod-security-admission/policy`. The profile `hardened` has both.
pub(super) fn overrides_baseline(config: &Config) -> bool {
    config.profile == Profile::Restricted
}

/// Whether the standard `restricted` allows a volume for what one of its sources is, whatever the others are.
pub(super) fn has_allowed_source(volume: Node<'_>) -> bool {
    const ALLOWED: [&str; 9] = [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ];
    ALLOWED.iter().any(|key| source(volume, key).is_some())
}

/// A volume's source of one type, where it has one.
pub(super) fn source<'y>(volume: Node<'y>, key: &str) -> Option<Node<'y>> {
    volume
        .get(key)
        .filter(|node| node.kind() == NodeKind::Mapping)
}
