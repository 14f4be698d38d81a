//! Analyzes a Helm template: each of its readings, and what is known about the blocks around a finding.

use super::model::{Analysis, sort};
use crate::Inputs;
use crate::rules::{Enablement, Finding, Severity};
use yaml::{OptionalRange, Range, Template, Yaml};

/// Analyzes each reading of a template. A finding in several readings is reported once. Nothing if no reading is left.
pub(super) fn analyze(
    text: &str,
    inputs: Inputs<'_>,
    analyze_reading: impl FnMut(Yaml) -> Analysis,
) -> Option<Analysis> {
    let Template {
        readings,
        versioned,
        optional,
    } = yaml::parse_template(text);
    let readings = readings.into_iter().map(analyze_reading);
    let mut all = readings.reduce(Analysis::together)?;
    // Charts ask which API versions the cluster serves. A block for an old version is not checked against a new one.
    let is_asked = |range: Range| versioned.iter().any(|block| block.contains_range(range));
    all.findings
        .retain(|finding| !finding.rule.skips_versioned_blocks || !is_asked(finding.range));
    lower_opt_ins(text, &optional, inputs, &mut all.findings);
    sort(&mut all.findings);
    Some(all)
}

/// Makes the findings of a block that a user must ask for hints: `if .Values.hostNetwork`,
/// `range .Values.extraVolumes`. A configured severity stays.
fn lower_opt_ins(
    text: &str,
    optional: &[OptionalRange],
    inputs: Inputs<'_>,
    findings: &mut [Finding],
) {
    for finding in findings {
        let is_of_profile = matches!(finding.rule.enablement, Enablement::Profile(_));
        let is_configured = inputs.config.rules.severity.contains_key(finding.rule.id);
        if !is_of_profile || is_configured {
            continue;
        }
        let mut around = optional
            .iter()
            .filter(|block| block.range.contains_range(finding.range));
        if let Some(block) = around.find(|block| is_opt_in(text, block, finding.range)) {
            finding.lowered(Severity::Hint);
            let condition = format!(" (only if {} is set)", block.value);
            finding.message.to_mut().push_str(&condition);
        }
    }
}

/// Whether the value that a block asks for names the field at a range, or something extra.
fn is_opt_in(text: &str, block: &OptionalRange, range: Range) -> bool {
    let before = &text[block.range.start().into()..range.start().into()];
    let line_start = usize::from(range.start()) - before.len()
        + before.rfind(['\n', '\r']).map_or(0, |end| end + 1);
    let key = text[line_start..].split([':', '\n', '\r']).next();
    let key = key.unwrap_or_default().trim_start_matches([' ', '-']);
    block.value.split('.').any(|name| {
        let is_extra = || name.to_ascii_lowercase().starts_with("extra");
        name.eq_ignore_ascii_case(key) || is_extra()
    })
}
