//! How much of a document can be seen: templates, patches and encrypted files show only a part.
//!
//! In a partial document, a value may be wrong, but nothing is reported as missing.

use crate::Inputs;
use crate::rules::{Check, Finding};
use kubernetes::{self, Extent, Object};
use memchr::memmem;
use workspace::FileRole;
use yaml::{self, Node, NodeKind, Prefilter, Range, ScalarStyle, Yaml};

/// How much of a document's objects is visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DocumentKind {
    /// Everything.
    #[default]
    Complete,
    /// Only what the template engine leaves unchanged.
    Template,
    /// Only what a patch changes.
    Patch,
    /// All names, and the values that are not encrypted.
    Encrypted,
}

/// Whether a document may hold an object or a patch. If it lacks the keys at its root, it need not be parsed. Keys can
/// be written with a `\` escape.
pub(super) fn may_hold_objects(text: &str) -> bool {
    let begins_line = |key: &str| {
        memmem::find_iter(text.as_bytes(), key).any(|at| at == 0 || text[..at].ends_with('\n'))
    };
    if begins_line("apiVersion:") && begins_line("kind:") {
        return true;
    }
    let has_words = (text.contains("apiVersion") && text.contains("kind")) || text.contains('\\');
    has_words && {
        let root = Prefilter::new(text);
        (root.may_have_key("apiVersion") && root.may_have_key("kind"))
            || root.may_have_key("patches")
    }
}

/// Whether the file context is reason enough to parse a text: a JSON patch does not contain the keys, and a
/// kustomization needs none.
pub(super) fn may_hold_patches(text: &str, inputs: Inputs<'_>) -> bool {
    match inputs.context.role {
        FileRole::Patch => true,
        FileRole::Kustomization => text.contains("patch"),
        FileRole::Manifest | FileRole::ChartTemplate => false,
    }
}

/// Whether a document that is too long to be parsed starts like a manifest, so that this is reported.
pub(super) fn begins_as_manifest(yaml: &Yaml) -> bool {
    const HEAD: usize = 4 << 10;
    if yaml.text().len() <= yaml::MAX_BYTES {
        return false;
    }
    let lines = yaml
        .text()
        .char_indices()
        .take_while(|(at, _)| *at < HEAD)
        .filter(|(_, char)| *char == '\n');
    let head = lines.last().map_or("", |(end, _)| &yaml.text()[..end]);
    !kubernetes::objects(&yaml::parse(head)).is_empty()
}

/// Whether a text contains only comments, directives and markers.
pub(super) fn is_blank(text: &str) -> bool {
    text.trim_start_matches('\u{feff}')
        .lines()
        .all(|line| match line.trim() {
            "" | "---" | "..." => true,
            line => line.starts_with(['#', '%']),
        })
}

impl DocumentKind {
    /// Returns the kind of a text without objects: braces in a chart's templates always belong to Helm.
    pub(super) fn unread(text: &str, inputs: Inputs<'_>) -> DocumentKind {
        let is_template = inputs.context.role == FileRole::ChartTemplate && text.contains("{{");
        if is_template {
            DocumentKind::Template
        } else {
            DocumentKind::Complete
        }
    }

    /// Returns the kind of a parsed document.
    pub(super) fn of(yaml: &Yaml, inputs: Inputs<'_>) -> DocumentKind {
        if yaml.template_syntax().is_some()
            || DocumentKind::unread(yaml.text(), inputs) == DocumentKind::Template
        {
            DocumentKind::Template
        } else if inputs.context.role == FileRole::Patch || has_directive(yaml) {
            DocumentKind::Patch
        } else if encryption(yaml).is_some() {
            DocumentKind::Encrypted
        } else {
            DocumentKind::Complete
        }
    }

    /// Returns why the document cannot be edited, for the user.
    pub fn edit_blocker(self) -> Option<&'static str> {
        match self {
            DocumentKind::Complete => None,
            DocumentKind::Template => Some("this is a template"),
            DocumentKind::Patch => {
                Some("this is a patch; the rest of the object is in another file")
            }
            DocumentKind::Encrypted => Some(
                "the file is encrypted with SOPS, which rejects edited files; edit it with sops",
            ),
        }
    }

    /// Marks objects as partial, for findings that depend on fields nearby.
    pub(super) fn mark_partial(self, objects: &mut [Object<'_>]) {
        if matches!(self, DocumentKind::Patch | DocumentKind::Template) {
            objects
                .iter_mut()
                .filter_map(|object| object.pod.as_mut())
                .for_each(|pod| pod.extent = Extent::Part);
        }
    }

    /// Keeps only the findings that are certain in such a document.
    pub(super) fn retain_reportable(self, yaml: &Yaml, findings: &mut Vec<Finding>) {
        match self {
            // Perhaps a program fills in the value after all.
            DocumentKind::Complete => {
                let has_placeholder = yaml.text().contains("{{") || !yaml.errors().is_empty();
                findings.retain(|finding| {
                    !has_placeholder
                        || matches!(finding.rule.check, Check::Document(_))
                        || !is_placeholder(yaml, finding.range)
                });
            }
            DocumentKind::Template | DocumentKind::Patch => {
                findings.retain(|finding| !finding.target.absent);
                let reason = self.edit_blocker().unwrap_or_default();
                for finding in findings {
                    if finding.fix.take().is_some() {
                        finding.no_fix(reason);
                    }
                    finding.alternatives.clear();
                }
            }
            // The fix is shown, but refused as an edit, because only sops can make it.
            DocumentKind::Encrypted => {
                findings.retain(|finding| !is_encrypted(yaml, finding.range));
            }
        }
    }
}

/// Keeps only the findings of an object, from an index on, that are certain if a controller completes its pod.
pub(super) fn leave_of_pod(object: &Object<'_>, findings: &mut Vec<Finding>, from: usize) {
    let extent = object.pod.as_ref().map_or(Extent::Whole, |pod| pod.extent);
    if extent == Extent::Whole {
        return;
    }
    let of_container =
        |finding: &Finding| extent == Extent::Containers && finding.target.container.is_some();
    let found = findings.split_off(from);
    findings.extend(
        found
            .into_iter()
            .filter(|finding| !finding.target.absent || of_container(finding)),
    );
}

/// Whether a strategic merge patch has a directive for an object (`$patch: delete`). Only patches have directives.
fn has_directive(yaml: &Yaml) -> bool {
    yaml.root()
        .is_some_and(|root| root.get_own("$patch").is_some())
}

/// Whether the plain scalar at a range is filled in by a program: it contains `{{`, or starts with `@` or
/// `%`, as no plain scalar can.
fn is_placeholder(yaml: &Yaml, range: Range) -> bool {
    let written = &yaml.text()[range];
    (written.contains("{{") || written.starts_with(['@', '%']))
        && yaml.covering(range.start()).is_some_and(|node| {
            node.range() == range && node.kind() == NodeKind::Scalar(ScalarStyle::Plain)
        })
}

/// The key that SOPS adds, with a checksum over all values of the file.
fn encryption(yaml: &Yaml) -> Option<Node<'_>> {
    let root = yaml
        .root()
        .filter(|root| root.kind() == NodeKind::Mapping)?;
    let entry = root
        .entries()
        .find(|entry| entry.key.as_str() == Some("sops"))?;
    let written = entry
        .value
        .get("mac")
        .or_else(|| entry.value.get("lastmodified"));
    written.map(|_| entry.value)
}

/// Whether a range is in the metadata of SOPS.
fn is_encrypted(yaml: &Yaml, range: Range) -> bool {
    let by_sops = encryption(yaml)
        .and_then(Node::own_entry)
        .is_some_and(|entry| entry.range().contains_range(range));
    let is_sealed = |node: Node<'_>| node.as_str().is_some_and(|text| text.starts_with("ENC["));
    let at = yaml.covering(range.start());
    let value = at
        .and_then(|node| node.parent()?.entries().find(|entry| entry.key == node))
        .map(|entry| entry.value);
    by_sops || at.is_some_and(is_sealed) || value.is_some_and(is_sealed)
}

#[cfg(test)]
mod tests;
