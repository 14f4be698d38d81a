//! Holds the directions between the modules of `server/`: who may name whom, and where each library may be named.
//!
//! Reads every path in every source file, tests included, comments and strings left out: `use` lines with all their groups,
//! and paths in the middle of code. It reads tokens, not meanings: a type that is passed on without being named goes unnoticed.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules at the top of `server/`, lowest first, each with what it may name besides itself. Everything it may name
/// stands above it here, so that no circle can form.
const MODULES: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("disk", &[]),
    // Documents come to it as `&str`: it reads them without a rope.
    ("yaml", &[]),
    ("k8s", &["yaml"]),
    // What objects say of one another, without a file or a rule.
    ("index", &["yaml", "k8s"]),
    // Of Kubernetes it knows the words that a user writes; a configuration file is read as YAML and no more.
    ("config", &["disk", "yaml", "k8s::Version", "k8s::Target", "k8s::amount", "index"]),
    // It reads kustomizations as YAML and no more, but for the words for what a patch is for and for where objects are put.
    ("project", &["disk", "yaml", "k8s::Target", "config", "index::Places"]),
    ("rules", &["yaml", "k8s", "config"]),
    ("ignores", &["yaml", "k8s", "config", "rules"]),
    ("engine", &["text", "yaml", "k8s", "index", "config", "project", "rules", "ignores"]),
    ("trace", &["yaml", "k8s", "project", "rules", "engine"]),
    // The front ends go through the engine: what one shows, the other one shows.
    ("cli", &["text", "disk", "k8s::Version", "index", "config", "project", "rules", "engine", "trace"]),
    // Where a name is being typed in an ignore is a question of one line, and of no analysis.
    ("lsp", &["text", "disk", "k8s::Version", "index", "config", "project", "rules", "ignores::word_at", "engine"]),
    ("main", &["cli", "lsp"]),
];

/// Libraries that have one home, each with the modules that may name it.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("ropey", &["text"]),
    ("yaml_rust2", &["yaml"]),
    ("k8s_openapi", &["k8s", "rules"]),
    ("clap", &["cli"]),
    ("annotate_snippets", &["cli"]),
    ("lsp_types", &["lsp"]),
    ("tower_lsp", &["lsp"]),
    ("tower_service", &["lsp"]),
    ("dashmap", &["lsp"]),
    ("tokio", &["lsp"]),
];

#[test]
fn modules_name_only_what_lies_below_them() {
    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("server");
    let mut files = Vec::new();
    collect(&server, &mut files);
    assert!(files.iter().any(|file| file.ends_with("lib.rs")), "no server/lib.rs: has the source tree moved?");
    let mut violations = Vec::new();
    for file in &files {
        let source = fs::read_to_string(file).expect("a source file is readable text");
        let relative = file.strip_prefix(&server).expect("found under server/").to_str().expect("a name in utf-8");
        violations.extend(check(&relative.replace('\\', "/"), &source));
    }
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
}

#[test]
fn the_tour_lists_the_modules_in_the_same_order() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("server/lib.rs")).expect("server/lib.rs is readable");
    let listed: Vec<&str> = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let expected: Vec<&str> = MODULES.iter().map(|(name, _)| *name).filter(|name| *name != "main").collect();
    assert_eq!(listed, expected, "server/lib.rs and MODULES in tests/layers.rs tell different tours");
}

#[test]
fn nothing_is_allowed_upwards() {
    for (index, (module, allowed)) in MODULES.iter().enumerate() {
        for path in *allowed {
            let name = path.split("::").next().expect("split gives at least one part");
            assert!(MODULES[..index].iter().any(|(lower, _)| *lower == name), "{module} may name {name}, which is not below it");
        }
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder is readable").map(|entry| entry.expect("an entry is readable").path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            collect(&entry, files);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            files.push(entry);
        }
    }
}

/// What a file breaks, one line each. `file` is relative to `server/`.
fn check(file: &str, source: &str) -> Vec<String> {
    let home = module_path(file);
    let Some(module) = home.first().map(String::as_str) else { return Vec::new() }; // lib.rs, which declares them all
    let Some((_, allowed)) = MODULES.iter().find(|(name, _)| *name == module) else {
        return vec![format!("server/{file}:1: {module} has no place among the layers: give it one in tests/layers.rs")];
    };
    let mut violations = Vec::new();
    for Reference { line, path } in references(&home, source) {
        let Some(name) = path.get(1).map(String::as_str) else {
            if path[0] == "crate" && module != "main" {
                violations.push(format!("server/{file}:{line}: a glob of the whole crate hides what {module} names"));
            }
            continue;
        };
        if path[0] == "crate" {
            if name != module && !allowed.iter().any(|rule| covers(rule, &path[1..])) {
                let path = path[1..].join("::");
                let allowed = if allowed.is_empty() { "nothing but itself".into() } else { allowed.join(", ") };
                violations.push(format!("server/{file}:{line}: {module} names {path}; it may name {allowed}"));
            }
        } else if let Some((_, homes)) = LIBRARIES.iter().find(|(library, _)| *library == path[0])
            && !homes.contains(&module)
        {
            violations.push(format!("server/{file}:{line}: {module} names {}; only {} may", path[0], homes.join(", ")));
        }
    }
    violations.dedup();
    violations
}

/// Whether a path is what a rule allows, or something inside it: `k8s::Version` allows `k8s::Version::new`, not `k8s`.
fn covers(rule: &str, path: &[String]) -> bool {
    let rule: Vec<&str> = rule.split("::").collect();
    path.len() >= rule.len() && rule.iter().zip(path).all(|(allowed, named)| allowed == named)
}

/// `rules/mod.rs` is `["rules"]`, `rules/finding.rs` is `["rules", "finding"]`, `lib.rs` is the root.
fn module_path(file: &str) -> Vec<String> {
    let path = file.strip_suffix(".rs").expect("a Rust file");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

/// A path that a file names, from `crate` or from a library on: `["crate", "yaml", "parse"]`, `["ropey", "Rope"]`. A library
/// named by itself has an empty second part.
#[derive(Debug, PartialEq, Eq)]
struct Reference {
    line: usize,
    path: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    /// `::`
    Path,
    Other(char),
}

/// Every path of a file that starts at `crate`, `super`, `self`, this package's own name, or another crate.
fn references(home: &[String], source: &str) -> Vec<Reference> {
    let tokens = tokens(source);
    let word = |at: usize| match tokens.get(at) {
        Some((_, Token::Word(word))) => Some(word.as_str()),
        _ => None,
    };
    let is = |at: usize, token: &Token| tokens.get(at).is_some_and(|(_, other)| other == token);
    let mut found = Vec::new();
    // The inline modules that are open, each with the depth of braces inside it.
    let mut inline: Vec<(String, usize)> = Vec::new();
    let mut depth = 0;
    let mut at = 0;
    while at < tokens.len() {
        let here = || home.iter().cloned().chain(inline.iter().map(|(name, _)| name.clone())).collect::<Vec<_>>();
        match &tokens[at].1 {
            Token::Other('{') => depth += 1,
            Token::Other('}') => {
                inline.pop_if(|(_, inside)| *inside == depth);
                depth -= 1;
            }
            Token::Word(keyword) if keyword == "mod" && is(at + 2, &Token::Other('{')) => {
                inline.push((word(at + 1).unwrap_or_default().to_owned(), depth + 1));
                depth += 1;
                at += 2;
            }
            Token::Word(keyword) if keyword == "extern" && word(at + 1) == Some("crate") => at += 1,
            Token::Word(keyword) if keyword == "use" => {
                let start = if is(at + 1, &Token::Path) { at + 2 } else { at + 1 };
                at = tree(&tokens, start, &[], &mut |line, path| found.extend(resolve(&here(), line, path)));
                continue;
            }
            // The first word of a path; a later one follows a `::` that follows a word or a `>`.
            Token::Word(first) => {
                let line = tokens[at].0;
                let mut path = vec![first.clone()];
                while is(at + 1, &Token::Path)
                    && let Some(next) = word(at + 2)
                {
                    path.push(next.to_owned());
                    at += 2;
                }
                if path.len() > 1 {
                    found.extend(resolve(&here(), line, &path));
                } else if at > 0 && word(at - 1) == Some("crate") && at > 1 && word(at - 2) == Some("extern") {
                    found.push(Reference { line, path: vec![first.clone(), String::new()] });
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Reads a `use` tree from its first token on, tells of each path in it, and gives the index of the token behind it.
fn tree(tokens: &[(usize, Token)], mut at: usize, prefix: &[String], tell: &mut dyn FnMut(usize, &[String])) -> usize {
    let mut path = prefix.to_vec();
    let line = tokens.get(at).map_or(0, |(line, _)| *line);
    let mut grouped = false;
    while let Some((_, token)) = tokens.get(at) {
        match token {
            Token::Word(word) if word == "as" => at += 1, // and past the new name, below
            Token::Word(word) if word == "self" && !path.is_empty() => {}
            Token::Word(word) => path.push(word.clone()),
            Token::Path | Token::Other('*' | '$') => {}
            Token::Other('{') => {
                grouped = true;
                at += 1;
                while tokens.get(at).is_some_and(|(_, token)| *token != Token::Other('}')) {
                    at = tree(tokens, at, &path, tell);
                    if tokens.get(at).is_some_and(|(_, token)| *token == Token::Other(',')) {
                        at += 1;
                    }
                }
            }
            Token::Other(_) => break, // `;`, or `,` and `}` inside a group
        }
        at += 1;
    }
    if !grouped {
        tell(line, &path);
    }
    at
}

/// Turns a path as it is written in a module into one from the crate's root or from a library.
fn resolve(here: &[String], line: usize, path: &[String]) -> Option<Reference> {
    let mut base = vec!["crate".to_owned()];
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" | "kubeharden" => rest = &path[1..],
        "self" | "super" => {
            base.extend(here.iter().cloned());
            while let Some(step @ ("self" | "super")) = rest.first().map(String::as_str) {
                if step == "super" && base.len() > 1 {
                    base.pop();
                }
                rest = &rest[1..];
            }
        }
        _ => {
            let mut path = path.to_vec();
            path.resize(path.len().max(2), String::new());
            return Some(Reference { line, path });
        }
    }
    base.extend(rest.iter().cloned());
    Some(Reference { line, path: base })
}

/// The tokens of a source text with their lines, as far as paths are made of them.
fn tokens(source: &str) -> Vec<(usize, Token)> {
    let chars: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let start = at;
        let rest = &chars[at..];
        match rest {
            ['/', '/', ..] => at += rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => at += block_comment(rest),
            ['"', ..] => at += string(rest),
            ['\'', ..] => at += char_or_lifetime(rest),
            [':', ':', ..] => {
                tokens.push((line, Token::Path));
                at += 2;
            }
            [c, ..] if c.is_alphanumeric() || *c == '_' => {
                let length = rest.iter().position(|c| !(c.is_alphanumeric() || *c == '_')).unwrap_or(rest.len());
                let word: String = rest[..length].iter().collect();
                at += length;
                match (word.as_str(), raw_string(&chars[at..])) {
                    ("r" | "br" | "cr", Some(length)) => at += length,
                    ("r", None) if chars.get(at) == Some(&'#') => at += 1, // r#word
                    _ => tokens.push((line, Token::Word(word))),
                }
            }
            [c, ..] => {
                if !c.is_whitespace() {
                    tokens.push((line, Token::Other(*c)));
                }
                at += 1;
            }
            [] => unreachable!("the loop ends there"),
        }
        line += chars[start..at].iter().filter(|c| **c == '\n').count();
    }
    tokens
}

/// The length of a block comment, others inside it included.
fn block_comment(rest: &[char]) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => {
                depth += 1;
                at += 2;
            }
            ['*', '/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    break;
                }
            }
            _ => at += 1,
        }
    }
    at
}

/// The length of a string in double quotes.
fn string(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// The length of a raw string behind its `r`; `None` where it is none.
fn raw_string(rest: &[char]) -> Option<usize> {
    let hashes = rest.iter().take_while(|c| **c == '#').count();
    if rest.get(hashes) != Some(&'"') {
        return None;
    }
    let closed = |at: usize| rest[at] == '"' && rest[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes;
    let end = (hashes + 1..rest.len()).find(|at| closed(*at)).map_or(rest.len(), |at| at + 1 + hashes);
    Some(end)
}

/// The length of a character in quotes, or of the quote of a lifetime.
fn char_or_lifetime(rest: &[char]) -> usize {
    match rest {
        ['\'', '\\', _, ..] => 3 + rest[3..].iter().position(|c| *c == '\'').map_or(rest.len() - 3, |at| at + 1),
        ['\'', _, '\'', ..] => 3,
        _ => 1,
    }
}

/// What the checker itself is worth: made-up files that break the rules, and others that only look like it.
mod checker {
    use super::*;

    #[track_caller]
    fn assert_violations(file: &str, source: &str, expected: &[&str]) {
        assert_eq!(check(file, source), expected, "in {file}:\n{source}");
    }

    #[test]
    fn a_use_line_upwards() {
        assert_violations(
            "yaml/tree.rs",
            "//! Head.\n\nuse crate::k8s::Pod;\n",
            &["server/yaml/tree.rs:3: yaml names k8s::Pod; it may name nothing but itself"],
        );
    }

    #[test]
    fn a_use_line_to_the_side() {
        assert_violations(
            "rules/root_user.rs",
            "use crate::text::Text;",
            &["server/rules/root_user.rs:1: rules names text::Text; it may name yaml, k8s, config"],
        );
    }

    #[test]
    fn groups_over_several_lines() {
        assert_violations(
            "lsp/mod.rs",
            "use crate::{\n    engine::{self, Report},\n    yaml::{self, edit::{Edit, Edits}},\n    k8s::{Pod, Version},\n};",
            &[
                "server/lsp/mod.rs:3: lsp names yaml; it may name text, disk, k8s::Version, index, config, project, rules, ignores::word_at, engine",
                "server/lsp/mod.rs:3: lsp names yaml::edit::Edit; it may name text, disk, k8s::Version, index, config, project, rules, ignores::word_at, engine",
                "server/lsp/mod.rs:3: lsp names yaml::edit::Edits; it may name text, disk, k8s::Version, index, config, project, rules, ignores::word_at, engine",
                "server/lsp/mod.rs:4: lsp names k8s::Pod; it may name text, disk, k8s::Version, index, config, project, rules, ignores::word_at, engine",
            ],
        );
    }

    #[test]
    fn a_path_in_the_middle_of_code() {
        assert_violations(
            "config.rs",
            "fn f() -> u8 {\n    let a = 'x';\n    <crate::engine::Report as Default>::default();\n    0\n}",
            &[
                "server/config.rs:3: config names engine::Report; it may name disk, yaml, k8s::Version, k8s::Target, k8s::amount, index",
            ],
        );
    }

    #[test]
    fn a_path_in_a_macro() {
        assert_violations(
            "rules/mod.rs",
            "macro_rules! m { () => { $crate::cli::run() }; }\nmacro_rules! n { () => { use $crate::lsp::*; }; }",
            &[
                "server/rules/mod.rs:1: rules names cli::run; it may name yaml, k8s, config",
                "server/rules/mod.rs:2: rules names lsp; it may name yaml, k8s, config",
            ],
        );
    }

    #[test]
    fn super_as_far_as_it_goes() {
        assert_violations(
            "k8s/pod.rs",
            "use super::Reading;\nuse super::super::rules::Rule;\nmod tests {\n    use super::*;\n    use super::super::super::engine;\n}\nuse super::super::lsp;",
            &[
                "server/k8s/pod.rs:2: k8s names rules::Rule; it may name yaml",
                "server/k8s/pod.rs:5: k8s names engine; it may name yaml",
                "server/k8s/pod.rs:7: k8s names lsp; it may name yaml",
            ],
        );
    }

    #[test]
    fn libraries_have_one_home() {
        assert_violations(
            "engine.rs",
            "use tower_lsp::{Client, lsp_types as lsp};\nfn f(r: &ropey::Rope) { ::yaml_rust2::parser::f() }\nuse lsp_types;\nextern crate dashmap;",
            &[
                "server/engine.rs:1: engine names tower_lsp; only lsp may",
                "server/engine.rs:2: engine names ropey; only text may",
                "server/engine.rs:2: engine names yaml_rust2; only yaml may",
                "server/engine.rs:3: engine names lsp_types; only lsp may",
                "server/engine.rs:4: engine names dashmap; only lsp may",
            ],
        );
        assert_violations("text.rs", "use ropey::Rope;", &[]);
        assert_violations("rules/root_user.rs", "use k8s_openapi::api::core::v1::Container;", &[]);
    }

    #[test]
    fn the_binary_joins_the_front_ends_and_no_more() {
        assert_violations(
            "main.rs",
            "use kubeharden::{cli, lsp};\nfn main() { kubeharden::engine::analyze() }",
            &["server/main.rs:2: main names engine::analyze; it may name cli, lsp"],
        );
    }

    #[test]
    fn a_glob_of_everything() {
        assert_violations(
            "cli/mod.rs",
            "use crate::*;",
            &["server/cli/mod.rs:1: a glob of the whole crate hides what cli names"],
        );
    }

    #[test]
    fn a_module_without_a_place() {
        assert_violations(
            "helpers.rs",
            "",
            &["server/helpers.rs:1: helpers has no place among the layers: give it one in tests/layers.rs"],
        );
    }

    #[test]
    fn what_only_looks_like_a_path() {
        assert_violations(
            "yaml/walk.rs",
            concat!(
                "//! See [`crate::engine`].\n/* use crate::lsp; /* nested */ use crate::cli; */\n",
                "const A: &str = \"use crate::k8s; \\\" ropey::Rope\";\nconst B: &str = r#\"crate::rules \" lsp_types::Range\"#;\n",
                "fn f<'a>(c: &'a char) -> bool { *c == '\"' || *c == '\\'' || *c == '\\u{feff}' }\n",
                "use super::tree::{Kind, Node};\nuse crate::yaml::Offset;\nuse std::fmt;\nlet crate_name = lsp_types;\n",
            ),
            &[],
        );
    }

    #[test]
    fn lines_are_counted_through_strings_and_comments() {
        assert_violations(
            "text.rs",
            "const A: &str = \"one\ntwo\";\n/* three\nfour */ const B: &str = r\"five\nsix\";\nuse crate::cli;",
            &["server/text.rs:6: text names cli; it may name nothing but itself"],
        );
    }
}
