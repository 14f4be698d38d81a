//! File contexts: a template of a chart, a patch of a kustomization.

use crate::harness::{TestServer, modern};
use lsp::Setup;
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

const PATCH: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\nspec:\n  template:\n    spec:\n      containers:\n        - name: web\n          image: nginx:1.29\n          securityContext: {privileged: true}\n";

/// The rule that reports a complete object without hardening, but not a patch.
const MISSING: &str = "missing-hardening";

/// A folder with files, and a server.
struct Project {
    folder: TempDir,
    server: TestServer,
}

impl Project {
    async fn new(files: &[(&str, &str)]) -> Self {
        Project::with(modern(), files).await
    }

    async fn with(capabilities: Value, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".git")).unwrap();
        let project = Project {
            folder,
            server: TestServer::ready(Setup::default(), capabilities).await,
        };
        files
            .iter()
            .for_each(|(path, text)| project.write(path, text));
        project
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn url(&self, path: &str) -> String {
        tower_lsp::ls_types::Uri::from_file_path(self.folder.path().join(path))
            .unwrap()
            .as_str()
            .to_owned()
    }

    async fn open(&mut self, path: &str, text: &str) {
        let url = self.url(path);
        self.server.open_file(&url, 1, text).await;
    }

    /// Returns the next status of a file.
    async fn status(&mut self, path: &str) -> Value {
        let url = self.url(path);
        self.server
            .notification_where("kubeharden/status", |params| params["uri"] == url)
            .await
    }

    /// Returns the rules in the next diagnostics of a file, without duplicates.
    async fn rules(&mut self, path: &str) -> Vec<String> {
        let url = self.url(path);
        let published = self
            .server
            .notification_where("textDocument/publishDiagnostics", |params| {
                params["uri"] == url
            })
            .await;
        let diagnostics = published["diagnostics"].as_array().unwrap().clone();
        let mut rules: Vec<String> = diagnostics
            .iter()
            .map(|it| it["code"].as_str().unwrap().to_owned())
            .collect();
        rules.sort();
        rules.dedup();
        rules
    }
}

fn with_status() -> Value {
    let mut capabilities = modern();
    capabilities["experimental"] = json!({"kubeharden": {"status": true}});
    capabilities
}

#[tokio::test]
async fn file_is_patch_while_named() {
    let mut project = Project::new(&[(
        "overlay/kustomization.yaml",
        "patches: [{path: patches/web.yaml}]\n",
    )])
    .await;
    let patch = "overlay/patches/web.yaml";
    project.open(patch, PATCH).await;
    assert_eq!(project.rules(patch).await, ["privileged-container"]);

    // The text in the editor counts before it is saved.
    project
        .open(
            "overlay/kustomization.yaml",
            "resources: [patches/web.yaml]\n",
        )
        .await;
    assert!(project.rules(patch).await.contains(&MISSING.to_owned()));
    assert_eq!(project.rules("overlay/kustomization.yaml").await, [""; 0]);
    let url = project.url("overlay/kustomization.yaml");
    let changes = json!({"textDocument": {"uri": url, "version": 2}, "contentChanges": [{"text": "patches: [{path: patches/web.yaml}]\n"}]});
    project
        .server
        .notify("textDocument/didChange", changes)
        .await;
    assert_eq!(project.rules(patch).await, ["privileged-container"]);
    assert_eq!(project.rules("overlay/kustomization.yaml").await, [""; 0]);
    project.server.finish().await;
}

#[tokio::test]
async fn watched_change_updates_context() {
    let mut project = Project::new(&[]).await;
    project.open("web.yaml", PATCH).await;
    assert!(
        project
            .rules("web.yaml")
            .await
            .contains(&MISSING.to_owned())
    );
    project.write("kustomization.yml", "patchesStrategicMerge: [web.yaml]\n");
    let change = json!({"changes": [{"uri": project.url("kustomization.yml"), "type": 1}]});
    project
        .server
        .notify("workspace/didChangeWatchedFiles", change)
        .await;
    assert_eq!(project.rules("web.yaml").await, ["privileged-container"]);
    project.server.finish().await;
}

#[tokio::test]
async fn chart_template_offers_no_edits() {
    let mut project = Project::new(&[(
        "chart/Chart.yaml",
        "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
    )])
    .await;
    let path = "chart/templates/web.yaml";
    project
        .open(
            path,
            &PATCH.replace("nginx:1.29", "\"{{ .Values.image }}\""),
        )
        .await;
    assert_eq!(project.rules(path).await, ["privileged-container"]);
    let context = json!({"diagnostics": [], "triggerKind": 1});
    let range = json!({"start": {"line": 0, "character": 0}, "end": {"line": 20, "character": 0}});
    let params =
        json!({"textDocument": {"uri": project.url(path)}, "range": range, "context": context});
    let actions = project
        .server
        .request("textDocument/codeAction", params)
        .await;
    assert_eq!(actions, Value::Array(Vec::new()), "{actions}");
    project.server.finish().await;
}

const OPERATIONS: &str = "\
- op: add
  path: /spec/template/spec/hostNetwrok
  value: true
- op: replace
  path: /spec/template/spec/containers/0/securityContext/privileged
  value: true
";

#[tokio::test]
async fn json_patch_follows_edited_kustomization() {
    let mut project =
        Project::with(with_status(), &[("kustomization.yaml", "patches: []\n")]).await;
    project.open("patch.yaml", OPERATIONS).await;
    assert_eq!(project.rules("patch.yaml").await, [""; 0]);
    assert_eq!(project.status("patch.yaml").await["patch"], false);

    let named =
        |kind: &str| format!("patches:\n  - path: patch.yaml\n    target: {{kind: {kind}}}\n");
    project
        .open("kustomization.yaml", &named("Deployment"))
        .await;
    assert_eq!(
        project.rules("patch.yaml").await,
        ["misspelled-security-field", "privileged-container"]
    );
    let status = project.status("patch.yaml").await;
    assert_eq!(
        (&status["patch"], &status["objects"]),
        (&json!(true), &json!(0))
    );
    // A custom kind may have such a field.
    let url = project.url("kustomization.yaml");
    let changes = json!({"textDocument": {"uri": url, "version": 2}, "contentChanges": [{"text": named("MyWorkload")}]});
    project
        .server
        .notify("textDocument/didChange", changes)
        .await;
    assert_eq!(project.rules("patch.yaml").await, ["privileged-container"]);

    let url = project.url("patch.yaml");
    let place = json!({"line": 5, "character": 10});
    let hover = project
        .server
        .request(
            "textDocument/hover",
            json!({"textDocument": {"uri": url}, "position": place}),
        )
        .await;
    assert!(
        hover["contents"]["value"]
            .as_str()
            .unwrap()
            .starts_with("**privileged-container** (error, baseline)"),
        "{hover}"
    );
    let range = json!({"start": place, "end": place});
    let context = json!({"diagnostics": [], "triggerKind": 1});
    let params = json!({"textDocument": {"uri": url}, "range": range, "context": context});
    let actions = project
        .server
        .request("textDocument/codeAction", params)
        .await;
    let titles: Vec<&str> = actions
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action["title"].as_str().unwrap())
        .collect();
    assert!(
        titles
            .iter()
            .any(|title| title.starts_with("Ignore privileged-container")),
        "{titles:?}"
    );
    let is_harmless = |title: &&str| title.starts_with("Ignore ") || title.starts_with("Show ");
    assert!(titles.iter().all(is_harmless), "{titles:?}");

    for _ in 0..2 {
        assert_eq!(project.rules("kustomization.yaml").await, [""; 0]);
    }
    // Typing in the patch updates its findings.
    let line = json!({"start": {"line": 5, "character": 9}, "end": {"line": 5, "character": 13}});
    let changes = json!({"textDocument": {"uri": url, "version": 2}, "contentChanges": [{"range": line, "text": "false"}]});
    project
        .server
        .notify("textDocument/didChange", changes)
        .await;
    assert_eq!(project.rules("patch.yaml").await, [""; 0]);
    project.server.allow_unread("kubeharden/status");
    project.server.finish().await;
}

#[tokio::test]
async fn inline_json_patches_are_checked() {
    let mut project = Project::new(&[]).await;
    let operation =
        "      - op: add\n        path: /spec/template/spec/hostPID\n        value: true\n";
    let text = format!(
        "resources: [web.yaml]\npatches:\n  - target: {{kind: Deployment}}\n    patch: |-\n{operation}"
    );
    project.open("kustomization.yaml", &text).await;
    assert_eq!(project.rules("kustomization.yaml").await, ["host-pid"]);
    project.server.finish().await;
}

#[tokio::test]
async fn other_yaml_is_published_clean() {
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .join("fixtures/foreign");
    let mut project = Project::new(&[]).await;
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        project
            .open(name, &fs::read_to_string(&file).unwrap())
            .await;
        assert_eq!(project.rules(name).await, [""; 0], "{name}");
    }
    project.server.finish().await;
}
