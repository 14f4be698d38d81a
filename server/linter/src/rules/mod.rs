//! The rules, in one folder per family and one file per rule. [`ALL`] lists them.
//!
//! A rule is a pure function of an object and the configuration. Its documentation contains the
//! examples that test it.

/// Declares the `RULE` of a file: its page as a doc comment, then its fields by name.
///
/// The fields after `check` may be left out.
macro_rules! rule {
    (
        $(#[doc = $line:expr])*
        id: $id:literal,
        enablement: $enablement:expr,
        severity: $severity:expr,
        check: $check:expr,
        $(aliases: [$($alias_tool:ident $alias:literal),* $(,)?],)?
        $(related: [$($related_tool:ident $related:literal),* $(,)?],)?
        $(part_of: [$($part_tool:ident $part:literal),* $(,)?],)?
        $(fields: [$($field:literal),* $(,)?],)?
        $(reports_rejections: $reports_rejections:literal,)?
        $(skips_versioned_blocks: $skips_versioned_blocks:literal,)?
        $(always_selected: $always_selected:literal,)?
    ) => {
        #[allow(unused_imports, reason = "a rule names only the variants that it needs")]
        pub(crate) static RULE: $crate::rules::Rule = {
            use $crate::config::Profile::*;
            use $crate::rules::{Check, Enablement::*, ForeignId, Severity::*, Tool::*};
            $crate::rules::Rule {
                id: $id,
                module: module_path!(),
                enablement: $enablement,
                severity: $severity,
                docs: concat!($($line, "\n"),*),
                check: $check,
                aliases: &[$($(ForeignId { tool: $alias_tool, id: $alias }),*)?],
                related: &[$($(ForeignId { tool: $related_tool, id: $related }),*)?],
                part_of: &[$($(ForeignId { tool: $part_tool, id: $part }),*)?],
                fields: &[$($($field),*)?],
                reports_rejections: false $(|| $reports_rejections)?,
                skips_versioned_blocks: false $(|| $skips_versioned_blocks)?,
                always_selected: false $(|| $always_selected)?,
            }
        };
    };
}

mod aliases;
mod catalog;
mod describe;
mod diagnostic_group;
mod docs;
#[cfg(debug_assertions)]
mod failing;
mod finding;
mod placement;
mod pod_security;
mod rule;
mod security_context;
mod security_context_fields;

mod capabilities;
mod host;
mod identity;
mod images;
mod namespaces;
mod privileges;
mod processes;
mod profiles;
mod resources;
mod schema;
mod secrets;
mod service_accounts;
mod storage;
mod suppressions;

pub use crate::config::Severity;
pub use aliases::{ForeignId, Tool};
pub use catalog::{ALL, Meaning, meaning, rules_for, rules_named, running};
pub use diagnostic_group::MISSING_HARDENING;
pub use docs::Page;
pub use finding::{Applicability, Fix, Message, MissingSetting, Related, Tag, Target};
pub use rule::{Check, Enablement, Finding, Location, NewFinding, Reporter, Rule};
pub(crate) use schema::wrong_os_field::withhold_linux_settings;
pub use security_context_fields::{
    FIELDS, Field, FieldValue, OF_CONTAINER, OF_POD, Word, field_of, fields_of,
};
