//! What is kept between keystrokes changes nothing but the time that they take: after any edits a report is what one from scratch
//! is, and what an edit does not touch is not even looked at.

use linter::analysis::{self, Analysis, Chunk, Report, analyze, analyze_chunk, analyze_document};
use linter::config::Config;
use std::borrow::Cow;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, iter};
use text::Text;
use workspace::cross_references::{Fact, ReferencedKind};
use yaml::NodeKind;
use yaml::chunks::{self, Outline};

const PODS: &str = "\
# a comment
apiVersion: v1
kind: Pod
metadata:
  name: é𝄞
spec:
  containers:
    - name: web
      image: web:1.4
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: shop }
spec:
  template:
    spec:
      hostNetwork: true
      containers:
        - { name: shop, image: shop }
---
apiVersion: v1
kind: Pod
spec: { containers: [{ name: last, image: last, securityContext: { privileged: true } }] }
";

const LIST: &str = "\
# all of it
apiVersion: v1
items:
  # the first
  - apiVersion: v1
    kind: Pod
    metadata: {name: one}
    spec:
      containers:
      - {name: web, image: web}
      - name: second
        image: |
          - no item

          # no comment
  # the second
  # in two lines

  - kind: Service
    apiVersion: v1
    metadata:
      annotations: {a: &a b, c: *a}

  -
    apiVersion: v1
    kind: Pod
    spec:
      containers: [{name: last, image: last}]
      # the end
kind: List
metadata:
  finalizers:
  - a
...
---
kind: PodList
apiVersion: v1
items:
- metadata: {name: a}
  spec: {containers: [{name: a, image: a}]}
- metadata: {name: b}
  spec: {containers: [{name: b, image: b}]}
";

/// A definition of a custom resource with a long schema, in two versions.
fn long_schema() -> String {
    let mut text = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: tests.example.com}
spec:
  group: example.com
  versions:
"
    .to_owned();
    for version in ["v1", "v2"] {
        writeln!(
            text,
            "  - name: {version}\n    schema:\n      openAPIV3Schema:\n        properties:"
        )
        .expect("text takes all");
        for index in 0..300 {
            let more = match index % 5 {
                0 => "description: |\n  no key: at all\n\n    deeper: still\ntype: string",
                1 => "description: >-\n  folded\n   x: y\nenum:\n- a\n- \"b: c\"\n- d",
                2 => {
                    "properties:\n  a:\n    items:\n      properties:\n        b: {type: string}\n    type: array\nrequired: [a,\n  b]"
                }
                3 => {
                    "oneOf:\n- required:\n  - a\n- description: plain\n    on two lines\n  required:\n  - b\ntype: object"
                }
                _ => {
                    "description: 'quoted\n  on: two'\ndefault:\n  nested:\n    - deeper: {x: 1,\n        y: 2}\n"
                }
            };
            writeln!(text, "          field{index}:").expect("text takes all");
            more.lines()
                .for_each(|line| writeln!(text, "            {line}").expect("text takes all"));
        }
        text.push_str("        type: object\n    served: true\n    storage: true\n    # between\n");
    }
    text + "  scope: Namespaced\nscope: no field\n"
}

/// All that a report says, as text.
fn told(report: &Report) -> String {
    let mut told = String::new();
    for part in report.chunks() {
        let Chunk {
            start,
            document,
            analysis,
            ..
        } = part;
        writeln!(
            told,
            "{start} {document} {:?} {:?}",
            analysis.text(),
            analysis.objects
        )
        .expect("text takes all");
        for finding in &analysis.findings {
            let place = part.place(finding.range);
            writeln!(
                told,
                "{place:?} {} {} {:?}",
                finding.rule.id, finding.message, finding.fix
            )
            .expect("text takes all");
        }
        writeln!(told, "{:?}", analysis.yaml().errors()).expect("text takes all");
    }
    report
        .facts()
        .for_each(|fact| writeln!(told, "{fact:?}").expect("text takes all"));
    told
}

/// xorshift: random enough, and the same on every machine.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(u64::wrapping_mul(seed + 1, 0x9E37_79B9_7F4A_7C15))
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("less than a usize")
    }

    fn boundary(&mut self, text: &str) -> usize {
        let wanted = self.below(text.len() + 1);
        (0..=wanted)
            .rev()
            .find(|&at| text.is_char_boundary(at))
            .expect("0 is one")
    }

    /// Where a line begins.
    fn line(&mut self, text: &str) -> usize {
        let at = self.boundary(text);
        text[..at].rfind('\n').map_or(0, |at| at + 1)
    }
}

/// What a person, or a tool, does to a text.
struct Step {
    replaced: std::ops::Range<usize>,
    with: String,
}

impl Step {
    fn random(text: &str, random: &mut Random) -> Step {
        const PIECES: [&str; 26] = [
            "a",
            "\n",
            "---\n",
            "...\n",
            "  ",
            ": ",
            "- ",
            "\"",
            "{",
            "#",
            "𝄞",
            "\r\n",
            "items:\n",
            "items:",
            "kind: List\n",
            "kind",
            "\n- a: b",
            "\n  - a: b\n",
            "'",
            "[",
            "]\n",
            "*a",
            "&a ",
            "{{ x }}",
            "\r",
            "|\n",
        ];
        match random.below(8) {
            // A line is indented or not.
            0 => {
                let at = random.line(text);
                let spaces = text[at..].len() - text[at..].trim_start_matches(' ').len();
                let removed = random.below(spaces.min(4) + 1);
                Step {
                    replaced: at..at + removed,
                    with: " ".repeat(random.below(4)),
                }
            }
            // Lines are pasted, or moved to another place.
            1 => {
                let ends = [random.line(text), random.line(text)];
                let lines = &text[ends[0].min(ends[1])..ends[0].max(ends[1])];
                let lines: String = lines.split_inclusive('\n').take(12).collect();
                let at = random.line(text);
                Step {
                    replaced: at..at,
                    with: lines,
                }
            }
            // Lines are deleted.
            2 => {
                let at = random.line(text);
                let lines: usize = text[at..]
                    .split_inclusive('\n')
                    .take(random.below(9))
                    .map(str::len)
                    .sum();
                Step {
                    replaced: at..at + lines,
                    with: String::new(),
                }
            }
            // Text at the start of a line is typed.
            3 => {
                let at = random.line(text);
                Step {
                    replaced: at..at,
                    with: PIECES[random.below(PIECES.len())].to_owned(),
                }
            }
            _ => {
                let start = random.boundary(text);
                let end = (start + random.below(12)).min(text.len());
                let end = (start..=end)
                    .rev()
                    .find(|&at| text.is_char_boundary(at))
                    .expect("start is one");
                let with = (0..random.below(3))
                    .map(|_| PIECES[random.below(PIECES.len())])
                    .collect();
                Step {
                    replaced: start..end,
                    with,
                }
            }
        }
    }

    fn apply(&self, text: &str) -> String {
        format!(
            "{}{}{}",
            &text[..self.replaced.start],
            self.with,
            &text[self.replaced.end..]
        )
    }

    /// What takes it back.
    fn undo(&self, before: &str) -> Step {
        let start = self.replaced.start;
        Step {
            replaced: start..start + self.with.len(),
            with: before[self.replaced.clone()].to_owned(),
        }
    }
}

/// Edits a text at random, with some edits taken back, and hands each step over with the text behind it.
fn edit_at_random(text: &str, seed: u64, steps: usize, mut with: impl FnMut(&Step, &str)) {
    let mut random = Random::new(seed);
    let mut text = text.to_owned();
    let mut undo: Vec<Step> = Vec::new();
    for _ in 0..steps {
        let step = match undo.pop() {
            Some(step) if random.below(3) == 0 => step,
            _ => {
                let step = Step::random(&text, &mut random);
                undo.push(step.undo(&text));
                step
            }
        };
        text = step.apply(&text);
        // What was to be taken back was about an older text.
        undo.retain(|step| {
            text.is_char_boundary(step.replaced.start) && text.is_char_boundary(step.replaced.end)
        });
        with(&step, &text);
    }
}

fn files() -> Vec<(PathBuf, String)> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let mut folders = vec![root.join("fixtures"), root.join("../shared/corpus")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.map(|entry| entry.expect("a folder is read").path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "yaml" || extension == "yml")
                && let Ok(text) = fs::read_to_string(&path)
            {
                files.push((path, text));
            }
        }
    }
    files.sort();
    files
}

/// The documents of a text as the items of one list, where they can be.
fn as_list(text: &str) -> String {
    let documents = text
        .split("\n---")
        .filter(|document| !document.trim().is_empty());
    let items = documents.map(|document| {
        let lines = document.trim_start_matches('\n').lines().enumerate();
        lines
            .map(|(index, line)| format!("{}{line}\n", if index == 0 { "- " } else { "  " }))
            .collect::<String>()
    });
    format!(
        "apiVersion: v1\nkind: List\nitems:\n{}",
        items.collect::<String>()
    )
}

/// How much is tried in all; as many times more as a long run asks for.
fn budget(usual: usize) -> usize {
    usual
        * env::var("KUBEHARDEN_PATIENCE")
            .ok()
            .and_then(|times| times.parse().ok())
            .unwrap_or(1)
}

#[test]
fn chunks_survive_random_edits() {
    let files = files();
    let texts = files
        .iter()
        .flat_map(|(_, text)| [text.clone(), as_list(text)]);
    let own = [PODS.to_owned(), LIST.to_owned()]
        .into_iter()
        .chain(iter::repeat_n(long_schema(), 30));
    let texts: Vec<String> = texts.chain(own).collect();
    // Each is compared with an outline from scratch, which takes a while where the text is long.
    let each = |text: &str| (budget(30_000_000) / texts.len() / text.len().max(500)).clamp(3, 200);
    let mut edits = 0;
    for (seed, text) in texts.iter().enumerate() {
        let mut outline = Outline::new(text);
        edit_at_random(text, seed as u64, each(text), |step, text| {
            outline.edit(step.replaced.clone(), step.with.len(), |range| {
                Cow::Borrowed(&text[range])
            });
            assert_eq!(
                outline,
                Outline::new(text),
                "{:?} {:?} in {text:?}",
                step.replaced,
                step.with
            );
            edits += 1;
        });
    }
    println!(
        "{edits} random edits in {} texts: the parts are those found from scratch",
        texts.len()
    );
}

#[test]
fn edited_report_equals_new_report() {
    let config = Config::default();
    let small = files()
        .into_iter()
        .map(|(_, text)| text)
        .filter(|text| text.len() < 3000);
    let corpus = small.flat_map(|text| [as_list(&text), text]).step_by(7);
    let own = [PODS, LIST]
        .iter()
        .map(|text| (*text).to_owned())
        .cycle()
        .take(40);
    let texts: Vec<String> = own
        .chain(iter::repeat_n(long_schema(), 4))
        .chain(corpus)
        .collect();
    let each = budget(1_000) / texts.len();
    let (mut edits, mut analysed, mut parts) = (0, AtomicUsize::new(0), 0);
    for (seed, text) in texts.iter().enumerate() {
        let mut report = analyze(text, &config);
        edit_at_random(text, seed as u64, each, |step, text| {
            let read = |range: std::ops::Range<usize>| Cow::Borrowed(&text[range]);
            report.edit(step.replaced.clone(), step.with.len(), read);
            report.analyze(read, |text, role, context| {
                analysed.fetch_add(1, Ordering::Relaxed);
                analyze_chunk(text, role, context, (&config).into())
            });
            assert_eq!(
                told(&report),
                told(&analyze(text, &config)),
                "{:?} {:?} in {text}",
                step.replaced,
                step.with
            );
            edits += 1;
            parts += report.chunks().count();
        });
    }
    println!(
        "{edits} random edits in {} texts: {} of {parts} parts read again",
        texts.len(),
        analysed.get_mut()
    );
}

fn follow(
    report: &mut Report,
    text: &str,
    replaced: std::ops::Range<usize>,
    inserted: usize,
) -> usize {
    let count = AtomicUsize::new(0);
    let read = |range: std::ops::Range<usize>| Cow::Borrowed(&text[range]);
    report.edit(replaced, inserted, read);
    report.analyze(read, |text, role, context| {
        count.fetch_add(1, Ordering::Relaxed);
        analyze_chunk(text, role, context, (&Config::default()).into())
    });
    count.into_inner()
}

fn analyses(report: &Report) -> Vec<Arc<Analysis>> {
    report
        .chunks()
        .map(|part| Arc::clone(part.analysis))
        .collect()
}

#[test]
fn unchanged_chunks_are_reused() {
    for text in [PODS, LIST] {
        let mut report = analyze(text, &Config::default());
        let before = analyses(&report);
        let at = text.find("image: web").expect("an image") + "image: web".len();
        let edited = format!("{}:2{}", &text[..at], &text[at..]);
        assert_eq!(follow(&mut report, &edited, at..at, 2), 1);
        let after = analyses(&report);
        assert_eq!(before.len(), after.len());
        assert_eq!(
            before
                .iter()
                .zip(&after)
                .filter(|(before, after)| !Arc::ptr_eq(before, after))
                .count(),
            1
        );
    }
}

/// The scalars of a text with their places.
fn scalars<'r>(parts: impl Iterator<Item = Chunk<'r>>) -> Vec<(std::ops::Range<usize>, String)> {
    let scalars = parts.flat_map(|part| {
        let scalars = part
            .analysis
            .yaml()
            .nodes()
            .filter(|node| !node.range().is_empty() && node.kind() != NodeKind::Alias);
        scalars
            .filter_map(move |node| Some((part.place(node.range()), node.as_str()?.to_owned())))
            .collect::<Vec<_>>()
    });
    let mut scalars: Vec<_> = scalars.collect();
    scalars.sort_by_key(|(range, _)| (range.start, range.end));
    scalars
}

#[test]
fn chunks_match_whole_document() {
    let mut config = Config::default();
    config.rules.select.push("host-pid".to_owned());
    let corpus = files()
        .into_iter()
        .flat_map(|(_, text)| [as_list(&text), text]);
    let (mut compared, mut parts) = (0, 0);
    for text in corpus.chain([PODS.to_owned(), LIST.to_owned(), long_schema()]) {
        let report = analyze(&text, &config);
        for range in chunks::documents(&text) {
            let document = report.chunks().filter(|part| range.contains(&part.start));
            if document.clone().count() < 2 {
                continue;
            }
            let whole = analyze_document(&text[range.clone()], &config);
            if !whole.yaml().errors().is_empty() {
                continue;
            }
            let whole_scalars = whole
                .yaml()
                .nodes()
                .filter(|node| !node.range().is_empty() && node.kind() != NodeKind::Alias);
            let start = range.start;
            let place = |range: yaml::Range| {
                start + usize::from(range.start())..start + usize::from(range.end())
            };
            let whole: Vec<_> = whole_scalars
                .filter_map(|node| Some((place(node.range()), node.as_str()?.to_owned())))
                .collect();
            parts += document.clone().count();
            compared += whole.len();
            assert_eq!(scalars(document), whole, "{text}");
        }
    }
    println!("{compared} scalars in {parts} parts: each as in its document read as a whole");
}

#[test]
fn chunks_know_their_lines() {
    let config = Config::default();
    for text in [
        PODS.to_owned(),
        LIST.to_owned(),
        long_schema(),
        PODS.replace("---", "...\n---"),
    ] {
        for brk in ["\n", "\r\n", "\r", "\r\r\n", "\n\r"] {
            let text = text.replace('\n', brk);
            let (report, rope) = (analyze(&text, &config), Text::from(text.as_str()));
            for part in report.chunks() {
                assert_eq!(
                    part.line,
                    rope.line(part.start),
                    "the part at {} with {brk:?} in {text}",
                    part.start
                );
            }
        }
    }
}

#[test]
fn dropped_trees_are_parsed_again() {
    let template = "apiVersion: v1\nkind: Pod\n{{- if .a }}\nspec: {hostPID: true}\n{{- end }}\n";
    let patch = "apiVersion: v1\nkind: Pod\n$patch: merge\nspec: {hostPID: true, containers: [{name: a}]}\n";
    let broken = "apiVersion: v1\nkind: Pod\nspec:\n  hostPID: true\n  containers\n  - {name: a, image: b}\n";
    let each = [PODS, template, patch, broken, "a: 1\n"].join("---\n");
    let text = vec![each.as_str(); (128 << 10) / each.len() + 2].join("---\n");
    let config = Config::default();
    let report = analyze(&text, &config);
    // What was told apart once is told apart once more, and where it was not.
    for (part, range) in report.chunks().zip(chunks::documents(&text)).take(24) {
        let (kept, again) = (analyze_document(&text[range], &config), part.analysis);
        let shown = |analysis: &Analysis| {
            let nodes = analysis
                .yaml()
                .nodes()
                .map(|node| (node.range(), node.kind(), node.as_str().map(str::to_owned)));
            (
                nodes.collect::<Vec<_>>(),
                analysis.yaml().errors().to_vec(),
                analysis.yaml().repaired().to_vec(),
            )
        };
        assert_eq!(shown(again), shown(&kept), "{}", kept.text());
        for (one, other) in kept.findings.iter().zip(&again.findings) {
            let edits = |analysis: &Analysis, it| {
                analysis
                    .edits(&[it], (&config).into())
                    .map_err(|refusal| refusal.to_string())
            };
            assert_eq!(
                edits(again, other),
                edits(&kept, one),
                "{} in {}",
                one.rule.id,
                kept.text()
            );
        }
        assert_eq!(again.findings.len(), kept.findings.len());
    }
}

#[test]
fn long_schema_is_chunked() {
    let text = long_schema();
    let mut report = analyze(&text, &Config::default());
    assert!(report.chunks().count() > 10, "{}", report.chunks().count());
    assert!(
        report
            .chunks()
            .all(|part| part.analysis.yaml().errors().is_empty())
    );
    assert!(
        report
            .chunks()
            .all(|part| part.analysis.text().len() < 40_000)
    );
    // The text before, between and after the long schemas is one object, and every place in it is right.
    let found: Vec<_> = report
        .findings()
        .map(|(part, it)| (it.rule.id, &text[part.place(it.range)]))
        .collect();
    assert_eq!(found, [("unknown-field", "scope")]);
    // A slip in a stretch is told, at its place, and only that stretch is read again.
    let at = text.find("field240:").expect("a field far behind") + "field240".len();
    let slip = format!("{}{}", &text[..at], &text[at + 1..]);
    assert_eq!(follow(&mut report, &slip, at..at + 1, 0), 1);
    let errors: Vec<_> = report
        .findings()
        .filter(|(_, it)| it.rule.id == "syntax-error")
        .collect();
    let [(part, error)] = errors.as_slice() else {
        panic!("one error: {errors:?}")
    };
    assert_eq!(&slip[part.place(error.range)], "field240");
}

#[test]
fn list_items_match_one_document() {
    let report = analyze(LIST, &Config::default());
    let objects: Vec<_> = report
        .chunks()
        .flat_map(|part| &part.analysis.objects)
        .map(|object| object.kind.as_str())
        .collect();
    assert_eq!(objects, ["Pod", "Service", "Pod", "Pod", "Pod"]);
    assert_eq!(
        report
            .chunks()
            .map(|part| part.document)
            .collect::<Vec<_>>(),
        [0, 0, 0, 0, 1, 1, 1]
    );
    assert!(
        report
            .chunks()
            .all(|part| part.analysis.yaml().errors().is_empty())
    );
}

#[test]
fn typing_in_an_item_keeps_other_items() {
    let items =
        "- apiVersion: v1\n  kind: Pod\n  spec:\n    containers: [{name: web, image: web}]\n"
            .repeat(5);
    let text = format!("apiVersion: v1\nkind: List\nitems:\n{items}");
    let at = text.match_indices("- api").nth(3).expect("an item").0;
    let mut typed = text.clone();
    typed.insert(at, '\n');
    let mut report = analyze(&typed, &Config::default());
    let before = report.findings().count();
    for (index, key) in "securit".char_indices() {
        typed.insert(at + index, key);
        follow(&mut report, &typed, at + index..at + index, 1);
        let errors = report
            .findings()
            .filter(|(_, finding)| finding.rule.id == "syntax-error")
            .count();
        assert_eq!(report.findings().count(), before + errors, "{typed}");
        assert_eq!(report.chunks().count(), 6);
    }
}

#[test]
fn alias_joins_items() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- &a {apiVersion: v1, kind: Pod, metadata: {name: one}}\n- *a\n";
    let report = analyze(text, &Config::default());
    let objects: Vec<_> = report
        .chunks()
        .flat_map(|part| &part.analysis.objects)
        .collect();
    assert_eq!(objects.len(), 2);
    assert_eq!(objects[0], objects[1]);
}

#[test]
fn facts_are_independent_of_chunks() {
    let account = |metadata: &str| {
        format!(
            "- apiVersion: v1\n  kind: ServiceAccount\n  metadata: {metadata}\n  automountServiceAccountToken: false\n"
        )
    };
    let list = |items: &[String]| format!("apiVersion: v1\nkind: List\nitems:\n{}", items.concat());
    let alone = account("{name: one}")
        .replace("- ", "")
        .replace("\n  ", "\n");
    let apart = list(&[account("{name: one}"), account("{name: two}")]);
    let together = list(&[account("&a {name: one}"), account("*a")]);
    for (text, parts, count) in [
        (&alone, 1, 1),
        (&apart, 3, 2),
        (&together, 1, 2),
        (&format!("{together}---\n{apart}"), 4, 4),
    ] {
        let report = analyze(text, &Config::default());
        assert_eq!(report.chunks().count(), parts, "{text}");
        let is_referenced = |fact: &&Fact| fact.kind != ReferencedKind::Pod;
        let facts: Vec<_> = report.facts().filter(is_referenced).cloned().collect();
        assert_eq!(facts.len(), count, "{text}");
        assert_eq!(
            facts,
            analysis::facts(text, (&Config::default()).into(), ReferencedKind::ALL),
            "{text}"
        );
    }
}

#[test]
fn moved_items_take_new_context() {
    let items = "items:\n- apiVersion: v1\n  kind: Pod\n- apiVersion: v1\n  kind: Service\n";
    let text = format!("apiVersion: v1\nkind: List\n{items}");
    let mut report = analyze(&text, &Config::default());
    for (at, inserted) in [
        (text.find("kind").expect("a kind"), "---\n"),
        (text.find("items").expect("items"), "---\nkind: a\n"),
    ] {
        let edited = format!("{}{inserted}{}", &text[..at], &text[at..]);
        follow(&mut report, &edited, at..at, inserted.len());
        assert_eq!(
            told(&report),
            told(&analyze(&edited, &Config::default())),
            "{edited}"
        );
        report.edit(at..at + inserted.len(), 0, |range| {
            Cow::Borrowed(&text[range])
        });
        follow(&mut report, &text, 0..0, 0);
        assert_eq!(told(&report), told(&analyze(&text, &Config::default())));
    }
}

#[test]
fn template_item_makes_list_a_template() {
    let item =
        "- apiVersion: v1\n  kind: Pod\n  spec:\n    containers: [{name: web, image: web}]\n";
    let text = format!("apiVersion: v1\nkind: List\nitems:\n{item}{item}{{{{ x }}}}\n{item}");
    let report = analyze(&text, &Config::default());
    assert_eq!(report.chunks().count(), 1);
    assert!(
        report
            .findings()
            .all(|(_, finding)| !finding.target.absent && finding.fix.is_none())
    );
}
