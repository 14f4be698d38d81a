//! From a name to the objects that it may refer to: in the document, in other open ones, and in files on the disk.
//!
//! Ranges refer to the current texts.

use crate::protocol::client::ClientHandle;
use crate::protocol::{from_proto, to_proto, uri};
use crate::session::analysis::Analyzer;
use crate::session::documents::Analyzed;
use crate::session::workspace::{self as files, Workspace};
use linter::analysis::{Declaration, ReferenceAt};
use linter::config::Config;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use text::Text;
use tower_lsp::ls_types::{self as lsp, Uri};
use workspace::cross_references::{Fact, ReferencedKind};

/// Finds the objects that names refer to.
#[derive(Clone)]
pub(crate) struct Definitions {
    pub client: ClientHandle,
    pub analyzer: Analyzer,
    pub workspace: Arc<Workspace>,
}

/// A name and the objects that it may refer to.
struct Found {
    /// The range of the name.
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

/// The texts of open documents, by their names in the index.
type OpenTexts = HashMap<PathBuf, (Uri, Text)>;

/// The most objects in a hover.
const MOST_SHOWN: usize = 5;

impl Definitions {
    /// Returns the declarations of the objects that the name at a position may refer to; those of the same document first.
    pub(crate) async fn definition(
        &self,
        params: lsp::GotoDefinitionParams,
    ) -> Option<lsp::GotoDefinitionResponse> {
        let lsp::TextDocumentPositionParams {
            text_document,
            position,
        } = params.text_document_position_params;
        let found = match self.analyzer.latest(&text_document.uri).await {
            Some(analyzed) => {
                let position = from_proto::position(position);
                let text = &analyzed.snapshot.text;
                let at = text.offset(position, self.client.encoding());
                self.find(text_document.uri, analyzed, at).await
            }
            None => None,
        };
        let (origin, targets) = found.map_or((None, Vec::new()), |found| {
            (Some(found.range), found.targets)
        });
        let targets = targets.into_iter();
        Some(if self.client.capabilities().definition_links {
            lsp::GotoDefinitionResponse::Link(targets.map(|target| target.link(origin)).collect())
        } else {
            lsp::GotoDefinitionResponse::Array(targets.map(Target::location).collect())
        })
    }

    /// Returns a hover with the objects that the name at an offset may refer to.
    pub(crate) async fn hover(
        &self,
        url: Uri,
        analyzed: Arc<Analyzed>,
        at: usize,
    ) -> Option<lsp::Hover> {
        let Found {
            range,
            kind,
            name,
            targets,
        } = self.find(url.clone(), analyzed, at).await?;
        let folders = self.workspace.folders();
        let line = |target: &Target| {
            let about = if target.about.is_empty() {
                String::new()
            } else {
                format!(": {}", to_proto::shown(&target.about))
            };
            let file = short_name(&target.url, &url, &folders);
            let [name, file] = [&name, &file].map(|text| to_proto::shown_as_code(text));
            format!("{} {name} in {file}{about}", kind.name())
        };
        let mut lines: Vec<String> = targets.iter().take(MOST_SHOWN).map(line).collect();
        if targets.len() > MOST_SHOWN {
            lines.push(format!("and {} more", targets.len() - MOST_SHOWN));
        }
        let client = self.client.capabilities();
        (!lines.is_empty()).then(|| to_proto::hover(lines.join("\n\n"), range, &client))
    }

    async fn find(&self, url: Uri, analyzed: Arc<Analyzed>, at: usize) -> Option<Found> {
        let definitions = self.clone();
        let work = move || definitions.find_now(&url, &analyzed, at);
        self.analyzer.run(work).await.ok().flatten()
    }

    fn find_now(&self, url: &Uri, analyzed: &Analyzed, at: usize) -> Option<Found> {
        let mut chunks = analyzed
            .report
            .chunks()
            .filter_map(|chunk| Some((chunk, chunk.within(at)?)));
        let inputs = analyzed.inputs.borrow();
        let (chunk, ReferenceAt { range, reference }) = chunks
            .find_map(|(chunk, at)| Some((chunk, chunk.analysis.reference_at(at, inputs)?)))?;
        let others = analyzed.inputs.context.workspace.as_ref()?;
        let text = &analyzed.snapshot.text;
        let range = to_proto::range(chunk.place(range), text, self.client.encoding());
        let mut files: Vec<(PathBuf, Vec<Fact>)> = Vec::new();
        for (source, fact) in others.index.resolve(&reference, &others.folder) {
            match files.last_mut().filter(|(last, _)| *last == source) {
                Some((_, facts)) => facts.push(fact),
                None => files.push((source, vec![fact])),
            }
        }
        let open = if files.is_empty() {
            OpenTexts::new()
        } else {
            self.open_texts()
        };
        let mut targets: Vec<Target> = files
            .iter()
            .flat_map(|(source, facts)| self.targets(&open, source, facts))
            .collect();
        targets.sort_by_key(|target| target.url != *url);
        Some(Found {
            range,
            kind: reference.kind,
            name: reference.name,
            targets,
        })
    }

    fn open_texts(&self) -> OpenTexts {
        let documents = &self.analyzer.documents;
        let named = |url: Uri| {
            let text = documents.snapshot(&url)?.text;
            Some((files::source(&url), (url, text)))
        };
        documents.urls().into_iter().filter_map(named).collect()
    }

    /// Returns the objects of some facts, with their ranges in the current text.
    fn targets(&self, open: &OpenTexts, source: &Path, facts: &[Fact]) -> Vec<Target> {
        let (url, text) = match open.get(source) {
            Some((url, text)) => (url.clone(), text.clone()),
            None => {
                let closed = || Some((self.url_of(source)?, files::text(source)?));
                let Some((url, text)) = closed() else {
                    return Vec::new();
                };
                (url, Text::from(text.as_str()))
            }
        };
        let whole = text.to_string();
        let config = Config::default();
        let mut declarations: Vec<Declaration> = facts
            .iter()
            .flat_map(|fact| linter::analysis::declarations(&whole, fact, (&config).into()))
            .collect();
        declarations.sort_by_key(|declaration| declaration.object.start);
        declarations.dedup();
        let range = |bytes| to_proto::range(bytes, &text, self.client.encoding());
        let target = |declaration: Declaration| Target {
            url: url.clone(),
            object: range(declaration.object),
            name: range(declaration.name),
            about: declaration.about,
        };
        declarations.into_iter().map(target).collect()
    }

    /// Returns a file as the client names it: below its own folder, even if that folder is a symbolic link.
    fn url_of(&self, source: &Path) -> Option<Uri> {
        let folders = self.workspace.folders();
        let below = folders.iter().find_map(|folder| {
            let relative = source.strip_prefix(workspace::paths::real(folder)).ok()?;
            Some(folder.join(relative))
        });
        uri::of_file(below.as_deref().unwrap_or(source))
    }
}

/// Returns a short name for a file: its path from the folder of a document or from a folder of the client, or else its name.
fn short_name(url: &Uri, document: &Uri, folders: &[PathBuf]) -> String {
    let Some(file) = uri::file_of(url) else {
        return url.path().as_str().to_owned();
    };
    let from = uri::folder_of(document);
    let relative = from
        .iter()
        .chain(folders)
        .find_map(|folder| file.strip_prefix(folder).ok());
    relative
        .or_else(|| file.file_name().map(Path::new))
        .unwrap_or(&file)
        .to_string_lossy()
        .replace('\\', "/")
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
