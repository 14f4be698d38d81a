//! What other objects, in whichever document or file, have to do with those of a text.
//!
//! Knows what is asked of them and what an answer changes. Must not know how they are found. Promise: where nothing is answered, a text
//! is held to what it is held to alone.

use super::{Analysis, DocumentKind, document_kind};
use crate::Inputs;
use crate::config::{Config, Profile};
use crate::rules::{Enablement, Rule};
use kubernetes::{self, Object};
use workspace::cross_references::{Answer, Fact, PodSecurityLevel, Query, ReferencedKind};
use yaml::{self, Yaml, chunks};

/// What the objects of a text say of others, those of some kinds. Nothing else of the text is looked at, and most texts need not be read for
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

/// A document, if it may declare objects of some kinds.
pub(super) fn read(document: &str, kinds: &[ReferencedKind]) -> Option<Yaml> {
    if !Fact::may_be_declared_in(document, kinds) || !document_kind::may_hold_objects(document) {
        return None;
    }
    // Most of those who name these kinds are others, who bind roles to accounts.
    let is_one =
        |kind: &str| kind.ends_with("List") || kinds.iter().any(|known| known.name() == kind);
    if first_kind(document).is_some_and(|kind| !is_one(kind)) {
        return None;
    }
    let yaml = yaml::parse(document);
    let kind = yaml.root()?.get("kind")?.as_str()?;
    is_one(kind).then_some(yaml)
}

/// The kind of a document, where it stands as it mostly does: on a line of its own that begins with it.
fn first_kind(document: &str) -> Option<&str> {
    let is_plain = |kind: &&str| kind.chars().all(char::is_alphanumeric);
    document
        .lines()
        .find_map(|line| line.strip_prefix("kind:"))
        .map(str::trim)
        .filter(is_plain)
}

/// What objects say of others, as far as they can be seen.
pub(super) fn collect_facts(objects: &[Object<'_>], sight: DocumentKind) -> Vec<Fact> {
    let facts = objects.iter().filter_map(Fact::from_object);
    match sight {
        DocumentKind::Complete => facts.collect(),
        // Names are not encrypted.
        DocumentKind::Encrypted => facts.filter(|fact| !fact.affects_others()).collect(),
        DocumentKind::Template | DocumentKind::Patch => Vec::new(),
    }
}

/// What an object asked, so that it can be asked again, and what it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AnsweredQuery {
    /// Its index in the part.
    pub object: usize,
    pub question: Query,
    pub answer: Answer,
}

/// A standard that the Namespace of an object enforces: each of its Namespaces, where kustomizations put it into several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enforced<'a> {
    pub namespaces: Vec<&'a str>,
    pub profile: Profile,
}

impl Analysis {
    /// What the Namespaces of objects enforce, with the indices of the objects.
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
                    profile: profile(asked.answer.enforced?.level),
                },
            ))
        })
    }

    /// Those of them by which an object is held to something else than the configuration says.
    pub fn enforced_beyond(
        &self,
        inputs: Inputs<'_>,
    ) -> impl Iterator<Item = (usize, Enforced<'_>)> {
        self.enforced()
            .filter(|(_, enforced)| counts(enforced.profile, inputs.config))
    }
}

/// What the objects of a part asked, and what they were told.
#[derive(Default)]
pub(super) struct Answers {
    pub asked: Vec<AnsweredQuery>,
    /// By object.
    pub answers: Vec<Answer>,
}

/// Has objects ask what they want to know, and tells their pods.
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
        if let Some(pod) = &mut object.pod {
            pod.token_is_disabled = place.token_is_disabled;
        }
        talk.asked.push(AnsweredQuery {
            object: index,
            question,
            answer: *place,
        });
    }
    talk
}

/// What each object of a part is held to.
pub(super) struct EffectiveConfig<'c> {
    /// What counts where no other object says anything.
    pub config: &'c Config,
    answers: &'c [Answer],
    /// By object, where that is something else.
    by_others: Vec<Option<ByOthers>>,
}

/// A configuration with the profile that a Namespace enforces.
struct ByOthers {
    config: Config,
    /// For the rules of the standards, with the version of Kubernetes that they are taken of.
    standards: Config,
}

impl<'c> EffectiveConfig<'c> {
    pub(super) fn to(config: &'c Config, answers: &'c [Answer]) -> Self {
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

    /// The same objects under another configuration.
    pub(super) fn by<'d>(&self, config: &'d Config) -> EffectiveConfig<'d>
    where
        'c: 'd,
    {
        EffectiveConfig::to(config, self.answers)
    }

    /// What a rule goes by in an object, if it looks at it: one that [`runs`](Self::runs) in any object, or tells what is refused.
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
        // What somebody chose is asked as it was chosen; what the Namespace asks beyond that, as the Namespace says.
        let is_chosen =
            self.config.profile_is_chosen && rule.enablement.includes(self.config.profile);
        let is_of_standards = matches!(
            rule.enablement,
            Enablement::Profile(Profile::Baseline | Profile::Restricted)
        );
        if is_of_standards && !is_chosen {
            &held.standards
        } else {
            &held.config
        }
    }

    /// Whether a rule runs in any object.
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
    let standard = answer.enforced?;
    let profile = profile(standard.level);
    if !counts(profile, config) {
        return None;
    }
    let version = standard
        .version
        .map_or(config.kubernetes_version, |version| {
            version.min(config.kubernetes_version)
        });
    let config = Config {
        profile,
        ..config.clone()
    };
    Some(ByOthers {
        standards: Config {
            kubernetes_version: version,
            ..config.clone()
        },
        config,
    })
}

fn profile(level: PodSecurityLevel) -> Profile {
    match level {
        PodSecurityLevel::Baseline => Profile::Baseline,
        PodSecurityLevel::Restricted => Profile::Restricted,
    }
}

/// Whether what a Namespace enforces takes the place of what is configured: of what nobody chose, and of less.
fn counts(enforced: Profile, config: &Config) -> bool {
    config.namespace_labels && !(config.profile_is_chosen && enforced <= config.profile)
}
