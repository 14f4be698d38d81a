//! Converts marks to diagnostics.

use super::grouping::Mark;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::to_proto::{SOURCE, range, severity};
use crate::session::documents::Snapshot;
use linter::analysis::Range;
use linter::rules::{Finding, Message, Page, Tag};
use serde_json::json;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Mutex, PoisonError};
use tower_lsp::ls_types::{self as lsp, Uri};

fn tag(finding: &Finding, client: &Capabilities) -> Option<lsp::DiagnosticTag> {
    match finding.tag? {
        Tag::Unnecessary => client
            .unnecessary_tags
            .then_some(lsp::DiagnosticTag::UNNECESSARY),
        Tag::Deprecated => client
            .deprecated_tags
            .then_some(lsp::DiagnosticTag::DEPRECATED),
    }
}

pub(crate) fn diagnostic(
    mark: &Mark<'_>,
    snapshot: &Snapshot,
    url: &Uri,
    client: &Capabilities,
) -> lsp::Diagnostic {
    diagnostic_at(
        mark,
        |at| range(mark.chunk.place(at), &snapshot.text, client.encoding),
        url,
        client,
    )
}

/// Returns a diagnostic; `place` converts the ranges of the chunk.
pub(crate) fn diagnostic_at(
    mark: &Mark<'_>,
    place: impl Fn(Range) -> lsp::Range,
    url: &Uri,
    client: &Capabilities,
) -> lsp::Diagnostic {
    let page = mark.page();
    let rules: Vec<&str> = mark
        .findings
        .iter()
        .map(|finding| finding.rule.id)
        .collect();
    let data = json!({"rules": rules, "container": mark.first().target.container});
    // Each finding of a group is listed at the place that it would have on its own.
    let members = mark.findings.iter().filter(|_| mark.group().is_some());
    let members = members.map(|finding| (finding.range, &finding.message));
    let companions = mark.findings.iter().flat_map(|finding| &finding.related);
    let all = members.chain(companions.map(|related| (related.range, &related.message)));
    let related = |(at, message): (Range, &Message)| lsp::DiagnosticRelatedInformation {
        location: lsp::Location {
            uri: url.clone(),
            range: place(at),
        },
        message: message.to_string(),
    };
    let related: Vec<_> = all
        .filter(|_| client.related_information)
        .map(related)
        .collect();
    lsp::Diagnostic {
        range: place(mark.range()),
        severity: Some(severity(mark.severity())),
        code: Some(lsp::NumberOrString::String(page.id.to_owned())),
        code_description: client
            .code_description
            .then(|| code_description(&page))
            .flatten(),
        source: Some(SOURCE.to_owned()),
        message: mark.message(),
        related_information: (!related.is_empty()).then_some(related),
        tags: tag(mark.first(), client).map(|tag| vec![tag]),
        data: client.diagnostic_data.then_some(data),
    }
}

fn code_description(page: &Page) -> Option<lsp::CodeDescription> {
    /// The URIs of pages by id: parsing one takes longer than the rest of a diagnostic.
    static KNOWN: Mutex<BTreeMap<&str, Uri>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let href = match known.entry(page.id) {
        Entry::Occupied(entry) => entry.get().clone(),
        Entry::Vacant(entry) => entry.insert(page.url().parse().ok()?).clone(),
    };
    Some(lsp::CodeDescription { href })
}
