//! Catches a rule that panics.
//!
//! The findings of all other rules stay. The panicking rule's findings are dropped, because they may be wrong.

use crate::rules::{Finding, Rule};
use std::any::Any;
use std::panic::{self, AssertUnwindSafe};

/// Where users report bugs.
pub const ISSUES: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/issues");

/// A panic of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulePanic {
    /// The rule's id.
    pub rule: &'static str,
    pub message: String,
}

/// Runs a rule, which adds its findings to those of others.
pub(super) fn guarded(
    rule: &Rule,
    findings: &mut Vec<Finding>,
    run: impl FnOnce(&mut Vec<Finding>),
) -> Result<(), RulePanic> {
    let before = findings.len();
    // A rule has no state, and its findings are removed.
    panic::catch_unwind(AssertUnwindSafe(|| run(findings))).map_err(|panic| {
        findings.truncate(before);
        RulePanic {
            rule: rule.id,
            message: panic_message(&*panic),
        }
    })
}

/// Returns the message of a panic.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}
