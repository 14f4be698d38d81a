//! `rules`: the list of rules.

use super::args::{PageFormat, Rules};
use super::console::{Console, STRONG, Verdict};
use super::json;
use crate::rules::{self, Rule};
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
}

pub(super) fn run(arguments: &Rules, console: &mut Console) -> io::Result<Verdict> {
    let rows: Vec<Row> = rules::ALL.iter().copied().map(row).collect();
    match arguments.output_format {
        PageFormat::Json => json::write_value(&List { version: json::VERSION, rules: rows }, console)?,
        PageFormat::Text => write_table(&rows, console)?,
    }
    Ok(Verdict::Clean)
}

fn row(rule: &'static Rule) -> Row {
    Row { id: rule.id, profile: rule.scope.name(), severity: rule.severity.name() }
}

fn write_table(rows: &[Row], console: &mut Console) -> io::Result<()> {
    let strong = console.style(STRONG);
    let width = rows.iter().map(|row| row.id.len()).max().unwrap_or_default();
    writeln!(console, "{strong}{:width$}  {:10}  {:8}{strong:#}", "rule", "profile", "severity")?;
    for row in rows {
        writeln!(console, "{:width$}  {:10}  {:8}", row.id, row.profile, row.severity)?;
    }
    Ok(())
}
