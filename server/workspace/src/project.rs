//! The project that a text is part of: which files are templates of a chart, which ones a kustomization names as patches, and which ones
//! there are at all.
//!
//! Knows how charts, kustomizations and manifests lie in folders, and where kustomizations put what they name. Must not know what the objects in them mean. Promise: a terminal and an editor
//! learn the same of the same file; what cannot be read says nothing.

use crate::bounded_fs;
use crate::cross_references::TargetNamespaces;
use crate::paths;
use crate::{FileContext, FileRole};
use ignore::{DirEntry, WalkBuilder};
use kubernetes::JsonPatch;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::iter;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, mpsc};
use yaml::{self, Node, NodeKind, ScalarStyle, Yaml, chunks};

/// What kustomize looks for in a folder.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Whether other files may be different because of what a file of that name says.
pub fn affects_other_files(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == CHART) || is_kustomization(file)
}

fn is_kustomization(file: &Path) -> bool {
    file.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| KUSTOMIZATIONS.contains(&name))
}

/// The files that [`concerns_others`] knows, as clients are asked to watch them.
pub fn watched_file_names() -> impl Iterator<Item = &'static str> {
    KUSTOMIZATIONS.into_iter().chain([CHART])
}

const CHART: &str = "Chart.yaml";

/// Looks at the files around others; what it has read it does not read again.
#[derive(Debug, Default)]
pub struct Project {
    /// Texts that are not on the disk yet.
    texts: HashMap<PathBuf, String>,
    /// Those of which it is known that they are there, wherever that is.
    known: Arc<Kustomizations>,
    /// By the name that was asked for, the one without links.
    folders: HashMap<PathBuf, PathBuf>,
    /// By a folder.
    kustomizations: HashMap<PathBuf, Arc<Kustomization>>,
    charts: HashMap<PathBuf, bool>,
    repositories: HashMap<PathBuf, bool>,
    /// By the folder of a kustomization, where those that name it put what it makes.
    destinations: HashMap<PathBuf, BTreeSet<Option<Arc<str>>>>,
}

/// The kustomizations of many folders. Those above a file can be found from there; an overlay beside its base cannot.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Kustomizations {
    by_folder: HashMap<PathBuf, Kustomization>,
    /// By a file or folder, the folders of the kustomizations that name it as a resource.
    naming: HashMap<PathBuf, Vec<PathBuf>>,
}

/// What a kustomization says of files; one that is not there says nothing.
#[derive(Debug, Default, PartialEq, Eq)]
struct Kustomization {
    /// With what each is for; nothing of that for one that is named for several things.
    patches: HashMap<PathBuf, JsonPatch>,
    /// Files, and folders with kustomizations.
    resources: HashSet<PathBuf>,
    /// The last one has the last word.
    components: Vec<PathBuf>,
    /// Where it puts its resources.
    namespace: Option<Arc<str>>,
}

/// So many kustomizations are followed from one to the one that names it. Those that name one another in a circle kustomize refuses.
const DEEPEST: usize = 16;

impl Kustomizations {
    /// Reads those among some files, whose names are free of links.
    pub fn read_from<'p>(files: impl IntoIterator<Item = &'p Path>) -> Self {
        let files = files.into_iter().filter(|file| is_kustomization(file));
        Kustomizations::of(
            files.filter_map(|file| {
                Some((file, bounded_fs::text(file, bounded_fs::MAX_FILE_BYTES)?))
            }),
        )
    }

    /// Those among some files, with their texts.
    pub fn of<'p>(files: impl IntoIterator<Item = (&'p Path, impl AsRef<str>)>) -> Self {
        let mut known = Kustomizations::default();
        for (file, text) in files.into_iter().filter(|(file, _)| is_kustomization(file)) {
            let folder = paths::folder_of(file);
            known
                .by_folder
                .insert(folder.to_owned(), Kustomization::of(text.as_ref(), folder));
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

impl Project {
    /// A project of which some files have other texts than on the disk, such as those that are open in an editor. Their names are
    /// free of links.
    /// Of some kustomizations it is known that they are there.
    pub fn new(texts: HashMap<PathBuf, String>, known: Arc<Kustomizations>) -> Self {
        Project {
            texts,
            known,
            ..Project::default()
        }
    }

    /// Takes that some kustomizations are there.
    pub fn set_kustomizations(&mut self, kustomizations: Kustomizations) {
        self.known = Arc::new(kustomizations);
    }

    /// The file without links in the names of its folders.
    pub fn real(&mut self, file: &Path) -> PathBuf {
        let folder = paths::folder_of(file);
        let real = match self.folders.get(folder) {
            Some(real) => real,
            None => self
                .folders
                .entry(folder.to_owned())
                .or_insert(paths::real(folder)),
        };
        real.join(file.file_name().unwrap_or_default())
    }

    /// What the files around a file say of it. It need not be there.
    pub fn file_context(&mut self, file: &Path) -> FileContext {
        if file.file_name().is_none() {
            return FileContext::default();
        }
        let file = self.real(file);
        let (part, target) = self.part(paths::folder_of(&file), &file);
        FileContext {
            role: part,
            target,
            namespaces: self.namespaces_of(&file),
            workspace: None,
        }
    }

    /// What a file is, and what it is for where it is a patch.
    fn part(&mut self, folder: &Path, file: &Path) -> (FileRole, JsonPatch) {
        let part = |part| (part, JsonPatch::default());
        let mut named: Option<JsonPatch> = None;
        for ancestor in folder.ancestors() {
            let is_templates = ancestor.file_name().is_some_and(|name| name == "templates");
            if named.is_none()
                && is_templates
                && ancestor.parent().is_some_and(|chart| self.is_chart(chart))
            {
                return part(FileRole::ChartTemplate);
            }
            if let Some(target) = self.kustomization(ancestor).patches.get(file) {
                named = Some(named.map_or_else(|| target.clone(), |known| known.agreed(target)));
            }
            // Kustomize takes no patch from outside the kustomization's folder, nor are there charts across repositories.
            if self.is_repository(ancestor) {
                break;
            }
        }
        if let Some(target) = named {
            return (FileRole::Patch, target);
        }
        part(if is_kustomization(file) {
            FileRole::Kustomization
        } else {
            FileRole::Whole
        })
    }

    /// Where kustomizations put the objects of a file, whose name is free of links: each that names it as a resource, and is not named
    /// itself by one that puts them elsewhere.
    pub fn namespaces_of(&mut self, file: &Path) -> TargetNamespaces {
        TargetNamespaces::of(self.destinations(file, 0))
    }

    fn destinations(&mut self, resource: &Path, depth: usize) -> BTreeSet<Option<Arc<str>>> {
        let mut all = BTreeSet::new();
        for folder in self.naming(resource) {
            if depth < DEEPEST && !self.destinations.contains_key(&folder) {
                // Whoever comes here again goes round in a circle.
                self.destinations.insert(folder.clone(), BTreeSet::new());
                let above = self.destinations(&folder, depth + 1);
                self.destinations.insert(folder.clone(), above);
            }
            let own = self.namespace(&folder, &mut HashSet::new());
            match self
                .destinations
                .get(&folder)
                .filter(|above| !above.is_empty())
            {
                Some(above) => all.extend(
                    above
                        .iter()
                        .map(|outer| outer.clone().or_else(|| own.clone())),
                ),
                None => _ = all.insert(own),
            }
        }
        all
    }

    /// The namespace that a kustomization sets, or one of its components, which change what it has.
    fn namespace(&mut self, folder: &Path, seen: &mut HashSet<PathBuf>) -> Option<Arc<str>> {
        let kustomization = self.kustomization(folder);
        if kustomization.namespace.is_some()
            || seen.len() > DEEPEST
            || !seen.insert(folder.to_owned())
        {
            return kustomization.namespace.clone();
        }
        kustomization
            .components
            .iter()
            .rev()
            .find_map(|component| self.namespace(component, seen))
    }

    /// The folders of the kustomizations that name a file or a folder as a resource.
    fn naming(&mut self, resource: &Path) -> BTreeSet<PathBuf> {
        let mut folders: BTreeSet<PathBuf> = self
            .known
            .naming
            .get(resource)
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        folders.extend(
            self.texts
                .keys()
                .filter(|file| is_kustomization(file))
                .filter_map(|file| file.parent())
                .map(Path::to_owned),
        );
        folders.retain(|folder| self.kustomization(folder).names(resource));
        for ancestor in resource.ancestors().skip(1) {
            if self.kustomization(ancestor).names(resource) {
                folders.insert(ancestor.to_owned());
            }
            if self.is_repository(ancestor) {
                break;
            }
        }
        folders
    }

    fn is_repository(&mut self, folder: &Path) -> bool {
        *self
            .repositories
            .entry(folder.to_owned())
            .or_insert_with(|| folder.join(".git").exists())
    }

    fn is_chart(&mut self, folder: &Path) -> bool {
        *self
            .charts
            .entry(folder.to_owned())
            .or_insert_with(|| folder.join(CHART).is_file())
    }

    fn kustomization(&mut self, folder: &Path) -> Arc<Kustomization> {
        if let Some(known) = self.kustomizations.get(folder) {
            return Arc::clone(known);
        }
        let text = KUSTOMIZATIONS
            .iter()
            .find_map(|name| self.text(&folder.join(name)));
        let kustomization = Arc::new(
            text.map(|text| Kustomization::of(&text, folder))
                .unwrap_or_default(),
        );
        self.kustomizations
            .insert(folder.to_owned(), Arc::clone(&kustomization));
        kustomization
    }

    fn text(&self, file: &Path) -> Option<String> {
        self.texts
            .get(file)
            .cloned()
            .or_else(|| bounded_fs::text(file, bounded_fs::MAX_FILE_BYTES))
    }
}

impl Kustomization {
    fn of(text: &str, folder: &Path) -> Self {
        let mut said = Kustomization::default();
        for range in chunks::documents(text) {
            let yaml = yaml::parse(&text[range]);
            let root = |key| yaml.root().and_then(|root| root.get(key));
            for (path, target) in
                listed(&yaml).filter_map(|item| Some((named_file(item)?, target(item))))
            {
                let known = said
                    .patches
                    .entry(join_normalized(folder, path))
                    .or_insert_with(|| target.clone());
                *known = known.agreed(&target);
            }
            let paths = |key| {
                root(key)
                    .into_iter()
                    .flat_map(Node::items)
                    .filter_map(Node::as_str)
                    .map(|path| join_normalized(folder, path))
            };
            said.resources
                .extend(paths("resources").chain(paths("bases")));
            said.components.extend(paths("components"));
            said.namespace = root("namespace")
                .and_then(Node::as_str)
                .filter(|name| !name.is_empty())
                .map(Arc::from);
        }
        said
    }

    /// The files that it names as resources, and the folders with kustomizations.
    fn named(&self) -> impl Iterator<Item = &PathBuf> {
        self.resources.iter().chain(&self.components)
    }

    fn names(&self, resource: &Path) -> bool {
        self.resources.contains(resource)
            || self
                .components
                .iter()
                .any(|component| component == resource)
    }
}

/// The files that the text of a kustomization, or of a component, names as patches.
pub fn patches(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for range in chunks::documents(text) {
        let yaml = yaml::parse(&text[range]);
        found.extend(listed(&yaml).filter_map(named_file).map(str::to_owned));
    }
    found
}

/// The YAML and JSON files below a folder, hidden and ignored ones left out; why some of it cannot be seen. Of everything that lies there
/// no more than so many files and folders are looked at.
pub fn files(folder: &Path, most: usize) -> impl Iterator<Item = Result<PathBuf, String>> {
    let (left_out, told) = mpsc::channel();
    let is_walkable = move |folder: &Path| match IGNORING
        .iter()
        .map(|name| folder.join(name))
        .find(|file| !bounded_fs::is_cheap_to_read(file))
    {
        Some(file) => {
            // Nobody is told where nobody asks for more.
            let _ = left_out.send(Err(format!(
                "{} is no ordinary file; its folder is left out",
                file.display()
            )));
            false
        }
        None => true,
    };
    // The walk reads what stands above its folder as well.
    let walk = paths::real(folder).ancestors().all(&is_walkable).then(|| {
        let is_walkable = move |entry: &DirEntry| {
            !entry.file_type().is_some_and(|kind| kind.is_dir()) || is_walkable(entry.path())
        };
        WalkBuilder::new(folder)
            .require_git(false)
            .filter_entry(is_walkable)
            .build()
    });
    let found = walk
        .into_iter()
        .flatten()
        .take(most)
        .filter_map(|entry| match entry {
            Ok(entry)
                if entry.file_type().is_some_and(|kind| kind.is_file())
                    && may_be_manifest(entry.path()) =>
            {
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
    ["yaml", "yml", "json"].iter().any(|name| {
        path.extension()
            .is_some_and(|found| found.eq_ignore_ascii_case(name))
    })
}

/// Whether a file is called what other things than manifests are mostly called.
pub fn is_json(path: &Path) -> bool {
    path.extension()
        .is_some_and(|found| found.eq_ignore_ascii_case("json"))
}

/// The patches that are written inside a kustomization, and what each is for.
pub fn inline_patches(yaml: &Yaml) -> Vec<(Node<'_>, JsonPatch)> {
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
    listed(yaml)
        .filter_map(placed)
        .filter(|(node, _)| is_one(node))
        .collect()
}

/// What an item of a list of patches says that it is for.
fn target(item: Node<'_>) -> JsonPatch {
    let named = |key| {
        item.get("target")?
            .get(key)
            .filter(|node| !node.is_null())?
            .as_str()
            .map(Arc::from)
    };
    JsonPatch {
        group: named("group"),
        version: named("version"),
        kind: named("kind"),
    }
}

/// The items of the lists of patches.
fn listed(yaml: &Yaml) -> impl Iterator<Item = Node<'_>> {
    let lists = ["patches", "patchesStrategicMerge", "patchesJson6902"].into_iter();
    lists
        .filter_map(|list| yaml.root()?.get(list))
        .flat_map(Node::items)
        .filter_map(Node::resolve)
}

/// The file that an item of a list of patches names; an item can be the patch itself, too.
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

/// A path from a folder, without dots.
pub fn join_normalized(folder: &Path, path: &str) -> PathBuf {
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
        assert_eq!(
            patches(text),
            ["a.yaml", "old.yaml", "./b/c.yaml", "d.json"]
        );
    }

    #[test]
    fn a_path_is_taken_from_its_folder() {
        assert_eq!(
            join_normalized(Path::new("/a/b"), "../c/./d.yaml"),
            Path::new("/a/c/d.yaml")
        );
    }
}
