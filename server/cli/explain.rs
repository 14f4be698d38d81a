//! `explain`: the page about a rule.
//!
//! Knows just enough Markdown to make a heading stand out. Promise: without colours the page is the Markdown as it is.

use super::args::{Explain, PageFormat};
use super::console::{Console, STRONG, Verdict};
use super::json;
use crate::rules::Rule;
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
        docs: rule.markdown(),
    }
}

fn write_text(rule: &Rule, console: &mut Console) -> io::Result<()> {
    let strong = console.style(STRONG);
    let mut in_code = false;
    for line in rule.page().lines() {
        in_code ^= line.starts_with("```");
        match line.starts_with('#') && !in_code {
            true => writeln!(console, "{strong}{line}{strong:#}")?,
            false => writeln!(console, "{line}")?,
        }
    }
    Ok(())
}
