//! `explain`: prints the documentation of a rule, or of another diagnostic code, as Markdown with highlighted headings.

use crate::args::{Explain, PageFormat};
use crate::console::{Console, ExitStatus, STRONG};
use crate::output::json;
use linter::rules::{Page, Rule};
use serde::Serialize;
use std::io::{self, Write};

/// A page; only the page of a rule has a profile and a severity.
#[derive(Serialize)]
struct Output {
    version: u32,
    id: &'static str,
    profile: Option<&'static str>,
    severity: Option<&'static str>,
    url: String,
    docs: String,
}

pub(crate) fn run(arguments: &Explain, console: &mut Console) -> io::Result<ExitStatus> {
    match arguments.output_format {
        PageFormat::Json => json::write_value(&output(&arguments.page), console)?,
        PageFormat::Text => write_text(&arguments.page, console)?,
    }
    Ok(ExitStatus::Success)
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
        if line.starts_with('#') && !in_code {
            writeln!(console, "{strong}{line}{strong:#}")?;
        } else {
            writeln!(console, "{line}")?;
        }
    }
    Ok(())
}
