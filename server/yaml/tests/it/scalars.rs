//! Compares scalars with the API server's YAML library. `tests/data/scalars.json` contains its
//! answers, produced by `tests/oracle/scalars`. The table in `docs/scalars.md` comes from the same
//! answers.

use serde::Deserialize;
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
