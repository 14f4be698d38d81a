//! Ways to say no to a finding: in a comment at its place, in the first comments of its document, in the configuration.
//!
//! Knows what each is called and where the configuration is. Must not know how an ignore is written. Promise: each was written
//! into the text as it is now and found to ignore this rule and no other; nothing is offered in a template.

use super::capabilities::Capabilities;
use super::configuration;
use super::groups::Mark;
use super::state::{Analysed, Snapshot, State};
use super::to_proto;
use crate::config::{self, Date, Exception, Pattern, discovery};
use crate::engine::{ObjectInfo, Part, Scope, Sight};
use crate::rules::{Check, Finding, Rule};
use crate::text::Text;
use std::path::{Path, PathBuf};
use tower_lsp::lsp_types::{self as lsp, CodeActionKind, Url};

/// The most findings for which ways to ignore them are offered at once: more are a selection, not a place.
const MOST_FINDINGS: usize = 24;

/// Where exceptions for a document belong.
pub(super) struct Place {
    file: PathBuf,
    url: Url,
    /// The way to the document from there, as a pattern.
    way: Pattern,
    /// The text that the client has of it.
    open: Option<Snapshot>,
}

/// What was asked, and the text that it was asked of.
pub(super) struct Asked<'a> {
    pub url: &'a Url,
    pub analysed: &'a Analysed,
    pub client: &'a Capabilities,
    pub place: Option<&'a Place>,
}

impl Place {
    /// The configuration file that counts for a document; where there is none, the one that would.
    pub(super) fn of(state: &State, url: &Url) -> Option<Place> {
        let document = (url.scheme() == "file").then(|| url.to_file_path().ok())??;
        let (file, known_as) = match configuration::file_of(state, url) {
            Some((file, known_as)) => (file, known_as),
            None => (new_file(discovery::folder_of(&document)), None),
        };
        let way = discovery::way(&file, &document)?;
        let parts: Vec<&str> = way.iter().map(|part| part.to_str()).collect::<Option<_>>()?;
        let way = Pattern::of_paths(&literal(&parts.join("/"))).ok()?;
        let open = known_as.as_ref().and_then(|url| state.snapshot(url));
        let url = known_as.or_else(|| Url::from_file_path(&file).ok())?;
        Some(Place { file, url, way, open })
    }

    /// The text of the file; `None` where there is no file.
    fn text(&self) -> Result<Option<Text>, String> {
        match &self.open {
            Some(snapshot) => Ok(Some(snapshot.text.clone())),
            None if self.file.is_file() => discovery::text(&self.file).map(|text| Some(Text::from(text.as_str()))),
            None => Ok(None),
        }
    }
}

/// Where a configuration file is made: at the root of the repository, else beside the document.
fn new_file(folder: &Path) -> PathBuf {
    let folder = discovery::real(folder);
    let root = folder.ancestors().find(|folder| folder.join(".git").exists());
    root.unwrap_or(&folder).join(discovery::FILE_NAME)
}

/// A word as a pattern that nothing else meets.
fn literal(word: &str) -> String {
    word.chars().flat_map(|c| "\\*?[]{}!,".contains(c).then_some('\\').into_iter().chain([c])).collect()
}

impl Asked<'_> {
    /// All ways to ignore the findings at a place, each once.
    pub(super) fn actions(&self, findings: &[(Part<'_>, &Finding)]) -> Vec<lsp::CodeAction> {
        let is_ours = |(part, finding): &&(Part<'_>, &Finding)| {
            part.analysis.sight != Sight::Template && !matches!(finding.rule.check, Check::Ignores)
        };
        let mut actions: Vec<lsp::CodeAction> = Vec::new();
        if findings.len() > MOST_FINDINGS {
            return actions;
        }
        for &(part, finding) in findings.iter().filter(is_ours) {
            let here = self.comment(part, finding, Scope::Place);
            let whole = self.comment(part, finding, Scope::Document);
            let configured = self.configured(part, finding);
            for action in [here, whole, configured].into_iter().flatten() {
                if !actions.iter().any(|other| other.title == action.title && other.edit == action.edit) {
                    actions.push(action);
                }
            }
        }
        actions
    }

    fn comment(&self, part: Part<'_>, finding: &Finding, scope: Scope) -> Option<lsp::CodeAction> {
        let edits = part.analysis.ignoring(finding, scope, &self.analysed.config).ok()?;
        let snapshot = &self.analysed.snapshot;
        let edits = to_proto::text_edits(part, &edits, &snapshot.text, self.client.encoding);
        let edit = to_proto::workspace_edit(self.url, snapshot.version, edits, self.client);
        let rule = finding.rule.id;
        let title = match scope {
            Scope::Document => format!("ignore {rule} in this document"),
            Scope::Place if finding.subject.absent && finding.subject.container.is_some() => {
                format!("ignore {rule} for this container")
            }
            Scope::Place => format!("ignore {rule} here"),
        };
        Some(self.action(title, edit, part, finding))
    }

    fn configured(&self, part: Part<'_>, finding: &Finding) -> Option<lsp::CodeAction> {
        let place = self.place?;
        let object = finding.subject.object.and_then(|index| part.analysis.objects.get(index));
        let exception = exception(place, object, finding)?;
        let there = place.text().ok()?;
        let text = there.clone().unwrap_or_else(|| Text::from(""));
        let edits = config::excepting(&text.to_string(), &exception, &Rule::ids(), Date::today()).ok()?;
        let edit = |(range, new_text): (std::ops::Range<usize>, String)| lsp::TextEdit {
            range: to_proto::range(range, &text, self.client.encoding),
            new_text,
        };
        let edits = edits.into_iter().map(edit).collect();
        let version = place.open.as_ref().map(|snapshot| snapshot.version);
        let edit = to_proto::edit_of_another(&place.url, version, edits, there.is_none(), self.client)?;
        Some(self.action(format!("ignore {} in configuration", finding.rule.id), edit, part, finding))
    }

    fn action(&self, title: String, edit: lsp::WorkspaceEdit, part: Part<'_>, finding: &Finding) -> lsp::CodeAction {
        let diagnostic =
            to_proto::diagnostic(&Mark { part, findings: vec![finding] }, &self.analysed.snapshot, self.url, self.client);
        lsp::CodeAction {
            title: to_proto::title(&title),
            kind: Some(CodeActionKind::QUICKFIX),
            diagnostics: Some(vec![diagnostic]),
            edit: Some(edit),
            is_preferred: self.client.preferred_actions.then_some(false),
            ..Default::default()
        }
    }
}

/// The exception that is about a finding's rule in its file, object and container.
fn exception(place: &Place, object: Option<&ObjectInfo>, finding: &Finding) -> Option<Exception> {
    let words = |word: Option<&str>| match word {
        Some(word) => Pattern::of_words(&literal(word)).ok().map(|pattern| vec![pattern]),
        None => Some(Vec::new()),
    };
    Some(Exception {
        rules: vec![finding.rule.id.to_owned()],
        path: vec![place.way.clone()],
        kind: words(object.map(|object| object.kind.as_str()))?,
        namespace: words(object.and_then(|object| object.namespace.as_deref()))?,
        name: words(object.and_then(|object| object.name.as_deref()))?,
        container: words(finding.subject.container.as_deref().filter(|name| !name.is_empty()))?,
        ..Exception::default()
    })
}
