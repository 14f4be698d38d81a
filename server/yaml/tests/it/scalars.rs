//! Compares scalars with the API server's YAML library. `tests/data/scalars.json` contains its
//! answers, produced by `tests/oracle/scalars`. The table in `docs/scalars.md` comes from the same
//! answers.

use serde::Deserialize;
use std::fmt::Write;
use yaml::{self, Resolved};

#[derive(Deserialize)]
struct Answer {
    /// The text behind `v: `.
    source: String,
    /// The JSON of the Go library; `None` if it rejects the text.
    json: Option<String>,
}

fn answers() -> Vec<Answer> {
    serde_json::from_str(include_str!("../../../../tests/data/scalars.json")).expect("answers")
}

/// The JSON that the API server gets; `None` if there is none.
fn json(source: &str) -> Option<serde_json::Value> {
    let yaml = yaml::parse(&format!("v: {source}\n"));
    if !yaml.errors().is_empty() {
        return None;
    }
    match yaml.root()?.get("v")?.resolved()? {
        Resolved::Null => Some(serde_json::Value::Null),
        Resolved::Bool(value) => Some(value.into()),
        Resolved::Int(value) => Some(value.into()),
        Resolved::Float(value) => serde_json::Number::from_f64(value).map(Into::into),
        Resolved::Str(text) => Some(text.into()),
    }
}

fn agree(ours: Option<&serde_json::Value>, theirs: Option<&serde_json::Value>) -> bool {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours.is_number() => ours.as_f64() == theirs.as_f64(),
        _ => ours == theirs,
    }
}

#[test]
fn scalars_match_the_api_server() {
    let answers = answers();
    for Answer {
        source,
        json: theirs,
    } in &answers
    {
        let theirs = theirs
            .as_ref()
            .map(|text| serde_json::from_str(text).expect("an answer is JSON"));
        // The library rejects a tag that does not fit the text. Here the value is a string, which
        // is also wrong for any typed field.
        if theirs.is_none() && source.starts_with("!!") {
            continue;
        }
        let ours = json(source);
        assert!(
            agree(ours.as_ref(), theirs.as_ref()),
            "{source:?}: {ours:?} here, {theirs:?} there"
        );
    }
    println!("{} scalars", answers.len());
}

#[test]
fn scalars_page_is_up_to_date() {
    let mut table = String::from(
        "# Scalars as the API server reads them\n\n\
         Kubernetes reads YAML with `sigs.k8s.io/yaml`, which converts YAML 1.1 to JSON. kubeharden resolves every scalar to the same value.\n\
         Each row is the output of that library. *refused* means that JSON cannot represent the value, or that the text is not valid YAML.\n\n\
         | written | read |\n| --- | --- |\n",
    );
    for Answer { source, json } in answers() {
        let written = if source.is_empty() {
            "*nothing*".to_owned()
        } else {
            format!("`{source}`")
        };
        let read = json.map_or("*refused*".to_owned(), |json| format!("`{json}`"));
        writeln!(table, "| {written} | {read} |").expect("a string takes all");
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../..", "/docs/scalars.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &table).expect("docs/scalars.md");
    }
    let written = std::fs::read_to_string(path)
        .expect("docs/scalars.md")
        .replace("\r\n", "\n");
    assert!(
        written == table,
        "docs/scalars.md is not what the answers say: run the tests with UPDATE_DOCS=1"
    );
}
