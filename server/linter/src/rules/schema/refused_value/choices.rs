//! Mappings of which exactly one field may be set: a volume has one source, a probe one handler.

use crate::rules::Reporter;
use crate::rules::describe::{name, token};
use crate::rules::schema::unknown_fields::is_filled_in;
use kubernetes::Object;
use yaml::{Entry, Node};

/// A type whose fields exclude each other.
pub(crate) struct Choice {
    type_name: &'static str,
    /// What messages call the fields.
    noun: &'static str,
    alternatives: Alternatives,
    /// Whether the API server rejects a mapping without any. A volume without a source is an
    /// `emptyDir`.
    is_required: bool,
}

enum Alternatives {
    These(&'static [&'static str]),
    AllExcept(&'static [&'static str]),
}

const HANDLERS: Alternatives =
    Alternatives::These(&["exec", "httpGet", "tcpSocket", "grpc", "sleep"]);

const CHOICES: [Choice; 6] = [
    Choice {
        type_name: "EnvFromSource",
        noun: "source",
        alternatives: Alternatives::AllExcept(&["prefix"]),
        is_required: true,
    },
    Choice {
        type_name: "EnvVarSource",
        noun: "source",
        alternatives: Alternatives::AllExcept(&[]),
        is_required: true,
    },
    Choice {
        type_name: "LifecycleHandler",
        noun: "handler",
        alternatives: HANDLERS,
        is_required: true,
    },
    Choice {
        type_name: "Probe",
        noun: "handler",
        alternatives: HANDLERS,
        is_required: true,
    },
    Choice {
        type_name: "Volume",
        noun: "source",
        alternatives: Alternatives::AllExcept(&["name"]),
        is_required: false,
    },
    Choice {
        type_name: "VolumeProjection",
        noun: "source",
        alternatives: Alternatives::AllExcept(&[]),
        is_required: false,
    },
];

pub(crate) fn of(type_name: &str) -> Option<&'static Choice> {
    CHOICES.iter().find(|choice| choice.type_name == type_name)
}

impl Choice {
    pub(crate) fn check(
        &self,
        mapping: Node<'_>,
        reports_missing: bool,
        object: &Object<'_>,
        report: &mut Reporter<'_, '_>,
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
        let mut taken = entries().filter(|entry| {
            self.is_alternative(entry) && !entry.value.is_null() && is_known(entry)
        });
        let Some(first) = taken.next() else {
            if self.is_required && reports_missing && !is_filled_in(mapping) {
                let message = format!(
                    "{} has no {}, which is required",
                    name(mapping, object),
                    self.noun
                );
                report
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
                "{one} and {other} are both set: only one {} is allowed",
                self.noun
            );
            report
                .at(second.key, message)
                .in_container(container)
                .related(first.key, "first used here");
        }
    }

    fn is_alternative(&self, entry: &Entry<'_>) -> bool {
        let key = entry.key.as_str().unwrap_or_default();
        match self.alternatives {
            Alternatives::These(alternatives) => alternatives.contains(&key),
            Alternatives::AllExcept(others) => {
                !others.contains(&key) && !key.starts_with('$') && !key.contains("{{")
            }
        }
    }
}
