//! The exemptions of the Pod Security Standards, and the volume types that `restricted` allows.

use crate::config::{Config, Profile};
use kubernetes::{Pod, Version};
use yaml::{Node, NodeKind};

/// Whether the checks of Linux settings skip this pod because it runs on Windows.
pub(super) fn exempts_windows(pod: &Pod<'_>, config: &Config) -> bool {
    pod.is_windows() && config.kubernetes_version >= Version::new(25)
}

/// Whether root is allowed in this pod because its user namespace maps it to an ordinary user of
/// the node.
pub(super) fn exempts_user_namespaces(pod: &Pod<'_>, config: &Config) -> bool {
    pod.has_user_namespace() && config.kubernetes_version >= Version::new(35)
}

/// Whether a check of `restricted` replaces that of `baseline`, even if it allows more: an override
/// in `k8s.io/pod-security-admission/policy`. The profile `hardened` runs both.
pub(super) fn overrides_baseline(config: &Config) -> bool {
    config.profile == Profile::Restricted
}

/// Whether the `restricted` standard allows a volume because of one of its sources, whatever the
/// others are.
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

/// Returns the source of a volume with a type, such as `hostPath`, if it has one.
pub(super) fn source<'y>(volume: Node<'y>, key: &str) -> Option<Node<'y>> {
    volume
        .get(key)
        .filter(|node| node.kind() == NodeKind::Mapping)
}
