//! Kustomizations: the files and folders that they name, and the patches inside them.

use crate::paths::join_normalized;
use crate::{bounded_fs, paths};
use kubernetes::PatchTarget;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use yaml::{Node, NodeKind, ScalarStyle, Yaml, chunks};

/// The file names that kustomize looks for in a folder.
pub(crate) const KUSTOMIZATIONS: [&str; 3] =
    ["kustomization.yaml", "kustomization.yml", "Kustomization"];

pub(crate) fn is_kustomization(file: &Path) -> bool {
    file.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| KUSTOMIZATIONS.contains(&name))
}

/// The known kustomizations. A file's own ancestors can be searched for kustomizations, but an
/// overlay next to its base cannot be found that way.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Kustomizations {
    pub(crate) by_folder: HashMap<PathBuf, Kustomization>,
    /// For a file or folder, the folders of the kustomizations that name it as a resource.
    pub(crate) naming: HashMap<PathBuf, Vec<PathBuf>>,
}

/// The content of a kustomization; empty if the file does not exist.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Kustomization {
    /// The patch files with their targets; the target is empty for a file that is used for several.
    pub(crate) patches: HashMap<PathBuf, PatchTarget>,
    /// Files, and folders with kustomizations.
    pub(crate) resources: HashSet<PathBuf>,
    /// In order; the last one wins.
    pub(crate) components: Vec<PathBuf>,
    /// The namespace of its resources.
    pub(crate) namespace: Option<Arc<str>>,
}

impl Kustomizations {
    /// Reads the kustomizations among some files. The paths must be free of symbolic links.
    pub fn from_files<'p>(files: impl IntoIterator<Item = &'p Path>) -> Self {
        let files = files.into_iter().filter(|file| is_kustomization(file));
        Kustomizations::from_texts(
            files.filter_map(|file| {
                Some((file, bounded_fs::text(file, bounded_fs::MAX_FILE_BYTES)?))
            }),
        )
    }

    /// Parses the kustomizations among some files with texts.
    pub fn from_texts<'p>(files: impl IntoIterator<Item = (&'p Path, impl AsRef<str>)>) -> Self {
        let mut known = Kustomizations::default();
        for (file, text) in files.into_iter().filter(|(file, _)| is_kustomization(file)) {
            let folder = paths::folder_of(file);
            known.by_folder.insert(
                folder.to_owned(),
                Kustomization::parse(text.as_ref(), folder),
            );
        }
        for (folder, kustomization) in &known.by_folder {
            for named in kustomization.named() {
                known
                    .naming
                    .entry(named.clone())
                    .or_default()
                    .push(folder.clone());
            }
        }
        known.naming.values_mut().for_each(|folders| folders.sort());
        known
    }
}

impl Kustomization {
    pub(crate) fn parse(text: &str, folder: &Path) -> Self {
        let mut kustomization = Kustomization::default();
        for range in chunks::documents(text) {
            let yaml = yaml::parse(&text[range]);
            let root = |key| yaml.root().and_then(|root| root.get(key));
            for (path, target) in
                patch_items(&yaml).filter_map(|item| Some((named_file(item)?, target(item))))
            {
                let known = kustomization
                    .patches
                    .entry(join_normalized(folder, path))
                    .or_insert_with(|| target.clone());
                *known = known.common(&target);
            }
            let paths = |key| {
                root(key)
                    .into_iter()
                    .flat_map(Node::items)
                    .filter_map(Node::as_str)
                    .map(|path| join_normalized(folder, path))
            };
            kustomization
                .resources
                .extend(paths("resources").chain(paths("bases")));
            kustomization.components.extend(paths("components"));
            kustomization.namespace = root("namespace")
                .and_then(Node::as_str)
                .filter(|name| !name.is_empty())
                .map(Arc::from);
        }
        kustomization
    }

    /// The files and folders that it names as resources or components.
    fn named(&self) -> impl Iterator<Item = &PathBuf> {
        self.resources.iter().chain(&self.components)
    }

    pub(crate) fn names(&self, resource: &Path) -> bool {
        self.resources.contains(resource)
            || self
                .components
                .iter()
                .any(|component| component == resource)
    }
}

/// Returns the files that a kustomization or component names as patches.
pub fn patch_files(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for range in chunks::documents(text) {
        let yaml = yaml::parse(&text[range]);
        found.extend(patch_items(&yaml).filter_map(named_file).map(str::to_owned));
    }
    found
}

/// Returns the patches inside a kustomization with their targets.
pub fn inline_patches(yaml: &Yaml) -> Vec<(Node<'_>, PatchTarget)> {
    let patch = |item: Node<'_>| {
        if item.kind() == NodeKind::Mapping {
            item.get("patch").map(|node| node.id())
        } else {
            Some(item.id())
        }
    };
    let is_one = |node: &Node<'_>| {
        node.as_str()
            .is_some_and(|text| text.contains(['\n', '{', '[']))
    };
    let placed = |item| patch(item).map(|id| (yaml.node(id), target(item)));
    patch_items(yaml)
        .filter_map(placed)
        .filter(|(node, _)| is_one(node))
        .collect()
}

/// The target of an item in a list of patches.
fn target(item: Node<'_>) -> PatchTarget {
    let named = |key| {
        item.get("target")?
            .get(key)
            .filter(|node| !node.is_null())?
            .as_str()
            .map(Arc::from)
    };
    PatchTarget {
        group: named("group"),
        version: named("version"),
        kind: named("kind"),
    }
}

/// The items of all lists of patches.
fn patch_items(yaml: &Yaml) -> impl Iterator<Item = Node<'_>> {
    let lists = ["patches", "patchesStrategicMerge", "patchesJson6902"].into_iter();
    lists
        .filter_map(|list| yaml.root()?.get(list))
        .flat_map(Node::items)
        .filter_map(Node::resolve)
}

/// The file that an item of a list of patches names; `None` if the item contains the patch itself.
fn named_file(item: Node<'_>) -> Option<&str> {
    let named = if item.kind() == NodeKind::Mapping {
        item.get("path")
    } else {
        Some(item)
    };
    let is_block = |node: &Node<'_>| {
        matches!(
            node.kind(),
            NodeKind::Scalar(ScalarStyle::Literal | ScalarStyle::Folded)
        )
    };
    named
        .filter(|node| !is_block(node))
        .and_then(Node::as_str)
        .filter(|path| !path.is_empty() && !path.contains('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patch_files_come_from_three_lists() {
        let text = "\
resources: [deployment.yaml]
patches:
  - path: a.yaml
    target: {kind: Deployment}
  - patch: |-
      - op: remove
        path: /spec
  - old.yaml
patchesStrategicMerge:
  - ./b/c.yaml
  - |-
    kind: Deployment
patchesJson6902:
  - path: d.json
";
        assert_eq!(
            patch_files(text),
            ["a.yaml", "old.yaml", "./b/c.yaml", "d.json"]
        );
    }
}
