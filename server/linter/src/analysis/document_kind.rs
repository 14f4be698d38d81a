//! How much of a document can be seen, and what may be said of one that cannot be seen in full.
//!
//! Knows templates, patches and encrypted files by what they look like. Must not know rules. Promise: of what is not seen nothing is
//! said: a value that stands there may be wrong, and nothing is missing.

use crate::Inputs;
use crate::rules::Finding;
use kubernetes::{self, Extent, Object};
use memchr::memmem;
use workspace::FileRole;
use yaml::{self, Node, NodeKind, Prefilter, Range, Yaml};

/// How much of a document's objects stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DocumentKind {
    /// All.
    #[default]
    Complete,
    /// What a template engine leaves as it is.
    Template,
    /// What a patch changes.
    Patch,
    /// All names, and the values that nobody encrypted.
    Encrypted,
}

/// Whether a document may hold an object at all, or patches of objects: one that does not hold the words, or not at its root, need not be
/// read. Words can be written with a `\` in them.
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

/// Whether what the files around a text say of it is reason enough to read it: a JSON patch does not hold the words, and neither has a
/// kustomization around one to say what it is itself.
pub(super) fn may_hold_patches(text: &str, inputs: Inputs<'_>) -> bool {
    match inputs.context.role {
        FileRole::Patch => true,
        FileRole::Kustomization => text.contains("patch"),
        FileRole::Manifest | FileRole::ChartTemplate => false,
    }
}

/// Whether a document that is too long to be read begins as a manifest does: whoever wrote one should know that it is not read.
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

/// Whether nothing is written in a text but comments, directives and markers.
pub(super) fn is_blank(text: &str) -> bool {
    text.trim_start_matches('\u{feff}')
        .lines()
        .all(|line| match line.trim() {
            "" | "---" | "..." => true,
            line => line.starts_with(['#', '%']),
        })
}

impl DocumentKind {
    /// How much could be seen of a text that holds no objects: the braces of a chart's templates are Helm's wherever they stand.
    pub(super) fn unread(text: &str, inputs: Inputs<'_>) -> DocumentKind {
        let is_template = inputs.context.role == FileRole::ChartTemplate && text.contains("{{");
        if is_template {
            DocumentKind::Template
        } else {
            DocumentKind::Complete
        }
    }

    /// How much can be seen of a document that is read by itself.
    pub(super) fn of(yaml: &Yaml, inputs: Inputs<'_>) -> DocumentKind {
        if yaml.has_template_syntax()
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

    /// Why no edit is given, in words for a person.
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

    /// Tells the objects that not all of them is there, for what is wrong or not by what stands beside it.
    pub(super) fn mark_partial(self, objects: &mut [Object<'_>]) {
        if matches!(self, DocumentKind::Patch | DocumentKind::Template) {
            objects
                .iter_mut()
                .filter_map(|object| object.pod.as_mut())
                .for_each(|pod| pod.extent = Extent::Part);
        }
    }

    /// Leaves of what was found what can be said.
    pub(super) fn retain_reportable(self, yaml: &Yaml, findings: &mut Vec<Finding>) {
        match self {
            DocumentKind::Complete => {}
            DocumentKind::Template | DocumentKind::Patch => {
                findings.retain(|finding| !finding.target.absent);
                for finding in findings {
                    finding.fix = None;
                    finding.alternatives.clear();
                }
            }
            // What would mend it is still told, and the edit refused: sops can make it.
            DocumentKind::Encrypted => {
                findings.retain(|finding| !is_encrypted(yaml, finding.range))
            }
        }
    }
}

/// Leaves of what was found in an object, from a place in the list on, what can be said where a controller completes its pod.
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

/// Whether a strategic merge is told what to do with an object (`$patch: delete`): only in a patch is that read.
fn has_directive(yaml: &Yaml) -> bool {
    yaml.root()
        .is_some_and(|root| root.get_own("$patch").is_some())
}

/// What SOPS writes beside what it encrypted, with a checksum over all values of the file.
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

/// Whether a place is what SOPS wrote.
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
