//! Adds an exception to a configuration file.
//!
//! The result is read again: it must have the same settings and the new exception, otherwise no edit is returned.

use super::exception::Exception;
use super::file::RuleNames;
use super::write::exception_lines;
use super::{Date, Reading, read};
use std::ops::Range;
use yaml::edit::{self, Change, EditError, Value};
use yaml::{self, Path, chunks};

const KEY: &str = "exceptions";

/// Returns the edits of a configuration file that add an exception, as byte ranges and texts. `rules` are the valid
/// rule ids.
///
/// # Errors
/// If the exception cannot be added. The message is for the user.
pub fn insert_exception(
    text: &str,
    exception: &Exception,
    rules: &RuleNames,
    today: Date,
) -> Result<Vec<(Range<usize>, String)>, EditError> {
    let before = read(text, rules, today);
    if !before.is_valid() && !text.trim().is_empty() {
        return Err(EditError::new("the configuration has errors"));
    }
    let edits = edits(text, exception)?;
    let mut after = text.to_owned();
    edits
        .iter()
        .rev()
        .for_each(|(range, insert)| after.replace_range(range.clone(), insert));
    let mut wanted = before.config;
    wanted.exceptions.push(exception.clone());
    match read(&after, rules, today) {
        reading @ Reading { .. } if reading.is_valid() && reading.config == wanted => Ok(edits),
        _ => Err(EditError::new("this exception could not be added safely")),
    }
}

fn edits(text: &str, exception: &Exception) -> Result<Vec<(Range<usize>, String)>, EditError> {
    let first = chunks::documents(text)
        .into_iter()
        .find(|range| yaml::parse(&text[range.clone()]).root().is_some());
    let Some(document) = first else {
        return Ok(vec![(text.len()..text.len(), at_the_end(text, exception))]);
    };
    let yaml = yaml::parse(&text[document.clone()]);
    let path = Path::default().key(KEY);
    let edits = edit::plan(
        &yaml,
        &[Change::Append {
            path,
            value: value(exception),
        }],
    )?;
    let placed = |edit: &edit::Edit| {
        (
            document.start + usize::from(edit.range.start())
                ..document.start + usize::from(edit.range.end()),
            edit.insert.clone(),
        )
    };
    Ok(edits.as_slice().iter().map(placed).collect())
}

/// Returns the text to append to a file without settings.
fn at_the_end(text: &str, exception: &Exception) -> String {
    let brk = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let gap = if text.is_empty() || text.ends_with(['\n', '\r']) {
        ""
    } else {
        brk
    };
    let lines = exception_lines(exception)
        .into_iter()
        .map(|line| format!("  {line}{brk}"))
        .collect::<String>();
    format!("{gap}{KEY}:{brk}{lines}")
}

fn value(exception: &Exception) -> Value {
    let words = |words: Vec<&str>| match words.as_slice() {
        [one] => Value::Text((*one).to_owned()),
        several => Value::Sequence(
            several
                .iter()
                .map(|word| Value::Text((*word).to_owned()))
                .collect(),
        ),
    };
    let patterns = [
        ("path", &exception.path),
        ("kind", &exception.kind),
        ("namespace", &exception.namespace),
        ("name", &exception.name),
        ("container", &exception.container),
        ("image", &exception.image),
    ];
    let rules = (
        "rules".to_owned(),
        words(exception.rules.iter().map(String::as_str).collect()),
    );
    let named = patterns
        .into_iter()
        .filter(|(_, patterns)| !patterns.is_empty());
    let rest = named.map(|(key, patterns)| {
        (
            key.to_owned(),
            words(patterns.iter().map(|pattern| pattern.text()).collect()),
        )
    });
    let reason = exception
        .reason
        .iter()
        .map(|reason| ("reason".to_owned(), Value::Text(reason.clone())));
    let until = exception
        .until
        .iter()
        .map(|until| ("until".to_owned(), Value::Text(until.to_string())));
    Value::Mapping(
        std::iter::once(rules)
            .chain(rest)
            .chain(reason)
            .chain(until)
            .collect(),
    )
}
