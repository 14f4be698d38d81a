//! What a scalar means to the API server, which reads YAML through sigs.k8s.io/yaml: YAML 1.1 as its copy of go-yaml v2 has
//! it, turned into JSON.
//!
//! Knows the text of one scalar, its style and its tag. Must not know where it stands. Promise: the type and the value that
//! the API server gets; `tests/scalars.rs` holds it to answers of the Go library itself.

use super::ScalarStyle;

/// A scalar as the API server takes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Resolved<'y> {
    Null,
    Bool(bool),
    Int(i64),
    /// Infinities and "not a number" among them, which the API server rejects since JSON has none; integers beyond 64 bits too.
    Float(f64),
    Str(&'y str),
}

/// Resolves one scalar. Only a plain one can be anything but a string, unless a tag says so.
pub fn resolve<'y>(text: &'y str, style: ScalarStyle, tag: Option<&str>) -> Resolved<'y> {
    match tag.map(short) {
        Some("int" | "float" | "bool" | "null") => plain(text),
        Some(_) => Resolved::Str(text),
        None if style == ScalarStyle::Plain => plain(text),
        None => Resolved::Str(text),
    }
}

/// A tag without what YAML's own tags begin with, in either way to write one: `!!bool`, `!<tag:yaml.org,2002:bool>`.
fn short(tag: &str) -> &str {
    let verbatim = tag.strip_prefix("!<").and_then(|tag| tag.strip_suffix('>'));
    let yaml = verbatim.and_then(|tag| tag.strip_prefix("tag:yaml.org,2002:"));
    yaml.or(tag.strip_prefix("!!")).unwrap_or(tag)
}

/// go-yaml v2, `resolve.go`: a table of words by their first character, then numbers.
fn plain(text: &str) -> Resolved<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Resolved::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Resolved::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Resolved::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" => Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Resolved::Float(f64::NEG_INFINITY),
        _ => number(text).unwrap_or(Resolved::Str(text)),
    }
}

fn number(text: &str) -> Option<Resolved<'_>> {
    if text.starts_with('.') {
        return float(text).map(Resolved::Float);
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-')) {
        return None;
    }
    let digits = text.replace('_', "");
    integer(&digits).or_else(|| float(&digits).map(Resolved::Float))
}

/// Go's `strconv.ParseInt` with base 0: `0x`, `0b`, `0o`, and a leading 0 for octal.
fn integer(text: &str) -> Option<Resolved<'static>> {
    let (negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let prefixed = |prefixes: [&str; 2]| {
        prefixes
            .iter()
            .find_map(|prefix| digits.strip_prefix(prefix))
    };
    let (digits, base) = if let Some(digits) = prefixed(["0x", "0X"]) {
        (digits, 16)
    } else if let Some(digits) = prefixed(["0b", "0B"]) {
        (digits, 2)
    } else if let Some(digits) = prefixed(["0o", "0O"]) {
        (digits, 8)
    } else if digits.len() > 1 && digits.starts_with('0') {
        (&digits[1..], 8)
    } else {
        (digits, 10)
    };
    // Rust's parser takes a sign of its own, which would be a second one here.
    if !digits.starts_with(|first: char| first.is_digit(base)) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, base).ok()?;
    let signed = if negative {
        -i128::from(magnitude)
    } else {
        i128::from(magnitude)
    };
    match i64::try_from(signed) {
        Ok(value) => Some(Resolved::Int(value)),
        Err(_) if negative => None,
        Err(_) => Some(Resolved::Float(magnitude as f64)),
    }
}

/// A decimal float: digits, at most one point, at most one exponent. Rust reads more than that (`inf`, `1e400`), Go does not.
fn float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let all_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = |text: &str| text.strip_prefix(['+', '-']).unwrap_or(text).to_owned();
    let is_mantissa = all_digits(&unsigned(mantissa).replacen('.', "", 1));
    let is_exponent = exponent.is_none_or(|exponent| all_digits(&unsigned(exponent)));
    let value: f64 = if is_mantissa && is_exponent {
        text.parse().ok()?
    } else {
        return None;
    };
    value.is_finite().then_some(value)
}
