//! Suppressions: comments, annotations and exceptions that hide findings on purpose.
//!
//! A suppression names its rules. One that cannot work is a finding of `unused-ignore`.

mod annotation;
mod comment;
mod completion;
mod exception;
mod insert;
mod scope;
mod unused;

pub use completion::{PartialRuleId, partial_rule_id_at};
pub use insert::{SuppressionScope, suppression_changes};
pub use unused::Ask;

use crate::config::{Config, nearest};
use crate::rules::{Finding, Meaning, Rule, Tool, meaning, rules_for};
use comment::{Directive, Reach};
use kubernetes::Object;
use scope::{Lines, Spot};
use std::cell::OnceCell;
use yaml::edit::Change;
use yaml::{Entry, Node, NodeKind, Path, Range, Yaml};

/// The role of a chunk in its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkRole<'h> {
    Document,
    /// The rest of a document whose items are separate chunks.
    Frame,
    /// One of these items, with the suppressions from the first comments of the document.
    Item(&'h FileSuppressions),
}

/// What the first comments of a document suppress in all of it. Passed to the analysis of each chunk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileSuppressions {
    rules: Vec<&'static str>,
}

/// Whether a comment suppresses findings, or tries to.
pub fn is_suppression(comment: &str) -> bool {
    !comment::read(comment).is_empty()
}

impl FileSuppressions {
    pub fn of(yaml: &Yaml) -> FileSuppressions {
        let mut head = FileSuppressions::default();
        for comment in first_comments(yaml) {
            let text = &yaml.text()[comment];
            for said in comment::read(text) {
                let Directive::Ignore(ignore) = said else {
                    continue;
                };
                if ignore.reach == Reach::Document {
                    head.rules.extend(
                        ignore
                            .names
                            .iter()
                            .filter_map(|name| Some(meant(&text[name.clone()])?.id)),
                    );
                }
            }
        }
        head
    }

    fn ignores(&self, rule: &Rule) -> bool {
        self.rules.contains(&rule.id)
    }
}

/// Returns the comments before the first node.
fn first_comments(yaml: &Yaml) -> impl Iterator<Item = Range> {
    let begin = yaml.root().map(|root| {
        root.properties_range()
            .map_or(root.range(), |range| range.cover(root.range()))
            .start()
    });
    yaml.comments()
        .iter()
        .copied()
        .take_while(move |comment| begin.is_none_or(|begin| comment.start() < begin))
}

/// Returns the rule that a word names.
fn meant(word: &str) -> Option<&'static Rule> {
    match meaning(word) {
        Meaning::Rule(rule) => Some(rule),
        _ => None,
    }
}

/// All suppressions of a chunk.
pub struct Suppressions<'a, 'y> {
    yaml: &'y Yaml,
    objects: &'a [Object<'y>],
    config: &'a Config,
    /// Computed on first use: most documents have no suppressions.
    lines: OnceCell<Lines<'y>>,
    standing: ChunkRole<'a>,
    notes: Vec<Note>,
    mistakes: Vec<Mistake>,
}

/// A comment or an annotation that names rules.
struct Note {
    /// All of it, on one line.
    range: Range,
    written: Written,
    covers: Covers,
    names: Vec<Named>,
}

/// How a note is written, for edits.
enum Written {
    Comment {
        comment: Range,
        text: String,
        ignore: comment::Ignore,
    },
    /// The value's path; `None` if it is written elsewhere and included by an alias.
    Annotation {
        path: Option<Path>,
        value: String,
        names: Vec<annotation::Named>,
    },
    /// For another tool, which may need it in any case.
    Foreign,
}

/// What a note covers.
enum Covers {
    Document,
    Object(usize),
    /// Everything in the pod of an object, including its containers.
    Pod(usize, Range),
    Spot(Spot),
    /// Like `Spot`, and everything in the node that starts there.
    Below(Spot),
    Nothing,
}

struct Named {
    text: String,
    range: Range,
    rule: Option<&'static Rule>,
    has_reason: bool,
}

/// Returns the rules that another tool's name means, each as a name.
fn foreign_names(tool: Tool, text: &str, range: Range) -> impl Iterator<Item = Named> {
    rules_for(tool, text).map(move |rule| Named {
        text: text.to_owned(),
        range,
        rule: Some(rule),
        has_reason: true,
    })
}

/// An invalid suppression.
struct Mistake {
    range: Range,
    message: String,
    /// The fixes that correct and that remove it, each with its title.
    correction: Option<(String, Change)>,
    removal: Option<(String, Change)>,
}

impl Mistake {
    /// Makes a mistake in a comment, with the correction of its bytes.
    fn in_comment(yaml: &Yaml, comment: Range, range: Range, mistake: comment::Mistake) -> Self {
        let text = &yaml.text()[comment];
        let comment::Mistake {
            message,
            whole,
            instead,
            ..
        } = mistake;
        let changed = |text| Change::Comment {
            range: comment,
            text,
        };
        let correction = instead.map(
            |comment::Suggestion {
                 place,
                 written,
                 title,
             }| {
                (
                    title,
                    changed(Some(
                        [&text[..place.start], &written, &text[place.end..]].concat(),
                    )),
                )
            },
        );
        let removal = Some((
            "remove the comment".to_owned(),
            changed(comment::without(text, &whole)),
        ));
        Mistake {
            range,
            message,
            correction,
            removal,
        }
    }

    /// Makes a mistake in an annotation at a path.
    fn in_annotation(range: Range, message: String, path: Option<Path>, key: Option<&str>) -> Self {
        let rename = |path: Path, key: &str| {
            (
                format!("write {key}"),
                Change::Rename {
                    path,
                    key: key.into(),
                },
            )
        };
        let correction = path.clone().zip(key).map(|(path, key)| rename(path, key));
        let removal =
            path.map(|path| ("remove the annotation".to_owned(), Change::Remove { path }));
        Mistake {
            range,
            message,
            correction,
            removal,
        }
    }
}

impl<'a, 'y> Suppressions<'a, 'y> {
    /// Reads the suppressions of a chunk.
    pub fn of(
        yaml: &'y Yaml,
        objects: &'a [Object<'y>],
        config: &'a Config,
        standing: ChunkRole<'a>,
    ) -> Self {
        let (notes, mistakes) = (Vec::new(), Vec::new());
        let mut ignores = Suppressions {
            yaml,
            objects,
            config,
            lines: OnceCell::new(),
            standing,
            notes,
            mistakes,
        };
        // A document without objects has no findings to suppress.
        if !objects.is_empty() || standing != ChunkRole::Document {
            ignores.read_comments();
            ignores.read_annotations();
        }
        ignores
    }

    fn lines(&self) -> &Lines<'y> {
        self.lines.get_or_init(|| Lines::of(self.yaml.text()))
    }

    fn read_comments(&mut self) {
        let first: Vec<Range> = match self.standing {
            ChunkRole::Item(_) => Vec::new(),
            _ => first_comments(self.yaml).collect(),
        };
        for &comment in self.yaml.comments() {
            let text = &self.yaml.text()[comment];
            let within = |part: std::ops::Range<usize>| {
                let offset =
                    |at: usize| comment.start() + yaml::Offset::try_from(at).unwrap_or_default();
                Range::new(offset(part.start), offset(part.end))
            };
            for said in comment::read(text) {
                match said {
                    Directive::Mistake(mistake) => {
                        let range = within(mistake.place.clone());
                        self.mistakes
                            .push(Mistake::in_comment(self.yaml, comment, range, mistake));
                    }
                    Directive::Foreign {
                        tool,
                        names,
                        last_day,
                    } => {
                        let is_over = last_day
                            .zip(self.config.today)
                            .is_some_and(|(last, today)| today > last);
                        if is_over {
                            continue;
                        }
                        let spot = self.lines().spot(comment);
                        let named = |name: std::ops::Range<usize>| {
                            foreign_names(tool, &text[name.clone()], within(name))
                        };
                        self.notes.push(Note {
                            range: comment,
                            written: Written::Foreign,
                            covers: match tool {
                                Tool::Trivy => Covers::Below(spot),
                                _ => Covers::Spot(spot),
                            },
                            names: names.into_iter().flat_map(named).collect(),
                        });
                    }
                    Directive::Ignore(ignore) => {
                        let covers = match ignore.reach {
                            Reach::Place => Covers::Spot(self.lines().spot(comment)),
                            Reach::Document if first.contains(&comment) => Covers::Document,
                            Reach::Document => {
                                let mistake = ignore.misplaced();
                                let range = within(mistake.place.clone());
                                self.mistakes
                                    .push(Mistake::in_comment(self.yaml, comment, range, mistake));
                                Covers::Nothing
                            }
                        };
                        let named = |name: &std::ops::Range<usize>| {
                            let word = &text[name.clone()];
                            let (text, range, rule) =
                                (word.to_owned(), within(name.clone()), meant(word));
                            Named {
                                text,
                                range,
                                rule,
                                has_reason: ignore.has_reason,
                            }
                        };
                        let (range, names) = (
                            within(ignore.whole.clone()),
                            ignore.names.iter().map(named).collect(),
                        );
                        self.notes.push(Note {
                            range,
                            written: Written::Comment {
                                comment,
                                text: text.to_owned(),
                                ignore,
                            },
                            covers,
                            names,
                        });
                    }
                }
            }
        }
    }

    fn read_annotations(&mut self) {
        for (index, object) in self.objects.iter().enumerate() {
            let own = object.node.get("metadata");
            if let Some(metadata) = own.filter(|_| !object.repeated) {
                self.read_metadata(metadata, object.node, || Covers::Object(index));
            }
            let template = object
                .pod
                .as_ref()
                .and_then(|pod| Some((pod.metadata?, pod.node.parent()?)));
            if let Some((metadata, template)) =
                template.filter(|(metadata, _)| Some(*metadata) != own)
            {
                self.read_metadata(metadata, template, || Covers::Pod(index, template.range()));
            }
        }
    }

    fn read_metadata(&mut self, metadata: Node<'y>, owner: Node<'y>, covers: impl Fn() -> Covers) {
        let Some(annotations) = metadata
            .get("annotations")
            .filter(|node| node.kind() == NodeKind::Mapping)
        else {
            return;
        };
        for entry in annotations.entries().chain(annotations.merged_entries()) {
            let Some(key) = entry.key.as_str() else {
                continue;
            };
            // An annotation included by an alias applies, but cannot be changed from here.
            let is_here = owner.range().contains_range(entry.key.range());
            if key == annotation::KEY {
                self.read_annotation(entry, is_here, covers());
            } else if let Some(word) = key.strip_prefix(annotation::DOMAIN) {
                if is_here {
                    let message = format!(
                        "unknown annotation {}{word}; did you mean {}?",
                        annotation::DOMAIN,
                        annotation::KEY
                    );
                    let meant = annotation::KEY.trim_start_matches(annotation::DOMAIN);
                    let near = nearest(word, [meant]).map(|_| annotation::KEY);
                    let path = Some(entry.value.path());
                    self.mistakes.push(Mistake::in_annotation(
                        entry.key.range(),
                        message,
                        path,
                        near,
                    ));
                }
            } else {
                for (tool, text) in annotation::foreign(entry) {
                    let range = entry.key.range();
                    self.notes.push(Note {
                        range,
                        written: Written::Foreign,
                        covers: covers(),
                        names: foreign_names(tool, &text, range).collect(),
                    });
                }
            }
        }
    }

    fn read_annotation(&mut self, entry: Entry<'y>, is_here: bool, covers: Covers) {
        let range = entry.key.range();
        let names = annotation::names(entry);
        if names.is_empty() {
            let message = format!(
                "the annotation must name its rules: {}: \"rule: reason\"",
                annotation::KEY
            );
            self.mistakes.push(Mistake::in_annotation(
                range,
                message,
                is_here.then(|| entry.value.path()),
                None,
            ));
            return;
        }
        let named = |name: &annotation::Named| Named {
            text: name.text.clone(),
            range: name.range,
            rule: meant(&name.text),
            has_reason: name.has_reason,
        };
        let listed = names.iter().map(named).collect();
        let value = entry.value.as_str().unwrap_or_default().to_owned();
        let path = is_here.then(|| entry.value.path());
        self.notes.push(Note {
            range,
            written: Written::Annotation { path, value, names },
            covers,
            names: listed,
        });
    }

    /// Whether a note covers a finding, regardless of the rule.
    fn covers(&self, note: &Note, finding: &Finding) -> bool {
        let is_of = |index: usize| finding.target.object == Some(index);
        // An object with several pods occurs once for each of them.
        let node_of = |index: usize| self.objects.get(index).map(|object| object.node);
        match note.covers {
            Covers::Document => true,
            Covers::Object(index) => finding
                .target
                .object
                .is_some_and(|object| node_of(object) == node_of(index)),
            Covers::Pod(index, template) => is_of(index) && template.contains_range(finding.range),
            Covers::Spot(spot) => self.lines().covers(spot, finding, self.objects),
            Covers::Below(spot) => {
                self.lines().covers(spot, finding, self.objects)
                    || self.lines().starts_around(spot, finding, self.yaml)
            }
            Covers::Nothing => false,
        }
    }

    fn ignores(&self, finding: &Finding) -> bool {
        let is_named = |note: &Note| {
            note.names
                .iter()
                .any(|name| name.rule.is_some_and(|rule| rule.id == finding.rule.id))
        };
        matches!(self.standing, ChunkRole::Item(head) if head.ignores(finding.rule))
            || self
                .notes
                .iter()
                .any(|note| is_named(note) && self.covers(note, finding))
            || self
                .config
                .exceptions
                .iter()
                .any(|exception| exception::covers(exception, finding, self.objects))
    }

    /// Removes the suppressed findings, and returns them.
    pub fn split_off_suppressed(&self, findings: &mut Vec<Finding>) -> Vec<Finding> {
        let is_said = |head: &FileSuppressions| !head.rules.is_empty();
        let is_nothing = self.notes.is_empty()
            && self.config.exceptions.is_empty()
            && !matches!(self.standing, ChunkRole::Item(head) if is_said(head));
        if self.config.no_suppressions || is_nothing {
            return Vec::new();
        }
        let (ignored, left) = std::mem::take(findings)
            .into_iter()
            .partition(|finding| self.ignores(finding));
        *findings = left;
        ignored
    }
}
