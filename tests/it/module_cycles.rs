//! These crates have no import cycle among their modules.
//!
//! Reads `use` items, and all paths that begin with `crate::`, `super::`, or the name of a module's own child, outside of unit tests. A path leads to the module that
//! defines its item: using an item of a parent module is an import of the parent, unless the parent only re-exports it from one of
//! its own modules. Such a re-export is not an import either.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module, as the parts of its path. The root of a crate has none.
type Module = Vec<String>;

type Imports = BTreeMap<Module, BTreeSet<Module>>;

#[test]
fn crates_have_no_import_cycle() {
    for name in [
        "text",
        "yaml",
        "kubernetes",
        "workspace",
        "linter",
        "lsp",
        "cli",
    ] {
        assert_acyclic(name);
    }
}

#[test]
fn cycles_are_found() {
    let files = [
        ("lib.rs", "mod a; mod b; pub use a::A; use b::B;"),
        ("a/mod.rs", "use crate::{b::{B, c as d}, b};"),
        ("a/e.rs", "use super::super::b; #[cfg(test)] use crate::a;"),
        ("b.rs", "// crate::a\nfn f() -> super::a::e::E {}"),
    ];
    let imports = imports(files.map(|(file, text)| (PathBuf::from(file), text.to_owned())));
    let cycle = cycle(&imports).expect("b and a::e import each other");
    let cycle: Vec<String> = cycle.iter().map(|module| module.join("::")).collect();
    assert_eq!(cycle, ["b", "a::e", "b"]);
}

#[test]
fn re_exports_of_own_modules_are_no_imports() {
    let files = |used: &str| {
        [
            (
                "lib.rs",
                "mod a; mod b; pub use a::A; pub struct Root; use b::B;".to_owned(),
            ),
            ("a.rs", String::new()),
            ("b.rs", format!("use crate::{used};")),
        ]
        .map(|(file, text)| (PathBuf::from(file), text))
    };
    assert_eq!(cycle(&imports(files("A"))), None);
    assert!(cycle(&imports(files("Root"))).is_some());
}

fn assert_acyclic(name: &str) {
    let source = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .join("server")
        .join(name)
        .join("src");
    let mut files = Vec::new();
    read_folder(&source, &source, &mut files);
    assert!(files.len() > 1, "no modules in {name}");
    if let Some(cycle) = cycle(&imports(files)) {
        let names: Vec<String> = cycle.iter().map(|module| module.join("::")).collect();
        panic!("{name}: {}", names.join(" -> "));
    }
}

fn read_folder(root: &Path, folder: &Path, files: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_folder(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            files.push((path.strip_prefix(root).unwrap().to_owned(), text));
        }
    }
}

fn imports(files: impl IntoIterator<Item = (PathBuf, String)>) -> Imports {
    let texts: BTreeMap<Module, String> = files
        .into_iter()
        .map(|(file, text)| (module(&file), text))
        .collect();
    let mut re_exports = BTreeMap::new();
    for (module, text) in &texts {
        for path in paths(text, Uses::ReExports) {
            if let Some((target, name)) = walk(&texts, module, &path)
                && target.len() > module.len()
                && target.starts_with(module)
            {
                re_exports.insert((module.clone(), name), target);
            }
        }
    }
    let of = |importer: &Module, text: &str| -> BTreeSet<Module> {
        let mut all = paths(text, Uses::All);
        all.extend(paths_through_children(&texts, importer, text));
        let is_re_export = |target: &Module, name: &str| {
            re_exports.get(&(importer.clone(), name.to_owned())) == Some(target)
        };
        let definition = |(mut target, name): (Module, String)| {
            if is_re_export(&target, &name) {
                return importer.clone();
            }
            while let Some(definition) = re_exports.get(&(target.clone(), name.clone())) {
                target = definition.clone();
            }
            target
        };
        all.iter()
            .filter_map(|path| walk(&texts, importer, path))
            .map(definition)
            .filter(|target| target != importer)
            .collect()
    };
    texts
        .iter()
        .map(|(module, text)| (module.clone(), of(module, text)))
        .collect()
}

/// Returns the paths in expressions that begin with the name of one of the module's own children.
fn paths_through_children(
    texts: &BTreeMap<Module, String>,
    importer: &Module,
    text: &str,
) -> Vec<Vec<String>> {
    let is_child =
        |module: &&Module| module.len() == importer.len() + 1 && module.starts_with(importer);
    let children = texts
        .keys()
        .filter(is_child)
        .filter_map(|child| child.last());
    let starts: Vec<String> = children.map(|child| format!("{child}::")).collect();
    let starts: Vec<&str> = starts.iter().map(String::as_str).collect();
    paths_from(text, &starts)
}

/// Returns the innermost module that a path names, and the name behind it; an empty name for a path to the module itself.
fn walk(
    texts: &BTreeMap<Module, String>,
    importer: &Module,
    path: &[String],
) -> Option<(Module, String)> {
    let mut target = match path.first()?.as_str() {
        "crate" => Module::new(),
        _ => importer.clone(),
    };
    for part in path {
        match part.as_str() {
            "crate" => {}
            "super" => drop(target.pop()),
            _ => {
                target.push(part.clone());
                if !texts.contains_key(&target) {
                    let name = target.pop().unwrap_or_default();
                    return Some((target, name));
                }
            }
        }
    }
    Some((target, String::new()))
}

/// Returns the module of a file, given its path in `src`.
fn module(file: &Path) -> Module {
    let mut parts: Module = file
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if parts
        .last()
        .is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str()))
    {
        parts.pop();
    }
    parts
}

/// Which paths of a text to read.
#[derive(Clone, Copy, PartialEq)]
enum Uses {
    All,
    ReExports,
}

/// Returns the paths in a source text, with groups in braces expanded.
fn paths(text: &str, uses: Uses) -> Vec<Vec<String>> {
    paths_from(
        text,
        match uses {
            Uses::All => &["crate::", "super::", "use "],
            Uses::ReExports => &["pub use ", "pub(crate) use ", "pub(super) use "],
        },
    )
}

/// Returns the paths behind any of some starts of paths.
fn paths_from(text: &str, starts: &[&str]) -> Vec<Vec<String>> {
    let text: String = text
        .split("#[cfg(test)]")
        .next()
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut paths = Vec::new();
    for &start in starts {
        for (at, _) in text.match_indices(start) {
            let before = text[..at].chars().next_back();
            if before.is_none_or(|char| !(char.is_alphanumeric() || "_:$".contains(char))) {
                let path = &text[at..];
                let path = path
                    .split_once("use ")
                    .filter(|_| start.ends_with("use "))
                    .map_or(path, |(_, path)| path);
                tree(path, &mut Vec::new(), &mut paths);
            }
        }
    }
    paths
}

/// Reads one path, or one item of a group. Returns the rest of the text.
fn tree<'t>(text: &'t str, prefix: &mut Vec<String>, paths: &mut Vec<Vec<String>>) -> &'t str {
    let length = prefix.len();
    let mut rest = text.trim_start();
    loop {
        if let Some(group) = rest.strip_prefix('{') {
            rest = group;
            while !rest.trim_start().starts_with('}') && !rest.trim().is_empty() {
                rest = tree(rest, prefix, paths);
                // Skip to the end of the item, such as `as name`.
                rest = &rest[rest.find([',', '}']).unwrap_or(rest.len())..];
                rest = rest.strip_prefix(',').unwrap_or(rest);
            }
            rest = rest.trim_start().strip_prefix('}').unwrap_or_default();
            break;
        }
        let end = rest
            .find(|char: char| !(char.is_alphanumeric() || char == '_'))
            .unwrap_or(rest.len());
        if end > 0 && &rest[..end] != "self" {
            prefix.push(rest[..end].to_owned());
        }
        rest = &rest[end..];
        match rest.strip_prefix("::") {
            Some(more) => rest = more,
            None => {
                paths.push(prefix.clone());
                break;
            }
        }
    }
    prefix.truncate(length);
    rest
}

/// Returns a cycle, with its first module again at the end.
fn cycle(imports: &Imports) -> Option<Vec<&Module>> {
    fn visit<'i>(
        module: &'i Module,
        imports: &'i Imports,
        way: &mut Vec<&'i Module>,
        done: &mut BTreeSet<&'i Module>,
    ) -> bool {
        if let Some(start) = way.iter().position(|other| *other == module) {
            way.drain(..start);
            way.push(module);
            return true;
        }
        if done.contains(module) {
            return false;
        }
        way.push(module);
        for imported in imports.get(module).into_iter().flatten() {
            if visit(imported, imports, way, done) {
                return true;
            }
        }
        way.pop();
        done.insert(module);
        false
    }
    let (mut way, mut done) = (Vec::new(), BTreeSet::new());
    imports
        .keys()
        .any(|module| visit(module, imports, &mut way, &mut done))
        .then_some(way)
}
