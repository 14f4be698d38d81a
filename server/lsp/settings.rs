//! The configuration as clients write it.
//!
//! Knows the names of the settings and every shape in which clients wrap them. Promise: a setting that is wrong is told with
//! the words that would be right and counts as not written; what is missing or null was never meant to say anything; what is
//! read is in [`SETTINGS`], which the settings screens of editors are made of.

use super::groups::Grouping;
use crate::config::{Config, Profile};
use crate::k8s::Version;
use serde_json::{Value, json};

/// The name under which clients file the settings of this server.
pub(super) const SECTION: &str = "kubeharden";

/// A setting, as the settings screen of an editor tells of it. The server asks for one value for all that a client has open.
#[derive(Debug)]
pub struct Setting {
    pub name: &'static str,
    /// In Markdown.
    pub about: &'static str,
    /// What it takes, as the keys of a JSON Schema. Null, which says nothing, is allowed everywhere and is the default, so that
    /// the configuration file counts.
    pub schema: fn() -> Value,
}

/// Every setting, in the order in which a person would look for them.
pub static SETTINGS: [&Setting; 3] = [&PROFILE, &KUBERNETES_VERSION, &GROUPING];

static PROFILE: Setting = Setting {
    name: "profile",
    about: "How much to ask for. Each profile contains the ones before it. Counts before what `.kubeharden.yaml` says; where neither \
            says anything, it is `hardened`.",
    schema: || {
        let words = Profile::ALL.map(Profile::name).into_iter().map(Value::from).chain([Value::Null]);
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
        let words = Grouping::ALL.map(Grouping::name).into_iter().map(Value::from).chain([Value::Null]);
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

/// What a client set. Clients send settings in several ways, and the last word counts setting by setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Settings {
    profile: Option<Profile>,
    kubernetes_version: Option<Version>,
    grouping: Option<Grouping>,
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
        };
        (settings, wrong)
    }

    /// These settings, and the other ones where these say nothing.
    pub(super) fn or(self, other: Settings) -> Settings {
        Settings {
            profile: self.profile.or(other.profile),
            kubernetes_version: self.kubernetes_version.or(other.kubernetes_version),
            grouping: self.grouping.or(other.grouping),
        }
    }

    /// How findings are shown: a matter of the person at the client, that no file decides.
    pub(super) fn grouping(self) -> Grouping {
        self.grouping.unwrap_or_default()
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
fn read<T>(section: &Value, setting: &Setting, parse: fn(&str) -> Result<T, String>, wrong: &mut Vec<String>) -> Option<T> {
    let name = setting.name;
    let value = section.get(name).filter(|value| !value.is_null())?;
    let parsed = match value.as_str() {
        Some(text) => parse(text),
        None => parse(&value.to_string()).and(Err(format!("put {value} in quotes"))),
    };
    parsed.map_err(|expected| wrong.push(format!("{SECTION}.{name} is {value}: {expected}"))).ok()
}

fn profile(text: &str) -> Result<Profile, String> {
    let names = Profile::ALL.map(Profile::name).join(", ");
    Profile::ALL.into_iter().find(|profile| profile.name() == text).ok_or(format!("write one of {names}"))
}

fn grouping(text: &str) -> Result<Grouping, String> {
    let names = Grouping::ALL.map(Grouping::name).join(", ");
    Grouping::ALL.into_iter().find(|grouping| grouping.name() == text).ok_or(format!("write one of {names}"))
}

fn version(text: &str) -> Result<Version, String> {
    text.parse().map_err(|_| format!("write 1.N, for example \"{}\", or \"latest\"", Version::NEWEST))
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
        };
        for wrapped in [false, true] {
            let bare = json!({"profile": "baseline", "kubernetesVersion": "v1.29.3", "grouping": "rule", "other": 1});
            let value = if wrapped { json!({"kubeharden": bare, "yaml": {}}) } else { bare };
            assert_eq!(Settings::read(&value), (expected, vec![]));
        }
    }

    #[test]
    fn what_is_null_or_missing_says_nothing() {
        for value in [json!(null), json!({}), json!([]), json!({"kubeharden": null}), json!({"profile": null}), json!("?")] {
            assert_eq!(Settings::read(&value), (Settings::default(), vec![]), "{value}");
        }
    }

    #[test]
    fn a_wrong_value_is_told_with_the_right_words() {
        let (settings, wrong) = Settings::read(&json!({"profile": "strict", "kubernetesVersion": 1.29, "grouping": "file"}));
        assert_eq!(settings.over(Config::default()), Config::default());
        assert_eq!(
            wrong,
            [
                r#"kubeharden.profile is "strict": write one of baseline, restricted, hardened"#,
                "kubeharden.kubernetesVersion is 1.29: put 1.29 in quotes",
                r#"kubeharden.grouping is "file": write one of container, rule"#,
            ]
        );
    }

    #[test]
    fn the_last_word_counts_setting_by_setting() {
        let first = Settings::read(&json!({"profile": "baseline", "kubernetesVersion": "1.20", "grouping": "rule"})).0;
        let last = Settings::read(&json!({"profile": "restricted"})).0;
        assert_eq!(last.or(first).grouping(), Grouping::Rule);
        assert_eq!(last.grouping(), Grouping::Container);
        let config = last.or(first).over(Config::default());
        assert_eq!((config.profile, config.kubernetes_version), (Profile::Restricted, Version::new(20)));
    }
}
