//! Writes a configuration as YAML. Reading the result gives the same configuration.

use super::exception::{Exception, Pattern};
use super::keys::{KEYS, Key, Kind, OFF};
use super::{Config, Severity};
use yaml::scalar::resolve;
use yaml::{Resolved, ScalarStyle};

/// Returns a whole configuration with every key. A profile that the user did not choose is commented out, because
/// writing it would choose it.
pub fn yaml(config: &Config) -> String {
    let mut text = String::new();
    // The table only hands out mutable fields, so that it needs a copy.
    write_keys(KEYS, &mut config.clone(), "", &mut |key, indent, line| {
        let is_chosen = key.name != "profile" || config.profile_is_chosen;
        let hidden = if is_chosen { "" } else { "# " };
        text.push_str(&format!("{hidden}{indent}{line}\n"));
    });
    text
}

/// Returns a starter file: the profile, and every other key commented out with its default. `schema` is the URL of the
/// schema for editors.
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
                write(key, indent, &format!("{name}: {{}}"));
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

/// Returns the value of a key that is not a group.
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

/// Returns the lines of an exception, in the order of its keys.
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

/// Returns a string, quoted if a plain scalar would be read differently.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let begins_plainly = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    let stays_text = matches!(resolve(text, ScalarStyle::Plain, None), Resolved::Str(_));
    if begins_plainly && stays_text && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        // JSON strings are valid YAML.
        serde_json::Value::from(text).to_string()
    }
}
