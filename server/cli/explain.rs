//! `explain`: the page about a rule.
//!
//! Knows just enough Markdown to make a heading stand out. Promise: without colours the page is the Markdown as it is.

use super::args::{Explain, PageFormat};
use super::console::{Console, STRONG, Verdict};
use super::json;
use crate::rules::{Rule, Scope};
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
struct Page {
    version: u32,
    id: &'static str,
    profile: &'static str,
    severity: &'static str,
    url: String,
    docs: String,
}

pub(super) fn run(arguments: &Explain, console: &mut Console) -> io::Result<Verdict> {
    match arguments.output_format {
        PageFormat::Json => json::write_value(&page(arguments.rule), console)?,
        PageFormat::Text => write_text(arguments.rule, console)?,
    }
    Ok(Verdict::Clean)
}

fn page(rule: &'static Rule) -> Page {
    Page {
        version: json::VERSION,
        id: rule.id,
        profile: rule.scope.name(),
        severity: rule.severity.name(),
        url: rule.url(),
        docs: markdown(rule),
    }
}

/// The rule's documentation, without the blank that a doc comment has before each line.
pub(super) fn markdown(rule: &Rule) -> String {
    rule.docs.lines().flat_map(|line| [line.strip_prefix(' ').unwrap_or(line), "\n"]).collect()
}

fn write_text(rule: &Rule, console: &mut Console) -> io::Result<()> {
    let strong = console.style(STRONG);
    writeln!(console, "{strong}# {}{strong:#}\n", rule.id)?;
    writeln!(console, "{}\n", standing(rule))?;
    let mut in_code = false;
    for line in markdown(rule).lines() {
        in_code ^= line.starts_with("```");
        match line.starts_with('#') && !in_code {
            true => writeln!(console, "{strong}{line}{strong:#}")?,
            false => writeln!(console, "{line}")?,
        }
    }
    Ok(())
}

/// How grave its findings are, and who gets to see them.
fn standing(rule: &Rule) -> String {
    let severity = rule.severity.name();
    match rule.scope {
        Scope::Selected => format!("Severity {severity}; off: it runs only when it is selected."),
        Scope::Always => format!("Severity {severity}, at every profile."),
        Scope::From(profile) => format!("Severity {severity}, from profile {} on.", profile.name()),
    }
}
