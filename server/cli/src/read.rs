//! The texts, each with what it is held to among the others.
//!
//! Knows that objects in one file have a say about those in another. Must not know what they say. Promise: the order of files makes no
//! difference; a text that cannot be read says nothing and stops nothing.

use super::check::guarded;
use super::configured::Configured;
use super::files::{self, Trouble};
use linter::OwnedInputs;
use linter::analysis;
use linter::config::Config;
use rayon::prelude::*;
use std::path::Path;
use std::sync::Arc;
use workspace::cross_references::{Fact, ReferencedKind, WorkspaceIndex};
use workspace::{FileContext, WorkspaceView};

/// Reads all texts.
pub(super) fn read_all(sources: Vec<Configured>) -> Vec<Result<(Configured, String), Trouble>> {
    let read: Vec<_> = sources.into_par_iter().map(read).collect();
    let index = WorkspaceIndex::default();
    for (source, _, facts) in read
        .iter()
        .flatten()
        .filter(|(_, _, facts)| !facts.is_empty())
    {
        index.update(
            &source.real,
            facts.iter(),
            &source.inputs.context.namespaces,
        );
    }
    let index = (!index.is_empty()).then(|| Arc::new(index));
    let among = |(source, text, _): (Configured, String, Vec<Fact>)| match &index {
        Some(index) => (
            Configured {
                inputs: among(&source, index),
                ..source
            },
            text,
        ),
        None => (source, text),
    };
    read.into_iter().map(|read| read.map(among)).collect()
}

/// What a text that was rendered as a whole is held to among its own objects.
pub(super) fn alone(text: &str, config: Arc<Config>) -> OwnedInputs {
    let (index, source) = (WorkspaceIndex::default(), Path::new(""));
    let inputs = OwnedInputs {
        config,
        context: FileContext::default(),
    };
    let facts = facts(text, &inputs);
    if index.update(source, facts.iter(), &inputs.context.namespaces) {
        beside(&inputs, &Arc::new(index), source)
    } else {
        inputs
    }
}

/// Who is only named makes no difference here.
fn facts(text: &str, inputs: &OwnedInputs) -> Vec<Fact> {
    analysis::facts(text, inputs.into(), ReferencedKind::AFFECTING_OTHERS)
}

fn read(source: Configured) -> Result<(Configured, String, Vec<Fact>), Trouble> {
    let text = files::read(&source.source)?;
    let facts = guarded(&source.source, || facts(&text, &source.inputs))?;
    Ok((source, text, facts))
}

fn among(source: &Configured, index: &Arc<WorkspaceIndex>) -> OwnedInputs {
    beside(&source.inputs, index, &source.real)
}

fn beside(inputs: &OwnedInputs, index: &Arc<WorkspaceIndex>, file: &Path) -> OwnedInputs {
    let mut inputs = inputs.clone();
    inputs.context.workspace = Some(WorkspaceView {
        index: Arc::clone(index),
        folder: file.parent().unwrap_or(Path::new("")).into(),
    });
    inputs
}
