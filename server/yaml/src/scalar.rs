//! The type and value of a scalar as the API server reads it: through sigs.k8s.io/yaml, which
//! converts YAML 1.1 as read by its copy of go-yaml v2 to JSON. A test compares the results with
//! answers of the Go library.

/// The style of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScalarStyle {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// A scalar as the API server reads it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Resolved<'y> {
    Null,
    Bool(bool),
    Int(i64),
    /// Also infinities and NaN, which JSON does not have and the API server rejects, and integers
    /// beyond 64 bits.
    Float(f64),
    Str(&'y str),
}

/// Resolves a scalar. Without a tag, only a plain scalar can be anything but a string.
pub fn resolve<'y>(text: &'y str, style: ScalarStyle, tag: Option<&str>) -> Resolved<'y> {
    match tag.map(short) {
        Some("int" | "float" | "bool" | "null") => plain(text),
        Some(_) => Resolved::Str(text),
        None if style == ScalarStyle::Plain => plain(text),
        None => Resolved::Str(text),
    }
}

/// Returns a tag without the prefix of YAML's own tags: `!!bool`, `!<tag:yaml.org,2002:bool>`.
fn short(tag: &str) -> &str {
    let verbatim = tag.strip_prefix("!<").and_then(|tag| tag.strip_suffix('>'));
    let yaml = verbatim.and_then(|tag| tag.strip_prefix("tag:yaml.org,2002:"));
    yaml.or(tag.strip_prefix("!!")).unwrap_or(tag)
}

/// `resolve.go` of go-yaml v2: a table of words, then numbers.
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
    // Rust's parser accepts a sign, which would be a second one here.
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

/// A decimal float: digits, at most one point, at most one exponent. Rust also accepts `inf` and
/// `1e400`; Go does not.
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
