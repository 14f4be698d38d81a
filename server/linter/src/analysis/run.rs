//! Runs the rules on texts, documents, and chunks.

use super::chunk_context::{self, ChunkContext};
use super::cross_references::{self, Answers, EffectiveConfig};
use super::document_kind::{self, DocumentKind};
use super::failure::{self, RulePanic};
use super::inline_patches;
use super::model::{Analysis, ObjectInfo, makes_pods, sort};
use super::pod_security_level;
use super::report::Report;
use super::template;
use crate::Inputs;
use crate::rules::{self, Check, Finding, Message, Reporter, Rule};
use crate::suppressions::{self, Suppressions};
use kubernetes::Object;
use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;
use workspace::cross_references::Fact;
use yaml::Yaml;
use yaml::chunks::ChunkKind;

/// Parses a text and runs the rules on each chunk.
pub fn analyze<'i>(text: &str, inputs: impl Into<Inputs<'i>>) -> Report {
    let inputs = inputs.into();
    let mut report = Report::of(text);
    report.analyze(
        |range| Cow::Borrowed(&text[range]),
        |text, role, context| analyze_chunk(text, role, context, inputs),
    );
    report
}

/// Parses one document and runs the rules on it.
pub fn analyze_document<'i>(text: &str, inputs: impl Into<Inputs<'i>>) -> Analysis {
    let inputs = inputs.into();
    analyze_chunk(text, ChunkKind::Document, &Arc::default(), inputs)
}

/// Parses a chunk or a whole document, and runs the rules on it.
pub fn analyze_chunk(
    text: &str,
    role: ChunkKind,
    context: &Arc<ChunkContext>,
    inputs: Inputs<'_>,
) -> Analysis {
    // The kind of an item may depend on the rest of its document.
    let is_not_manifest = match role {
        ChunkKind::Document => {
            context.is_alone()
                && !document_kind::may_hold_objects(text)
                && !document_kind::may_hold_patches(text, inputs)
        }
        role => role.is_independent() && !context.is_manifest(),
    };
    if is_not_manifest {
        let unread = Analysis::of_nothing(Yaml::unparsed(text), role, context);
        return Analysis {
            blank: document_kind::is_blank(text),
            kind: DocumentKind::unread(text, inputs),
            ..unread
        };
    }
    parse_chunk(text, role, context, inputs)
}

/// Parses a chunk, even if it may hold no object.
pub(super) fn parse_chunk(
    text: &str,
    role: ChunkKind,
    context: &Arc<ChunkContext>,
    inputs: Inputs<'_>,
) -> Analysis {
    // Without its actions, a chart's template is not valid YAML.
    if DocumentKind::unread(text, inputs) == DocumentKind::Template {
        return analyze_template(text, role, context, inputs);
    }
    let yaml = yaml::parse(text);
    match DocumentKind::of(&yaml, inputs) {
        DocumentKind::Template => analyze_template(text, role, context, inputs),
        document_kind => analyze_reading(yaml, document_kind, role, context, inputs),
    }
}

impl Analysis {
    /// Returns the analysis of the same chunk with another text.
    pub fn with_text(&self, text: &str, inputs: Inputs<'_>) -> Analysis {
        analyze_chunk(text, self.role, &self.context, inputs)
    }
}

fn analyze_template(
    text: &str,
    role: ChunkKind,
    context: &Arc<ChunkContext>,
    inputs: Inputs<'_>,
) -> Analysis {
    let analyze = |yaml| analyze_reading(yaml, DocumentKind::Template, role, context, inputs);
    template::analyze(text, inputs, analyze)
        .unwrap_or_else(|| Analysis::of_nothing(Yaml::unparsed(text), role, context))
}

/// Runs the rules on a parsed chunk.
fn analyze_reading(
    yaml: Yaml,
    document_kind: DocumentKind,
    role: ChunkKind,
    context: &Arc<ChunkContext>,
    inputs: Inputs<'_>,
) -> Analysis {
    let patch = chunk_context::patch(&yaml, role, inputs);
    let mut objects = chunk_context::objects(&yaml, patch.as_ref(), role, context, inputs);
    document_kind.mark_partial(&mut objects);
    let Answers { asked, answers } = cross_references::ask(&mut objects, inputs);
    let effective = EffectiveConfig::new(inputs.config, &answers);
    let mut facts = cross_references::collect_facts(&objects, document_kind);
    let chunk = ParsedChunk {
        yaml: &yaml,
        objects: &objects,
        document_kind,
        context,
    };
    let mut outcome = chunk.run_rules(&effective);
    if patch.is_none() {
        facts.extend(chunk.facts_of_pods(&effective, &outcome.findings));
    }
    let suppressions = Suppressions::of(&yaml, &objects, inputs.config, context.standing(role));
    chunk.judge_suppressions(&suppressions, &effective, &mut outcome);
    let Outcome {
        mut findings,
        refusals,
        mut failures,
    } = outcome;
    document_kind.retain_reportable(&yaml, &mut findings);
    let mut suppressed = suppressions.split_off_suppressed(&mut findings);
    let mut infos: Vec<ObjectInfo> = objects.iter().map(ObjectInfo::of).collect();
    let mut pods = objects.iter().filter(|object| object.pod.is_some()).count();
    // The operations of a patch write fields of an object in another file.
    if patch.is_some() {
        (infos, pods) = (Vec::new(), 0);
        findings
            .iter_mut()
            .chain(&mut suppressed)
            .for_each(|finding| finding.target.object = None);
    }
    if objects.is_empty() && document_kind == DocumentKind::Complete && role == ChunkKind::Document
    {
        let inside =
            inline_patches::analyze(&yaml, inputs, |text, inputs| analyze_document(text, inputs));
        findings.extend(inside.findings);
        suppressed.extend(inside.suppressed);
        failures.extend(inside.failures);
    }
    sort(&mut findings);
    findings.shrink_to_fit();
    let blank = yaml.root().is_none() && yaml.errors().is_empty();
    let unfilled = Analysis::of_nothing(yaml, role, context);
    Analysis {
        objects: infos,
        pods,
        kind: document_kind,
        blank,
        findings,
        suppressed,
        refusals,
        failures,
        facts,
        asked,
        ..unfilled
    }
}

/// A chunk as the rules see it.
struct ParsedChunk<'c, 'y> {
    yaml: &'y Yaml,
    objects: &'c [Object<'y>],
    document_kind: DocumentKind,
    context: &'c ChunkContext,
}

/// What the rules report about a chunk.
#[derive(Default)]
struct Outcome {
    findings: Vec<Finding>,
    /// What the API server would reject, as messages of findings, regardless of the selected rules.
    refusals: Vec<Message>,
    /// The rules that panicked.
    failures: Vec<RulePanic>,
}

impl ParsedChunk<'_, '_> {
    fn run_rules(&self, effective: &EffectiveConfig<'_>) -> Outcome {
        let mut outcome = Outcome::default();
        // Most chunks of a long schema hold no object, so most rules have nothing to do there.
        let has_objects = !self.objects.is_empty();
        let may_check = |rule: &&Rule| has_objects || matches!(rule.check, Check::Document(_));
        for rule in rules::running().filter(may_check) {
            let runs = effective.runs(rule);
            if runs || rule.reports_rejections {
                self.run_and_record(rule, runs, effective, &mut outcome);
            }
        }
        for (index, object) in self.objects.iter().enumerate() {
            if let Some(pod) = &object.pod {
                rules::withhold_linux_settings(index, pod, &mut outcome.findings);
            }
        }
        outcome
    }

    /// Runs a rule. If it only runs to learn what would be rejected, its findings are not kept.
    fn run_and_record(
        &self,
        rule: &'static Rule,
        keeps_findings: bool,
        effective: &EffectiveConfig<'_>,
        outcome: &mut Outcome,
    ) {
        let first = outcome.findings.len();
        let ran = self.run_rule(rule, effective, &mut outcome.findings);
        outcome.failures.extend(ran.err());
        let Some(new) = outcome
            .findings
            .get_mut(first..)
            .filter(|new| !new.is_empty())
        else {
            return;
        };
        if rule.reports_rejections {
            let messages = new.iter().map(|finding| finding.message.clone());
            outcome.refusals.extend(messages);
        }
        // A configured severity overrides what the rule or a Namespace says about single findings.
        if let Some(Some(severity)) = effective.config.rules.severity.get(rule.id) {
            for finding in new {
                finding.severity = *severity;
            }
        }
        if !keeps_findings {
            outcome.findings.truncate(first);
        }
    }

    fn run_rule(
        &self,
        rule: &'static Rule,
        effective: &EffectiveConfig<'_>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), RulePanic> {
        failure::guarded(rule, findings, |findings| {
            if let Check::Document(check) = rule.check {
                if self.is_checked_as_document() {
                    let mut report = Reporter::in_document(rule, self.objects, findings);
                    check(self.yaml, effective.config, &mut report);
                }
                return;
            }
            for (index, object) in self.objects.iter().enumerate() {
                let Some(config) = effective.config_for(index, rule) else {
                    continue;
                };
                let first = findings.len();
                let mut report = Reporter::in_object(rule, self.objects, index, findings);
                match (rule.check, &object.pod) {
                    (Check::Object(check), _) => check(object, config, &mut report),
                    (Check::Pod(check), Some(pod)) => check(pod, config, &mut report),
                    (Check::Pod(_), None) | (Check::Document(_) | Check::Suppressions, _) => {}
                }
                document_kind::leave_of_pod(object, findings, first);
                effective.lower(index, rule, &mut findings[first..]);
            }
        })
    }

    /// Returns which level of the Pod Security Standards each pod meets, whichever rules run and whatever is suppressed.
    fn facts_of_pods(&self, effective: &EffectiveConfig<'_>, findings: &[Finding]) -> Vec<Fact> {
        let is_seen = |object: &Object<'_>| makes_pods(object) && !object.repeated;
        if self.document_kind != DocumentKind::Complete || !self.objects.iter().any(is_seen) {
            return Vec::new();
        }
        let mut all = Vec::new();
        let findings = if effective.runs_all_standards() {
            findings
        } else {
            let config = pod_security_level::standards(effective.config);
            let standards = EffectiveConfig::new(&config, &[]);
            for rule in rules::running().filter(|rule| rule.standard().is_some()) {
                // A rule that panics was reported when it ran.
                let _ = self.run_rule(rule, &standards, &mut all);
            }
            &all
        };
        let objects = self.objects.iter().enumerate();
        let pods = objects.filter(|(_, object)| is_seen(object));
        pods.map(|(index, object)| {
            let of_object = findings
                .iter()
                .filter(|finding| finding.target.object == Some(index));
            Fact::of_pod(object, pod_security_level::met(of_object))
        })
        .collect()
    }

    /// Whether rules check the text of the document: not of a template, whose text is not what the cluster reads.
    fn is_checked_as_document(&self) -> bool {
        let is_manifest = || {
            !self.objects.is_empty()
                || self.context.is_manifest()
                || document_kind::begins_as_manifest(self.yaml)
        };
        match self.document_kind {
            DocumentKind::Patch => true,
            DocumentKind::Template => false,
            DocumentKind::Complete | DocumentKind::Encrypted => is_manifest(),
        }
    }

    /// Runs the rule that compares suppressions with the findings.
    fn judge_suppressions(
        &self,
        suppressions: &Suppressions<'_, '_>,
        effective: &EffectiveConfig<'_>,
        outcome: &mut Outcome,
    ) {
        let config = effective.config;
        for rule in rules::ALL
            .iter()
            .filter(|rule| matches!(rule.check, Check::Suppressions) && rule.runs(config))
        {
            let failed = RefCell::new(Vec::new());
            let ask = |asked: &'static Rule| {
                let mut alone = config.clone();
                alone.rules = Default::default();
                alone.rules.override_with(&[asked.id.to_owned()], &[]);
                let mut found = Vec::new();
                let ran = self.run_rule(asked, &effective.by(&alone), &mut found);
                failed.borrow_mut().extend(ran.err());
                found
            };
            let mut found = Vec::new();
            // A value that is not visible, or a finding of a rule that panicked, may be the suppressed one.
            let is_all_known =
                self.document_kind == DocumentKind::Complete && outcome.failures.is_empty();
            let ask: Option<suppressions::Ask<'_>> = if is_all_known { Some(&ask) } else { None };
            let mut report = Reporter::in_document(rule, self.objects, &mut found);
            suppressions.judge(&outcome.findings, ask, &mut report);
            let failed = failed.into_inner();
            if !failed.is_empty() {
                found.clear();
                outcome.failures.extend(failed);
            }
            let severity = rule.severity_in(config);
            let found = found.into_iter();
            outcome.findings.extend(found.map(|finding| Finding {
                severity,
                ..finding
            }));
        }
    }
}
