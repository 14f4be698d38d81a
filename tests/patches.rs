//! JSON patches: what an operation writes is judged as what it will be, and nothing else is.

use kubeharden::config::{Config, Part, Surroundings};
use kubeharden::engine::{self, Analysis};
use kubeharden::k8s::{self, Object, Pod, Target};
use kubeharden::rules;
use kubeharden::yaml::{Entry, Kind, Node, Path, Range, Resolved, Step, Yaml};
use std::collections::{BTreeSet, HashMap};

fn target(kind: &str, group: &str) -> Target {
    let named = |word: &str| (!word.is_empty()).then(|| word.into());
    Target { kind: named(kind), group: named(group), version: None }
}

fn held_to(target: Target, config: Config) -> Config {
    Config { surroundings: Surroundings { part: Part::Patch, target, ..Surroundings::default() }, ..config }
}

/// The YAML blocks on the pages of all rules.
fn examples() -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for rule in rules::ALL {
        let mut is_open = false;
        for line in rule.docs.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)) {
            match (is_open, line) {
                (false, line) if line.starts_with("```yaml ") => {
                    is_open = true;
                    found.push(String::new());
                }
                (true, "```") => is_open = false,
                (true, line) => found.last_mut().expect("opened").extend([line, "\n"]),
                _ => {}
            }
        }
    }
    found
}

fn all_rules() -> Config {
    let mut config = Config { no_ignores: true, ..Config::default() };
    config.rules.select = rules::ALL.iter().map(|rule| rule.id.to_owned()).collect();
    config.values.allowed_registries.push("registry.example.com".to_owned());
    config
}

fn json(node: Node<'_>) -> String {
    let node = node.resolve().expect("an alias leads somewhere");
    let joined = |parts: Vec<String>| parts.join(", ");
    match node.kind() {
        Kind::Mapping => {
            let entry = |entry: Entry<'_>| format!("{:?}: {}", entry.key.as_str().unwrap_or_default(), json(entry.value));
            format!("{{{}}}", joined(node.entries().map(entry).collect()))
        }
        Kind::Sequence => format!("[{}]", joined(node.items().map(json).collect())),
        _ => match node.resolved() {
            Some(Resolved::Str(text)) => serde_json::Value::from(text).to_string(),
            Some(Resolved::Null) | None => "null".to_owned(),
            Some(_) => node.source().to_owned(),
        },
    }
}

fn pointer(path: &Path) -> String {
    let step = |step: &Step| match step {
        Step::Key(key) => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Step::Index(index) => format!("/{index}"),
    };
    path.steps().iter().map(step).collect()
}

/// Where a finding of a whole document is, as a pointer.
fn place(yaml: &Yaml, range: Range) -> String {
    yaml.covering(range.start()).map(|node| pointer(&node.path())).unwrap_or_default()
}

/// Where a finding of the only operation of a patch is in what is patched.
fn place_of_operation(yaml: &Yaml, range: Range, path: &str) -> String {
    let place = place(yaml, range);
    if let Some(below) = place.strip_prefix("/0/value") {
        return format!("{path}{below}");
    }
    if place != "/0/path" {
        return format!("{place} of the patch");
    }
    let before = &yaml.text()[..usize::from(range.end())];
    before[before.find("\"/").expect("a pointer") + 1..].to_owned()
}

/// Rules with the places that they tell of.
type Told = BTreeSet<(&'static str, String)>;

/// What is told of a document, but for what is said to be missing in it.
fn told(analysis: &Analysis, place: impl Fn(Range) -> String) -> Told {
    let present = analysis.findings.iter().filter(|finding| !finding.subject.absent);
    present.map(|finding| (finding.rule.id, place(finding.range))).collect()
}

/// Holds whole objects against the operations that would write each of their parts.
struct Comparison {
    is_kind_known: bool,
    /// By the kind and the text of a patch: many objects have the same parts.
    known: HashMap<(String, String), Told>,
    /// What operations alone are told of.
    wrong: BTreeSet<String>,
    rules: BTreeSet<&'static str>,
}

impl Comparison {
    fn compare(&mut self, text: &str) {
        for part in engine::analyze(text, &all_rules()).parts() {
            let analysis = part.analysis;
            let objects = k8s::objects(&analysis.yaml);
            let object = objects.first().filter(|object| Some(object.node) == analysis.yaml.root());
            // What another part of the pod excuses is told of in the operation, which is all that there is to see.
            let is_excused = |pod: &Pod<'_>| pod.is_windows() || pod.has_user_namespace();
            let is_whole = analysis.yaml.errors().is_empty();
            let Some(object) = object.filter(|object| is_whole && !object.pod.as_ref().is_some_and(is_excused)) else { continue };
            let whole = told(analysis, |range| place(&analysis.yaml, range));
            for node in analysis.yaml.nodes().filter(|node| node.parent().is_some()) {
                let is_key = node.parent().is_some_and(|parent| parent.entries().any(|entry| entry.key == node));
                if !is_key {
                    self.compare_part(object, node, &whole);
                }
            }
        }
    }

    fn compare_part(&mut self, object: &Object<'_>, node: Node<'_>, whole: &Told) {
        let path = pointer(&node.path());
        let patch = format!("[{{\"op\": \"add\", \"path\": {path:?}, \"value\": {}}}]", json(node));
        let group = object.api_version.split_once('/').map_or("", |(group, _)| group);
        let target = if self.is_kind_known { target(object.kind, group) } else { Target::default() };
        let key = (format!("{target:?}"), patch);
        let by_operation = self.known.entry(key.clone()).or_insert_with(|| {
            let found = engine::analyze_document(&key.1, &held_to(target, all_rules()));
            assert!(found.findings.iter().all(|finding| !finding.subject.absent && finding.fix.is_none()), "{}", key.1);
            told(&found, |range| place_of_operation(&found.yaml, range, &path))
        });
        for finding in by_operation.iter() {
            match whole.contains(finding) {
                true => _ = self.rules.insert(finding.0),
                false => _ = self.wrong.insert(format!("{finding:?}: {}", key.1)),
            }
        }
    }
}

/// Objects that were made to be refused, and others that were made to be held against the standards.
fn made() -> Vec<String> {
    let lines = |name: &str, key: &'static str, every: usize| -> Vec<String> {
        let text = std::fs::read_to_string(format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))).expect("readable");
        let object = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON")[key].to_string();
        text.lines().step_by(every).map(object).collect()
    };
    [lines("refused.jsonl", "manifest", 1), lines("verdicts.jsonl", "pod", 9)].concat()
}

#[test]
fn what_an_operation_writes_is_told_of_where_it_is_in_the_whole_object() {
    for is_kind_known in [true, false] {
        let mut comparison = Comparison { is_kind_known, known: HashMap::new(), wrong: BTreeSet::new(), rules: BTreeSet::new() };
        examples().iter().chain(&made()).for_each(|text| comparison.compare(text));
        let Comparison { known, wrong, rules, .. } = comparison;
        println!("{} operations, {} rules: {rules:?}", known.len(), rules.len());
        assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), Vec::from_iter(wrong).join("\n"));
        assert!(rules.len() > 30, "{rules:?}");
    }
}
