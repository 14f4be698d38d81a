//! `rules`: lists all rules. The kind of fix comes from running each rule on the examples of its page.

use crate::args::{PageFormat, Rules};
use crate::console::{Console, ExitStatus, STRONG};
use crate::output::json;
use linter::analysis;
use linter::config::Config;
use linter::rules::{self, Applicability, Enablement, Rule};
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
struct List {
    version: u32,
    rules: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    id: &'static str,
    profile: &'static str,
    severity: &'static str,
    /// Whether it runs only when it is selected.
    off: bool,
    applicability: Option<&'static str>,
    /// The older name for `applicability`.
    fix: Option<&'static str>,
}

pub(crate) fn run(arguments: &Rules, console: &mut Console) -> io::Result<ExitStatus> {
    let rows: Vec<Row> = rules::ALL.iter().copied().map(row).collect();
    match arguments.output_format {
        PageFormat::Json => json::write_value(
            &List {
                version: json::VERSION,
                rules: rows,
            },
            console,
        )?,
        PageFormat::Text => write_table(&rows, console)?,
    }
    Ok(ExitStatus::Success)
}

fn row(rule: &'static Rule) -> Row {
    let applicability = applicability(rule);
    Row {
        id: rule.id,
        profile: rule.enablement.name(),
        severity: rule.severity.name(),
        off: rule.enablement == Enablement::OptIn,
        applicability: applicability.map(Applicability::name),
        fix: applicability.map(json::older_name),
    }
}

/// Returns the applicability of the fix that the rule offers for the examples on its page.
fn applicability(rule: &'static Rule) -> Option<Applicability> {
    let mut config = Config::default();
    config.rules.select.push(rule.id.to_owned());
    let page = rule.markdown();
    bad_examples(&page).find_map(|example| {
        let report = analysis::analyze(example, &config);
        report
            .findings()
            .find_map(|(_, finding)| Some(finding.fix.as_ref()?.applicability))
    })
}

fn bad_examples(page: &str) -> impl Iterator<Item = &str> {
    page.split("```yaml bad\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
}

fn write_table(rows: &[Row], console: &mut Console) -> io::Result<()> {
    let strong = console.style(STRONG);
    let width = rows
        .iter()
        .map(|row| row.id.len())
        .max()
        .unwrap_or_default();
    writeln!(
        console,
        "{strong}{:width$}  {:10}  {:8}  fix{strong:#}",
        "rule", "profile", "severity"
    )?;
    for row in rows {
        let fix = row.applicability.unwrap_or("-");
        let profile = if row.off { "(off)" } else { row.profile };
        writeln!(
            console,
            "{:width$}  {profile:10}  {:8}  {fix}",
            row.id, row.severity
        )?;
    }
    Ok(())
}
