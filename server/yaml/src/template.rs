//! Reads the literal text of a template, without the actions (`{{ }}`). Nothing is made up for an
//! action: every value that is read is in the text at its range. Actions never cause a syntax
//! error.

use super::conditions::{Assumptions, Condition};
use super::event_parser::range;
use super::source::{Overlay, Source};
use super::{Range, Yaml, recovery};

/// A template as it can be read before it is rendered.
#[derive(Debug, Clone, Default)]
pub struct Template {
    /// The text as it may be rendered: each reading has a consistent choice of branches, and most
    /// branches are in one of them.
    pub readings: Vec<Yaml>,
    /// The ranges that are rendered only for some versions of a cluster.
    pub versioned: Vec<Range>,
    /// The ranges that are rendered only if one value is set.
    pub optional: Vec<OptionalRange>,
}

/// A range of a template that is rendered only if a value is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionalRange {
    pub range: Range,
    /// The value: `.Values.hostNetwork`.
    pub value: String,
}

/// How often a template is read. Templates that need more are generated.
const MOST_READINGS: usize = 6;
/// The most branches whose conditions are compared. In a template with more, the n-th branches of all
/// blocks are read together.
const MOST_BRANCHES: usize = 200;

/// Parses a template. Never fails.
pub fn parse_template(text: &str) -> Template {
    if u32::try_from(text.len()).is_err() {
        return Template {
            readings: vec![recovery::parse(text)],
            ..Template::default()
        };
    }
    let actions = actions(text);
    let blocks = blocks(text, &actions);
    let reading = |choice: &Choice| {
        recovery::parse_with_overlays(text, |source| {
            overlays(
                source,
                &actions,
                &skipped_ranges(&blocks, choice, text.len()),
            )
        })
    };
    let whole = |block: &Block| range(block.start, block.end.unwrap_or(text.len()));
    Template {
        readings: choices(&blocks).iter().map(reading).collect(),
        versioned: blocks
            .iter()
            .filter(|block| block.versioned)
            .map(whole)
            .collect(),
        optional: blocks
            .iter()
            .filter(|_| are_comparable(&blocks))
            .filter_map(|block| optional(block, text.len()))
            .collect(),
    }
}

fn are_comparable(blocks: &[Block]) -> bool {
    blocks
        .iter()
        .map(|block| block.branches.len())
        .sum::<usize>()
        <= MOST_BRANCHES
}

fn optional(block: &Block, length: usize) -> Option<OptionalRange> {
    let (Some(Condition::IsSet(value)), Some(branch)) =
        (block.conditions.first()?, block.branches.first())
    else {
        return None;
    };
    let is_value = value.starts_with(".Values.") && !value.contains(char::is_whitespace);
    is_value.then(|| OptionalRange {
        range: range(branch.start.min(length), branch.end.min(length)),
        value: value.clone(),
    })
}

type Bytes = std::ops::Range<usize>;

/// One `{{ }}`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Action {
    range: Bytes,
    kind: ActionKind,
    /// Whether its output starts with a line break, so that the text before it on its line stays.
    starts_on_new_line: bool,
}

/// What a Go template action does to the text around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionKind {
    /// `if`, `with`, or `range`; and whether it depends on the version of the cluster.
    Open {
        versioned: bool,
    },
    Else,
    End,
    /// `define`: the text up to its `end` is rendered elsewhere.
    Define,
    /// `block`: a `define` that is rendered here.
    Block,
    /// A comment or an assignment, without output.
    Silent,
    /// Anything else: it writes a value.
    Output,
}

impl ActionKind {
    /// Classifies the text between the `{{` and the `}}` of an action.
    pub fn of(inner: &str) -> ActionKind {
        let inner = inner.trim_matches('-').trim();
        let first = inner
            .split(|c: char| !c.is_alphanumeric())
            .next()
            .unwrap_or_default();
        let assigns = || inner.starts_with('$') && (inner.contains(":=") || inner.contains(" = "));
        match first {
            "if" | "with" | "range" => ActionKind::Open {
                versioned: inner.contains("Capabilities") || inner.contains("semverCompare"),
            },
            "else" => ActionKind::Else,
            "end" => ActionKind::End,
            "define" => ActionKind::Define,
            "block" => ActionKind::Block,
            _ if inner.starts_with("/*") || assigns() => ActionKind::Silent,
            _ => ActionKind::Output,
        }
    }
}

/// Returns the actions of a text in order.
fn actions(text: &str) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find("{{").map(|length| at + length) {
        let end = action_end(text, start);
        let inner = text[start + 2..end].trim_end_matches("}}");
        actions.push(Action {
            range: start..end,
            kind: ActionKind::of(inner),
            starts_on_new_line: inner.contains("nindent"),
        });
        at = end;
    }
    actions
}

/// Returns the end of an action, behind its `}}`. An incomplete action ends with its line.
fn action_end(text: &str, start: usize) -> usize {
    let line_end = || {
        text[start..]
            .find(['\n', '\r'])
            .map_or(text.len(), |length| start + length)
    };
    let inner = text[start + 2..].trim_start_matches('-').trim_start();
    if inner.starts_with("/*") {
        let behind = |at: usize| text[at..].find("}}").map(|length| at + length + 2);
        return text[start..]
            .find("*/")
            .and_then(|length| behind(start + length))
            .unwrap_or_else(line_end);
    }
    let bytes = text.as_bytes();
    let mut at = start + 2;
    let mut quote = None;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(b'"' | b'\''), b'\\') => at += 1,
            // Only a raw string may span lines.
            (Some(b'"' | b'\''), b'\n' | b'\r') => return line_end(),
            (Some(open), byte) if open == byte => quote = None,
            (None, byte @ (b'"' | b'`' | b'\'')) => quote = Some(byte),
            (None, b'}') if bytes.get(at + 1) == Some(&b'}') => return at + 2,
            (None, b'{') if bytes.get(at + 1) == Some(&b'{') => return line_end().min(at),
            _ => {}
        }
        at += 1;
    }
    line_end()
}

/// An action that opens a block, with everything up to its `end`.
#[derive(Debug)]
struct Block {
    /// From the opening action to behind the `end`, if there is one.
    start: usize,
    end: Option<usize>,
    /// The text between the actions.
    branches: Vec<Bytes>,
    /// The condition of each branch; `None` for `else` and for what is always rendered.
    conditions: Vec<Option<Condition>>,
    /// Whether `.` is another value inside.
    changes_dot: bool,
    define: bool,
    versioned: bool,
}

/// Returns the blocks of a text, each before the blocks inside of it.
fn blocks(text: &str, actions: &[Action]) -> Vec<Block> {
    let (mut closed, mut open): (Vec<Block>, Vec<Block>) = Default::default();
    for action in actions {
        let begin = action.range.end..usize::MAX;
        let words = words_of(&text[action.range.clone()]);
        match action.kind {
            ActionKind::Open { .. } | ActionKind::Define | ActionKind::Block => {
                let scope = scope(&open);
                let is_open = matches!(action.kind, ActionKind::Open { .. });
                let (keyword, condition) =
                    words.split_once(char::is_whitespace).unwrap_or((words, ""));
                open.push(Block {
                    start: action.range.start,
                    end: None,
                    branches: vec![begin],
                    conditions: vec![is_open.then(|| Condition::of(condition, &scope))],
                    changes_dot: matches!(keyword, "with" | "range"),
                    define: action.kind == ActionKind::Define,
                    versioned: action.kind == ActionKind::Open { versioned: true },
                });
            }
            ActionKind::Else | ActionKind::End => {
                let scope = scope(open.get(..open.len().saturating_sub(1)).unwrap_or_default());
                let Some(block) = open.last_mut() else {
                    continue;
                };
                if let Some(last) = block.branches.last_mut() {
                    last.end = action.range.start;
                }
                if action.kind == ActionKind::Else {
                    block.branches.push(begin);
                    let rest = words.strip_prefix("else").unwrap_or_default().trim();
                    let condition = rest.split_once(char::is_whitespace);
                    block
                        .conditions
                        .push(condition.map(|(_, condition)| Condition::of(condition, &scope)));
                } else if let Some(mut block) = open.pop() {
                    block.end = Some(action.range.end);
                    closed.push(block);
                }
            }
            ActionKind::Silent | ActionKind::Output => {}
        }
    }
    closed.append(&mut open);
    closed.sort_by_key(|block| block.start);
    closed
}

/// Returns the text between the braces of an action.
fn words_of(action: &str) -> &str {
    let inner = action.trim_start_matches('{').trim_end_matches('}');
    inner.trim_matches('-').trim()
}

/// Names the innermost `with` or `range`; empty outside of all.
fn scope(open: &[Block]) -> String {
    let around = open.iter().rev().find(|block| block.changes_dot);
    around.map_or(String::new(), |block| format!("{}:", block.start))
}

/// For each block, the branch that is read; `None` if none is.
type Choice = Vec<Option<usize>>;

/// Returns consistent choices of branches, until every branch that can be read is in one of them.
fn choices(blocks: &[Block]) -> Vec<Choice> {
    if !are_comparable(blocks) {
        let branch = |number: usize| {
            let nth = |block: &Block| Some(number.min(block.branches.len() - 1));
            blocks.iter().map(nth).collect()
        };
        let most = blocks.iter().map(|block| block.branches.len()).max();
        return (0..most.unwrap_or(1).min(MOST_READINGS))
            .map(branch)
            .collect();
    }
    let around = enclosing(blocks);
    let mut covered: Vec<Vec<bool>> = blocks
        .iter()
        .map(|block| vec![false; block.branches.len()])
        .collect();
    let mut choices = Vec::new();
    while choices.len() < MOST_READINGS {
        let assumptions = assume(blocks, &around, &covered);
        let choice: Choice = blocks
            .iter()
            .map(|block| {
                (0..block.branches.len())
                    .find(|branch| block.condition(*branch).holds(&assumptions))
            })
            .collect();
        let is_read = |block: usize| {
            std::iter::successors(around[block], |(outer, _)| around[*outer])
                .all(|(outer, branch)| choice[outer] == Some(branch))
        };
        let mut is_new = false;
        for (block, branch) in choice.iter().enumerate() {
            if let Some(branch) = branch.filter(|_| is_read(block)) {
                is_new |= !std::mem::replace(&mut covered[block][branch], true);
            }
        }
        if !is_new && !choices.is_empty() {
            break;
        }
        choices.push(choice);
    }
    choices
}

/// Returns for each block the innermost block around it, and in which of its branches it is.
fn enclosing(blocks: &[Block]) -> Vec<Option<(usize, usize)>> {
    let mut open: Vec<usize> = Vec::new();
    let mut around = Vec::with_capacity(blocks.len());
    for (index, block) in blocks.iter().enumerate() {
        while open
            .last()
            .is_some_and(|last| blocks[*last].end.is_some_and(|end| end <= block.start))
        {
            open.pop();
        }
        around.push(open.last().and_then(|&outer| {
            let branches = &blocks[outer].branches;
            let branch = branches
                .iter()
                .position(|branch| branch.contains(&block.start))?;
            Some((outer, branch))
        }));
        open.push(index);
    }
    around
}

/// Returns assumptions under which many of the branches are read that were not read yet.
fn assume(
    blocks: &[Block],
    around: &[Option<(usize, usize)>],
    covered: &[Vec<bool>],
) -> Assumptions {
    let mut assumptions = Assumptions::new();
    for (index, block) in blocks.iter().enumerate() {
        let open = (0..block.branches.len()).filter(|branch| !covered[index][*branch]);
        let solved = open.into_iter().find_map(|branch| {
            let outer = std::iter::successors(around[index], |(outer, _)| around[*outer]);
            let conditions = outer
                .map(|(outer, branch)| blocks[outer].condition(branch))
                .chain([block.condition(branch)]);
            Condition::All(conditions.collect()).solve(&assumptions)
        });
        assumptions = solved.unwrap_or(assumptions);
    }
    assumptions
}

impl Block {
    /// Returns when a branch is rendered: its condition holds, and none before it.
    fn condition(&self, branch: usize) -> Condition {
        let before = self.conditions[..branch].iter().flatten().cloned();
        let before = before.map(|condition| Condition::Not(Box::new(condition)));
        Condition::All(before.chain(self.conditions[branch].clone()).collect())
    }
}

/// Returns the ranges to skip with a choice of branches: the other branches, and definitions.
fn skipped_ranges(blocks: &[Block], choice: &Choice, length: usize) -> Vec<Bytes> {
    let mut unread = Vec::new();
    for (block, read) in blocks.iter().zip(choice) {
        let others = block
            .branches
            .iter()
            .enumerate()
            .filter(|(index, _)| block.define || Some(*index) != *read);
        unread.extend(others.map(|(_, range)| range.start..range.end.min(length)));
    }
    unread
}

/// Returns the overlays that hide actions and skipped ranges, or whole lines that contain nothing
/// else.
fn overlays(source: &Source<'_>, actions: &[Action], unread: &[Bytes]) -> Vec<Overlay> {
    let mut pieces: Vec<(Bytes, bool)> = actions
        .iter()
        .map(|action| (action.range.clone(), writes(action)))
        .collect();
    pieces.extend(
        unread
            .iter()
            .filter(|range| !range.is_empty())
            .map(|range| (range.clone(), false)),
    );
    pieces.sort_by_key(|(range, _)| (range.start, range.end));
    let pieces = merged(pieces);
    let mut patches = Vec::new();
    let mut first = 0;
    for line in 0..source.line_count() {
        let whole = source.line(line).start..source.line_end(line);
        while pieces
            .get(first)
            .is_some_and(|(range, _)| range.end <= whole.start)
        {
            first += 1;
        }
        let on_line = pieces[first..]
            .iter()
            .take_while(|(range, _)| range.start < whole.end);
        let cut = on_line.map(|(range, writes)| {
            (
                range.start.max(whole.start)..range.end.min(whole.end),
                *writes,
            )
        });
        patches.extend(line_overlays(source.text(), whole.clone(), cut.collect()));
    }
    patches
}

/// Whether an action writes output at its own position.
fn writes(action: &Action) -> bool {
    match action.kind {
        ActionKind::Output => !action.starts_on_new_line,
        ActionKind::Block => true,
        ActionKind::Open { .. }
        | ActionKind::Else
        | ActionKind::End
        | ActionKind::Define
        | ActionKind::Silent => false,
    }
}

/// Merges touching or overlapping ranges. The result writes if any of them does.
fn merged(pieces: Vec<(Bytes, bool)>) -> Vec<(Bytes, bool)> {
    let mut merged: Vec<(Bytes, bool)> = Vec::new();
    for (range, writes) in pieces {
        match merged.last_mut() {
            Some((last, wrote)) if range.start <= last.end => {
                last.end = last.end.max(range.end);
                *wrote |= writes;
            }
            _ => merged.push((range, writes)),
        }
    }
    merged
}

/// Hides a line that contains only such ranges. Elsewhere a range is masked as a word, unless it is
/// at the end of the line, behind a blank, and writes nothing.
fn line_overlays(text: &str, whole: Bytes, pieces: Vec<(Bytes, bool)>) -> Vec<Overlay> {
    let between = |from: usize, to: usize| text[from..to].trim().is_empty();
    let mut at = whole.start;
    let alone = pieces
        .iter()
        .all(|(range, _)| between(std::mem::replace(&mut at, range.end), range.start))
        && between(at, whole.end);
    if pieces.is_empty() {
        return Vec::new();
    }
    if alone {
        return vec![Overlay::hide(whole)];
    }
    // The end of the rest of the line; `None` once a range is masked.
    let mut end = Some(whole.end);
    let mut patch = |(range, writes): (Bytes, bool)| {
        let before = &text[whole.start..range.start];
        let is_last = end.is_some_and(|end| between(range.end, end))
            && !writes
            && before.ends_with([' ', '\t']);
        end = (is_last && !before.trim().is_empty()).then_some(range.start);
        if end.is_some() {
            Overlay::hide(range)
        } else {
            Overlay::Mask { range }
        }
    };
    pieces.into_iter().rev().map(&mut patch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<(&str, ActionKind)> {
        actions(text)
            .into_iter()
            .map(|action| (&text[action.range], action.kind))
            .collect()
    }

    #[test]
    fn finds_actions_with_quotes() {
        assert_eq!(
            words("a: {{ .b }} {{- /* }} */ -}}{{ printf \"}}\" `{{` }}{{ $x := 1 }}{{end}}"),
            [
                ("{{ .b }}", ActionKind::Output),
                ("{{- /* }} */ -}}", ActionKind::Silent),
                ("{{ printf \"}}\" `{{` }}", ActionKind::Output),
                ("{{ $x := 1 }}", ActionKind::Silent),
                ("{{end}}", ActionKind::End),
            ]
        );
    }

    #[test]
    fn incomplete_action_ends_with_its_line() {
        let found = words("a: {{ .b\nc: {{ \"d\ne: {{ .f }}");
        assert_eq!(
            found.into_iter().map(|(text, _)| text).collect::<Vec<_>>(),
            ["{{ .b", "{{ \"d", "{{ .f }}"]
        );
    }

    fn read(text: &str) -> Vec<String> {
        let shown = |yaml: &Yaml| {
            yaml.root()
                .map(|root| format!("{root:?}").replace(char::is_whitespace, ""))
                .unwrap_or_default()
        };
        parse_template(text).readings.iter().map(shown).collect()
    }

    #[test]
    fn hides_lines_of_actions() {
        let readings =
            read("{{- if .a }}\na: 1\n  {{- with .b }}\nb: {{ . }}\n  {{- end }}\n{{- end }}\n");
        assert_eq!(readings.len(), 1);
        assert!(
            readings[0].contains("\"{{.}}\"") && readings[0].contains("\"1\""),
            "{readings:?}"
        );
    }

    #[test]
    fn reads_each_branch() {
        let readings =
            read("{{ if .a }}\na: 1\n{{ else if .b }}\na: 2\n{{ else }}\na: 3\n{{ end }}\nb: 4\n");
        let has = |reading: &String, value: &str| reading.contains(&format!("\"{value}\""));
        let seen: Vec<Vec<&str>> = readings
            .iter()
            .map(|reading| {
                ["1", "2", "3", "4"]
                    .into_iter()
                    .filter(|value| has(reading, value))
                    .collect()
            })
            .collect();
        assert_eq!(seen, [["1", "4"], ["2", "4"], ["3", "4"]]);
    }
}
