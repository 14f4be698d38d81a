//! From a name to the objects that it may mean: in the document itself, in other ones, in files that nobody has opened.
//!
//! Knows how a place in any file is told to a client. Must not know whose name it is: that is the engine's, and where objects of that
//! name are declared the index's. Promise: places are looked up in the texts as they are when a client asks; a name that means
//! nothing here is answered with nothing.

use super::neighbours::path;
use super::state::{Analysed, State};
use super::{analysis, from_proto, to_proto, uri, workspace_index};
use linter::analysis::{Declaration, ReferenceAt};
use linter::config::Config;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use text::Text;
use tower_lsp::ls_types::{self as lsp, Uri};
use workspace::cross_references::{Fact, ReferencedKind};

/// A name, and the objects that it may mean.
struct Found {
    /// Where the name is written.
    range: lsp::Range,
    kind: ReferencedKind,
    name: String,
    targets: Vec<Target>,
}

/// An object in some text.
struct Target {
    url: Uri,
    object: lsp::Range,
    name: lsp::Range,
    about: String,
}

/// The texts of open documents, by what these are called in the index.
type Open = HashMap<PathBuf, (Uri, Text)>;

/// The most objects that a hover tells of.
const MOST_TOLD: usize = 5;

/// Where the objects are declared that the name at a place may mean, those in the same document first.
pub(super) async fn definition(
    state: &Arc<State>,
    params: lsp::GotoDefinitionParams,
) -> Option<lsp::GotoDefinitionResponse> {
    let lsp::TextDocumentPositionParams {
        text_document,
        position,
    } = params.text_document_position_params;
    let found = match analysis::latest(state, &text_document.uri).await {
        Some(analysed) => {
            let at = analysed
                .snapshot
                .text
                .offset(from_proto::position(position), state.encoding());
            find(state, text_document.uri, analysed, at).await
        }
        None => None,
    };
    let (origin, targets) = found.map_or((None, Vec::new()), |found| {
        (Some(found.range), found.targets)
    });
    Some(match state.capabilities().definition_links {
        true => lsp::GotoDefinitionResponse::Link(
            targets
                .into_iter()
                .map(|target| target.link(origin))
                .collect(),
        ),
        false => {
            lsp::GotoDefinitionResponse::Array(targets.into_iter().map(Target::location).collect())
        }
    })
}

/// Which objects the name at a place may mean; nothing where none is known.
pub(super) async fn hover(
    state: &Arc<State>,
    url: Uri,
    analysed: Arc<Analysed>,
    at: usize,
) -> Option<lsp::Hover> {
    if !state.configuration.settings().field_help() {
        return None;
    }
    let Found {
        range,
        kind,
        name,
        targets,
    } = find(state, url.clone(), analysed, at).await?;
    let folders = state.workspace.all_folders();
    let line = |target: &Target| {
        let about = if target.about.is_empty() {
            String::new()
        } else {
            format!(": {}", target.about)
        };
        format!(
            "{} `{name}` in `{}`{about}",
            kind.name(),
            shown(&target.url, &url, &folders)
        )
    };
    let mut lines: Vec<String> = targets.iter().take(MOST_TOLD).map(line).collect();
    if targets.len() > MOST_TOLD {
        lines.push(format!("and {} more", targets.len() - MOST_TOLD));
    }
    (!lines.is_empty()).then(|| to_proto::hover(lines.join("\n\n"), range, &state.capabilities()))
}

/// How a file is called beside another one: by its way from there, else from a folder of the client, else by its name.
fn shown(url: &Uri, beside: &Uri, folders: &[PathBuf]) -> String {
    let Some(file) = path(url) else {
        return url.path().as_str().to_owned();
    };
    let from = path(beside).and_then(|beside| beside.parent().map(Path::to_owned));
    let way = from
        .iter()
        .chain(folders)
        .find_map(|folder| file.strip_prefix(folder).ok());
    way.or_else(|| file.file_name().map(Path::new))
        .unwrap_or(&file)
        .to_string_lossy()
        .replace('\\', "/")
}

async fn find(state: &Arc<State>, url: Uri, analysed: Arc<Analysed>, at: usize) -> Option<Found> {
    let looker = Arc::clone(state);
    let found = analysis::off_thread(state, move || {
        let mut parts = analysed
            .report
            .chunks()
            .filter_map(|part| Some((part, part.within(at)?)));
        let (part, named) = parts.find_map(|(part, at)| {
            Some((
                part,
                part.analysis.reference_at(at, analysed.inputs.borrow())?,
            ))
        })?;
        let others = analysed.inputs.context.workspace.as_ref()?;
        let ReferenceAt { range, reference } = named;
        let range = to_proto::range(
            part.place(range),
            &analysed.snapshot.text,
            looker.encoding(),
        );
        let mut files: Vec<(PathBuf, Vec<Fact>)> = Vec::new();
        for (source, fact) in others.index.resolve(&reference, &others.folder) {
            match files.last_mut().filter(|(last, _)| *last == source) {
                Some((_, facts)) => facts.push(fact),
                None => files.push((source, vec![fact])),
            }
        }
        let open = if files.is_empty() {
            Open::new()
        } else {
            open(&looker)
        };
        let mut targets: Vec<Target> = files
            .iter()
            .flat_map(|(source, facts)| targets(&looker, &open, source, facts))
            .collect();
        targets.sort_by_key(|target| target.url != url);
        Some(Found {
            range,
            kind: reference.kind,
            name: reference.name,
            targets,
        })
    });
    found.await.ok().flatten()
}

fn open(state: &State) -> Open {
    let known = |url: Uri| {
        Some((
            workspace_index::source(&url),
            (url.clone(), state.snapshot(&url)?.text),
        ))
    };
    state.urls().into_iter().filter_map(known).collect()
}

/// The objects in a text of which something is known, where they are by now.
fn targets(state: &State, open: &Open, source: &Path, facts: &[Fact]) -> Vec<Target> {
    let (url, text) = match open.get(source) {
        Some((url, text)) => (url.clone(), text.clone()),
        None => {
            let closed = || Some((url_of(state, source)?, workspace_index::text(source)?));
            let Some((url, text)) = closed() else {
                return Vec::new();
            };
            (url, Text::from(text.as_str()))
        }
    };
    let whole = text.to_string();
    let mut declared: Vec<Declaration> = facts
        .iter()
        .flat_map(|fact| linter::analysis::declarations(&whole, fact, (&Config::default()).into()))
        .collect();
    declared.sort_by_key(|declared| declared.object.start);
    declared.dedup();
    let range = |bytes| to_proto::range(bytes, &text, state.encoding());
    let target = |Declaration {
                      object,
                      name,
                      about,
                  }| Target {
        url: url.clone(),
        object: range(object),
        name: range(name),
        about,
    };
    declared.into_iter().map(target).collect()
}

/// A file as the client would name it: below its own folder, even if that is a link to where the file is.
fn url_of(state: &State, source: &Path) -> Option<Uri> {
    let folders = state.workspace.all_folders();
    let below = folders.iter().find_map(|folder| {
        Some(folder.join(source.strip_prefix(workspace::paths::real(folder)).ok()?))
    });
    uri::of_file(below.as_deref().unwrap_or(source))
}

impl Target {
    fn link(self, origin: Option<lsp::Range>) -> lsp::LocationLink {
        let Target {
            url, object, name, ..
        } = self;
        lsp::LocationLink {
            origin_selection_range: origin,
            target_uri: url,
            target_range: object,
            target_selection_range: name,
        }
    }

    fn location(self) -> lsp::Location {
        lsp::Location {
            uri: self.url,
            range: self.name,
        }
    }
}
