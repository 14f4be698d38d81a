//! The settings that clients send.
//!
//! [`SETTINGS`] is the only table of them: the reader here and the settings screens of editors are made from it. A wrong value is
//! reported with the expected ones and has no effect; null means "not set".

use kubernetes::Version;
use linter::config::{Config, Profile};
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

/// The name under which clients file the settings of this server.
pub(crate) const SECTION: &str = "kubeharden";

/// A setting. The server asks for one value for everything that a client has open.
pub struct Setting {
    pub name: &'static str,
    /// The description in a settings screen, in Markdown.
    pub about: &'static str,
    /// The keys of a JSON Schema for its value. Null is accepted for every setting, and is the default if none is named.
    pub schema: fn() -> Value,
    /// Parses a value into the settings, or returns what was expected.
    read: fn(&Value, &mut Settings) -> Result<(), String>,
}

/// The values of all settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    profile: Option<Profile>,
    kubernetes_version: Option<Version>,
    pub grouping: Grouping,
    pub field_help: bool,
    pub code_lens: bool,
    pub inlay_hints: bool,
    pub document_symbols: bool,
    /// `None` leaves it to the environment.
    pub log_level: Option<LevelFilter>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            profile: None,
            kubernetes_version: None,
            grouping: Grouping::Container,
            field_help: true,
            code_lens: false,
            inlay_hints: false,
            document_symbols: false,
            log_level: None,
        }
    }
}

/// How findings become diagnostics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Grouping {
    /// One diagnostic for all settings that a container or pod lacks.
    #[default]
    Container,
    /// One diagnostic for each finding.
    Rule,
}

impl Grouping {
    const ALL: [Grouping; 2] = [Grouping::Container, Grouping::Rule];

    fn name(self) -> &'static str {
        match self {
            Grouping::Container => "container",
            Grouping::Rule => "rule",
        }
    }
}

/// The values of `logLevel`.
const LOG_LEVELS: [(&str, LevelFilter); 6] = [
    ("off", LevelFilter::OFF),
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
];

/// Every setting, in the order of a settings screen.
pub static SETTINGS: &[Setting] = &[
    Setting {
        name: "profile",
        about: "Which rules run. Each profile includes the previous ones. Overrides `.kubeharden.yaml`. Default: `hardened`.",
        schema: || {
            choice_schema(
                &Profile::ALL.map(Profile::name),
                &[
                    "Baseline",
                    "Restricted",
                    "Hardened",
                    "From .kubeharden.yaml",
                ],
                &[
                    "The Pod Security Standard `baseline`: settings that give a container control over its node.",
                    "The Pod Security Standard `restricted`: the settings that Kubernetes recommends for every pod.",
                    "All rules that are on by default, including those beyond the Pod Security Standards.",
                    "From `.kubeharden.yaml`, or else `hardened`.",
                ],
            )
        },
        read: |value, settings| {
            let profiles = Profile::ALL.map(|profile| (profile.name(), profile));
            settings.profile = Some(choice(value, &profiles)?);
            Ok(())
        },
    },
    Setting {
        name: "kubernetesVersion",
        about: "The Kubernetes version of the manifests: `1.N` or `latest`. Overrides `.kubeharden.yaml`.",
        schema: || {
            json!({
                "type": ["string", "null"],
                "pattern": r"^(latest|v?1\.[0-9]+(\.[0-9]+)?)$",
                "patternErrorMessage": format!("Use 1.N (for example {}) or latest.", Version::NEWEST),
            })
        },
        read: |value, settings| {
            let version = text(value, |text| {
                let expected = || {
                    format!(
                        "expected 1.N (for example \"{}\") or \"latest\"",
                        Version::NEWEST
                    )
                };
                text.parse().map_err(|_| expected())
            });
            settings.kubernetes_version = Some(version?);
            Ok(())
        },
    },
    Setting {
        name: "grouping",
        about: "How the editor groups findings.",
        schema: || {
            choice_schema(
                &Grouping::ALL.map(Grouping::name),
                &["By container", "By rule", "Default"],
                &[
                    "One line, with one fix, for all settings that a container or pod lacks. Insecure values have their own lines.",
                    "One line for each finding.",
                    "By container.",
                ],
            )
        },
        read: |value, settings| {
            let groupings = Grouping::ALL.map(|grouping| (grouping.name(), grouping));
            settings.grouping = choice(value, &groupings)?;
            Ok(())
        },
    },
    Setting {
        name: "fieldHelp",
        about: "Complete and explain the fields of `securityContext`, and show the object that the name of a claim, an account, a Secret or a \
                namespace refers to.",
        schema: || flag_schema(true),
        read: |value, settings| {
            settings.field_help = flag(value)?;
            Ok(())
        },
    },
    Setting {
        name: "codeLens",
        about: "Show above each workload which Pod Security Standard its pods meet and how many settings the next one needs, with an action \
                that hardens it.",
        schema: || flag_schema(false),
        read: |value, settings| {
            settings.code_lens = flag(value)?;
            Ok(())
        },
    },
    Setting {
        name: "inlayHints",
        about: "Show what each container inherits from the `securityContext` of its pod.",
        schema: || flag_schema(false),
        read: |value, settings| {
            settings.inlay_hints = flag(value)?;
            Ok(())
        },
    },
    Setting {
        name: "documentSymbols",
        about: "List the objects and containers of a file in the outline. Off by default, because YAML extensions list the keys.",
        schema: || flag_schema(false),
        read: |value, settings| {
            settings.document_symbols = flag(value)?;
            Ok(())
        },
    },
    Setting {
        name: "logLevel",
        about: "How much the server writes to its log (standard error). Overrides the environment variable `KUBEHARDEN_LOG`. Default: `off`.",
        schema: || {
            let names = LOG_LEVELS.iter().map(|(name, _)| Value::from(*name));
            let names: Vec<Value> = names.chain([Value::Null]).collect();
            json!({ "type": ["string", "null"], "enum": names })
        },
        read: |value, settings| {
            settings.log_level = Some(choice(value, &LOG_LEVELS)?);
            Ok(())
        },
    },
];

/// A schema for some words and null. Labels and descriptions have one more item, for null.
fn choice_schema(words: &[&str], labels: &[&str], about: &[&str]) -> Value {
    let words = words.iter().map(|word| Value::from(*word));
    json!({
        "type": ["string", "null"],
        "enum": words.chain([Value::Null]).collect::<Vec<_>>(),
        "enumItemLabels": labels,
        "markdownEnumDescriptions": about,
    })
}

fn flag_schema(default: bool) -> Value {
    json!({ "type": "boolean", "default": default })
}

impl Settings {
    /// Reads settings, bare or below [`SECTION`]. Also returns the mistakes in them, as sentences for the user.
    pub(crate) fn read(value: &Value) -> (Self, Vec<String>) {
        let mut settings = Settings::default();
        let mistakes = settings.apply(value);
        (settings, mistakes)
    }

    /// Reads settings from several sources; later ones override earlier ones, setting by setting.
    pub(crate) fn of(sources: &[Value]) -> Self {
        let mut settings = Settings::default();
        for source in sources {
            settings.apply(source);
        }
        settings
    }

    fn apply(&mut self, value: &Value) -> Vec<String> {
        let section = value.get(SECTION).unwrap_or(value);
        let mut mistakes = Vec::new();
        for Setting { name, read, .. } in SETTINGS {
            let value = section.get(name).filter(|value| !value.is_null());
            if let Some(value) = value
                && let Err(expected) = read(value, self)
            {
                mistakes.push(format!("{SECTION}.{name} is {value}; {expected}"));
            }
        }
        mistakes
    }

    /// Overrides the values of a configuration.
    pub(crate) fn override_config(self, mut config: Config) -> Config {
        config.profile = self.profile.unwrap_or(config.profile);
        config.profile_is_chosen |= self.profile.is_some();
        config.kubernetes_version = self.kubernetes_version.unwrap_or(config.kubernetes_version);
        config
    }
}

/// Parses a log level; `None` for an unknown word.
pub(crate) fn log_level(word: &str) -> Option<LevelFilter> {
    let level = LOG_LEVELS.iter().find(|(name, _)| *name == word);
    level.map(|(_, level)| *level)
}

fn flag(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or("expected true or false".to_owned())
}

/// Parses a string. Other values that would be right as a string get a hint to quote them.
fn text<T>(value: &Value, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, String> {
    match value.as_str() {
        Some(text) => parse(text),
        None => parse(&value.to_string()).and(Err(format!("expected a string: \"{value}\""))),
    }
}

fn choice<T: Copy>(value: &Value, choices: &[(&str, T)]) -> Result<T, String> {
    text(value, |text| {
        let chosen = choices.iter().find(|(name, _)| *name == text);
        chosen.map(|(_, choice)| *choice).ok_or_else(|| {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            format!("expected one of {}", names.join(", "))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_bare_settings_and_sections() {
        let expected = Settings {
            profile: Some(Profile::Baseline),
            kubernetes_version: Some(Version::new(29)),
            grouping: Grouping::Rule,
            field_help: false,
            code_lens: true,
            inlay_hints: true,
            document_symbols: true,
            log_level: Some(LevelFilter::WARN),
        };
        for wrapped in [false, true] {
            let bare = json!({
                "profile": "baseline", "kubernetesVersion": "v1.29.3", "grouping": "rule", "fieldHelp": false, "codeLens": true,
                "inlayHints": true, "documentSymbols": true, "logLevel": "warn", "other": 1,
            });
            let value = if wrapped {
                json!({"kubeharden": bare, "yaml": {}})
            } else {
                bare
            };
            assert_eq!(Settings::read(&value), (expected, vec![]));
        }
    }

    #[test]
    fn null_means_not_set() {
        for value in [
            json!(null),
            json!({}),
            json!([]),
            json!({"kubeharden": null}),
            json!({"profile": null}),
            json!("?"),
        ] {
            assert_eq!(
                Settings::read(&value),
                (Settings::default(), vec![]),
                "{value}"
            );
        }
    }

    #[test]
    fn wrong_values_name_the_expected_ones() {
        let (settings, mistakes) = Settings::read(&json!({
            "profile": "strict", "kubernetesVersion": 1.29, "grouping": "file", "fieldHelp": "yes", "logLevel": "loud",
        }));
        assert_eq!(settings, Settings::default());
        assert_eq!(
            settings.override_config(Config::default()),
            Config::default()
        );
        assert_eq!(
            mistakes,
            [
                r#"kubeharden.profile is "strict"; expected one of baseline, restricted, hardened"#,
                r#"kubeharden.kubernetesVersion is 1.29; expected a string: "1.29""#,
                r#"kubeharden.grouping is "file"; expected one of container, rule"#,
                r#"kubeharden.fieldHelp is "yes"; expected true or false"#,
                r#"kubeharden.logLevel is "loud"; expected one of off, error, warn, info, debug, trace"#,
            ]
        );
    }

    #[test]
    fn later_sources_override_setting_by_setting() {
        let first = json!({"profile": "baseline", "kubernetesVersion": "1.20", "grouping": "rule"});
        let last = json!({"profile": "restricted", "grouping": "?"});
        let settings = Settings::of(&[first, last]);
        assert_eq!(settings.grouping, Grouping::Rule);
        let config = settings.override_config(Config::default());
        assert_eq!(
            (config.profile, config.kubernetes_version),
            (Profile::Restricted, Version::new(20))
        );
    }
}
