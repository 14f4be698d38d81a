//! Ways to say no to a finding: in a comment at its place, in the first comments of its document, in the configuration.
//!
//! A menu has room for a handful of them. One rule at a place has all three; of several, each of the first few has a comment at the
//! place, and all that one container or pod lacks is ignored at once, in a comment or in the configuration. Who asks for this kind
//! of action alone gets every way of every rule.
//!
//! Knows what each is called and where the configuration is. Must not know how an ignore is written. Promise: each was written
//! into the text as it is now and found to ignore this rule and no other; nothing is offered in a template.

use super::capabilities::Capabilities;
use super::configuration;
use super::groups::{self, Mark};
use super::state::{Analysed, Snapshot, State};
use super::{to_proto, uri};
use linter::analysis::{Chunk, DocumentKind, ObjectInfo, SuppressionScope};
use linter::config::{self, Date, Exception, Pattern, discovery};
use linter::rules::{Applicability, Check, Finding, Rule};
use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use text::Text;
use tower_lsp::ls_types::{self as lsp, CodeActionKind, Uri};

/// The kind of these actions.
pub(super) const KIND: CodeActionKind = CodeActionKind::new("quickfix.ignore.kubeharden");

/// Of several rules at a place, so many are offered one by one in a menu that holds other things too.
const MOST_RULES: usize = 3;

/// The most findings for which ways to ignore them are offered at once: more are a selection, not a place.
const MOST_FINDINGS: usize = 24;

/// Where exceptions for a document belong.
pub(super) struct Place {
    file: PathBuf,
    url: Uri,
    /// The way to the document from there, as a pattern.
    way: Pattern,
    /// The text that the client has of it.
    open: Option<Snapshot>,
}

/// What was asked, and the text that it was asked of.
pub(super) struct Asked<'a> {
    pub url: &'a Uri,
    pub analysed: &'a Analysed,
    pub client: &'a Capabilities,
    pub place: Option<&'a Place>,
}

impl Place {
    /// The configuration file that counts for a document; where there is none, the one that would.
    pub(super) fn of(state: &State, url: &Uri) -> Option<Place> {
        let document = uri::file_of(url)?;
        let (file, known_as) = match configuration::file_of(state, url) {
            Some((file, known_as)) => (file, known_as),
            None => (new_file(workspace::paths::folder_of(&document)), None),
        };
        let way = discovery::relative_path(&file, &document)?;
        let parts: Vec<&str> = way
            .iter()
            .map(|part| part.to_str())
            .collect::<Option<_>>()?;
        let way = Pattern::of_paths(&literal(&parts.join("/"))).ok()?;
        let open = known_as.as_ref().and_then(|url| state.snapshot(url));
        let url = known_as.or_else(|| uri::of_file(&file))?;
        Some(Place {
            file,
            url,
            way,
            open,
        })
    }

    /// The text of the file; `None` where there is no file.
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

/// Where a configuration file is made: at the root of the repository, else beside the document.
fn new_file(folder: &Path) -> PathBuf {
    let folder = workspace::paths::real(folder);
    let root = folder
        .ancestors()
        .find(|folder| folder.join(".git").exists());
    root.unwrap_or(&folder).join(discovery::FILE_NAME)
}

/// A word as a pattern that nothing else meets.
fn literal(word: &str) -> String {
    word.chars()
        .flat_map(|c| {
            "\\*?[]{}!,"
                .contains(c)
                .then_some('\\')
                .into_iter()
                .chain([c])
        })
        .collect()
}

impl Asked<'_> {
    /// Ways to ignore what some marks stand for, each once: all that there are, or as many as a menu has room for.
    pub(super) fn actions(&self, marks: &[&Mark<'_>], all: bool) -> Vec<lsp::CodeAction> {
        let is_ours = |(part, finding): &(Chunk<'_>, &Finding)| {
            part.analysis.kind != DocumentKind::Template
                && !matches!(finding.rule.check, Check::Suppressions)
        };
        let findings = marks
            .iter()
            .flat_map(|mark| mark.findings.iter().map(|finding| (mark.part, *finding)));
        let mut findings: Vec<(Chunk<'_>, &Finding)> = findings.filter(is_ours).collect();
        if findings.len() > MOST_FINDINGS {
            return Vec::new();
        }
        findings.sort_by_key(|(_, finding)| (Reverse(finding.severity), sure_remedy(finding)));
        let has_room = findings
            .iter()
            .all(|(_, finding)| finding.rule.id == findings[0].1.rule.id);
        let ways = if all || has_room {
            self.ways(&findings)
        } else {
            self.menu(&findings)
        };
        let mut actions: Vec<lsp::CodeAction> = Vec::new();
        for action in ways {
            if !actions
                .iter()
                .any(|other| other.title == action.title && other.edit == action.edit)
            {
                actions.push(action);
            }
        }
        actions
    }

    /// Every way for every finding.
    fn ways(&self, findings: &[(Chunk<'_>, &Finding)]) -> Vec<lsp::CodeAction> {
        let of = |&(part, finding): &(Chunk<'_>, &Finding)| {
            let here = self.comment(part, &[finding], SuppressionScope::Place);
            let whole = self.comment(part, &[finding], SuppressionScope::Document);
            [here, whole, self.configured(part, &[finding])]
        };
        findings.iter().flat_map(of).flatten().collect()
    }

    /// Each of the first few at its place, and what one container or pod lacks together.
    fn menu(&self, findings: &[(Chunk<'_>, &Finding)]) -> Vec<lsp::CodeAction> {
        let here = |&(part, finding): &(Chunk<'_>, &Finding)| {
            self.comment(part, &[finding], SuppressionScope::Place)
        };
        let mut actions: Vec<lsp::CodeAction> =
            findings.iter().take(MOST_RULES).filter_map(here).collect();
        for (place, (part, finding)) in findings.iter().enumerate() {
            let is_beside = |(other_part, other): &&(Chunk<'_>, &Finding)| {
                other_part.start == part.start && groups::is_one_lack(finding, other)
            };
            let is_new = !findings[..place].iter().any(|other| is_beside(&other));
            let lacking: Vec<&Finding> = findings
                .iter()
                .filter(is_beside)
                .map(|(_, finding)| *finding)
                .collect();
            if is_new && lacking.len() > 1 {
                actions.extend(self.comment(*part, &lacking, SuppressionScope::Place));
                actions.extend(self.configured(*part, &lacking));
            }
        }
        actions
    }

    fn comment(
        &self,
        part: Chunk<'_>,
        findings: &[&Finding],
        scope: SuppressionScope,
    ) -> Option<lsp::CodeAction> {
        let edits = part
            .analysis
            .suppress(findings, scope, self.analysed.inputs.borrow())
            .ok()?;
        let snapshot = &self.analysed.snapshot;
        let edits = to_proto::text_edits(part, &edits, &snapshot.text, self.client.encoding);
        let edit = to_proto::workspace_edit(self.url, snapshot.version, edits, self.client);
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
        Some(self.action(title, edit, part, findings))
    }

    fn configured(&self, part: Chunk<'_>, findings: &[&Finding]) -> Option<lsp::CodeAction> {
        let place = self.place?;
        let object = findings
            .first()?
            .target
            .object
            .and_then(|index| part.analysis.objects.get(index));
        let exception = exception(place, object, findings)?;
        let there = place.text().ok()?;
        let text = there.clone().unwrap_or_else(|| Text::from(""));
        let edits =
            config::insert_exception(&text.to_string(), &exception, &Rule::ids(), Date::today())
                .ok()?;
        let edit = |(range, new_text): (std::ops::Range<usize>, String)| lsp::TextEdit {
            range: to_proto::range(range, &text, self.client.encoding),
            new_text,
        };
        let edits = edits.into_iter().map(edit).collect();
        let version = place.open.as_ref().map(|snapshot| snapshot.version);
        let edit =
            to_proto::edit_of_another(&place.url, version, edits, there.is_none(), self.client)?;
        let title = match findings {
            [finding] => format!("ignore {} in configuration", finding.rule.id),
            several => format!("{} in configuration", all_of(several)),
        };
        Some(self.action(title, edit, part, findings))
    }

    fn action(
        &self,
        title: String,
        edit: lsp::WorkspaceEdit,
        part: Chunk<'_>,
        findings: &[&Finding],
    ) -> lsp::CodeAction {
        let mark = Mark {
            part,
            findings: findings.to_vec(),
        };
        let diagnostic =
            to_proto::diagnostic(&mark, &self.analysed.snapshot, self.url, self.client);
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

/// How little reason there is to leave a finding: what can be mended without a thought has the least.
fn sure_remedy(finding: &Finding) -> u8 {
    match finding.fix.as_ref().map(|fix| fix.applicability) {
        None | Some(Applicability::Unsafe) => 0,
        Some(Applicability::Placeholder) => 1,
        Some(Applicability::Safe) => 2,
    }
}

/// What it is called to ignore all that one container or pod lacks.
fn all_of(findings: &[&Finding]) -> String {
    let holder = findings
        .first()
        .and_then(|finding| finding.target.missing.as_ref())
        .map_or("", |lack| lack.holder.as_str());
    let article = if holder.contains(' ') { "" } else { "the " };
    format!(
        "ignore all {} findings of {article}{}",
        findings.len(),
        holder.replace('"', "")
    )
}

/// The exception that is about the rules of some findings in their file, object and container.
fn exception(
    place: &Place,
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
        path: vec![place.way.clone()],
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
