//! A configuration as the text of a file.
//!
//! Knows how YAML writes words and lists. Promise: what is written here reads back as the same configuration.

use super::exception::{Exception, Pattern};
use super::keys::{KEYS, Key, Kind, OFF};
use super::{Config, Severity};
use yaml::scalar::resolve;
use yaml::{Resolved, ScalarStyle};

/// A whole configuration: every key with its value. A profile that nobody chose is told in a comment: written as a value it would be
/// chosen.
pub fn yaml(config: &Config) -> String {
    let mut text = String::new();
    // The table hands out places to write to; a copy has some to spare.
    write_keys(KEYS, &mut config.clone(), "", &mut |key, indent, line| {
        let is_chosen = key.name != "profile" || config.profile_is_chosen;
        let hidden = if is_chosen { "" } else { "# " };
        text.push_str(&format!("{hidden}{indent}{line}\n"));
    });
    text
}

/// A file to begin with: the profile, and every other key in a comment with its default. `schema` is where editors find what
/// they may complete.
pub fn template(schema: &str) -> String {
    let mut text = format!("# yaml-language-server: $schema={schema}\n");
    let mut told = None;
    write_keys(
        KEYS,
        &mut Config::default(),
        "",
        &mut |key, indent, line| {
            let hidden = if key.name == "profile" { "" } else { "# " };
            if told != Some(key.name) {
                let about = match indent {
                    "" => format!("\n# {}\n", key.about),
                    _ => format!("{hidden}{indent}# {}\n", key.about),
                };
                text.push_str(&about);
                told = Some(key.name);
            }
            text.push_str(&format!("{hidden}{indent}{line}\n"));
        },
    );
    text
}

fn write_keys(
    keys: &'static [Key],
    config: &mut Config,
    indent: &str,
    write: &mut dyn FnMut(&'static Key, &str, &str),
) {
    for key in keys {
        let name = key.name;
        match key.kind {
            Kind::Group(inner) => {
                write(key, indent, &format!("{name}:"));
                write_keys(inner, config, &format!("{indent}  "), write);
            }
            Kind::Severities(place) if place(config).is_empty() => {
                write(key, indent, &format!("{name}: {{}}"))
            }
            Kind::Severities(place) => {
                write(key, indent, &format!("{name}:"));
                for (rule, severity) in place(config) {
                    write(
                        key,
                        indent,
                        &format!("  {rule}: {}", severity.map_or(OFF, Severity::name)),
                    );
                }
            }
            Kind::Exceptions(place) if !place(config).is_empty() => {
                write(key, indent, &format!("{name}:"));
                place(config)
                    .iter()
                    .flat_map(exception_lines)
                    .for_each(|line| write(key, indent, &format!("  {line}")));
            }
            kind => write(key, indent, &format!("{name}: {}", value(kind, config))),
        }
    }
}

/// The value of a key that holds no other keys.
pub(super) fn value(kind: Kind, config: &mut Config) -> String {
    match kind {
        Kind::Profile(place) => place(config).name().to_owned(),
        Kind::Severity(place) => place(config).name().to_owned(),
        Kind::Version(place) => format!("\"{}\"", place(config)),
        Kind::Id(place, _) => place(config).to_string(),
        Kind::Quantity(place) => word(place(config)),
        Kind::Rules(place) | Kind::Names(place, _) => list(place(config)),
        Kind::Flag(place) => place(config).to_string(),
        Kind::Exceptions(_) => "[]".to_owned(),
        Kind::Severities(_) | Kind::Group(_) => String::new(),
    }
}

/// The lines of an exception, in the order of its keys.
pub(super) fn exception_lines(it: &Exception) -> Vec<String> {
    let patterns = |patterns: &[Pattern]| match patterns {
        [] => None,
        [one] => Some(word(one.text())),
        several => Some(list(
            &several
                .iter()
                .map(|pattern| pattern.text().to_owned())
                .collect::<Vec<_>>(),
        )),
    };
    let fields = [
        ("path", patterns(&it.path)),
        ("kind", patterns(&it.kind)),
        ("namespace", patterns(&it.namespace)),
        ("name", patterns(&it.name)),
        ("container", patterns(&it.container)),
        ("image", patterns(&it.image)),
        ("reason", it.reason.as_deref().map(word)),
        ("until", it.until.map(|until| until.to_string())),
    ];
    let rest = fields
        .into_iter()
        .filter_map(|(key, value)| Some(format!("  {key}: {}", value?)));
    std::iter::once(format!("- rules: {}", list(&it.rules)))
        .chain(rest)
        .collect()
}

fn list(words: &[String]) -> String {
    format!(
        "[{}]",
        words
            .iter()
            .map(|text| word(text))
            .collect::<Vec<_>>()
            .join(", ")
    )
}

/// A word, in quotes where it would be something else without.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let begins_plainly = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    let stays_text = matches!(resolve(text, ScalarStyle::Plain, None), Resolved::Str(_));
    match begins_plainly && stays_text && text.chars().all(is_plain) {
        true => text.to_owned(),
        // JSON's strings are YAML's.
        false => serde_json::Value::from(text).to_string(),
    }
}
