//! Maps a value that kustomize built back to its source: the resource, or the patch that set it.
//!
//! With `buildMetadata`, kustomize annotates each object with its file and the kustomizations that
//! changed it. The rest is found by kind, name, and path in the object; items of a list are matched
//! by `name`.

use super::{Origin, lines, written};
use crate::{bounded_fs, kustomize, paths};
use kubernetes;
use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use yaml::{self, Node, NodeId, NodeKind, Offset, Step, Yaml, chunks, json_patch};

/// A kustomization that includes `folder` and asks for origin annotations.
pub fn wrapper_kustomization(folder: &str) -> String {
    let folder = serde_json::Value::from(folder);
    format!("resources: [{folder}]\nbuildMetadata: [originAnnotations, transformerAnnotations]\n")
}

const ORIGIN: &str = "config.kubernetes.io/origin";
const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";

/// A document that kustomize built.
pub struct BuiltDocument {
    yaml: Yaml,
}

impl BuiltDocument {
    pub fn new(text: &str) -> Self {
        BuiltDocument {
            yaml: yaml::parse(text),
        }
    }
}

/// The sources of a build. Files are read when they are first needed, and only regular files of a
/// bounded size below the root: an object's own annotations can name any path.
pub struct Sources {
    /// The folder to which the paths in annotations are relative.
    folder: PathBuf,
    root: PathBuf,
    files: HashMap<PathBuf, Option<Vec<SourceText>>>,
}

/// A document in a file, or an inline patch.
struct SourceText {
    /// Where it starts in its file, in bytes.
    start: usize,
    yaml: Yaml,
    /// For a block scalar in a file, the text of that file: its indentation differs, so only whole
    /// lines can be mapped.
    inside: Option<String>,
}

/// A value or a key of a built object.
struct Target {
    way: Vec<PathStep>,
    /// The text, if it is a scalar value.
    value: Option<String>,
    /// Whether the key is meant, not its value.
    is_key: bool,
}

/// A step of the path to a value.
enum PathStep {
    Key(String),
    /// By name if it has one, else by its text, else by its index.
    Item {
        name: Option<String>,
        text: Option<String>,
        index: usize,
    },
}

impl Sources {
    /// `folder` is the folder that kustomize built, `root` the one that contains all sources.
    pub fn new(folder: PathBuf, root: PathBuf) -> Self {
        Sources {
            folder,
            root,
            files: HashMap::new(),
        }
    }

    /// Returns the text of a source; `None` if it is outside of the root, or not a regular file.
    fn text(&self, file: &Path) -> Option<String> {
        if !paths::real(file).starts_with(&self.root) {
            return None;
        }
        bounded_fs::text(file, bounded_fs::MAX_FILE_BYTES)
    }

    /// Returns where a range of a built document comes from; with `absent`, where something is
    /// missing. `None` if the source is not a local file.
    pub fn origin(
        &mut self,
        built: &BuiltDocument,
        place: Range<usize>,
        absent: bool,
    ) -> Option<Origin> {
        let objects = kubernetes::objects(&built.yaml);
        let place = yaml::Range::new(
            Offset::try_from(place.start).ok()?,
            Offset::try_from(place.end).ok()?,
        );
        let object = objects
            .iter()
            .find(|object| object.node.range().contains_range(place))
            .or(objects.first())?;
        let annotations = object
            .node
            .get("metadata")
            .and_then(|metadata| metadata.get("annotations"));
        let said = |key: &str| {
            annotations
                .and_then(|annotations| annotations.get(key))
                .and_then(Node::as_str)
        };
        let origin = yaml::parse(said(ORIGIN)?);
        let origin = origin.root()?;
        let named = |key: &str| {
            origin
                .get(key)
                .and_then(Node::as_str)
                .map(|path| self.real(path))
        };
        if origin.get("repo").is_some() {
            return None;
        }
        let is_inside = |file: &PathBuf| paths::real(file).starts_with(&self.root);
        let resource = named("path").filter(is_inside);
        let file = resource
            .clone()
            .or_else(|| named("configuredIn").filter(is_inside))?;
        let target = Target::at(&built.yaml, object.node, place.start());
        let kustomizations: Vec<PathBuf> =
            kustomizations(said(TRANSFORMATIONS).unwrap_or_default())
                .iter()
                .map(|path| self.real(path))
                .filter(|file| self.text(file).is_some())
                .collect();
        let candidates = self.candidates(resource.as_deref(), &kustomizations, absent);
        for candidate in &candidates {
            let place = self.find(candidate, object, &target);
            if let Some(range) = place {
                return Some(Origin {
                    file: candidate.clone(),
                    range: Some(range),
                });
            }
        }
        // A generator writes its values itself.
        let is_resource = resource.is_some();
        if let Some(value) = target.value.as_deref().filter(|_| is_resource && !absent)
            && let Some(origin) = self.transformation(&kustomizations, value)
        {
            return Some(origin);
        }
        // What is written nowhere is missing where most of its path is written.
        let mut deepest: Option<(usize, Range<usize>, PathBuf)> = None;
        for candidate in candidates {
            if let Some((depth, range)) = self.nearest(&candidate, object, &target.way)
                && deepest.as_ref().is_none_or(|(known, ..)| depth > *known)
            {
                deepest = Some((depth, range, candidate));
            }
        }
        Some(match deepest {
            Some((_, range, file)) => Origin {
                file,
                range: Some(range),
            },
            None => Origin { file, range: None },
        })
    }

    /// Returns the transformation that wrote a value which no file has at its place: an entry of
    /// `images` with its tag or name, else the last kustomization, without a line.
    fn transformation(&self, kustomizations: &[PathBuf], value: &str) -> Option<Origin> {
        for file in kustomizations.iter().rev() {
            let text = self.text(file)?;
            let yaml = yaml::parse(&text);
            let images = yaml.root().and_then(|root| root.get("images"));
            let parts = ["newTag", "digest", "newName"];
            let written = images.into_iter().flat_map(Node::items).find_map(|image| {
                let written = parts.iter().filter_map(|part| image.get(part));
                let is_part = |node: &Node<'_>| {
                    node.as_str()
                        .is_some_and(|part| !part.is_empty() && value.contains(part))
                };
                written.filter(is_part).map(Node::range).next()
            });
            if let Some(range) = written {
                return Some(Origin {
                    file: file.clone(),
                    range: Some(usize::from(range.start())..usize::from(range.end())),
                });
            }
        }
        kustomizations.last().map(|file| Origin {
            file: file.clone(),
            range: None,
        })
    }

    fn real(&self, path: &str) -> PathBuf {
        paths::join_normalized(&self.folder, path)
    }

    /// The files that may contain a value, the last to apply first. For a missing value the
    /// resource comes first.
    fn candidates(
        &mut self,
        resource: Option<&Path>,
        kustomizations: &[PathBuf],
        absent: bool,
    ) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for kustomization in kustomizations.iter().rev() {
            let text = self.text(kustomization).unwrap_or_default();
            let folder = kustomization.parent().unwrap_or(Path::new("/"));
            files.extend(
                kustomize::patch_files(&text)
                    .iter()
                    .rev()
                    .map(|path| paths::join_normalized(folder, path)),
            );
            files.push(kustomization.clone());
        }
        match resource {
            Some(resource) if absent => files.insert(0, resource.to_owned()),
            Some(resource) => files.push(resource.to_owned()),
            None => {}
        }
        let mut seen = Vec::new();
        files.retain(|file| {
            !seen.contains(file) && {
                seen.push(file.clone());
                true
            }
        });
        files
    }

    fn texts(&mut self, file: &Path) -> &[SourceText] {
        if !self.files.contains_key(file) {
            let texts = self.text(file).map(|text| read(&text));
            self.files.insert(file.to_owned(), texts);
        }
        let texts = self.files.get(file).and_then(Option::as_deref);
        texts.unwrap_or_default()
    }

    /// The range of the value at a path in a file.
    fn find(
        &mut self,
        file: &Path,
        object: &kubernetes::Object<'_>,
        target: &Target,
    ) -> Option<Range<usize>> {
        let (way, value) = (&target.way, target.value.as_deref());
        let is_same = |node: &Node<'_>| value.is_none() || node.as_str() == value;
        let token = |node: Node<'_>| match node.own_entry() {
            Some(entry) if target.is_key => entry.key.id(),
            _ => node.id(),
        };
        for text in self.texts(file) {
            for root in roots(&text.yaml, object) {
                if let Some((node, len)) = follow(root, way)
                    && len == way.len()
                    && is_same(&node)
                {
                    return Some(text.place(text.yaml.node(token(node))));
                }
            }
            if let Some(operation) = operation(&text.yaml, way, value) {
                return Some(text.place(text.yaml.node(token(operation))));
            }
        }
        None
    }

    /// The range of the deepest part of a path that a file contains, and how deep it is.
    fn nearest(
        &mut self,
        file: &Path,
        object: &kubernetes::Object<'_>,
        way: &[PathStep],
    ) -> Option<(usize, Range<usize>)> {
        let text = self
            .texts(file)
            .iter()
            .find_map(|text| Some((text, *roots(&text.yaml, object).first()?)));
        let (text, root) = text?;
        let (node, len) = follow(root, way)?;
        let name = root
            .get("metadata")
            .and_then(|metadata| metadata.get("name"));
        let key = |node: Node<'_>| node.own_entry().map(|entry| entry.key.id());
        let token = if len == 0 {
            name.map(Node::id)
        } else {
            key(node).or_else(|| node.get("name").map(Node::id))
        };
        token.map(|id: NodeId| (len, text.place(text.yaml.node(id))))
    }
}

impl Target {
    /// Returns the value or key at an offset of a built document.
    fn at(yaml: &Yaml, object: Node<'_>, offset: Offset) -> Target {
        let node = yaml.covering(offset);
        let entry = node.and_then(|node| {
            let mut entries = node.parent()?.entries();
            entries.find(|entry| entry.key == node)
        });
        let is_key = entry.is_some();
        let node = entry.map_or(node, |entry| Some(entry.value));
        Target {
            way: node.map_or_else(Vec::new, |node| path_to(node, object)),
            value: node
                .filter(|_| !is_key)
                .and_then(|node| node.as_str().map(str::to_owned)),
            is_key,
        }
    }
}

impl SourceText {
    fn place(&self, node: Node<'_>) -> Range<usize> {
        let range = node.range();
        match &self.inside {
            None => self.start + usize::from(range.start())..self.start + usize::from(range.end()),
            Some(whole) => self.place_inside(whole, range),
        }
    }

    /// Returns the place of a range of a patch in its file. A line of the patch is the end of a line of the file,
    /// behind its indentation.
    fn place_inside(&self, whole: &str, range: yaml::Range) -> Range<usize> {
        let index = self.yaml.lines();
        let line = index.line(usize::from(range.start()));
        let first = whole[..self.start].matches('\n').count();
        let all = lines(whole);
        let Some(&(start, text)) = all.get(first + line) else {
            return self.start..self.start;
        };
        let in_patch = index.content(line, self.yaml.text());
        let column = usize::from(range.start()) - in_patch.start;
        let patch_line = &self.yaml.text()[in_patch.clone()];
        let is_on_one_line = usize::from(range.end()) <= in_patch.end;
        match text.len().checked_sub(patch_line.len()) {
            Some(indent) if text.ends_with(patch_line) && is_on_one_line => {
                let from = start + indent + column;
                from..from + usize::from(range.end() - range.start())
            }
            _ => written((start, text)),
        }
    }
}

/// Returns the documents of a file and its inline patches.
fn read(text: &str) -> Vec<SourceText> {
    let mut texts = Vec::new();
    for range in chunks::documents(text) {
        let yaml = yaml::parse(&text[range.clone()]);
        for (node, _) in kustomize::inline_patches(&yaml) {
            let Some(patch) = node.as_str() else { continue };
            let header = usize::from(node.range().start());
            let behind = yaml.text()[header..]
                .find('\n')
                .map_or(header, |length| header + length + 1);
            let is_block = matches!(
                node.kind(),
                NodeKind::Scalar(yaml::ScalarStyle::Literal | yaml::ScalarStyle::Folded)
            );
            let start = range.start + if is_block { behind } else { header };
            texts.push(SourceText {
                start,
                yaml: yaml::parse(patch),
                inside: Some(text.to_owned()),
            });
        }
        texts.push(SourceText {
            start: range.start,
            yaml,
            inside: None,
        });
    }
    texts
}

/// The objects of a document that may be the source of a built one: the same kind, and a name that
/// is part of the built name.
fn roots<'y>(yaml: &'y Yaml, object: &kubernetes::Object<'_>) -> Vec<Node<'y>> {
    let name = object.name.unwrap_or_default();
    let fits = |candidate: &kubernetes::Object<'_>| {
        candidate.kind == object.kind && candidate.name.is_none_or(|part| name.contains(part))
    };
    let mut fitting: Vec<kubernetes::Object<'y>> = kubernetes::objects(yaml)
        .into_iter()
        .filter(|candidate| fits(candidate))
        .collect();
    fitting.sort_by_key(|candidate| std::cmp::Reverse(candidate.name.map_or(0, str::len)));
    fitting
        .into_iter()
        .map(|candidate| candidate.node)
        .collect()
}

/// The files of the kustomizations that changed an object.
fn kustomizations(transformations: &str) -> Vec<String> {
    let yaml = yaml::parse(transformations);
    let items = yaml.root().into_iter().flat_map(Node::items);
    let mut files: Vec<String> = items
        .filter_map(|item| Some(item.get("configuredIn")?.as_str()?.to_owned()))
        .collect();
    files.dedup();
    files
}

/// The path from an object to a node in it.
fn path_to(node: Node<'_>, object: Node<'_>) -> Vec<PathStep> {
    let (path, from) = (node.path(), object.path().steps().count());
    let mut way = Vec::new();
    let mut at = object;
    for step in path.steps().skip(from) {
        let next = match step {
            Step::Key(key) => {
                way.push(PathStep::Key(key.to_string()));
                at.get_own(key)
            }
            Step::Index(index) => {
                let item = at.items().nth(index);
                let name = item.and_then(|item| item.get("name")?.as_str().map(str::to_owned));
                let text = item.and_then(Node::as_str).map(str::to_owned);
                way.push(PathStep::Item { name, text, index });
                item
            }
        };
        match next {
            Some(next) => at = next,
            None => break,
        }
    }
    way
}

/// Follows a path from a node. Returns the last node found, and how many steps led to it.
fn follow<'y>(root: Node<'y>, way: &[PathStep]) -> Option<(Node<'y>, usize)> {
    let mut node = root.resolve()?;
    for (taken, step) in way.iter().enumerate() {
        let next = match step {
            PathStep::Key(key) => node.get(key),
            PathStep::Item {
                name: Some(name), ..
            } => node
                .items()
                .filter_map(Node::resolve)
                .find(|item| item.get("name").and_then(Node::as_str) == Some(name)),
            PathStep::Item {
                text: Some(text), ..
            } => node.items().find(|item| item.as_str() == Some(text)),
            PathStep::Item { index, .. } => node.items().nth(*index),
        };
        match next {
            Some(next) => node = next,
            None => return Some((node, taken)),
        }
    }
    Some((node, way.len()))
}

/// The value of the JSON patch operation that wrote the value at a path, or a parent of it.
fn operation<'y>(yaml: &'y Yaml, way: &[PathStep], value: Option<&str>) -> Option<Node<'y>> {
    json_patch::operations(yaml)?
        .into_iter()
        .rev()
        .find_map(|operation| {
            let steps: Vec<String> = operation.steps().collect();
            let leads = |(step, way): (&String, &PathStep)| match way {
                PathStep::Key(key) => step == key,
                PathStep::Item { index, .. } => step == "-" || *step == index.to_string(),
            };
            let is_above = steps.len() <= way.len() && steps.iter().zip(way).all(leads);
            let (node, taken) = follow(
                Some(operation.value).filter(|_| is_above)?,
                &way[steps.len()..],
            )?;
            let is_it =
                steps.len() + taken == way.len() && (value.is_none() || node.as_str() == value);
            is_it.then_some(node)
        })
}
