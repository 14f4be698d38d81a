//! Finds places where an ignore comment for a finding can be written.
//!
//! Existing comments with a reason are not extended, because the reason may not apply to another rule.

use super::{ChunkRole, Covers, Note, Suppressions, Written};
use crate::rules::Finding;
use yaml::edit::Change;
use yaml::{Offset, Range};

/// What a new ignore comment covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuppressionScope {
    /// The finding's place; for a missing field in a container, the container.
    Place,
    /// The document.
    Document,
}

/// Returns changes that each suppress the given findings of one place, container or pod, best first.
pub fn suppression_changes(
    suppressions: &Suppressions<'_, '_>,
    findings: &[&Finding],
    scope: SuppressionScope,
) -> Vec<Change> {
    let Some(first) = findings.first() else {
        return Vec::new();
    };
    let mut rules: Vec<&str> = Vec::new();
    for finding in findings {
        if !rules.contains(&finding.rule.id) {
            rules.push(finding.rule.id);
        }
    }
    let names = rules.join(", ");
    let is_of_scope = |note: &Note| match (&note.covers, scope) {
        (Covers::Spot(_), SuppressionScope::Place) => findings
            .iter()
            .all(|finding| suppressions.covers(note, finding)),
        (Covers::Document, SuppressionScope::Document) => true,
        _ => false,
    };
    let joined = suppressions
        .notes
        .iter()
        .filter(|note| is_of_scope(note))
        .filter_map(|note| join(note, &names));
    let new = |at: Offset, above: bool, word: &str| Change::NewComment {
        at,
        above,
        text: format!("# kubeharden: {word}[{names}]"),
    };
    // A long comment goes on its own line if possible.
    let sides = if rules.len() > 1 {
        [true, false]
    } else {
        [false, true]
    };
    let fresh = match scope {
        SuppressionScope::Place => {
            let (at, whole) = (first.range.start(), first.target.range.start());
            let places = if first.target.absent {
                vec![at, whole]
            } else {
                vec![at]
            };
            places
                .into_iter()
                .flat_map(|at| sides.map(|above| new(at, above, "ignore")))
                .collect()
        }
        // The first comments of the document are in another chunk.
        SuppressionScope::Document if matches!(suppressions.standing, ChunkRole::Item(_)) => {
            Vec::new()
        }
        SuppressionScope::Document => {
            let root = suppressions
                .yaml
                .root()
                .map(|root| root.properties_range().unwrap_or(root.range()));
            let begin = root
                .map(Range::start)
                .filter(|&begin| !suppressions.is_on_marker_line(begin));
            begin
                .map(|begin| new(begin, true, "ignore-file"))
                .into_iter()
                .collect()
        }
    };
    joined.chain(fresh).collect()
}

/// Adds names to a comment that has no reason yet.
fn join(note: &Note, names: &str) -> Option<Change> {
    match &note.written {
        Written::Comment {
            comment,
            text,
            ignore,
        } if !ignore.has_reason => Some(Change::Comment {
            range: *comment,
            text: Some(ignore.with(text, names)),
        }),
        _ => None,
    }
}

impl Suppressions<'_, '_> {
    /// Whether an offset is on the line of the document's `---`: a comment above that line may belong to the previous
    /// document.
    fn is_on_marker_line(&self, at: Offset) -> bool {
        let before = &self.yaml.text()[..usize::from(at)];
        before
            .rsplit(['\n', '\r'])
            .next()
            .is_some_and(|line| line.trim_start_matches('\u{feff}').starts_with("---"))
    }
}
