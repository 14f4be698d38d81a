//! The configuration as clients write it.
//!
//! Knows the names of the settings and every shape in which clients wrap them. Promise: a setting that is wrong is told with
//! the words that would be right and counts as not written; what is missing or null was never meant to say anything; what is
//! read is in [`SETTINGS`], which the settings screens of editors are made of.

use super::groups::Grouping;
use kubernetes::Version;
use linter::config::{Config, Profile};
use serde_json::{Value, json};

/// The name under which clients file the settings of this server.
pub(super) const SECTION: &str = "kubeharden";

/// A setting, as the settings screen of an editor tells of it. The server asks for one value for all that a client has open.
#[derive(Debug)]
pub struct Setting {
    pub name: &'static str,
    /// In Markdown.
    pub about: &'static str,
    /// What it takes, as the keys of a JSON Schema. Null, which says nothing, is taken everywhere; it is the default where none is
    /// named, so that the configuration file counts.
    pub schema: fn() -> Value,
}

/// Every setting, in the order in which a person would look for them.
pub static SETTINGS: [&Setting; 7] = [
    &PROFILE,
    &KUBERNETES_VERSION,
    &GROUPING,
    &FIELD_HELP,
    &CODE_LENS,
    &INLAY_HINTS,
    &DOCUMENT_SYMBOLS,
];

static PROFILE: Setting = Setting {
    name: "profile",
    about: "How much to ask for. Each profile contains the ones before it. Counts before what `.kubeharden.yaml` says; where neither \
            says anything, it is `hardened`.",
    schema: || {
        let words = Profile::ALL
            .map(Profile::name)
            .into_iter()
            .map(Value::from)
            .chain([Value::Null]);
        json!({
            "type": ["string", "null"],
            "enum": words.collect::<Vec<_>>(),
            "enumItemLabels": ["Baseline", "Restricted", "Hardened", "As the configuration file says"],
            "markdownEnumDescriptions": [
                "The Pod Security Standard `baseline`: what gives a container the rights of the node.",
                "The Pod Security Standard `restricted`: what Kubernetes recommends for every pod.",
                "Everything that kubeharden knows, beyond the standards.",
                "What `.kubeharden.yaml` says, else `hardened`.",
            ],
        })
    },
};

static KUBERNETES_VERSION: Setting = Setting {
    name: "kubernetesVersion",
    about: "The Kubernetes version that the manifests are for: `1.N`, or `latest`. Counts before what `.kubeharden.yaml` says.",
    schema: || {
        json!({
            "type": ["string", "null"],
            "pattern": r"^(latest|v?1\.[0-9]+(\.[0-9]+)?)$",
            "patternErrorMessage": format!("Write 1.N, for example {}, or latest.", Version::NEWEST),
        })
    },
};

static GROUPING: Setting = Setting {
    name: "grouping",
    about: "How findings are shown in the editor: everything that one container or pod lacks as one line, or each finding by itself.",
    schema: || {
        let words = Grouping::ALL
            .map(Grouping::name)
            .into_iter()
            .map(Value::from)
            .chain([Value::Null]);
        json!({
            "type": ["string", "null"],
            "enum": words.collect::<Vec<_>>(),
            "enumItemLabels": ["By container", "By rule", "As kubeharden sees fit"],
            "markdownEnumDescriptions": [
                "What a container or a pod lacks is one line, with one quick fix for all of it. A value that is wrong always has its own.",
                "Each finding is a line of its own.",
                "By container.",
            ],
        })
    },
};

static FIELD_HELP: Setting = Setting {
    name: "fieldHelp",
    about: "Complete and explain the fields inside `securityContext`: what each does, what the Pod Security Standards ask of it, what a \
            container gets from its pod; and tell which object the name of a claim, an account, a Secret or a namespace means. Anywhere else \
            that is left to other extensions.",
    schema: || flag_schema(true),
};

static CODE_LENS: Setting = Setting {
    name: "codeLens",
    about: "Show above each workload which Pod Security Standard its pods meet at the configured Kubernetes version and what the next one \
            needs, with a way to harden it at once.",
    schema: || flag_schema(false),
};

static INLAY_HINTS: Setting = Setting {
    name: "inlayHints",
    about: "Show at each container what it has from its pod's `securityContext`.",
    schema: || flag_schema(false),
};

static DOCUMENT_SYMBOLS: Setting = Setting {
    name: "documentSymbols",
    about: "List the Kubernetes objects of a file, with their containers, as its outline. Off, since a server for YAML lists its keys.",
    schema: || flag_schema(false),
};

fn flag_schema(default: bool) -> Value {
    json!({ "type": "boolean", "default": default })
}

/// What a client set. Clients send settings in several ways, and the last word counts setting by setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Settings {
    profile: Option<Profile>,
    kubernetes_version: Option<Version>,
    grouping: Option<Grouping>,
    field_help: Option<bool>,
    code_lens: Option<bool>,
    inlay_hints: Option<bool>,
    document_symbols: Option<bool>,
}

impl Settings {
    /// Reads settings, bare or below [`SECTION`], with what is wrong in them in words for a person.
    pub(super) fn read(value: &Value) -> (Self, Vec<String>) {
        let section = value.get(SECTION).unwrap_or(value);
        let mut wrong = Vec::new();
        let settings = Settings {
            profile: read(section, &PROFILE, profile, &mut wrong),
            kubernetes_version: read(section, &KUBERNETES_VERSION, version, &mut wrong),
            grouping: read(section, &GROUPING, grouping, &mut wrong),
            field_help: read(section, &FIELD_HELP, flag, &mut wrong),
            code_lens: read(section, &CODE_LENS, flag, &mut wrong),
            inlay_hints: read(section, &INLAY_HINTS, flag, &mut wrong),
            document_symbols: read(section, &DOCUMENT_SYMBOLS, flag, &mut wrong),
        };
        (settings, wrong)
    }

    /// These settings, and the other ones where these say nothing.
    pub(super) fn or(self, other: Settings) -> Settings {
        Settings {
            profile: self.profile.or(other.profile),
            kubernetes_version: self.kubernetes_version.or(other.kubernetes_version),
            grouping: self.grouping.or(other.grouping),
            field_help: self.field_help.or(other.field_help),
            code_lens: self.code_lens.or(other.code_lens),
            inlay_hints: self.inlay_hints.or(other.inlay_hints),
            document_symbols: self.document_symbols.or(other.document_symbols),
        }
    }

    /// How findings are shown: a matter of the person at the client, that no file decides.
    pub(super) fn grouping(self) -> Grouping {
        self.grouping.unwrap_or_default()
    }

    /// Whether the fields of security contexts are completed and explained.
    pub(super) fn field_help(self) -> bool {
        self.field_help.unwrap_or(true)
    }

    /// Whether each workload has a line that tells of its pods.
    pub(super) fn code_lens(self) -> bool {
        self.code_lens.unwrap_or(false)
    }

    /// Whether what a container inherits is shown.
    pub(super) fn inlay_hints(self) -> bool {
        self.inlay_hints.unwrap_or(false)
    }

    /// Whether objects and containers are the outline of a file.
    pub(super) fn document_symbols(self) -> bool {
        self.document_symbols.unwrap_or(false)
    }

    /// A configuration with these settings in the place of its own.
    pub(super) fn over(self, mut config: Config) -> Config {
        config.profile = self.profile.unwrap_or(config.profile);
        config.profile_is_chosen |= self.profile.is_some();
        config.kubernetes_version = self.kubernetes_version.unwrap_or(config.kubernetes_version);
        config
    }
}

/// One setting, where it is written and right.
fn read<T>(
    section: &Value,
    setting: &Setting,
    parse: fn(&Value) -> Result<T, String>,
    wrong: &mut Vec<String>,
) -> Option<T> {
    let name = setting.name;
    let value = section.get(name).filter(|value| !value.is_null())?;
    parse(value)
        .map_err(|expected| wrong.push(format!("{SECTION}.{name} is {value}: {expected}")))
        .ok()
}

fn flag(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or("write true or false".to_owned())
}

fn text<T>(value: &Value, parse: fn(&str) -> Result<T, String>) -> Result<T, String> {
    match value.as_str() {
        Some(text) => parse(text),
        None => parse(&value.to_string()).and(Err(format!("put {value} in quotes"))),
    }
}

fn profile(value: &Value) -> Result<Profile, String> {
    text(value, |text| {
        let names = Profile::ALL.map(Profile::name).join(", ");
        Profile::ALL
            .into_iter()
            .find(|profile| profile.name() == text)
            .ok_or(format!("write one of {names}"))
    })
}

fn grouping(value: &Value) -> Result<Grouping, String> {
    text(value, |text| {
        let names = Grouping::ALL.map(Grouping::name).join(", ");
        Grouping::ALL
            .into_iter()
            .find(|grouping| grouping.name() == text)
            .ok_or(format!("write one of {names}"))
    })
}

fn version(value: &Value) -> Result<Version, String> {
    text(value, |text| {
        text.parse().map_err(|_| {
            format!(
                "write 1.N, for example \"{}\", or \"latest\"",
                Version::NEWEST
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_read_bare_and_in_their_section() {
        let expected = Settings {
            profile: Some(Profile::Baseline),
            kubernetes_version: Some(Version::new(29)),
            grouping: Some(Grouping::Rule),
            field_help: Some(false),
            code_lens: Some(true),
            inlay_hints: Some(true),
            document_symbols: Some(true),
        };
        for wrapped in [false, true] {
            let bare = json!({
                "profile": "baseline", "kubernetesVersion": "v1.29.3", "grouping": "rule", "fieldHelp": false, "codeLens": true,
                "inlayHints": true, "documentSymbols": true, "other": 1,
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
    fn what_is_null_or_missing_says_nothing() {
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
    fn a_wrong_value_is_told_with_the_right_words() {
        let (settings, wrong) = Settings::read(&json!({
            "profile": "strict", "kubernetesVersion": 1.29, "grouping": "file", "fieldHelp": "yes",
        }));
        assert_eq!(settings, Settings::default());
        assert_eq!(settings.over(Config::default()), Config::default());
        assert_eq!(
            wrong,
            [
                r#"kubeharden.profile is "strict": write one of baseline, restricted, hardened"#,
                "kubeharden.kubernetesVersion is 1.29: put 1.29 in quotes",
                r#"kubeharden.grouping is "file": write one of container, rule"#,
                r#"kubeharden.fieldHelp is "yes": write true or false"#,
            ]
        );
    }

    #[test]
    fn the_last_word_counts_setting_by_setting() {
        let first = Settings::read(
            &json!({"profile": "baseline", "kubernetesVersion": "1.20", "grouping": "rule"}),
        )
        .0;
        let last = Settings::read(&json!({"profile": "restricted"})).0;
        assert_eq!(last.or(first).grouping(), Grouping::Rule);
        assert_eq!(last.grouping(), Grouping::Container);
        let config = last.or(first).over(Config::default());
        assert_eq!(
            (config.profile, config.kubernetes_version),
            (Profile::Restricted, Version::new(20))
        );
    }
}
