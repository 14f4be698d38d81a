//! The JSON Schema of a configuration file, made from the same table that files are read with.

use super::exceptions::{FIELDS, FieldKind};
use super::keys::{GREATEST_ID, KEYS, Key, Kind, OFF};
use super::{Config, Profile, Severity};
use serde_json::{Map, Value, json};

/// Returns the schema. `rules` are the valid rule ids.
pub fn schema(rules: &[&str]) -> Value {
    let mut schema = group(KEYS, rules);
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = "kubeharden configuration".into();
    schema
}

/// A rule's id, which editors complete, or its name in another tool.
fn rule_name(rules: &[&str]) -> Value {
    json!({"anyOf": [{"enum": rules}, {"type": "string"}]})
}

fn group(keys: &[Key], rules: &[&str]) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|key| (key.name.to_owned(), described(key, rules)))
        .collect();
    json!({"type": "object", "additionalProperties": false, "properties": properties})
}

fn described(key: &Key, rules: &[&str]) -> Value {
    let mut schema = kind(key.kind, rules);
    schema["description"] = key.about.into();
    schema
}

fn kind(kind: Kind, rules: &[&str]) -> Value {
    let severities: Vec<&str> = Severity::ALL
        .iter()
        .map(|severity| severity.name())
        .collect();
    let mut default = Config::default();
    match kind {
        Kind::Group(keys) => group(keys, rules),
        Kind::Profile(place) => {
            json!({"enum": Profile::ALL.map(Profile::name), "default": place(&mut default).name()})
        }
        Kind::Severity(place) => json!({"enum": severities, "default": place(&mut default).name()}),
        // Most users write the version without quotes, which makes it a number for a schema.
        Kind::Version(place) => json!({
            "type": ["string", "number"], "examples": [place(&mut default).to_string()],
            "pattern": r"^(latest|v?1\.[0-9]+(\.[0-9]+)?)$",
        }),
        Kind::Rules(_) => {
            json!({"type": ["array", "null"], "items": rule_name(rules), "uniqueItems": true, "default": []})
        }
        Kind::Severities(_) => {
            // YAML 1.1 readers take `off` for false.
            let words: Vec<Value> = severities
                .into_iter()
                .chain([OFF])
                .map(Value::from)
                .chain([false.into()])
                .collect();
            let properties: Map<String, Value> = rules
                .iter()
                .map(|id| ((*id).to_owned(), json!({"enum": words})))
                .collect();
            json!({"type": ["object", "null"], "additionalProperties": false, "properties": properties})
        }
        Kind::Id(place, least) => {
            json!({"type": "integer", "minimum": least, "maximum": GREATEST_ID, "default": *place(&mut default)})
        }
        Kind::Names(place, _) => {
            json!({"type": ["array", "null"], "items": {"type": "string", "minLength": 1}, "default": place(&mut default)})
        }
        Kind::Flag(place) => json!({"type": "boolean", "default": *place(&mut default)}),
        Kind::Exceptions(_) => {
            json!({"type": ["array", "null"], "items": exception(rules), "default": []})
        }
        Kind::Quantity(place) => {
            json!({"type": ["string", "number"], "default": place(&mut default)})
        }
    }
}

fn exception(rules: &[&str]) -> Value {
    let one_or_more =
        |word: Value| json!({"anyOf": [word, {"type": "array", "items": word, "minItems": 1}]});
    let field = |kind: FieldKind| match kind {
        FieldKind::Rules => one_or_more(rule_name(rules)),
        FieldKind::Patterns(..) => one_or_more(json!({"type": "string", "minLength": 1})),
        FieldKind::Reason => json!({"type": "string", "minLength": 1}),
        FieldKind::Until => json!({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}),
    };
    let properties: Map<String, Value> = FIELDS
        .iter()
        .map(|it| {
            let mut schema = field(it.kind);
            schema["description"] = it.about.into();
            (it.name.to_owned(), schema)
        })
        .collect();
    json!({"type": "object", "additionalProperties": false, "required": ["rules"], "properties": properties})
}
