//! The capabilities that a container adds, and which of them the standards allow.

use crate::rules::security_context::text;
use crate::rules::{Applicability, Finding};
use kubernetes::Container;
use yaml::Node;
use yaml::edit::Change;

const ADD: &str = "securityContext.capabilities.add";

/// A capability that a container adds.
pub(crate) struct Added<'y> {
    /// Its index in the list.
    index: usize,
    pub(crate) node: Node<'y>,
    /// The name; empty for null, as the API server reads it.
    pub(crate) name: &'y str,
}

/// Returns the capabilities that a container adds.
pub(crate) fn added<'y>(container: &Container<'y>) -> impl Iterator<Item = Added<'y>> {
    let items = container.lookup(ADD).map(|list| list.items());
    let items = items.into_iter().flatten().enumerate();
    items.filter_map(|(index, node)| {
        Some(Added {
            index,
            node,
            name: text(node)?,
        })
    })
}

/// The capabilities that the `baseline` standard allows to add.
pub(crate) const ALLOWED: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Whether the `baseline` standard allows a capability. It compares names exactly: `CAP_CHOWN` and
/// `chown` are not `CHOWN`.
pub(crate) fn is_allowed_at_baseline(name: &str) -> bool {
    ALLOWED.contains(&name)
}

/// Adds a fix that removes the capability.
pub(crate) fn offer_removal(finding: &mut Finding, container: &Container<'_>, added: &Added<'_>) {
    let name = if added.name.is_empty() {
        "the empty name"
    } else {
        added.name
    };
    let change = Change::Remove {
        path: container.path(ADD).index(added.index),
    };
    finding.fix(
        Applicability::Unsafe,
        format!("remove {name} (programs that need it fail)"),
        [change],
    );
}
