//! The project around a file: charts and kustomizations above it or known elsewhere. The command
//! line and the editor get the same context for the same file; a file that cannot be read is
//! ignored.

use crate::cross_references::TargetNamespaces;
use crate::kustomize::{KUSTOMIZATIONS, Kustomization, Kustomizations, is_kustomization};
use crate::{FileContext, FileRole, bounded_fs, paths};
use kubernetes::PatchTarget;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Whether a change of this file may change the context of other files.
pub fn affects_other_files(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == CHART) || is_kustomization(file)
}

/// The file names for which [`affects_other_files`] is true, for the client's file watcher.
pub fn watched_file_names() -> impl Iterator<Item = &'static str> {
    KUSTOMIZATIONS.into_iter().chain([CHART])
}

const CHART: &str = "Chart.yaml";

/// Finds the context of files. Each file and folder is read at most once.
#[derive(Debug, Default)]
pub struct Project {
    /// Unsaved texts by path.
    texts: HashMap<PathBuf, String>,
    /// Kustomizations that were found by other means.
    known: Arc<Kustomizations>,
    /// Canonical folders by the path that was asked for.
    folders: HashMap<PathBuf, PathBuf>,
    /// By folder.
    kustomizations: HashMap<PathBuf, Arc<Kustomization>>,
    charts: HashMap<PathBuf, bool>,
    repositories: HashMap<PathBuf, bool>,
    /// For the folder of a kustomization, the namespaces that the kustomizations above it set.
    destinations: HashMap<PathBuf, BTreeSet<Option<Arc<str>>>>,
}

/// How many kustomizations are followed from one to the next. Kustomize rejects cycles.
const MAX_DEPTH: usize = 16;

impl Project {
    /// Creates a project in which some files have unsaved texts, by canonical path, and some
    /// kustomizations are known.
    pub fn new(texts: HashMap<PathBuf, String>, known: Arc<Kustomizations>) -> Self {
        Project {
            texts,
            known,
            ..Project::default()
        }
    }

    /// Replaces the known kustomizations.
    pub fn set_kustomizations(&mut self, kustomizations: Kustomizations) {
        self.known = Arc::new(kustomizations);
    }

    /// Returns the file with symbolic links in its folder resolved.
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

    /// Returns the context of a file. The file need not exist.
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

    /// Returns the role of a file, and the target if it is a patch.
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
            // Kustomize rejects patches outside the kustomization's folder, and a chart does not
            // span repositories.
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

    /// Returns the namespaces into which kustomizations put the objects of a file with a canonical
    /// path. A kustomization counts if it names the file, unless another one overrides its
    /// namespace.
    pub fn namespaces_of(&mut self, file: &Path) -> TargetNamespaces {
        TargetNamespaces::new(self.destinations(file, 0))
    }

    fn destinations(&mut self, resource: &Path, depth: usize) -> BTreeSet<Option<Arc<str>>> {
        let mut all = BTreeSet::new();
        for folder in self.naming(resource) {
            if depth < MAX_DEPTH && !self.destinations.contains_key(&folder) {
                // An entry that is still empty ends a cycle.
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

    /// The namespace that a kustomization or one of its components sets.
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

    /// The folders of the kustomizations that name a file or folder as a resource.
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
