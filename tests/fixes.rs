//! Every edit that is offered for real manifests, one by one and together: what it may change, and that it settles what it is for.
//!
//! What an edit changes is found out here from the two trees, apart from how the edit came about. The manifests are those under
//! `fixtures/`, the bad examples of the rules' pages, and, where it stands beside the repository or where `KUBEHARDEN_SHARED` says, a
//! corpus of real ones; for the verdicts Kubernetes' own cases too. Each test prints its figures.

#![allow(clippy::print_stdout, reason = "it prints its figures, and what it skips")]

use kubeharden::config::{Config, Profile};
use kubeharden::engine::{self, Analysis, Part, Sight};
use kubeharden::rules::{self, Finding, Fix, Safety, Scope};
use kubeharden::yaml::edit::Change;
use kubeharden::yaml::{Kind, Node, Path, Step};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

/// Every text with its name, once with each line break: those of the package, and those of some folders outside of it.
fn texts(outside: &[&str]) -> Vec<(String, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = std::env::var_os("KUBEHARDEN_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let mut texts = Vec::new();
    for folder in std::iter::once(root.join("fixtures")).chain(outside.iter().map(|folder| shared.join(folder))) {
        match folder.is_dir() {
            true => collect(&folder, &mut texts),
            false => println!("skipped: {} is not there", folder.display()),
        }
    }
    for rule in rules::ALL {
        let page = rule.markdown();
        let blocks = page.split("```yaml bad\n").skip(1).filter_map(|rest| rest.split("```").next());
        texts.extend(blocks.map(|text| (format!("example of {}", rule.id), text.to_owned())));
    }
    let both = |(name, text): (String, String)| {
        let lf = text.replace("\r\n", "\n");
        [(format!("{name}, CRLF"), lf.replace('\n', "\r\n")), (name, lf)]
    };
    texts.into_iter().flat_map(both).collect()
}

fn collect(folder: &std::path::Path, texts: &mut Vec<(String, String)>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            texts.push((path.display().to_string(), fs::read_to_string(&path).expect("text")));
        }
    }
}

/// A tree as what a reader meets at each of its paths; a path that a key written twice has names what is read.
fn flat(analysis: &Analysis) -> BTreeMap<Path, String> {
    fn walk(node: Node<'_>, path: &Path, into: &mut BTreeMap<Path, String>) {
        let said = match node.kind() {
            Kind::Mapping => "a mapping".to_owned(),
            Kind::Sequence => "a list".to_owned(),
            Kind::Alias => node.source().to_owned(),
            Kind::Empty => "nothing".to_owned(),
            Kind::Scalar(style) => format!("{style:?} {:?}", node.as_str()),
        };
        into.insert(path.clone(), format!("{:?} {:?} {said}", node.anchor(), node.tag()));
        node.entries().for_each(|entry| walk(entry.value, &path.key(entry.key.as_str().unwrap_or_default()), into));
        node.items().enumerate().for_each(|(index, item)| walk(item, &path.index(index), into));
    }
    let mut tree = BTreeMap::new();
    if let Some(root) = analysis.yaml.root() {
        walk(root, &Path::default(), &mut tree);
    }
    tree
}

/// The paths that a change may make different: all below what it names, and the way there where that was empty or becomes so. An
/// item that goes moves those behind it.
fn may_differ(changes: &[Change], path: &Path) -> bool {
    let below = |named: &Path| path.starts_with(named);
    let on_the_way = |named: &Path| named.starts_with(path);
    let in_its_list = |named: &Path| match named.steps().split_last() {
        Some((Step::Index(_), way)) => below(&way.iter().cloned().collect()),
        _ => false,
    };
    changes.iter().any(|change| match change {
        Change::Set { path: named, .. } | Change::Append { path: named, .. } => below(named) || on_the_way(named),
        Change::Remove { path: named } => below(named) || on_the_way(named) || in_its_list(named),
        Change::Rename { path: named, key } => {
            let parent: Path = named.steps().split_last().map_or_else(Path::default, |(_, way)| way.iter().cloned().collect());
            below(named) || below(&parent.key(key))
        }
        Change::Move { from, to } => [from, to].iter().any(|named| below(named) || on_the_way(named)),
        Change::Comment { .. } | Change::NewComment { .. } => false,
    })
}

/// The path of the first place at which two trees differ without having been named.
fn stray(before: &Analysis, after: &Analysis, changes: &[Change]) -> Option<Path> {
    let (before, after) = (flat(before), flat(after));
    let paths: BTreeSet<&Path> = before.keys().chain(after.keys()).collect();
    paths.into_iter().find(|path| before.get(path) != after.get(path) && !may_differ(changes, path)).cloned()
}

fn comments(analysis: &Analysis) -> Vec<&str> {
    analysis.yaml.comments().iter().map(|&range| &analysis.text()[range]).collect()
}

/// The comments that an edit took away, those that moved not among them; an error where one came to be.
fn lost_comments(before: &Analysis, after: &Analysis) -> Result<Vec<String>, String> {
    let mut left: Vec<&str> = comments(before);
    for comment in comments(after) {
        let place = left.iter().position(|other| *other == comment).ok_or_else(|| format!("made up {comment:?}"))?;
        left.remove(place);
    }
    Ok(left.into_iter().map(str::to_owned).collect())
}

type Subject = (&'static str, Option<usize>, Option<String>);

/// How many findings there are of each rule in each container and object.
fn counted(analysis: &Analysis) -> BTreeMap<Subject, usize> {
    let mut counts = BTreeMap::new();
    for Finding { rule, subject, .. } in &analysis.findings {
        *counts.entry((rule.id, subject.object, subject.container.clone())).or_default() += 1;
    }
    counts
}

/// What there is more of after an edit than before.
fn added(before: &Analysis, after: &Analysis) -> Vec<&'static str> {
    let known = counted(before);
    let more = |subject: &Subject, count: usize| count > known.get(subject).copied().unwrap_or_default();
    counted(after).into_iter().filter(|(subject, count)| more(subject, *count)).map(|((rule, ..), _)| rule).collect()
}

/// What an edit may bring to light: the rule whose fix it is, which of its ways, and the rule that then speaks, with the reason.
const CAUSED: [(&str, usize, &str, &str); 1] = [(
    "deprecated-apparmor-annotation",
    0,
    "unconfined-apparmor",
    "what the annotation of the pod said of a container becomes a field of the container",
)];

#[test]
fn each_offered_edit_changes_what_it_says_and_settles_its_finding() {
    let config = Config::default();
    let mut tally = Tally::default();
    for (name, text) in texts(&["corpus"]) {
        for Part { analysis, .. } in engine::analyze(&text, &config).parts() {
            // What an ignore becomes is held to its own promises where ignores are.
            for finding in analysis.findings.iter().filter(|finding| finding.rule.id != "unused-ignore") {
                for (number, way) in finding.each_way().enumerate() {
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
    fn edit(&mut self, place: &str, analysis: &Analysis, way: &Finding, number: usize, config: &Config) {
        let Some(Fix { changes, .. }) = &way.fix else { return };
        self.offered += 1;
        let edits = analysis.edits(&[way], config);
        if analysis.obstacle(way).is_some() {
            self.obstructed += 1;
            self.expect(edits.is_err(), place, || "an obstacle that is none".to_owned());
            return;
        }
        let edits = match edits {
            Ok(edits) => edits,
            Err(reason) => {
                *self.refused.entry(format!("{}: {reason}", way.rule.id)).or_default() += 1;
                return;
            }
        };
        self.given += 1;
        let text = edits.apply(analysis.text());
        let after = engine::analyze_document(&text, config);
        self.expect(after.yaml.errors().is_empty(), place, || format!("{:?}", after.yaml.errors()));
        if let Some(path) = stray(analysis, &after, changes) {
            self.wrong.push(format!("{place}: {path} differs"));
        }
        let is_crlf = analysis.text().contains("\r\n");
        self.expect(!is_crlf || !text.replace("\r\n", "").contains('\n'), place, || "a line break of another kind".to_owned());
        match lost_comments(analysis, &after) {
            Err(made_up) => self.wrong.push(format!("{place}: {made_up}")),
            Ok(lost) => {
                let removes = changes.iter().any(|change| matches!(change, Change::Remove { .. }));
                self.expect(lost.is_empty() || removes, place, || format!("lost {lost:?}"));
                self.comments.extend(lost.into_iter().map(|comment| format!("{}: {comment}", way.rule.id)));
            }
        }
        let (before_count, after_count) = (counted(analysis), counted(&after));
        let subject = (way.rule.id, way.subject.object, way.subject.container.clone());
        let settled = after_count.get(&subject) < before_count.get(&subject);
        self.expect(settled, place, || "its finding is still there".to_owned());
        for rule in added(analysis, &after) {
            let known = CAUSED.iter().any(|(of, which, then, _)| (*of, *which, *then) == (way.rule.id, number, rule));
            self.expect(known, place, || format!("causes {rule}"));
        }
    }

    fn expect(&mut self, holds: bool, place: &str, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(format!("{place}: {}", otherwise()));
        }
    }
}

#[test]
fn all_fixes_together_converge() {
    let config = Config::default();
    for allowed in [&[Safety::Safe][..], &[Safety::Safe, Safety::Review], &[Safety::Safe, Safety::Review, Safety::Ask]] {
        let (mut applied, mut changed, mut withheld) = (0, 0, BTreeMap::<String, usize>::new());
        for (name, text) in texts(&["corpus"]) {
            let fixed = engine::fix_all(&text, &config, allowed);
            let again = engine::fix_all(&fixed.text, &config, allowed);
            assert!(again.text == fixed.text && again.applied == 0, "{name}: a second run changes something:\n{}", fixed.text);
            let is_allowed = |finding: &Finding| finding.fix.as_ref().is_some_and(|fix| allowed.contains(&fix.safety));
            let report = engine::analyze(&fixed.text, &config);
            let left = report.findings().map(|(_, finding)| finding).filter(|&it| is_allowed(it));
            assert_eq!(left.count(), fixed.withheld.len(), "{name}: what is left is what is told");
            applied += fixed.applied;
            changed += usize::from(fixed.text != text);
            for it in fixed.withheld {
                *withheld.entry(format!("{}: {}", it.finding.rule.id, it.reason)).or_default() += 1;
            }
        }
        println!("{allowed:?}: {applied} fixes in {changed} texts; withheld: {withheld:#?}");
        assert!(applied > 100);
    }
}

/// The rules that stand for the Pod Security Standard `restricted` are held to Kubernetes' own verdicts elsewhere: none of them
/// speaks of a pod that is allowed.
#[test]
fn after_all_fixes_that_a_person_may_take_pods_are_restricted_but_for_what_is_told() {
    let config = Config::default();
    let restricted = Config { profile: Profile::Restricted, ..Config::default() };
    let is_standard = |finding: &Finding| matches!(finding.rule.scope, Scope::From(_));
    let (mut pods, mut allowed) = (0, 0);
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, text) in texts(&["corpus", "conformance"]) {
        let fixed = engine::fix_all(&text, &config, &[Safety::Safe, Safety::Review]);
        let [before, after] = [&text, &fixed.text].map(|text| engine::analyze(text, &restricted));
        for (old, Part { start, analysis, .. }) in before.parts().zip(after.parts()) {
            let has_pod = analysis.findings.iter().chain(&old.analysis.findings).any(is_standard);
            if analysis.sight == Sight::Template || !has_pod {
                continue;
            }
            pods += 1;
            allowed += usize::from(!analysis.findings.iter().any(is_standard));
            for finding in analysis.findings.iter().filter(|finding| is_standard(finding)) {
                let offset = start + usize::from(finding.range.start());
                let is_told = |told: &engine::Withheld| told.finding.rule.id == finding.rule.id && told.offset == offset;
                let is_left = |told: &engine::Unfixable| told.rule.id == finding.rule.id && told.offset == offset;
                let told = fixed.withheld.iter().any(is_told) || fixed.unfixable.iter().any(is_left);
                assert!(told, "{name}: {} is left and not told:\n{}", finding.rule.id, fixed.text);
                *left.entry(finding.rule.id).or_default() += 1;
            }
        }
    }
    println!("{pods} documents that `restricted` finds fault with; allowed after every fix: {allowed}; left: {left:#?}");
    assert!(allowed > 20);
}

/// What a rule forgets to look at is looked at all the same, even where nobody wants to be told of it.
#[test]
fn no_edit_leads_to_what_a_cluster_refuses() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n    - name: web\n      image: x:1\n      \
                securityContext:\n        privileged: true\n";
    let mut only = Config::default();
    only.rules.select.push("privilege-escalation".to_owned());
    let mut without = Config::default();
    without.rules.ignore.push("conflicting-security-context".to_owned());
    for config in [Config::default(), only, without] {
        let analysis = engine::analyze_document(text, &config);
        let found = analysis.findings.iter().find(|finding| finding.rule.id == "privilege-escalation").expect("a finding");
        assert_eq!(found.fix, None);
        let path: Path = ["spec", "containers"].map(|key| Step::Key(key.into())).into_iter().collect();
        let path = path.index(0).keys("securityContext.allowPrivilegeEscalation");
        let mut forged = found.clone();
        forged.fix(Safety::Safe, "forbid it", [Change::Set { path, value: kubeharden::yaml::edit::Value::Bool(false) }]);
        let refusal = analysis.edits(&[&forged], &config).expect_err("a refusal").to_string();
        assert_eq!(refusal, "a cluster would refuse the result: container \"web\" is privileged, which this value excludes");
    }
}
