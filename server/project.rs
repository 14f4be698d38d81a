//! The project that a text is part of: which files are templates of a chart, which ones a kustomization names as patches, and which ones
//! there are at all.
//!
//! Knows how charts, kustomizations and manifests lie in folders. Must not know what the objects in them mean. Promise: a terminal and an editor
//! learn the same of the same file; what cannot be read says nothing.

use crate::config::{Part, Surroundings, discovery};
use crate::disk;
use crate::yaml::{self, Kind, Node, Style, Yaml, split};
use ignore::{DirEntry, WalkBuilder};
use std::collections::{HashMap, HashSet};
use std::iter;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, mpsc};

/// What kustomize looks for in a folder.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Whether other files may be different because of what a file of that name says.
pub fn concerns_others(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name == CHART || KUSTOMIZATIONS.contains(&name)
}

/// The files that [`concerns_others`] knows, as clients are asked to watch them.
pub fn watched() -> impl Iterator<Item = &'static str> {
    KUSTOMIZATIONS.into_iter().chain([CHART])
}

const CHART: &str = "Chart.yaml";

/// Looks at the files around others; what it has read it does not read again.
#[derive(Debug, Default)]
pub struct Project {
    /// Texts that are not on the disk yet.
    texts: HashMap<PathBuf, String>,
    /// By a folder.
    kustomizations: HashMap<PathBuf, Rc<Kustomization>>,
    charts: HashMap<PathBuf, bool>,
}

/// What a kustomization says of files; one that is not there says nothing.
#[derive(Debug, Default)]
struct Kustomization {
    patches: HashSet<PathBuf>,
    resources: HashSet<PathBuf>,
    /// Where it puts its resources.
    namespace: Option<Arc<str>>,
}

impl Project {
    /// A project of which some files have other texts than on the disk, such as those that are open in an editor. Their names are
    /// free of links.
    pub fn with_texts(texts: HashMap<PathBuf, String>) -> Self {
        Project { texts, ..Project::default() }
    }

    /// What the files around a file say of it. It need not be there.
    pub fn surroundings(&mut self, file: &Path) -> Surroundings {
        let Some(name) = file.file_name() else { return Surroundings::default() };
        let folder = discovery::real(discovery::folder_of(file));
        let file = folder.join(name);
        let part = self.part(&folder, &file);
        Surroundings { part, namespace: self.namespace(&folder, &file), others: None }
    }

    fn part(&mut self, folder: &Path, file: &Path) -> Part {
        for ancestor in folder.ancestors() {
            let is_templates = ancestor.file_name().is_some_and(|name| name == "templates");
            if is_templates && ancestor.parent().is_some_and(|chart| self.is_chart(chart)) {
                return Part::ChartTemplate;
            }
            if self.kustomization(ancestor).patches.contains(file) {
                return Part::Patch;
            }
            // Kustomize takes no patch from outside the kustomization's folder, nor are there charts across repositories.
            if ancestor.join(".git").exists() {
                break;
            }
        }
        Part::Whole
    }

    /// Where the kustomization that names a file as a resource puts it.
    fn namespace(&mut self, folder: &Path, file: &Path) -> Option<Arc<str>> {
        for ancestor in folder.ancestors() {
            let kustomization = self.kustomization(ancestor);
            if kustomization.resources.contains(file) {
                return kustomization.namespace.clone();
            }
            if ancestor.join(".git").exists() {
                break;
            }
        }
        None
    }

    fn is_chart(&mut self, folder: &Path) -> bool {
        *self.charts.entry(folder.to_owned()).or_insert_with(|| folder.join(CHART).is_file())
    }

    fn kustomization(&mut self, folder: &Path) -> Rc<Kustomization> {
        if let Some(known) = self.kustomizations.get(folder) {
            return Rc::clone(known);
        }
        let text = KUSTOMIZATIONS.iter().find_map(|name| self.text(&folder.join(name)));
        let kustomization = Rc::new(text.map(|text| Kustomization::of(&text, folder)).unwrap_or_default());
        self.kustomizations.insert(folder.to_owned(), Rc::clone(&kustomization));
        kustomization
    }

    fn text(&self, file: &Path) -> Option<String> {
        self.texts.get(file).cloned().or_else(|| disk::text(file, disk::LONGEST))
    }
}

impl Kustomization {
    fn of(text: &str, folder: &Path) -> Self {
        let mut said = Kustomization::default();
        for range in split::documents(text) {
            let yaml = yaml::parse(&text[range]);
            let root = |key| yaml.root().and_then(|root| root.get(key));
            said.patches.extend(listed(&yaml).filter_map(named_file).map(|path| within(folder, path)));
            let resources = root("resources").into_iter().flat_map(Node::items).filter_map(Node::as_str);
            said.resources.extend(resources.map(|path| within(folder, path)));
            said.namespace = root("namespace").and_then(Node::as_str).filter(|name| !name.is_empty()).map(Arc::from);
        }
        said
    }
}

/// The files that the text of a kustomization, or of a component, names as patches.
pub fn patches(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for range in split::documents(text) {
        let yaml = yaml::parse(&text[range]);
        found.extend(listed(&yaml).filter_map(named_file).map(str::to_owned));
    }
    found
}

/// The YAML and JSON files below a folder, hidden and ignored ones left out; why some of it cannot be seen. Of everything that lies there
/// no more than so many files and folders are looked at.
pub fn files(folder: &Path, most: usize) -> impl Iterator<Item = Result<PathBuf, String>> {
    let (left_out, told) = mpsc::channel();
    let is_walkable =
        move |folder: &Path| match IGNORING.iter().map(|name| folder.join(name)).find(|file| !disk::is_harmless(file)) {
            Some(file) => {
                // Nobody is told where nobody asks for more.
                let _ = left_out.send(Err(format!("{} is no ordinary file; its folder is left out", file.display())));
                false
            }
            None => true,
        };
    // The walk reads what stands above its folder as well.
    let walk = discovery::real(folder).ancestors().all(&is_walkable).then(|| {
        let is_walkable =
            move |entry: &DirEntry| !entry.file_type().is_some_and(|kind| kind.is_dir()) || is_walkable(entry.path());
        WalkBuilder::new(folder).require_git(false).filter_entry(is_walkable).build()
    });
    let found = walk.into_iter().flatten().take(most).filter_map(|entry| match entry {
        Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) && may_be_manifest(entry.path()) => {
            Some(Ok(entry.into_path()))
        }
        Ok(_) => None,
        Err(error) => Some(Err(error.to_string())),
    });
    found.chain(iter::from_fn(move || told.try_recv().ok()))
}

/// The files that the walk reads on its way. A repository can make a link to anything of them.
const IGNORING: [&str; 2] = [".gitignore", ".ignore"];

/// Whether a file is called what manifests are called.
pub fn may_be_manifest(path: &Path) -> bool {
    ["yaml", "yml", "json"].iter().any(|name| path.extension().is_some_and(|found| found.eq_ignore_ascii_case(name)))
}

/// Whether a file is called what other things than manifests are mostly called.
pub fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case("json"))
}

/// The patches that are written inside a kustomization.
pub fn inline_patches(yaml: &Yaml) -> Vec<Node<'_>> {
    let patch =
        |item: Node<'_>| if item.kind() == Kind::Mapping { item.get("patch").map(|node| node.id()) } else { Some(item.id()) };
    let is_one = |node: &Node<'_>| node.as_str().is_some_and(|text| text.contains(['\n', '{', '[']));
    listed(yaml).filter_map(patch).map(|id| yaml.node(id)).filter(is_one).collect()
}

/// The items of the lists of patches.
fn listed(yaml: &Yaml) -> impl Iterator<Item = Node<'_>> {
    let lists = ["patches", "patchesStrategicMerge", "patchesJson6902"].into_iter();
    lists.filter_map(|list| yaml.root()?.get(list)).flat_map(Node::items).filter_map(Node::resolve)
}

/// The file that an item of a list of patches names; an item can be the patch itself, too.
fn named_file(item: Node<'_>) -> Option<&str> {
    let named = if item.kind() == Kind::Mapping { item.get("path") } else { Some(item) };
    let is_block = |node: &Node<'_>| matches!(node.kind(), Kind::Scalar(Style::Literal | Style::Folded));
    named.filter(|node| !is_block(node)).and_then(Node::as_str).filter(|path| !path.is_empty() && !path.contains('\n'))
}

/// A path from a folder, without dots.
pub fn within(folder: &Path, path: &str) -> PathBuf {
    let mut whole = folder.to_owned();
    for component in Path::new(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => _ = whole.pop(),
            other => whole.push(other),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_are_named_in_three_ways() {
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
        assert_eq!(patches(text), ["a.yaml", "old.yaml", "./b/c.yaml", "d.json"]);
    }

    #[test]
    fn a_path_is_taken_from_its_folder() {
        assert_eq!(within(Path::new("/a/b"), "../c/./d.yaml"), Path::new("/a/c/d.yaml"));
    }
}
