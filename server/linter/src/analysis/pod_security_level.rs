//! The Pod Security Standard that the pods of an object meet, regardless of profile and suppressions.
//!
//! The result equals the verdict of Kubernetes' Pod Security admission at the configured version.

use super::cross_references::Enforced;
use super::document_kind::DocumentKind;
use super::model::Analysis;
use crate::Inputs;
use crate::config::{Config, Profile, RuleSelection};
use crate::rules::Finding;
use kubernetes::PodSecurityLevel as Level;
use std::ops::Range;

/// The level of an object's pods.
#[derive(Debug)]
pub struct PodSecurityLevel {
    /// The strictest standard that they meet; `None` is `privileged`.
    pub met: Option<Profile>,
    /// The next stricter standard and its findings; `None` if there is no stricter one.
    pub missed: Option<(Profile, Vec<Finding>)>,
    /// The name and level of their Namespace, if known.
    pub enforced: Option<(String, Profile)>,
}

/// Returns a configuration that runs all rules of the standards, and nothing suppresses their findings.
pub(super) fn standards(config: &Config) -> Config {
    Config {
        profile: Profile::Restricted,
        rules: RuleSelection::default(),
        exceptions: Vec::new(),
        no_suppressions: true,
        namespace_labels: false,
        ..config.clone()
    }
}

/// Returns the level that a pod meets, given the findings of all rules of the standards about it.
pub(super) fn met<'f>(findings: impl Iterator<Item = &'f Finding>) -> Level {
    let missed = findings.filter_map(|finding| finding.rule.standard()).min();
    match missed {
        Some(Profile::Baseline) => Level::Privileged,
        Some(_) => Level::Baseline,
        None => Level::Restricted,
    }
}

impl Analysis {
    /// Returns the level of the pods of some objects; `None` if parts of them cannot be seen.
    pub fn pod_security_level(
        &self,
        objects: Range<usize>,
        inputs: Inputs<'_>,
    ) -> Option<PodSecurityLevel> {
        let is_seen = self.kind == DocumentKind::Complete
            && self
                .objects
                .get(objects.clone())?
                .iter()
                .all(|object| object.makes_pods);
        if !is_seen || objects.is_empty() {
            return None;
        }
        let config = standards(inputs.config);
        let mut found = self
            .with_text(
                self.text(),
                Inputs {
                    config: &config,
                    ..inputs
                },
            )
            .findings;
        found.retain(|finding| {
            finding
                .target
                .object
                .is_some_and(|object| objects.contains(&object))
        });
        let by_first = self.enforced().find(|(object, _)| *object == objects.start);
        let enforced = by_first.map(
            |(
                _,
                Enforced {
                    namespaces,
                    profile,
                },
            )| (namespaces.join(", "), profile),
        );
        for (standard, met) in [
            (Profile::Baseline, None),
            (Profile::Restricted, Some(Profile::Baseline)),
        ] {
            let missed: Vec<Finding> = found
                .iter()
                .filter(|finding| finding.rule.standard() == Some(standard))
                .cloned()
                .collect();
            if !missed.is_empty() {
                return Some(PodSecurityLevel {
                    met,
                    missed: Some((standard, missed)),
                    enforced,
                });
            }
        }
        Some(PodSecurityLevel {
            met: Some(Profile::Restricted),
            missed: None,
            enforced,
        })
    }
}
