//! Every fix that is offered for real manifests, alone and combined: it changes only what it names, and resolves its finding.
//!
//! The changes are computed from the two syntax trees, independently of the edit. The manifests are `fixtures/`, the bad examples of
//! the rule pages, and, if it is next to the repository or at `KUBEHARDEN_SHARED`, a corpus of real manifests; the verdicts also use
//! Kubernetes' own test cases. Each test prints its figures.

use linter::analysis::{self, Analysis, Chunk, DocumentKind};
use linter::config::{Config, Profile};
use linter::rules::{self, Applicability, Enablement, Finding, Fix};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use yaml::edit::Change;
use yaml::{Path, Step};

#[path = "fixes/model.rs"]
mod model;

/// Every text with its name, once with each line break: those of the package, and those of some folders outside of it.
fn texts(outside: &[&str]) -> Vec<(String, String)> {
    let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let shared =
        std::env::var_os("KUBEHARDEN_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let mut texts = Vec::new();
    for folder in std::iter::once(root.join("fixtures"))
        .chain(outside.iter().map(|folder| shared.join(folder)))
    {
        match folder.is_dir() {
            true => collect(&folder, &mut texts),
            false => println!("skipped: {} is not there", folder.display()),
        }
    }
    for rule in rules::ALL {
        let page = rule.markdown();
        let blocks = page
            .split("```yaml bad\n")
            .skip(1)
            .filter_map(|rest| rest.split("```").next());
        texts.extend(blocks.map(|text| (format!("example of {}", rule.id), text.to_owned())));
    }
    let both = |(name, text): (String, String)| {
        let lf = text.replace("\r\n", "\n");
        [
            (format!("{name}, CRLF"), lf.replace('\n', "\r\n")),
            (name, lf),
        ]
    };
    texts.into_iter().flat_map(both).collect()
}

fn collect(folder: &std::path::Path, texts: &mut Vec<(String, String)>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, texts);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml")
        {
            texts.push((
                path.display().to_string(),
                fs::read_to_string(&path).expect("text"),
            ));
        }
    }
}

fn comments(analysis: &Analysis) -> Vec<&str> {
    analysis
        .yaml()
        .comments()
        .iter()
        .map(|&range| &analysis.text()[range])
        .collect()
}

/// The comments that an edit took away, those that moved not among them; an error where one came to be.
fn lost_comments(before: &Analysis, after: &Analysis) -> Result<Vec<String>, String> {
    let mut left: Vec<&str> = comments(before);
    for comment in comments(after) {
        let place = left
            .iter()
            .position(|other| *other == comment)
            .ok_or_else(|| format!("made up {comment:?}"))?;
        left.remove(place);
    }
    Ok(left.into_iter().map(str::to_owned).collect())
}

type Subject = (&'static str, Option<usize>, Option<Box<str>>);

/// How many findings there are of each rule in each container and object.
fn counted(analysis: &Analysis) -> BTreeMap<Subject, usize> {
    let mut counts = BTreeMap::new();
    for Finding {
        rule,
        target: subject,
        ..
    } in &analysis.findings
    {
        *counts
            .entry((rule.id, subject.object, subject.container.clone()))
            .or_default() += 1;
    }
    counts
}

/// What there is more of after an edit than before.
fn added(before: &Analysis, after: &Analysis) -> Vec<&'static str> {
    let known = counted(before);
    let more =
        |subject: &Subject, count: usize| count > known.get(subject).copied().unwrap_or_default();
    counted(after)
        .into_iter()
        .filter(|(subject, count)| more(subject, *count))
        .map(|((rule, ..), _)| rule)
        .collect()
}

/// What an edit may bring to light: the rule whose fix it is, which of its ways, and the rule that then speaks, with the reason.
const CAUSED: [(&str, usize, &str, &str); 10] = [
    (
        "deprecated-apparmor-annotation",
        0,
        "unconfined-apparmor",
        "what the annotation of the pod said of a container becomes a field of the container",
    ),
    (
        "privileged-container",
        0,
        "privilege-escalation",
        NO_LONGER_PRIVILEGED,
    ),
    (
        "privileged-container",
        0,
        "undropped-capabilities",
        NO_LONGER_PRIVILEGED,
    ),
    ("missing-user-id", 0, "low-user-id", SHARED_ID),
    ("missing-group-id", 0, "low-group-id", SHARED_ID),
    ("root-user", 0, "low-user-id", SHARED_ID),
    ("root-group", 0, "low-group-id", SHARED_ID),
    ("run-as-root-allowed", 0, "low-user-id", SHARED_ID),
    ("conflicting-security-context", 0, "low-user-id", SHARED_ID),
    (
        "conflicting-security-context",
        0,
        "undropped-capabilities",
        NO_LONGER_PRIVILEGED,
    ),
];

const SHARED_ID: &str = "the fix writes an id that the pod already uses elsewhere, even a low one";

const NO_LONGER_PRIVILEGED: &str =
    "settings that have no effect in a privileged container are missing in another one";

#[test]
fn offered_edits_resolve_their_findings() {
    let config = Config::default();
    let mut tally = Tally::default();
    for (name, text) in texts(&["corpus"]) {
        for Chunk { analysis, .. } in analysis::analyze(&text, &config).chunks() {
            // Changes of suppressions have their own tests.
            for finding in analysis
                .findings
                .iter()
                .filter(|finding| finding.rule.id != "unused-ignore")
            {
                for (number, way) in finding.each_fix().enumerate() {
                    let place = format!("{name}: {} ({number})", way.rule.id);
                    tally.edit(&place, analysis, &way, number, &config);
                }
            }
        }
    }
    println!("{tally:#?}");
    assert!(tally.given > 300);
    assert!(tally.wrong.is_empty(), "{:#?}", tally.wrong);
}

#[derive(Debug, Default)]
struct Tally {
    offered: usize,
    /// Not called fixable, since the document cannot be edited there.
    obstructed: usize,
    given: usize,
    /// Called fixable and then refused, by reason.
    refused: BTreeMap<String, usize>,
    /// Comments that left with what was removed.
    comments: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Tally {
    fn edit(
        &mut self,
        place: &str,
        analysis: &Analysis,
        way: &Finding,
        number: usize,
        config: &Config,
    ) {
        let Some(Fix { changes, .. }) = &way.fix else {
            return;
        };
        self.offered += 1;
        let edits = analysis.edits(&[way], config.into());
        if analysis.quick_reject(way).is_some() {
            self.obstructed += 1;
            self.expect(edits.is_err(), place, || "a false obstacle".to_owned());
            return;
        }
        let edits = match edits {
            Ok(edits) => edits,
            Err(reason) => {
                *self
                    .refused
                    .entry(format!("{}: {reason}", way.rule.id))
                    .or_default() += 1;
                return;
            }
        };
        self.given += 1;
        let text = edits.apply(analysis.text());
        let after = analysis::analyze_document(&text, config);
        self.expect(after.yaml().errors().is_empty(), place, || {
            format!("{:?}", after.yaml().errors())
        });
        if let Some(difference) = model::differs(analysis, changes, &after) {
            self.wrong.push(format!("{place}: {difference}"));
        }
        let is_crlf = analysis.text().contains("\r\n");
        self.expect(
            !is_crlf || !text.replace("\r\n", "").contains('\n'),
            place,
            || "a line break of another kind".to_owned(),
        );
        match lost_comments(analysis, &after) {
            Err(made_up) => self.wrong.push(format!("{place}: {made_up}")),
            Ok(lost) => self.comments.extend(
                lost.into_iter()
                    .map(|comment| format!("{}: {comment}", way.rule.id)),
            ),
        }
        let (before_count, after_count) = (counted(analysis), counted(&after));
        let subject = (way.rule.id, way.target.object, way.target.container.clone());
        let settled = after_count.get(&subject) < before_count.get(&subject);
        self.expect(settled, place, || "its finding is still there".to_owned());
        for rule in added(analysis, &after) {
            let known = CAUSED
                .iter()
                .any(|(of, which, then, _)| (*of, *which, *then) == (way.rule.id, number, rule));
            self.expect(known, place, || format!("causes {rule}"));
        }
    }

    fn expect(&mut self, holds: bool, place: &str, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(format!("{place}: {}", otherwise()));
        }
    }
}

/// A way to fix some findings in one step: once, or until no fix is left.
struct Whole<'a> {
    name: String,
    is_wanted: Box<dyn Fn(&Finding) -> bool + 'a>,
    /// As a group of missing settings is added: what that makes room for is another action's.
    once: bool,
}

/// The steps that are offered for a part, in an editor and by `kubeharden fix`.
fn wholes(analysis: &Analysis) -> Vec<Whole<'_>> {
    let is_at_most = |finding: &Finding, most| {
        finding
            .fix
            .as_ref()
            .is_some_and(|fix| fix.applicability <= most)
    };
    let mut wholes = Vec::new();
    for most in [
        Applicability::Safe,
        Applicability::Unsafe,
        Applicability::Placeholder,
    ] {
        let is_wanted = Box::new(move |finding: &Finding| is_at_most(finding, most));
        wholes.push(Whole {
            name: format!("up to {most:?}"),
            is_wanted,
            once: false,
        });
    }
    let mut subjects: Vec<(&rules::Target, bool)> = Vec::new();
    for finding in &analysis.findings {
        let subject = &finding.target;
        let of_group =
            |(known, group): &(&rules::Target, bool)| *group && is_one_group(known, subject);
        let of_holder = |(known, group): &(&rules::Target, bool)| {
            !group && (known.object, &known.container) == (subject.object, &subject.container)
        };
        if subject.missing.is_some() && !subjects.iter().any(of_group) {
            subjects.push((subject, true));
        }
        if subject.object.is_some() && !subjects.iter().any(of_holder) {
            subjects.push((subject, false));
        }
    }
    for (subject, is_group) in subjects {
        let holder = format!("{:?} {:?}", subject.object, subject.container);
        if !is_group {
            let is_inside = move |finding: &Finding| {
                let is_of = |container: &Option<Box<str>>| {
                    container.is_none() || finding.target.container == *container
                };
                finding.target.object == subject.object
                    && is_of(&subject.container)
                    && is_at_most(finding, Applicability::Unsafe)
            };
            wholes.push(Whole {
                name: format!("all of {holder}"),
                is_wanted: Box::new(is_inside),
                once: false,
            });
            continue;
        }
        for most in [Applicability::Safe, Applicability::Unsafe] {
            let is_member = move |finding: &Finding| {
                is_one_group(subject, &finding.target) && is_at_most(finding, most)
            };
            wholes.push(Whole {
                name: format!("what {holder} lacks, {most:?}"),
                is_wanted: Box::new(is_member),
                once: true,
            });
        }
    }
    wholes
}

fn is_one_group(one: &rules::Target, other: &rules::Target) -> bool {
    let lack = |subject: &rules::Target| subject.missing.as_ref().map(|lack| lack.holder.clone());
    one.missing.is_some()
        && (one.object, one.range, lack(one)) == (other.object, other.range, lack(other))
}

#[derive(Debug, Default)]
struct Sum {
    texts: usize,
    /// Steps that changed something, those of one round and those of several.
    single: usize,
    repeated: usize,
    rounds: usize,
    fixes: usize,
    withheld: usize,
    wrong: Vec<String>,
}

impl Sum {
    /// Takes a step round by round, holds each round to what the fixes taken in it say, and the engine to the rounds.
    fn take(&mut self, place: &str, analysis: &Analysis, whole: &Whole<'_>, config: &Config) {
        let mut now: Option<Analysis> = None;
        let (mut rounds, mut applied) = (0, 0);
        loop {
            let before = now.as_ref().unwrap_or(analysis);
            let candidates: Vec<&Finding> = before
                .findings
                .iter()
                .filter(|finding| (whole.is_wanted)(finding))
                .collect();
            let (edits, count, refused) = before.largest_applicable(&candidates, config.into());
            self.withheld += refused.len();
            if count == 0 {
                break;
            }
            let is_refused = |finding: &&Finding| {
                refused
                    .iter()
                    .any(|(other, _)| std::ptr::eq(*other, *finding))
            };
            let taken: Vec<&Finding> = candidates
                .into_iter()
                .filter(|finding| !is_refused(finding))
                .collect();
            self.expect(taken.len() == count, place, || {
                format!("{count} taken and not {}", taken.len())
            });
            let after = before.with_text(&edits.apply(before.text()), config.into());
            self.hold(place, before, &taken, &after);
            rounds += 1;
            applied += count;
            now = Some(after);
            if whole.once || rounds > 9 {
                break;
            }
        }
        let Some(after) = now else { return };
        self.single += usize::from(rounds == 1);
        self.repeated += usize::from(rounds > 1);
        self.rounds += rounds;
        self.fixes += applied;
        if !whole.once {
            let outcome = analysis.apply_fixes(config.into(), |finding| (whole.is_wanted)(finding));
            let is_same =
                outcome.applied == applied && outcome.edits.apply(analysis.text()) == after.text();
            self.expect(is_same, place, || {
                "the engine makes something else of it".to_owned()
            });
        }
    }

    fn hold(&mut self, place: &str, before: &Analysis, taken: &[&Finding], after: &Analysis) {
        let errors = after.yaml().errors();
        self.expect(errors.is_empty(), place, || format!("{errors:?}"));
        let changes: Vec<Change> = taken
            .iter()
            .filter_map(|finding| finding.fix.as_ref())
            .flat_map(|fix| fix.changes.clone())
            .collect();
        if let Some(difference) = model::differs(before, &changes, after) {
            self.wrong.push(format!("{place}: {difference}"));
        }
        let is_crlf = before.text().contains("\r\n");
        self.expect(
            !is_crlf || !after.text().replace("\r\n", "").contains('\n'),
            place,
            || "a line break of another kind".to_owned(),
        );
        let (known, left) = (counted(before), counted(after));
        let mut settled = BTreeMap::<Subject, usize>::new();
        for finding in taken {
            let subject = (
                finding.rule.id,
                finding.target.object,
                finding.target.container.clone(),
            );
            *settled.entry(subject).or_default() += 1;
        }
        for (subject, count) in settled {
            let of = |counts: &BTreeMap<Subject, usize>| {
                counts.get(&subject).copied().unwrap_or_default()
            };
            self.expect(of(&left) + count <= of(&known), place, || {
                format!("{subject:?} is still there")
            });
        }
        for rule in added(before, after) {
            let is_cause = |finding: &&&Finding| {
                CAUSED
                    .iter()
                    .any(|(of, way, then, _)| (*of, *way, *then) == (finding.rule.id, 0, rule))
            };
            self.expect(
                taken.iter().any(|finding| is_cause(&finding)),
                place,
                || format!("causes {rule}"),
            );
        }
    }

    fn expect(&mut self, holds: bool, place: &str, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(format!("{place}: {}", otherwise()));
        }
    }
}

/// All that is here, and of what is outside a share: all of that takes many minutes.
fn share(texts: Vec<(String, String)>) -> impl Iterator<Item = (String, String)> {
    let is_thorough = std::env::var_os("KUBEHARDEN_THOROUGH").is_some();
    let is_ours = |name: &str| !name.contains("/corpus/");
    // The text has both line breaks next to each other.
    let texts = texts
        .into_iter()
        .enumerate()
        .filter(move |(place, (name, _))| is_thorough || is_ours(name) || place % 24 < 2);
    texts.map(|(_, text)| text)
}

#[test]
fn combined_edits_equal_single_fixes() {
    let config = Config::default();
    let mut sum = Sum::default();
    for (name, text) in share(texts(&["corpus"])) {
        sum.texts += 1;
        let report = analysis::analyze(&text, &config);
        for part in report.chunks() {
            for whole in wholes(part.analysis) {
                sum.take(
                    &format!("{name} at {}: {}", part.start, whole.name),
                    part.analysis,
                    &whole,
                    &config,
                );
            }
        }
        // The text between documents, and documents without fixes, are unchanged.
        for allowed in [
            &[Applicability::Safe][..],
            &[Applicability::Safe, Applicability::Unsafe],
        ] {
            let is_allowed = |finding: &Finding| {
                finding
                    .fix
                    .as_ref()
                    .is_some_and(|fix| allowed.contains(&fix.applicability))
            };
            let (mut spliced, mut done) = (String::new(), 0);
            for part in report.chunks().filter(|part| part.is_whole()) {
                spliced += &text[done..part.start];
                spliced += &part
                    .analysis
                    .apply_fixes((&config).into(), is_allowed)
                    .edits
                    .apply(part.analysis.text());
                done = part.start + part.analysis.text().len();
            }
            spliced += &text[done..];
            let fixed = analysis::fix_all(&text, &config, allowed).text;
            sum.expect(spliced == fixed, &name, || {
                "the file is not its documents".to_owned()
            });
        }
    }
    println!("{sum:#?}");
    assert!(sum.single > 200 && sum.repeated > 10);
    assert!(sum.wrong.is_empty(), "{:#?}", sum.wrong);
}

#[test]
fn fixes_converge() {
    let config = Config::default();
    for allowed in [
        &[Applicability::Safe][..],
        &[Applicability::Safe, Applicability::Unsafe],
        &[
            Applicability::Safe,
            Applicability::Unsafe,
            Applicability::Placeholder,
        ],
    ] {
        let (mut applied, mut changed, mut withheld) = (0, 0, BTreeMap::<String, usize>::new());
        for (name, text) in texts(&["corpus"]) {
            let fixed = analysis::fix_all(&text, &config, allowed);
            let again = analysis::fix_all(&fixed.text, &config, allowed);
            assert!(
                again.text == fixed.text && again.applied == 0,
                "{name}: a second run changes something:\n{}",
                fixed.text
            );
            let is_allowed = |finding: &Finding| {
                finding
                    .fix
                    .as_ref()
                    .is_some_and(|fix| allowed.contains(&fix.applicability))
            };
            let report = analysis::analyze(&fixed.text, &config);
            let left = report
                .findings()
                .map(|(_, finding)| finding)
                .filter(|&it| is_allowed(it));
            assert_eq!(
                left.count(),
                fixed.withheld.len(),
                "{name}: what is left is what is told"
            );
            applied += fixed.applied;
            changed += usize::from(fixed.text != text);
            for it in fixed.withheld {
                *withheld
                    .entry(format!("{}: {}", it.finding.rule.id, it.reason))
                    .or_default() += 1;
            }
        }
        println!("{allowed:?}: {applied} fixes in {changed} texts; withheld: {withheld:#?}");
        assert!(applied > 100);
    }
}

/// Other tests compare the rules of the Pod Security Standard `restricted` with Kubernetes' own verdicts: none of them
/// reports an allowed pod.
#[test]
fn all_fixes_reach_restricted() {
    let config = Config::default();
    let restricted = Config {
        profile: Profile::Restricted,
        ..Config::default()
    };
    let is_standard = |finding: &Finding| matches!(finding.rule.enablement, Enablement::Profile(_));
    let (mut pods, mut allowed) = (0, 0);
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, text) in texts(&["corpus", "conformance"]) {
        let fixed = analysis::fix_all(
            &text,
            &config,
            &[Applicability::Safe, Applicability::Unsafe],
        );
        let [before, after] = [&text, &fixed.text].map(|text| analysis::analyze(text, &restricted));
        for (
            old,
            Chunk {
                start, analysis, ..
            },
        ) in before.chunks().zip(after.chunks())
        {
            let has_pod = analysis
                .findings
                .iter()
                .chain(&old.analysis.findings)
                .any(is_standard);
            if analysis.kind == DocumentKind::Template || !has_pod {
                continue;
            }
            pods += 1;
            allowed += usize::from(!analysis.findings.iter().any(is_standard));
            for finding in analysis
                .findings
                .iter()
                .filter(|finding| is_standard(finding))
            {
                let offset = start + usize::from(finding.range.start());
                let is_told = |told: &analysis::RejectedFix| {
                    told.finding.rule.id == finding.rule.id && told.offset == offset
                };
                let is_left = |told: &analysis::UnfixedFinding| {
                    told.rule.id == finding.rule.id && told.offset == offset
                };
                let told =
                    fixed.withheld.iter().any(is_told) || fixed.unfixable.iter().any(is_left);
                assert!(
                    told,
                    "{name}: {} is left and not told:\n{}",
                    finding.rule.id, fixed.text
                );
                *left.entry(finding.rule.id).or_default() += 1;
            }
        }
    }
    println!(
        "{pods} documents that `restricted` finds fault with; allowed after every fix: {allowed}; left: {left:#?}"
    );
    assert!(allowed > 20);
}

/// What was written at a wrong place or under a wrong name is brought where it belongs, and not repeated there.
#[test]
fn moves_come_before_additions() {
    let head = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n    - name: web\n      image: x:1\n";
    for written in [
        "      # ours\n      capabilities:\n        drop: [ALL]\n",
        "      SecurityContext:\n        # ours\n        capabilities:\n          drop: [ALL]\n",
    ] {
        let fixed = analysis::fix_all(
            &format!("{head}{written}"),
            &Config::default(),
            &[Applicability::Safe, Applicability::Unsafe],
        );
        for (what, count) in [
            ("# ours", 1),
            ("capabilities:", 1),
            ("drop:", 1),
            ("securityContext:", 2),
            ("SecurityContext:", 0),
        ] {
            assert_eq!(
                fixed.text.matches(what).count(),
                count,
                "{what}:\n{}",
                fixed.text
            );
        }
        assert!(fixed.withheld.is_empty(), "{}", fixed.text);
    }
}

/// Rejections are found even if their rule is not selected.
#[test]
fn no_edit_is_rejected_by_the_api_server() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n    - name: web\n      image: x:1\n      \
                securityContext:\n        privileged: true\n        allowPrivilegeEscalation: true\n";
    let mut only = Config::default();
    only.rules.select.push("privilege-escalation".to_owned());
    let mut without = Config::default();
    without
        .rules
        .ignore
        .push("conflicting-security-context".to_owned());
    for config in [Config::default(), only, without] {
        let analysis = analysis::analyze_document(text, &config);
        let found = analysis
            .findings
            .iter()
            .find(|finding| finding.rule.id == "privilege-escalation")
            .expect("a finding");
        assert_eq!(found.fix, None);
        let path: Path = ["spec", "containers"].map(Step::Key).into_iter().collect();
        let path = path
            .index(0)
            .keys("securityContext.allowPrivilegeEscalation");
        let mut forged = found.clone();
        forged.fix(
            Applicability::Safe,
            "forbid it",
            [Change::Set {
                path,
                value: yaml::edit::Value::Bool(false),
            }],
        );
        let refusal = analysis
            .edits(&[&forged], (&config).into())
            .expect_err("a refusal")
            .to_string();
        assert_eq!(
            refusal,
            "the API server would reject the result: allowPrivilegeEscalation: false excludes privileged: true in container \"web\""
        );
    }
}

/// No fix changes a value whose finding is suppressed, however it is suppressed.
#[test]
fn suppressed_values_stay() {
    const POD: &str = "apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
    - name: web
      image: registry.example.com/web:1.4
      securityContext:
        runAsUser: 0
";
    let all = [Applicability::Safe, Applicability::Unsafe];
    let fixed = |text: &str, config: &Config| analysis::fix_all(text, config, &all);
    assert!(!fixed(POD, &Config::default()).text.contains("runAsUser: 0"));

    let annotation = "metadata:\n  annotations:\n    kubeharden.dev/ignore: \"root-user: why\"\n";
    let mut excepted = Config::default();
    excepted.exceptions.push(linter::config::Exception {
        rules: vec!["root-user".to_owned()],
        ..Default::default()
    });
    let mut off = Config::default();
    off.rules.severity.insert("root-user".to_owned(), None);
    let mut ignored = Config::default();
    ignored.rules.ignore.push("root-user".to_owned());
    for (text, config) in [
        (
            POD.replace("User: 0", "User: 0 # kubeharden: ignore[root-user] why"),
            Config::default(),
        ),
        (
            POD.replace(
                "    - name",
                "    # kubeharden: ignore[root-user]\n    - name",
            ),
            Config::default(),
        ),
        (POD.replace("metadata:\n", annotation), Config::default()),
        (POD.to_owned(), excepted),
        (POD.to_owned(), off),
        (POD.to_owned(), ignored),
    ] {
        let after = fixed(&text, &config);
        assert!(after.text.contains("runAsUser: 0"), "{}", after.text);
        let comments = |text: &str| text.matches("ignore").count();
        assert_eq!(comments(&after.text), comments(&text), "{}", after.text);
        assert!(after.applied > 0, "other findings are fixed");
        assert!(
            after
                .withheld
                .iter()
                .any(|withheld| withheld.reason.to_string().contains("suppressed")),
            "{text}"
        );
    }
}
