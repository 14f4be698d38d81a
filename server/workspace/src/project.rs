//! The project that a text is part of: which files are templates of a chart, which ones a kustomization names as patches, and which ones
//! there are at all.
//!
//! Knows how charts, kustomizations and manifests lie in folders, and where kustomizations put what they name. Must not know what the objects in them mean. Promise: a terminal and an editor
//! learn the same of the same file; what cannot be read says nothing.

use crate::cross_references::TargetNamespaces;
use crate::kustomize::{KUSTOMIZATIONS, Kustomization, Kustomizations, is_kustomization};
use crate::{FileContext, FileRole, bounded_fs, paths};
use kubernetes::PatchTarget;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Whether other files may be different because of what a file of that name says.
pub fn affects_other_files(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == CHART) || is_kustomization(file)
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

/// So many kustomizations are followed from one to the one that names it. Those that name one another in a circle kustomize refuses.
const MAX_DEPTH: usize = 16;

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
        let (part, target) = self.role(paths::folder_of(&file), &file);
        FileContext {
            role: part,
            target,
            namespaces: self.namespaces_of(&file),
            workspace: None,
        }
    }

    /// What a file is, and what it is for where it is a patch.
    fn role(&mut self, folder: &Path, file: &Path) -> (FileRole, PatchTarget) {
        let part = |part| (part, PatchTarget::default());
        let mut named: Option<PatchTarget> = None;
        for ancestor in folder.ancestors() {
            let is_templates = ancestor.file_name().is_some_and(|name| name == "templates");
            if named.is_none()
                && is_templates
                && ancestor.parent().is_some_and(|chart| self.is_chart(chart))
            {
                return part(FileRole::ChartTemplate);
            }
            if let Some(target) = self.kustomization(ancestor).patches.get(file) {
                named = Some(named.map_or_else(|| target.clone(), |known| known.common(target)));
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
            FileRole::Manifest
        })
    }

    /// Where kustomizations put the objects of a file, whose name is free of links: each that names it as a resource, and is not named
    /// itself by one that puts them elsewhere.
    pub fn namespaces_of(&mut self, file: &Path) -> TargetNamespaces {
        TargetNamespaces::new(self.destinations(file, 0))
    }

    fn destinations(&mut self, resource: &Path, depth: usize) -> BTreeSet<Option<Arc<str>>> {
        let mut all = BTreeSet::new();
        for folder in self.naming(resource) {
            if depth < MAX_DEPTH && !self.destinations.contains_key(&folder) {
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
            || seen.len() > MAX_DEPTH
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
            text.map(|text| Kustomization::parse(&text, folder))
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
