//! What other objects, in any document or file, mean for the objects of a text.
//!
//! Without answers from other objects, the result is the same as for the text alone.

use super::document_kind::{self, DocumentKind};
use super::model::{Analysis, AnsweredQuery};
use crate::Inputs;
use crate::config::{Config, Profile, RuleSelection};
use crate::rules::{Finding, Rule, Severity};
use kubernetes::{self, Object};
use workspace::cross_references::{Answer, Fact, PodSecurityLevel, Query, ReferencedKind};
use yaml::{self, Yaml, chunks};

/// Returns the facts that the objects of a text state about others, for some kinds. Most texts need not be parsed for
/// that.
pub fn facts(text: &str, inputs: Inputs<'_>, kinds: &[ReferencedKind]) -> Vec<Fact> {
    if !Fact::may_be_declared_in(text, kinds) {
        return Vec::new();
    }
    chunks::documents(text)
        .into_iter()
        .flat_map(|range| facts_of(&text[range], inputs, kinds))
        .collect()
}

fn facts_of(document: &str, inputs: Inputs<'_>, kinds: &[ReferencedKind]) -> Vec<Fact> {
    let Some(yaml) = read(document, kinds) else {
        return Vec::new();
    };
    let facts = collect_facts(
        &kubernetes::objects_with(&yaml, false),
        DocumentKind::of(&yaml, inputs),
    );
    facts
        .into_iter()
        .filter(|fact| kinds.contains(&fact.kind))
        .collect()
}

/// Parses a document if it may declare objects of some kinds.
pub(super) fn read(document: &str, kinds: &[ReferencedKind]) -> Option<Yaml> {
    if !Fact::may_be_declared_in(document, kinds) || !document_kind::may_hold_objects(document) {
        return None;
    }
    // Most documents that mention these kinds are others, which only refer to them.
    let is_one =
        |kind: &str| kind.ends_with("List") || kinds.iter().any(|known| known.name() == kind);
    if first_kind(document).is_some_and(|kind| !is_one(kind)) {
        return None;
    }
    let yaml = yaml::parse(document);
    let kind = yaml.root()?.get("kind")?.as_str()?;
    is_one(kind).then_some(yaml)
}

/// Returns the kind of a document if it is on its own unindented line, as usual.
fn first_kind(document: &str) -> Option<&str> {
    let is_plain = |kind: &&str| kind.chars().all(char::is_alphanumeric);
    document
        .lines()
        .find_map(|line| line.strip_prefix("kind:"))
        .map(str::trim)
        .filter(is_plain)
}

/// Returns what objects state about others, as far as they can be seen.
pub(super) fn collect_facts(objects: &[Object<'_>], kind: DocumentKind) -> Vec<Fact> {
    let facts = objects.iter().flat_map(Fact::of_object);
    match kind {
        DocumentKind::Complete => facts.collect(),
        // SOPS does not encrypt names.
        DocumentKind::Encrypted => facts.filter(|fact| !fact.affects_others()).collect(),
        DocumentKind::Template | DocumentKind::Patch => Vec::new(),
    }
}

/// The standard that the Namespace of an object enforces: one for each Namespace if kustomizations set several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enforced<'a> {
    pub namespaces: Vec<&'a str>,
    pub profile: Profile,
}

impl Analysis {
    /// Returns the standards that Namespaces enforce, with the indices of the objects.
    pub fn enforced(&self) -> impl Iterator<Item = (usize, Enforced<'_>)> {
        self.asked.iter().filter_map(|asked| {
            let namespaces = asked
                .question
                .namespaces
                .iter()
                .flatten()
                .map(String::as_str)
                .collect();
            Some((
                asked.object,
                Enforced {
                    namespaces,
                    profile: profile(asked.answer.enforced?.level)?,
                },
            ))
        })
    }

    /// Returns those that are stricter than the configured profile.
    pub fn enforced_beyond(
        &self,
        inputs: Inputs<'_>,
    ) -> impl Iterator<Item = (usize, Enforced<'_>)> {
        self.enforced()
            .filter(|(_, enforced)| counts(enforced.profile, inputs.config))
    }
}

/// The queries of a chunk, and their answers.
#[derive(Default)]
pub(super) struct Answers {
    pub asked: Vec<AnsweredQuery>,
    /// By object.
    pub answers: Vec<Answer>,
}

/// Answers the queries of objects, and passes the answers to their pods.
pub(super) fn ask(objects: &mut [Object<'_>], inputs: Inputs<'_>) -> Answers {
    let Some(others) = &inputs.context.workspace else {
        return Answers::default();
    };
    let mut talk = Answers {
        asked: Vec::new(),
        answers: vec![Answer::default(); objects.len()],
    };
    for (index, (object, place)) in objects.iter_mut().zip(&mut talk.answers).enumerate() {
        let Some(question) = Query::for_object(object, &inputs.context.namespaces) else {
            continue;
        };
        *place = others.answer(&question);
        object.pods_meet = place.pods_meet;
        if let Some(pod) = &mut object.pod {
            pod.token_is_disabled = place.token_is_disabled;
            pod.account_is_bound = place.account_is_bound;
        }
        talk.asked.push(AnsweredQuery {
            object: index,
            question,
            answer: *place,
        });
    }
    talk
}

/// The configuration of each object of a chunk.
pub(super) struct EffectiveConfig<'c> {
    /// The configuration without a Namespace.
    pub config: &'c Config,
    answers: &'c [Answer],
    /// By object, if it differs.
    by_others: Vec<Option<ByOthers>>,
}

/// A configuration with the standard that a Namespace enforces.
struct ByOthers {
    config: Config,
    /// For the rules of the standards, with the Kubernetes version of the standard.
    standards: Config,
    /// What the Namespace enforces, unless the user chose a profile.
    level: Option<PodSecurityLevel>,
}

impl<'c> EffectiveConfig<'c> {
    pub(super) fn new(config: &'c Config, answers: &'c [Answer]) -> Self {
        let is_said = answers.iter().any(|answer| answer.enforced.is_some());
        let by_others = if is_said {
            answers
                .iter()
                .map(|answer| by_others(config, answer))
                .collect()
        } else {
            Vec::new()
        };
        EffectiveConfig {
            config,
            answers,
            by_others,
        }
    }

    /// Returns the same objects under another configuration.
    pub(super) fn by<'d>(&self, config: &'d Config) -> EffectiveConfig<'d>
    where
        'c: 'd,
    {
        EffectiveConfig::new(config, self.answers)
    }

    /// Returns the configuration of a rule for an object, or `None` if the rule does not look at it: a rule that
    /// [`runs`](Self::runs) for any object, or that reports rejections.
    pub(super) fn config_for(&self, object: usize, rule: &Rule) -> Option<&Config> {
        if self.by_others.is_empty() {
            return Some(self.config);
        }
        let config = self.config_of(object, rule);
        (rule.runs(config) || rule.reports_rejections).then_some(config)
    }

    fn config_of(&self, object: usize, rule: &Rule) -> &Config {
        let Some(held) = self.by_others.get(object).and_then(Option::as_ref) else {
            return self.config;
        };
        // The chosen rules run as configured; the additional rules of the Namespace at the version that it names.
        let is_chosen =
            self.config.profile_is_chosen && rule.enablement.includes(self.config.profile);
        if rule.standard().is_some() && !is_chosen {
            &held.standards
        } else {
            &held.config
        }
    }

    /// Lowers the severity of findings about a standard that the Namespace of an object does not enforce.
    pub(super) fn lower(&self, object: usize, rule: &Rule, findings: &mut [Finding]) {
        let held = self.by_others.get(object).and_then(Option::as_ref);
        let (Some(level), Some(standard)) = (held.and_then(|held| held.level), rule.standard())
        else {
            return;
        };
        if profile(level).is_some_and(|enforced| standard <= enforced) {
            return;
        }
        for finding in findings {
            if level == PodSecurityLevel::Privileged {
                finding.lowered(Severity::Hint);
                finding
                    .message
                    .to_mut()
                    .push_str(" (the Namespace enforces privileged)");
            } else {
                finding.lowered(Severity::Info);
            }
        }
    }

    /// Whether all rules of the Pod Security Standards run, at the configured version.
    pub(super) fn runs_all_standards(&self) -> bool {
        self.by_others.iter().all(Option::is_none)
            && self.config.profile >= Profile::Restricted
            && self.config.rules == RuleSelection::default()
    }

    /// Whether a rule runs for any object.
    pub(super) fn runs(&self, rule: &Rule) -> bool {
        let by_others = || {
            self.by_others
                .iter()
                .flatten()
                .any(|held| rule.runs(&held.config))
        };
        rule.runs(self.config) || by_others()
    }
}

fn by_others(config: &Config, answer: &Answer) -> Option<ByOthers> {
    let standard = answer.enforced.filter(|_| config.namespace_labels)?;
    let enforced = profile(standard.level);
    if config.profile_is_chosen && enforced.is_none_or(|enforced| enforced <= config.profile) {
        return None;
    }
    let version = standard
        .version
        .map_or(config.kubernetes_version, |version| {
            version.min(config.kubernetes_version)
        });
    let config = Config {
        // A label never hides the findings of the configured profile.
        profile: enforced.map_or(config.profile, |enforced| enforced.max(config.profile)),
        ..config.clone()
    };
    Some(ByOthers {
        level: (!config.profile_is_chosen).then_some(standard.level),
        standards: Config {
            kubernetes_version: version,
            ..config.clone()
        },
        config,
    })
}

fn profile(level: PodSecurityLevel) -> Option<Profile> {
    match level {
        PodSecurityLevel::Privileged => None,
        PodSecurityLevel::Baseline => Some(Profile::Baseline),
        PodSecurityLevel::Restricted => Some(Profile::Restricted),
    }
}

/// Whether the level of a Namespace is shown: if the user chose no profile, or a weaker one.
fn counts(enforced: Profile, config: &Config) -> bool {
    config.namespace_labels && !(config.profile_is_chosen && enforced <= config.profile)
}
