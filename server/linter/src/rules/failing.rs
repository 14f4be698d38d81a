//! A rule that panics on request, for tests of the panic handling. Only debug builds contain it.

use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::{Check, Enablement, Rule, Severity};
use kubernetes::Object;

pub(super) static RULE: Rule = Rule {
    id: "failing",
    module: module_path!(),
    enablement: Enablement::Always,
    severity: Severity::Warning,
    docs: "",
    check: Check::Object(check),
    aliases: &[],
    part_of: &[],
    related: &[],
    fields: &[],
    reports_rejections: false,
    skips_versioned_blocks: false,
    always_selected: false,
};

#[expect(clippy::panic, reason = "it panics on request")]
fn check(object: &Object<'_>, _: &Config, _: &mut Reporter<'_, '_>) {
    let is_fixed = || {
        object
            .node
            .get("spec")
            .is_some_and(|spec| spec.get("hostPID").is_none())
    };
    match object.name {
        Some("kubeharden-fails") => panic!("as the name asks"),
        Some("kubeharden-fails-when-mended") if is_fixed() => {
            panic!("as the name asks, once fixed")
        }
        _ => {}
    }
}
