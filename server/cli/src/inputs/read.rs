//! Reads all texts, and the facts that objects in one file state about objects in others.
//!
//! The order of files does not matter, and a text that cannot be read does not stop the others.

use crate::inputs::configured::Configured;
use crate::inputs::files::{self, FileError};
use crate::inputs::panics;
use linter::OwnedInputs;
use linter::analysis;
use linter::config::Config;
use rayon::prelude::*;
use std::path::Path;
use std::sync::Arc;
use workspace::cross_references::{Fact, ReferencedKind, WorkspaceIndex};
use workspace::{FileContext, WorkspaceView};

/// A text, and the facts that it states about objects in others.
struct ReadText {
    source: Configured,
    text: String,
    facts: Vec<Fact>,
}

/// Reads all texts.
pub(crate) fn read_all(sources: Vec<Configured>) -> Vec<Result<(Configured, String), FileError>> {
    let read: Vec<_> = sources.into_par_iter().map(read).collect();
    let index = WorkspaceIndex::default();
    for ReadText { source, facts, .. } in read.iter().flatten() {
        index.update(
            &source.real,
            facts.iter(),
            &source.inputs.context.namespaces,
        );
    }
    add_pods(&index, &read);
    let index = (!index.is_empty()).then(|| Arc::new(index));
    let with_view = |ReadText { source, text, .. }| match &index {
        Some(index) => (
            Configured {
                inputs: with_workspace(&source.inputs, index, &source.real),
                ..source
            },
            text,
        ),
        None => (source, text),
    };
    read.into_iter().map(|read| read.map(with_view)).collect()
}

/// Adds the pods of the Namespaces without labels, which get the level that their pods meet. Only the texts that may
/// contain such pods are analyzed.
fn add_pods(index: &WorkspaceIndex, read: &[Result<ReadText, FileError>]) {
    let namespaces = index.unlabelled_namespaces();
    let may_hold_pods = |source: &Configured, text: &str| {
        let mut names = namespaces.iter().map(String::as_str);
        let places = source.inputs.context.namespaces.for_object(None);
        names.any(|name| text.contains(name) || places.contains(&Some(name)))
    };
    let texts = read.par_iter().flatten();
    texts
        .filter(|read| may_hold_pods(&read.source, &read.text))
        .for_each(|ReadText { source, text, .. }| {
            // The check reports a panic.
            let _ = panics::catch(&source.source, || {
                add_analyzed(index, &source.real, text, &source.inputs);
            });
        });
}

fn add_analyzed(index: &WorkspaceIndex, source: &Path, text: &str, inputs: &OwnedInputs) {
    let report = analysis::analyze(text, inputs);
    let facts = report.facts().filter(|fact| fact.affects_others());
    index.update(source, facts, &inputs.context.namespaces);
}

/// Returns the inputs of a rendered text, whose objects refer only to each other.
pub(crate) fn of_rendered(text: &str, config: Arc<Config>) -> OwnedInputs {
    let (index, source) = (WorkspaceIndex::default(), Path::new(""));
    let inputs = OwnedInputs {
        config,
        context: FileContext::default(),
    };
    let facts = facts(text, &inputs);
    if index.update(source, facts.iter(), &inputs.context.namespaces) {
        if !index.unlabelled_namespaces().is_empty() {
            add_analyzed(&index, source, text, &inputs);
        }
        with_workspace(&inputs, &Arc::new(index), source)
    } else {
        inputs
    }
}

/// Returns the facts that affect objects of other files; mere references do not.
fn facts(text: &str, inputs: &OwnedInputs) -> Vec<Fact> {
    analysis::facts(text, inputs.into(), ReferencedKind::AFFECTING_OTHERS)
}

fn read(source: Configured) -> Result<ReadText, FileError> {
    let text = files::read(&source.source)?;
    let facts = panics::catch(&source.source, || facts(&text, &source.inputs))?;
    Ok(ReadText {
        source,
        text,
        facts,
    })
}

fn with_workspace(inputs: &OwnedInputs, index: &Arc<WorkspaceIndex>, file: &Path) -> OwnedInputs {
    let mut inputs = inputs.clone();
    inputs.context.workspace = Some(WorkspaceView {
        index: Arc::clone(index),
        folder: file.parent().unwrap_or(Path::new("")).into(),
    });
    inputs
}
