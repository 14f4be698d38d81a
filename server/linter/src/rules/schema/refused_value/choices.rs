//! Mappings that say one thing in one of several ways: a volume has one source, a probe one handler.

use crate::rules::Reporter;
use crate::rules::describe::{name, token};
use crate::rules::schema::unknown_fields::is_filled_in;
use kubernetes::Object;
use yaml::{Entry, Node};

/// A type whose fields exclude each other.
pub(crate) struct Choice {
    type_name: &'static str,
    /// What the fields are called together.
    noun: &'static str,
    ways: Ways,
    /// Whether the API server refuses a mapping with none of them. A volume without a source is an `emptyDir`.
    is_needed: bool,
}

enum Ways {
    These(&'static [&'static str]),
    AllBut(&'static [&'static str]),
}

const HANDLERS: Ways = Ways::These(&["exec", "httpGet", "tcpSocket", "grpc", "sleep"]);

const CHOICES: [Choice; 6] = [
    Choice {
        type_name: "EnvFromSource",
        noun: "source",
        ways: Ways::AllBut(&["prefix"]),
        is_needed: true,
    },
    Choice {
        type_name: "EnvVarSource",
        noun: "source",
        ways: Ways::AllBut(&[]),
        is_needed: true,
    },
    Choice {
        type_name: "LifecycleHandler",
        noun: "handler",
        ways: HANDLERS,
        is_needed: true,
    },
    Choice {
        type_name: "Probe",
        noun: "handler",
        ways: HANDLERS,
        is_needed: true,
    },
    Choice {
        type_name: "Volume",
        noun: "source",
        ways: Ways::AllBut(&["name"]),
        is_needed: false,
    },
    Choice {
        type_name: "VolumeProjection",
        noun: "source",
        ways: Ways::AllBut(&[]),
        is_needed: false,
    },
];

pub(crate) fn of(type_name: &str) -> Option<&'static Choice> {
    CHOICES.iter().find(|choice| choice.type_name == type_name)
}

impl Choice {
    pub(crate) fn check(
        &self,
        mapping: Node<'_>,
        can_lack: bool,
        object: &Object<'_>,
        found: &mut Reporter<'_, '_>,
    ) {
        let container = object.container_around(mapping);
        let is_known = |entry: &Entry<'_>| {
            !object
                .reading
                .unknown
                .iter()
                .any(|unknown| unknown.key == entry.key)
        };
        let entries = || {
            mapping
                .entries()
                .chain(mapping.merged_entries())
                .filter(|entry| !entry.is_merge())
        };
        let mut taken = entries()
            .filter(|entry| self.is_way(entry) && !entry.value.is_null() && is_known(entry));
        let Some(first) = taken.next() else {
            if self.is_needed && can_lack && !is_filled_in(mapping) {
                let message = format!(
                    "{} has no {}, and needs one",
                    name(mapping, object),
                    self.noun
                );
                found
                    .at(token(mapping), message)
                    .in_container(container)
                    .as_missing();
            }
            return;
        };
        for second in taken.filter(|second| second.key.as_str() != first.key.as_str()) {
            let (one, other) = (
                first.key.as_str().unwrap_or_default(),
                second.key.as_str().unwrap_or_default(),
            );
            let message = format!(
                "{other} is a second {} beside {one}, and there may be one",
                self.noun
            );
            found
                .at(second.key, message)
                .in_container(container)
                .related(first.key, "the first one");
        }
    }

    fn is_way(&self, entry: &Entry<'_>) -> bool {
        let key = entry.key.as_str().unwrap_or_default();
        match self.ways {
            Ways::These(ways) => ways.contains(&key),
            Ways::AllBut(others) => {
                !others.contains(&key) && !key.starts_with('$') && !key.contains("{{")
            }
        }
    }
}
