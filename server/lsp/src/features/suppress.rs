//! Actions that suppress findings: a comment at the place, a comment for the whole document, or an exception in the configuration.
//!
//! Each action is proved to suppress these rules and no other. Templates get none.

use super::fixes::article;
use crate::diagnostics::convert;
use crate::diagnostics::grouping::{self, Mark};
use crate::protocol::capabilities::Capabilities;
use crate::protocol::{to_proto, uri};
use crate::session::configurations::Configurations;
use crate::session::documents::{Analyzed, Documents, Snapshot};
use linter::analysis::{Chunk, DocumentKind, ObjectInfo, SuppressionScope};
use linter::config::{self, Date, Exception, Pattern, discovery};
use linter::rules::{Applicability, Check, Finding, Rule};
use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use text::Text;
use tower_lsp::ls_types::{self as lsp, CodeActionKind, Uri};

/// The kind of these actions.
pub(crate) const KIND: CodeActionKind = CodeActionKind::new("quickfix.ignore.kubeharden");

/// The most rules that a menu with other actions offers one by one.
const MOST_RULES: usize = 3;

/// The most findings with actions to ignore them: more are a selection, not a place.
const MOST_FINDINGS: usize = 24;

/// The configuration file for the exceptions of a document.
pub(crate) struct ExceptionFile {
    file: PathBuf,
    url: Uri,
    /// The path of the document from there, as a pattern.
    path: Pattern,
    /// The text that the client has of it.
    open: Option<Snapshot>,
}

/// Makes the actions for an analyzed document and a client.
pub(crate) struct ActionMaker<'a> {
    pub url: &'a Uri,
    pub analyzed: &'a Analyzed,
    pub client: &'a Capabilities,
    pub exception_file: Option<&'a ExceptionFile>,
}

impl ExceptionFile {
    /// Returns the configuration file of a document, or the one to create.
    pub(crate) fn of(
        configurations: &Configurations,
        documents: &Documents,
        url: &Uri,
    ) -> Option<ExceptionFile> {
        let document = uri::file_of(url)?;
        let (file, known_as) = match configurations.file_of(url) {
            Some((file, known_as)) => (file, known_as),
            None => (new_file(workspace::paths::folder_of(&document)), None),
        };
        let path = discovery::relative_path(&file, &document)?;
        let chunks: Vec<&str> = path
            .iter()
            .map(|chunk| chunk.to_str())
            .collect::<Option<_>>()?;
        let path = Pattern::of_paths(&literal(&chunks.join("/"))).ok()?;
        let open = known_as.as_ref().and_then(|url| documents.snapshot(url));
        let url = known_as.or_else(|| uri::of_file(&file))?;
        Some(ExceptionFile {
            file,
            url,
            path,
            open,
        })
    }

    /// Returns the text of the file; `None` if there is no file.
    fn text(&self) -> Result<Option<Text>, String> {
        match &self.open {
            Some(snapshot) => Ok(Some(snapshot.text.clone())),
            None if self.file.is_file() => {
                discovery::text(&self.file).map(|text| Some(Text::from(text.as_str())))
            }
            None => Ok(None),
        }
    }
}

/// Returns the configuration file to create: at the root of the repository, or else next to the document.
fn new_file(folder: &Path) -> PathBuf {
    let folder = workspace::paths::real(folder);
    let root = folder
        .ancestors()
        .find(|folder| folder.join(".git").exists());
    root.unwrap_or(&folder).join(discovery::FILE_NAME)
}

/// Returns a pattern that matches only this word.
fn literal(word: &str) -> String {
    let mut pattern = String::new();
    for c in word.chars() {
        if "\\*?[]{}!,".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

impl ActionMaker<'_> {
    /// Returns actions that ignore the findings of some marks: all possible ones, or as many as fit into a menu.
    ///
    /// For a single rule, the menu has all of them. For several rules, it has a comment for each of the first few, and a comment and
    /// an exception for all missing settings of a container or pod.
    pub(crate) fn actions(&self, marks: &[&Mark<'_>], all: bool) -> Vec<lsp::CodeAction> {
        let can_ignore = |(chunk, finding): &(Chunk<'_>, &Finding)| {
            chunk.analysis.kind != DocumentKind::Template
                && !matches!(finding.rule.check, Check::Suppressions)
        };
        let findings = marks
            .iter()
            .flat_map(|mark| mark.findings.iter().map(|finding| (mark.chunk, *finding)));
        let mut findings: Vec<(Chunk<'_>, &Finding)> = findings.filter(can_ignore).collect();
        if findings.len() > MOST_FINDINGS {
            return Vec::new();
        }
        findings.sort_by_key(|(_, finding)| (Reverse(finding.severity), fix_certainty(finding)));
        let is_one_rule = findings
            .iter()
            .all(|(_, finding)| finding.rule.id == findings[0].1.rule.id);
        let candidates = if all || is_one_rule {
            self.all_actions(&findings)
        } else {
            self.menu(&findings)
        };
        let mut actions: Vec<lsp::CodeAction> = Vec::new();
        for action in candidates {
            if !actions
                .iter()
                .any(|other| other.title == action.title && other.edit == action.edit)
            {
                actions.push(action);
            }
        }
        actions
    }

    /// Returns every action for every finding.
    fn all_actions(&self, findings: &[(Chunk<'_>, &Finding)]) -> Vec<lsp::CodeAction> {
        let of = |&(chunk, finding): &(Chunk<'_>, &Finding)| {
            let at_place = self.comment(chunk, &[finding], SuppressionScope::Place);
            let in_document = self.comment(chunk, &[finding], SuppressionScope::Document);
            [at_place, in_document, self.configured(chunk, &[finding])]
        };
        findings.iter().flat_map(of).flatten().collect()
    }

    /// Returns a comment for each of the first few findings, and actions for all missing settings of a container or pod.
    fn menu(&self, findings: &[(Chunk<'_>, &Finding)]) -> Vec<lsp::CodeAction> {
        let here = |&(chunk, finding): &(Chunk<'_>, &Finding)| {
            self.comment(chunk, &[finding], SuppressionScope::Place)
        };
        let mut actions: Vec<lsp::CodeAction> =
            findings.iter().take(MOST_RULES).filter_map(here).collect();
        for (index, (chunk, finding)) in findings.iter().enumerate() {
            let is_in_group = |(other_chunk, other): &&(Chunk<'_>, &Finding)| {
                other_chunk.start == chunk.start && grouping::are_same_group(finding, other)
            };
            let is_new = !findings[..index].iter().any(|other| is_in_group(&other));
            let missing: Vec<&Finding> = findings
                .iter()
                .filter(is_in_group)
                .map(|(_, finding)| *finding)
                .collect();
            if is_new && missing.len() > 1 {
                actions.extend(self.comment(*chunk, &missing, SuppressionScope::Place));
                actions.extend(self.configured(*chunk, &missing));
            }
        }
        actions
    }

    fn comment(
        &self,
        chunk: Chunk<'_>,
        findings: &[&Finding],
        scope: SuppressionScope,
    ) -> Option<lsp::CodeAction> {
        let edits = chunk
            .analysis
            .suppress(findings, scope, self.analyzed.inputs.borrow())
            .ok()?;
        let snapshot = &self.analyzed.snapshot;
        let edits = to_proto::text_edits(chunk, &edits, &snapshot.text, self.client.encoding);
        let edit = to_proto::workspace_edit(self.url, Some(snapshot.version), edits, self.client);
        let title = match (findings, scope) {
            ([finding], SuppressionScope::Document) => {
                format!("ignore {} in this document", finding.rule.id)
            }
            ([finding], SuppressionScope::Place)
                if finding.target.absent && finding.target.container.is_some() =>
            {
                format!("ignore {} for this container", finding.rule.id)
            }
            ([finding], SuppressionScope::Place) => format!("ignore {} here", finding.rule.id),
            (several, _) => all_of(several),
        };
        Some(self.action(title, edit, chunk, findings))
    }

    fn configured(&self, chunk: Chunk<'_>, findings: &[&Finding]) -> Option<lsp::CodeAction> {
        let file = self.exception_file?;
        let object = findings
            .first()?
            .target
            .object
            .and_then(|index| chunk.analysis.objects.get(index));
        let exception = exception(file, object, findings)?;
        let found = file.text().ok()?;
        let is_new = found.is_none();
        let text = found.unwrap_or_else(|| Text::from(""));
        let edits =
            config::insert_exception(&text.to_string(), &exception, &Rule::names(), Date::today())
                .ok()?;
        let edit = |(range, new_text): (std::ops::Range<usize>, String)| lsp::TextEdit {
            range: to_proto::range(range, &text, self.client.encoding),
            new_text,
        };
        let edits = edits.into_iter().map(edit).collect();
        let edit = if is_new {
            to_proto::edit_of_new_file(&file.url, edits, self.client)?
        } else {
            let version = file.open.as_ref().map(|snapshot| snapshot.version);
            to_proto::workspace_edit(&file.url, version, edits, self.client)
        };
        let title = match findings {
            [finding] => format!("ignore {} in .kubeharden.yaml", finding.rule.id),
            several => format!("{} in .kubeharden.yaml", all_of(several)),
        };
        Some(self.action(title, edit, chunk, findings))
    }

    fn action(
        &self,
        title: String,
        edit: lsp::WorkspaceEdit,
        chunk: Chunk<'_>,
        findings: &[&Finding],
    ) -> lsp::CodeAction {
        let mark = Mark {
            chunk,
            findings: findings.to_vec(),
        };
        let diagnostic = convert::diagnostic(&mark, &self.analyzed.snapshot, self.url, self.client);
        lsp::CodeAction {
            title: to_proto::title(&title),
            kind: Some(KIND),
            diagnostics: Some(vec![diagnostic]),
            edit: Some(edit),
            is_preferred: self.client.preferred_actions.then_some(false),
            ..Default::default()
        }
    }
}

/// Orders findings: those with a safe fix last, because they should be fixed instead.
fn fix_certainty(finding: &Finding) -> u8 {
    match finding.fix.as_ref().map(|fix| fix.applicability) {
        None | Some(Applicability::Unsafe) => 0,
        Some(Applicability::Placeholder) => 1,
        Some(Applicability::Safe) => 2,
    }
}

/// Returns the title of ignoring all missing settings of a container or pod.
fn all_of(findings: &[&Finding]) -> String {
    let holder = findings
        .first()
        .and_then(|finding| finding.target.missing.as_ref())
        .map_or("", |missing| missing.holder.as_str());
    format!(
        "ignore all {} findings of {}{}",
        findings.len(),
        article(holder),
        holder.replace('"', "")
    )
}

/// Returns an exception for the rules of some findings in their file, object and container.
fn exception(
    file: &ExceptionFile,
    object: Option<&ObjectInfo>,
    findings: &[&Finding],
) -> Option<Exception> {
    let finding = findings.first()?;
    let words = |word: Option<&str>| match word {
        Some(word) => Pattern::of_words(&literal(word))
            .ok()
            .map(|pattern| vec![pattern]),
        None => Some(Vec::new()),
    };
    Some(Exception {
        rules: findings
            .iter()
            .map(|finding| finding.rule.id.to_owned())
            .collect(),
        path: vec![file.path.clone()],
        kind: words(object.map(|object| object.kind.as_str()))?,
        namespace: words(object.and_then(|object| object.namespace.as_deref()))?,
        name: words(object.and_then(|object| object.name.as_deref()))?,
        container: words(
            finding
                .target
                .container
                .as_deref()
                .filter(|name| !name.is_empty()),
        )?,
        ..Exception::default()
    })
}
