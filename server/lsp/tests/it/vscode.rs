//! The extension for VS Code matches the server.

use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(file))
        .expect("the file is readable text")
}

const MANIFEST: &str = "editors/vscode/package.json";

#[test]
fn extension_has_server_version() {
    let manifest: Value = serde_json::from_str(&read(MANIFEST)).expect("JSON");
    let lock: Value =
        serde_json::from_str(&read("editors/vscode/package-lock.json")).expect("JSON");
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(lock["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(manifest["license"], env!("CARGO_PKG_LICENSE"));
    assert_eq!(manifest["repository"]["url"], env!("CARGO_PKG_REPOSITORY"));
}

#[test]
fn untrusted_folder_cannot_choose_program() {
    let manifest: Value = serde_json::from_str(&read(MANIFEST)).expect("JSON");
    let restricted = manifest["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"]
        .as_array()
        .expect("a list");
    let categories = manifest["contributes"]["configuration"]
        .as_array()
        .expect("a list");
    let names = categories
        .iter()
        .flat_map(|category| category["properties"].as_object().expect("settings").keys());
    let of_server: Vec<Value> = names
        .filter(|name| name.starts_with("kubeharden.server."))
        .map(|name| json!(name))
        .collect();
    assert!(!of_server.is_empty());
    assert!(
        of_server.iter().all(|name| restricted.contains(name)),
        "{of_server:?} are not all in {restricted:?}"
    );
}

#[test]
fn extension_has_same_license() {
    assert_eq!(read("editors/vscode/LICENSE"), read("LICENSE"));
}

#[test]
fn lockfile_names_no_registry() {
    assert!(!read("editors/vscode/package-lock.json").contains("\"resolved\""));
}
