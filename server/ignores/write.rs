//! Where an ignore of a finding can be written.
//!
//! Knows the places in the order in which a person would choose them. Must not know whether a place can bear a comment: that is
//! for the proof. Promise: a reason that somebody gave for one rule is not made to speak for another one.

use super::{Covers, Ignores, Note, Standing, Written};
use crate::rules::Finding;
use crate::yaml::edit::Change;
use crate::yaml::{Offset, Range};

/// How much an ignore is to be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The finding's place; for what is absent in a container, the container.
    Place,
    /// The document.
    Document,
}

/// Changes that would each ignore a finding, the best first.
pub fn ways(ignores: &Ignores<'_, '_>, finding: &Finding, scope: Scope) -> Vec<Change> {
    let rule = finding.rule.id;
    let is_of_scope = |note: &Note| match (&note.covers, scope) {
        (Covers::Spot(_), Scope::Place) => ignores.covers(note, finding),
        (Covers::Document, Scope::Document) => true,
        _ => false,
    };
    let joined = ignores.notes.iter().filter(|note| is_of_scope(note)).filter_map(|note| join(note, rule));
    let new =
        |at: Offset, above: bool, word: &str| Change::NewComment { at, above, text: format!("# kubeharden: {word}[{rule}]") };
    let fresh = match scope {
        Scope::Place => {
            let (at, whole) = (finding.range.start(), finding.subject.range.start());
            let mut ways = vec![new(at, false, "ignore"), new(at, true, "ignore")];
            if finding.subject.absent {
                ways.extend([new(whole, false, "ignore"), new(whole, true, "ignore")]);
            }
            ways
        }
        // The first comments of its document stand elsewhere.
        Scope::Document if matches!(ignores.standing, Standing::Item(_)) => Vec::new(),
        Scope::Document => {
            let root = ignores.yaml.root().map(|root| root.properties_range().unwrap_or(root.range()));
            let begin = root.map(Range::start).filter(|&begin| !ignores.is_behind_marker(begin));
            begin.map(|begin| new(begin, true, "ignore-file")).into_iter().collect()
        }
    };
    joined.chain(fresh).collect()
}

/// The note with one more name, where it has no reason yet.
fn join(note: &Note, rule: &str) -> Option<Change> {
    match &note.written {
        Written::Comment { comment, text, ignore } if !ignore.has_reason => {
            Some(Change::Comment { range: *comment, text: Some(ignore.with(text, rule)) })
        }
        _ => None,
    }
}

impl Ignores<'_, '_> {
    /// Whether a place is on the line of the document's `---`: what stands above that may belong to the document before.
    fn is_behind_marker(&self, at: Offset) -> bool {
        let before = &self.yaml.text()[..usize::from(at)];
        before.rsplit(['\n', '\r']).next().is_some_and(|line| line.trim_start_matches('\u{feff}').starts_with("---"))
    }
}
