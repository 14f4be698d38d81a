//! Edits of a document, given as changes of values at paths. The edits of [`plan`] were applied and
//! the result was parsed: it has no new syntax error, and only the values and comments that the
//! changes name differ. Other changes are rejected with a reason.

mod change;
mod comment;
mod compose;
mod diff;
mod edits;
mod emitter;
mod error;
mod key_order;
mod layout;
mod planner;
mod preconditions;
mod quote;
mod style;
mod target_tree;
mod verify;

pub use change::{Change, Value};
pub use edits::{Edit, Edits};
pub use error::EditError;
pub use key_order::KeyOrder;

use super::Yaml;

/// Returns an error if the document cannot be edited at all: it is not valid YAML, or a template.
/// Scans the text once.
pub fn check(yaml: &Yaml) -> Result<(), EditError> {
    preconditions::check(yaml)
}

/// Returns an error if the places of the changes rule them out: aliases, shared anchors, duplicate
/// keys. The document must have passed [`check`]. Nothing is written or verified, so [`plan`] may
/// still fail.
pub fn dry_run(yaml: &Yaml, changes: &[Change]) -> Result<(), EditError> {
    planner::target_tree(yaml, changes).map(drop)
}

/// Returns the edits that make all changes at once. Equal changes count once, and every path refers
/// to the document before any change. Setting an existing value and removing a missing one need no
/// edits. New keys are added at the end of their mapping.
pub fn plan(yaml: &Yaml, changes: &[Change]) -> Result<Edits, EditError> {
    plan_in_order(yaml, changes, KeyOrder::default())
}

/// The same as [`plan`], with new keys where an order puts them.
pub fn plan_in_order(yaml: &Yaml, changes: &[Change], order: KeyOrder) -> Result<Edits, EditError> {
    preconditions::check(yaml)?;
    let mut wanted = planner::target_tree(yaml, changes)?;
    order.arrange(&mut wanted.root);
    let edits = diff::edits(&wanted)?;
    if !edits.is_empty() {
        verify::prove(&wanted, &edits)?;
    }
    Ok(edits)
}
