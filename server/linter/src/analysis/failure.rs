//! A rule that panics: a mistake of ours, which costs what that rule would have said and nothing else.
//!
//! Knows how a panic is caught, and what it said. Must not know who is told. Promise: what all others found stays, and what a rule
//! found before it failed is not told, since nobody knows whether it is right.

use crate::rules::{Finding, Rule};
use std::any::Any;
use std::panic::{self, AssertUnwindSafe};

/// Where a person tells of it.
pub const ISSUES: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/issues");

/// That a rule failed at a text, and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulePanic {
    /// The rule's id.
    pub rule: &'static str,
    pub message: String,
}

/// Has a rule add its findings to those of others.
pub(super) fn guarded(
    rule: &Rule,
    findings: &mut Vec<Finding>,
    run: impl FnOnce(&mut Vec<Finding>),
) -> Result<(), RulePanic> {
    let before = findings.len();
    // A rule has no state, and what it added is taken away.
    panic::catch_unwind(AssertUnwindSafe(|| run(findings))).map_err(|panic| {
        findings.truncate(before);
        RulePanic {
            rule: rule.id,
            message: panic_message(&*panic),
        }
    })
}

/// What a panic said.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}
