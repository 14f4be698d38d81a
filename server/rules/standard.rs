//! Whom the Pod Security Standards let off, and from which Kubernetes version on.

use crate::config::Config;
use crate::k8s::{Pod, Version};

/// Whether the checks of what only Linux has pass over this pod because it runs on Windows.
pub(super) fn spares_windows(pod: &Pod<'_>, config: &Config) -> bool {
    pod.is_windows() && config.kubernetes_version >= Version::new(25)
}

/// Whether root may be root in this pod because its user namespace makes it an ordinary user of the node.
pub(super) fn spares_user_namespace(pod: &Pod<'_>, config: &Config) -> bool {
    pod.has_user_namespace() && config.kubernetes_version >= Version::new(35)
}
