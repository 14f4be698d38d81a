//! The keys of a configuration file: name, description and target field.
//!
//! [`KEYS`] is the only list of keys. Reading, printing, the schema and the manual follow it.

use super::{Config, Exception, Profile, Severity};
use kubernetes::Version;
use std::collections::BTreeMap;
use workspace::exclude::check_pattern;

/// A key, at the top level or in a group.
#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    /// A description in one sentence.
    pub about: &'static str,
    pub kind: Kind,
}

/// The type of a value, and the field of the configuration that it sets.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Profile(fn(&mut Config) -> &mut Profile),
    Version(fn(&mut Config) -> &mut Version),
    Severity(fn(&mut Config) -> &mut Severity),
    /// A list of rule ids.
    Rules(fn(&mut Config) -> &mut Vec<String>),
    /// A severity or `off` by rule id.
    Severities(fn(&mut Config) -> &mut BTreeMap<String, Option<Severity>>),
    /// A user or group id, and its minimum.
    Id(fn(&mut Config) -> &mut i64, i64),
    /// A list of strings, and the check of each item.
    Names(
        fn(&mut Config) -> &mut Vec<String>,
        fn(&str) -> Result<(), String>,
    ),
    Quantity(fn(&mut Config) -> &mut String),
    Flag(fn(&mut Config) -> &mut bool),
    Exceptions(fn(&mut Config) -> &mut Vec<Exception>),
    Group(&'static [Key]),
}

/// The highest user or group id that Kubernetes accepts.
pub const GREATEST_ID: i64 = i32::MAX as i64;

/// The word that turns a rule off.
pub const OFF: &str = "off";

pub static KEYS: &[Key] = &[
    Key {
        name: "profile",
        about: "Rules to apply: a Pod Security Standard, or `hardened` for everything.",
        kind: Kind::Profile(|config| &mut config.profile),
    },
    Key {
        name: "kubernetesVersion",
        about: "The Kubernetes version of the target cluster.",
        kind: Kind::Version(|config| &mut config.kubernetes_version),
    },
    Key {
        name: "namespaceLabels",
        about: "Whether the Pod Security labels of a Namespace in the same files count for its objects.",
        kind: Kind::Flag(|config| &mut config.namespace_labels),
    },
    Key {
        name: "select",
        about: "Run only these rules, regardless of the profile.",
        kind: Kind::Rules(|config| &mut config.rules.select),
    },
    Key {
        name: "ignore",
        about: "Do not run these rules, even if they are selected.",
        kind: Kind::Rules(|config| &mut config.rules.ignore),
    },
    Key {
        name: "severity",
        about: "The severity of a rule's findings, or off. A severity also enables a rule that is off by default.",
        kind: Kind::Severities(|config| &mut config.rules.severity),
    },
    Key {
        name: "failOn",
        about: "`check` exits with 1 if there is a finding of this severity or higher.",
        kind: Kind::Severity(|config| &mut config.fail_on),
    },
    Key {
        name: "detectPodTemplates",
        about: "Whether to detect pods in unknown custom resources by their structure.",
        kind: Kind::Flag(|config| &mut config.detect_pod_templates),
    },
    Key {
        name: "exceptions",
        about: "Suppress rules for files, objects, containers or images.",
        kind: Kind::Exceptions(|config| &mut config.exceptions),
    },
    Key {
        name: "exclude",
        about: "Patterns, as in .gitignore, of files that are not searched. They are still read if they are named.",
        kind: Kind::Names(|config| &mut config.exclude, check_pattern),
    },
    Key {
        name: "requireReason",
        about: "Whether every suppression must have a reason.",
        kind: Kind::Flag(|config| &mut config.require_reason),
    },
    Key {
        name: "values",
        about: "Thresholds for rules, and default values for fixes.",
        kind: Kind::Group(VALUES),
    },
];

static VALUES: &[Key] = &[
    Key {
        name: "userId",
        about: "The runAsUser that fixes write.",
        kind: Kind::Id(|config| &mut config.values.user_id, 1),
    },
    Key {
        name: "groupId",
        about: "The runAsGroup and fsGroup that fixes write.",
        kind: Kind::Id(|config| &mut config.values.group_id, 1),
    },
    Key {
        name: "minUserId",
        about: "The lowest runAsUser that is not reported as low.",
        kind: Kind::Id(|config| &mut config.values.min_user_id, 0),
    },
    Key {
        name: "minGroupId",
        about: "The lowest runAsGroup that is not reported as low.",
        kind: Kind::Id(|config| &mut config.values.min_group_id, 0),
    },
    Key {
        name: "allowedRegistries",
        about: "Allowed registries (ghcr.io, *.example.com) or repositories (docker.io/library). If empty, all are allowed.",
        kind: Kind::Names(|config| &mut config.values.allowed_registries, registry),
    },
    Key {
        name: "deniedRegistries",
        about: "Denied registries or repositories, even if they are allowed.",
        kind: Kind::Names(|config| &mut config.values.denied_registries, registry),
    },
    Key {
        name: "secretNames",
        about: "Name suffixes that mark a value as secret: lower case, words separated by _. Replaces the built-in list.",
        kind: Kind::Names(|config| &mut config.values.secret_names, secret_name),
    },
    Key {
        name: "sensitivePaths",
        about: "Folders of a node that no pod should mount with a hostPath, in addition to the built-in ones.",
        kind: Kind::Names(|config| &mut config.values.sensitive_paths, folder),
    },
    Key {
        name: "cpuRequest",
        about: "The CPU request that fixes write.",
        kind: Kind::Quantity(|config| &mut config.values.cpu_request),
    },
    Key {
        name: "memoryRequest",
        about: "The memory request that fixes write.",
        kind: Kind::Quantity(|config| &mut config.values.memory_request),
    },
    Key {
        name: "cpuLimit",
        about: "The CPU limit that fixes write.",
        kind: Kind::Quantity(|config| &mut config.values.cpu_limit),
    },
    Key {
        name: "memoryLimit",
        about: "The memory limit that fixes write.",
        kind: Kind::Quantity(|config| &mut config.values.memory_limit),
    },
];

/// Pairs of values of which the first must not be higher than the second: the API server rejects such requests, and a
/// rule would report the values that its own fix writes.
pub(super) const ORDERED: [(&str, &str); 4] = [
    ("cpuRequest", "cpuLimit"),
    ("memoryRequest", "memoryLimit"),
    ("minUserId", "userId"),
    ("minGroupId", "groupId"),
];

/// Returns the key of a value.
pub(super) fn value_key(name: &str) -> Option<&'static Key> {
    VALUES.iter().find(|key| key.name == name)
}

impl Key {
    /// Resets this value to its default.
    pub(super) fn reset(&self, config: &mut Config) {
        let mut default = Config::default();
        match self.kind {
            Kind::Id(place, _) => *place(config) = *place(&mut default),
            Kind::Quantity(place) => *place(config) = place(&mut default).clone(),
            _ => {}
        }
    }
}

fn registry(entry: &str) -> Result<(), String> {
    if let Some((scheme, rest)) = entry.split_once("://") {
        return Err(format!("write it without `{scheme}://`: `{rest}`"));
    }
    let host = entry.split('/').next().unwrap_or_default();
    let is_invalid = entry.is_empty()
        || entry.contains(char::is_whitespace)
        || host.trim_start_matches("*.").contains('*');
    if is_invalid {
        let message = "write a registry such as `ghcr.io` or `*.example.com`, or a repository such as `docker.io/library`";
        return Err(message.to_owned());
    }
    Ok(())
}

fn secret_name(name: &str) -> Result<(), String> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !name.is_empty() && name.chars().all(is_plain) {
        Ok(())
    } else {
        Err("write it in lower case, with `_` between words, such as `api_key`".to_owned())
    }
}

fn folder(path: &str) -> Result<(), String> {
    if path.starts_with('/') && !path.trim_end_matches('/').is_empty() {
        Ok(())
    } else {
        Err("write an absolute path, such as `/srv/keys`".to_owned())
    }
}
