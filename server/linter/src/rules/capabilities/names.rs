//! The names of capabilities, and the lists of a container that contain them.

use kubernetes::Container;
use std::borrow::Cow;
use yaml::{Node, Path};

/// Linux' capabilities (`include/uapi/linux/capability.h`), without `CAP_`, and `ALL`.
pub(crate) const NAMES: [&str; 42] = [
    "ALL",
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];

/// An item of a list of capabilities.
pub(crate) struct Item<'y> {
    pub(crate) node: Node<'y>,
    /// The dotted path of its list from the container, and its index there.
    field_path: &'static str,
    index: usize,
    /// The name as written.
    pub(crate) name: &'y str,
    /// The name in capitals, without `CAP_`.
    pub(crate) normalized_name: Cow<'y, str>,
}

/// The dotted paths of the lists from a container.
pub(crate) const ADD: &str = "securityContext.capabilities.add";
pub(crate) const DROP: &str = "securityContext.capabilities.drop";

/// Returns the items of one of a container's lists.
pub(crate) fn items<'y>(container: &Container<'y>, field_path: &'static str) -> Vec<Item<'y>> {
    let nodes = container
        .lookup(field_path)
        .into_iter()
        .flat_map(Node::items)
        .enumerate();
    let item = |(index, node): (usize, Node<'y>)| {
        let name = node.as_str()?;
        Some(Item {
            node,
            field_path,
            index,
            name,
            normalized_name: normalized_name(name),
        })
    };
    nodes.filter_map(item).collect()
}

impl Item<'_> {
    /// Returns its path in the document, given its container.
    pub(crate) fn path(&self, container: &Container<'_>) -> Path {
        container.path(self.field_path).index(self.index)
    }
}

/// Returns a capability's name as Kubernetes writes it.
fn normalized_name(name: &str) -> Cow<'_, str> {
    let name = name.trim();
    if !name.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Cow::Borrowed(name.strip_prefix("CAP_").unwrap_or(name));
    }
    let upper = name.to_ascii_uppercase();
    Cow::Owned(
        upper
            .strip_prefix("CAP_")
            .map(str::to_owned)
            .unwrap_or(upper),
    )
}
