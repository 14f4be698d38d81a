//! `explain`: the page about a rule, or about what else is shown as a code.
//!
//! Knows just enough Markdown to make a heading stand out. Promise: without colours the page is the Markdown as it is.

use super::args::{Explain, PageFormat};
use super::console::{Console, STRONG, Verdict};
use super::json;
use linter::rules::{Page, Rule};
use serde::Serialize;
use std::io::{self, Write};

/// The page of a rule has a profile and a severity; any other has neither.
#[derive(Serialize)]
struct Output {
    version: u32,
    id: &'static str,
    profile: Option<&'static str>,
    severity: Option<&'static str>,
    url: String,
    docs: String,
}

pub(super) fn run(arguments: &Explain, console: &mut Console) -> io::Result<Verdict> {
    match arguments.output_format {
        PageFormat::Json => json::write_value(&output(&arguments.page), console)?,
        PageFormat::Text => write_text(&arguments.page, console)?,
    }
    Ok(Verdict::Clean)
}

fn output(page: &Page) -> Output {
    let rule = Rule::named(page.id);
    Output {
        version: json::VERSION,
        id: page.id,
        profile: rule.map(|rule| rule.enablement.name()),
        severity: rule.map(|rule| rule.severity.name()),
        url: page.url(),
        docs: page.markdown(),
    }
}

fn write_text(page: &Page, console: &mut Console) -> io::Result<()> {
    let strong = console.style(STRONG);
    let mut in_code = false;
    for line in page.text().lines() {
        in_code ^= line.starts_with("```");
        match line.starts_with('#') && !in_code {
            true => writeln!(console, "{strong}{line}{strong:#}")?,
            false => writeln!(console, "{line}")?,
        }
    }
    Ok(())
}
