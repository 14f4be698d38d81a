//! The names of capabilities, and the lists that they stand in.

use crate::k8s::Container;
use crate::yaml::{Node, Path, Step};

/// Linux' capabilities (`include/uapi/linux/capability.h`), without `CAP_`, and the word for all of them.
pub(super) const NAMES: [&str; 42] = [
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
#[derive(Clone)]
pub(super) struct Item<'y> {
    pub(super) node: Node<'y>,
    pub(super) path: Path,
    /// As it is written.
    pub(super) name: &'y str,
    /// In capitals, without `CAP_`.
    pub(super) normal: String,
}

/// The items of `add` or `drop` of a container.
pub(super) fn items<'y>(container: &Container<'y>, list: &str) -> Vec<Item<'y>> {
    let way = format!("securityContext.capabilities.{list}");
    let nodes = container.lookup(&way).into_iter().flat_map(Node::items).enumerate();
    let item = |(place, node): (usize, Node<'y>)| {
        let name = node.as_str()?;
        Some(Item { node, path: container.path(&way).join([Step::Index(place)]), name, normal: normal(name) })
    };
    nodes.filter_map(item).collect()
}

/// A capability's name as Kubernetes writes it.
fn normal(name: &str) -> String {
    let upper = name.trim().to_ascii_uppercase();
    upper.strip_prefix("CAP_").unwrap_or(&upper).to_owned()
}
