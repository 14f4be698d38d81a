//! Writes scalars so that they read back as the same value, both in YAML 1.1 and in YAML 1.2.

use super::super::ScalarStyle;
use super::super::scalar::{self, Resolved};
use super::change::Value;
use std::fmt::Write;

/// The quotes to use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quotes {
    /// For strings that do not need quotes.
    pub(super) always: Option<ScalarStyle>,
    /// For strings that need quotes.
    pub(super) needed: ScalarStyle,
}

/// Writes a scalar; `None` for a collection.
pub(super) fn scalar(value: &Value, flow: bool, quotes: Quotes) -> Option<String> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Integer(value) => Some(value.to_string()),
        Value::Text(value) => Some(text(value, flow, quotes)),
        Value::Sequence(_) | Value::Mapping(_) => None,
    }
}

pub(super) fn text(text: &str, flow: bool, quotes: Quotes) -> String {
    let style = match quotes.always {
        Some(style) => style,
        None if is_plain(text, flow) => return text.into(),
        None => quotes.needed,
    };
    if style == ScalarStyle::SingleQuoted && text.chars().all(is_printable) {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        double_quoted(text)
    }
}

/// Whether a string needs no quotes.
fn is_plain(text: &str, flow: bool) -> bool {
    let begins = match text.as_bytes() {
        [] => false,
        [b'-', second, ..] => {
            !matches!(second, b' ' | b'-') || (text.starts_with("--") && !text.starts_with("---"))
        }
        [first, ..] => {
            !b"-?:,[]{}#&*!|>'\"%@`=<.".contains(first) || (*first == b'.' && text.len() > 1)
        }
    };
    let inside = text.chars().all(is_printable)
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with(':')
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && !(flow && text.contains(['[', ']', '{', '}', ',']));
    begins
        && inside
        && matches!(
            scalar::resolve(text, ScalarStyle::Plain, None),
            Resolved::Str(_)
        )
        && !is_like_number(text)
}

/// Whether some YAML parser may read a string as a number or a date: `1e3`, `0x1F`, `1_000`,
/// `12:30`, `2001-12-14`.
fn is_like_number(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let unsigned = lower.trim_start_matches(['+', '-']);
    let special = matches!(unsigned, ".inf" | ".nan" | "inf" | "nan" | "infinity");
    let digits = unsigned.bytes().all(|byte| {
        byte.is_ascii_digit() || b"_.:-+exotz ".contains(&byte) || byte.is_ascii_hexdigit()
    });
    let begins = unsigned
        .trim_start_matches('.')
        .starts_with(|first: char| first.is_ascii_digit());
    let hexadecimal = unsigned.starts_with("0x") || !unsigned.contains(['a', 'b', 'c', 'd', 'f']);
    special || (begins && digits && hexadecimal)
}

fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

fn double_quoted(text: &str) -> String {
    let mut written = String::with_capacity(text.len() + 2);
    written.push('"');
    for c in text.chars() {
        match c {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            c if is_printable(c) => written.push(c),
            // Writing to a string cannot fail. All unprintable characters are below U+10000.
            c => drop(write!(written, "\\u{:04x}", u32::from(c))),
        }
    }
    written.push('"');
    written
}
