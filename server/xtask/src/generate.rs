//! Generates files from code. Every generated file, or generated part of a file, is made here.

use linter::config;
use linter::rules::{self, Enablement, Page, Rule};
use lsp::SETTINGS;
use serde::Deserialize;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// A generated file: its path from the root of the repository, and all of its text.
struct Output {
    path: String,
    text: String,
}

/// Writes the files that are out of date, and removes pages of rules that no longer exist.
///
/// # Errors
/// Which file cannot be read or written, and why.
pub(crate) fn write() -> Result<(), String> {
    for Output { path, text } in outdated()? {
        fs::write(root().join(&path), text).map_err(|error| format!("{path}: {error}"))?;
    }
    for path in orphans()? {
        fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// Checks that every generated file is current.
///
/// # Errors
/// Which files are not.
pub(crate) fn check() -> Result<(), String> {
    let outdated = outdated()?.into_iter().map(|output| output.path);
    let orphans = orphans()?
        .into_iter()
        .map(|path| path.display().to_string());
    let wrong: Vec<String> = outdated.chain(orphans).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!(
        "out of date; run `cargo xtask generate`:\n  {}",
        wrong.join("\n  ")
    ))
}

fn outdated() -> Result<Vec<Output>, String> {
    let mut outputs = outputs()?;
    outputs.retain(|output| read(&output.path).ok().as_ref() != Some(&output.text));
    Ok(outputs)
}

/// Returns the files below docs/rules that no page belongs to.
fn orphans() -> Result<Vec<PathBuf>, String> {
    let folder = root().join("docs/rules");
    let files = fs::read_dir(&folder).map_err(|error| format!("docs/rules: {error}"))?;
    let is_known = |path: &Path| {
        let id = path
            .file_stem()
            .and_then(|id| id.to_str())
            .unwrap_or_default();
        id == "README" || Page::named(id).is_some()
    };
    let paths = files.flatten().map(|file| file.path());
    Ok(paths.filter(|path| !is_known(path)).collect())
}

fn outputs() -> Result<Vec<Output>, String> {
    let mut outputs = vec![
        output("README.md", readme(&read("README.md")?)?),
        output("docs/rules/README.md", rule_table()),
        output("docs/kubeharden.schema.json", schema()),
        output(
            "docs/scalars.md",
            scalars(&read("tests/data/scalars.json")?)?,
        ),
        output(VSCODE_MANIFEST, vscode_manifest(&read(VSCODE_MANIFEST)?)?),
    ];
    let page = |page: Page| output(&format!("docs/rules/{}.md", page.id), page.text());
    outputs.extend(Page::all().into_iter().map(page));
    Ok(outputs)
}

fn output(path: &str, text: String) -> Output {
    Output {
        path: path.to_owned(),
        text,
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Reads a file with `\n` as its line ends, which a checkout on Windows may have changed.
fn read(path: &str) -> Result<String, String> {
    let text = fs::read_to_string(root().join(path)).map_err(|error| format!("{path}: {error}"))?;
    Ok(text.replace("\r\n", "\n"))
}

/// Replaces what is between two markers.
fn replace_between(text: &str, begin: &str, end: &str, with: &str) -> Result<String, String> {
    let missing = |marker: &str| format!("no `{}` found", marker.trim());
    let (before, rest) = text.split_once(begin).ok_or_else(|| missing(begin))?;
    let (_, after) = rest.split_once(end).ok_or_else(|| missing(end))?;
    Ok(format!("{before}{begin}{with}{end}{after}"))
}

/// Returns the families in the order of the catalog, each with its rules.
fn families() -> Vec<(String, Vec<&'static Rule>)> {
    let mut families: Vec<(String, Vec<&Rule>)> = Vec::new();
    for rule in rules::ALL {
        let name = rule.family().replace('_', " ");
        match families.iter_mut().find(|(known, _)| *known == name) {
            Some((_, rules)) => rules.push(rule),
            None => families.push((name, vec![rule])),
        }
    }
    families
}

fn readme(text: &str) -> Result<String, String> {
    const EXAMPLES: usize = 2;
    let mut table = String::from("| family | rules | examples |\n| --- | --- | --- |\n");
    for (name, rules) in families() {
        let link = |rule: &&Rule| format!("[`{0}`](docs/rules/{0}.md)", rule.id);
        let examples: Vec<String> = rules.iter().take(EXAMPLES).map(link).collect();
        table += &format!("| {name} | {} | {} |\n", rules.len(), examples.join(", "));
    }
    replace_between(text, "<!-- rules:begin -->\n", "<!-- rules:end -->", &table)
}

fn rule_table() -> String {
    let mut text = String::from(
        "# Rules\n\n\
         The column *profile* names the first profile that runs the rule. Rules marked `always` run in every profile;\n\
         rules marked `off` run only when they are selected or given a severity.\n",
    );
    for (name, rules) in families() {
        text += &format!("\n## {}\n\n", capitalized(&name));
        text += "| rule | profile | severity | what it finds |\n| --- | --- | --- | --- |\n";
        for rule in rules {
            text += &rule_row(rule);
        }
    }
    text
}

fn rule_row(rule: &Rule) -> String {
    let summary: Vec<&str> = rule
        .docs
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    let profile = match rule.enablement {
        Enablement::OptIn => "off",
        enablement => enablement.name(),
    };
    let (id, severity) = (rule.id, rule.severity.name());
    format!(
        "| [`{id}`]({id}.md) | {profile} | {severity} | {} |\n",
        summary.join(" ")
    )
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

fn schema() -> String {
    let schema = config::schema(&Rule::ids());
    serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n"
}

const VSCODE_MANIFEST: &str = "editors/vscode/package.json";

/// Writes the settings of the server into the manifest of the extension.
fn vscode_manifest(manifest: &str) -> Result<String, String> {
    let begin =
        "        \"title\": \"Checks\",\n        \"order\": 1,\n        \"properties\": {\n";
    replace_between(manifest, begin, "\n        }\n", &vscode_settings())
}

fn vscode_settings() -> String {
    let mut entries = Vec::new();
    for (index, setting) in SETTINGS.iter().enumerate() {
        let mut schema = (setting.schema)();
        schema["default"] = schema.get("default").cloned().unwrap_or_default();
        // The server asks once for all open documents, so a value for a folder would have no effect.
        schema["scope"] = "window".into();
        schema["order"] = json!(index + 1);
        schema["markdownDescription"] = setting.about.into();
        let schema = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
        let schema = schema.replace('\n', "\n          ");
        entries.push(format!(
            "          \"kubeharden.{}\": {schema}",
            setting.name
        ));
    }
    entries.join(",\n")
}

/// What `sigs.k8s.io/yaml` makes of a scalar. Made by tests/oracle/scalars.
#[derive(Deserialize)]
struct ScalarAnswer {
    source: String,
    json: Option<String>,
}

fn scalars(answers: &str) -> Result<String, String> {
    let answers: Vec<ScalarAnswer> = serde_json::from_str(answers)
        .map_err(|error| format!("tests/data/scalars.json: {error}"))?;
    let mut text = String::from(
        "# Scalars as the API server reads them\n\n\
         Kubernetes reads YAML with `sigs.k8s.io/yaml`, which converts YAML 1.1 to JSON. kubeharden resolves every scalar to the same value.\n\
         Each row is the output of that library. *refused* means that JSON cannot represent the value, or that the text is not valid YAML.\n\n\
         | written | read |\n| --- | --- |\n",
    );
    let code = |text: &str| format!("`{text}`");
    for ScalarAnswer { source, json } in answers {
        let written = if source.is_empty() {
            "*nothing*".to_owned()
        } else {
            code(&source)
        };
        let read = json.map_or("*refused*".to_owned(), |json| code(&json));
        text += &format!("| {written} | {read} |\n");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    #[test]
    fn generated_files_are_current() {
        super::check().expect("generated files are current");
    }
}
