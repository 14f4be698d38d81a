//! Configuration files: which one applies to a document, their mistakes, and their changes.

use crate::harness::{TestServer, modern, range};
use crate::settings::echo_config;
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

/// A folder with files, and a server that reports the configuration of each document.
struct Project {
    folder: TempDir,
    server: TestServer,
}

const CONFIG: &str = ".kubeharden.yaml";

impl Project {
    async fn new(files: &[(&str, &str)]) -> Self {
        Project::with(files, modern(), Value::Null).await
    }

    async fn with(files: &[(&str, &str)], capabilities: Value, options: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".git")).unwrap();
        let mut server = TestServer::start(echo_config());
        server.initialize(capabilities, options).await;
        let project = Project { folder, server };
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

    fn remove(&self, path: &str) {
        fs::remove_file(self.folder.path().join(path)).unwrap();
    }

    fn url(&self, path: &str) -> String {
        // The path of the temporary folder may contain symbolic links.
        let folder = fs::canonicalize(self.folder.path()).unwrap();
        tower_lsp::ls_types::Uri::from_file_path(folder.join(path))
            .unwrap()
            .as_str()
            .to_owned()
    }

    async fn open(&mut self, path: &str, text: &str) {
        let url = self.url(path);
        self.server.open_file(&url, 1, text).await;
    }

    async fn edit(&mut self, path: &str, version: i64, text: &str) {
        let document = json!({"uri": self.url(path), "version": version});
        let changes = json!({"textDocument": document, "contentChanges": [{"text": text}]});
        self.server.notify("textDocument/didChange", changes).await;
    }

    async fn notify(&mut self, method: &str, path: &str) {
        let document = json!({"textDocument": {"uri": self.url(path)}});
        self.server
            .notify(&format!("textDocument/{method}"), document)
            .await;
    }

    async fn notify_config_changed(&mut self) {
        let changes = json!([{"uri": self.url(CONFIG), "type": 2}]);
        self.server
            .notify(
                "workspace/didChangeWatchedFiles",
                json!({"changes": changes}),
            )
            .await;
    }

    /// Checks the profile and the Kubernetes version of the next diagnostics of a document.
    async fn assert_config(&mut self, path: &str, expected: &str) {
        let published = self.published(path).await;
        assert_eq!(
            published["diagnostics"][0]["message"],
            format!("!{expected}"),
            "{published}"
        );
    }

    /// Checks the mistakes in the next diagnostics of a configuration file, and returns the diagnostics.
    async fn assert_mistakes(&mut self, path: &str, expected: &[&str]) -> Value {
        let published = self.published(path).await;
        let messages: Vec<_> = published["diagnostics"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["message"].as_str().unwrap())
            .collect();
        assert_eq!(messages, expected);
        published
    }

    async fn published(&mut self, path: &str) -> Value {
        let url = self.url(path);
        self.server
            .notification_where("textDocument/publishDiagnostics", |published| {
                published["uri"] == url.as_str()
            })
            .await
    }
}

const STRICT: &str = "unknown profile `strict`; did you mean `restricted`?";

#[tokio::test]
async fn nearest_file_applies() {
    let mut project = Project::new(&[
        (CONFIG, "profile: baseline"),
        ("team/.kubeharden.yaml", "kubernetesVersion: 1.24"),
        ("x/.git", ""),
    ])
    .await;
    for (path, expected) in [
        ("a.yaml", "baseline 1.37"),
        ("deep/er/b.yaml", "baseline 1.37"),
        ("team/c.yaml", "hardened 1.24"),
        ("x/d.yaml", "hardened 1.37"),
    ] {
        project.open(path, "").await;
        project.assert_config(path, expected).await;
    }
    project.server.finish().await;
}

#[tokio::test]
async fn settings_override_file() {
    let options = json!({"profile": "restricted"});
    let mut project = Project::with(
        &[(CONFIG, "profile: baseline\nkubernetesVersion: 1.24\n")],
        modern(),
        options,
    )
    .await;
    project.open("a.yaml", "").await;
    project.assert_config("a.yaml", "restricted 1.24").await;
    let settings = json!({"settings": {"kubeharden": {"kubernetesVersion": "1.30"}}});
    project
        .server
        .notify("workspace/didChangeConfiguration", settings)
        .await;
    project.assert_config("a.yaml", "restricted 1.30").await;
    project.server.finish().await;
}

#[tokio::test]
async fn mistakes_are_published_for_closed_file() {
    let mut project = Project::new(&[(
        CONFIG,
        "failOn: info\nprofile: strict\nkubernetesVersion: 1.24\n",
    )])
    .await;
    project.open("a.yaml", "").await;
    let published = project.assert_mistakes(CONFIG, &[STRICT]).await;
    let diagnostic = &published["diagnostics"][0];
    assert_eq!(diagnostic["range"], range((1, 9), (1, 15)));
    assert_eq!(
        (&diagnostic["source"], &diagnostic["code"]),
        (&json!("kubeharden"), &json!("configuration"))
    );
    assert_eq!(diagnostic["severity"], 1);
    project.assert_config("a.yaml", "hardened 1.24").await;

    project.write(CONFIG, "profile: baseline\n");
    project.notify_config_changed().await;
    project.assert_mistakes(CONFIG, &[]).await;
    project.assert_config("a.yaml", "baseline 1.37").await;
    project.server.finish().await;
}

#[tokio::test]
async fn mistake_keeps_previous_configuration() {
    let mut project = Project::new(&[(CONFIG, "profile: baseline\n")]).await;
    project.open("a.yaml", "").await;
    project.assert_config("a.yaml", "baseline 1.37").await;
    project.write(CONFIG, "profile: strict\nkubernetesVersion: 1.24\n");
    project.notify_config_changed().await;
    project.assert_mistakes(CONFIG, &[STRICT]).await;
    project.edit("a.yaml", 2, "b").await;
    project.assert_config("a.yaml", "baseline 1.37").await;
    project.remove(CONFIG);
    project.notify_config_changed().await;
    project.assert_mistakes(CONFIG, &[]).await;
    project.assert_config("a.yaml", "hardened 1.37").await;
    project.server.finish().await;
}

#[tokio::test]
async fn saving_reloads_configuration() {
    let mut project = Project::new(&[]).await;
    project.open("a.yaml", "").await;
    project.assert_config("a.yaml", "hardened 1.37").await;
    project.open("other/b.yaml", "").await;
    project.assert_config("other/b.yaml", "hardened 1.37").await;
    project.write(CONFIG, "profile: baseline\n");
    project.notify("didSave", "a.yaml").await;
    // Saving also publishes `a.yaml` again, before or after the new configuration is read.
    project
        .server
        .allow_unread("textDocument/publishDiagnostics");
    project.assert_config("other/b.yaml", "baseline 1.37").await;
    project.server.finish().await;
}

#[tokio::test]
async fn edited_file_applies_while_typing() {
    let mut project = Project::new(&[(CONFIG, "profile: baseline\n")]).await;
    project.open("a.yaml", "").await;
    project.assert_config("a.yaml", "baseline 1.37").await;
    project.open(CONFIG, "profile: baseline\n").await;
    project.assert_mistakes(CONFIG, &[]).await;
    project.edit(CONFIG, 2, "profile: strict\n").await;
    assert_eq!(
        project.assert_mistakes(CONFIG, &[STRICT]).await["version"],
        2
    );
    project.edit(CONFIG, 3, "profile: restricted\n").await;
    project.assert_mistakes(CONFIG, &[]).await;
    project.assert_config("a.yaml", "restricted 1.37").await;
    // Closed without saving, the file on the disk counts again.
    project.notify("didClose", CONFIG).await;
    project.assert_mistakes(CONFIG, &[]).await;
    project.assert_config("a.yaml", "baseline 1.37").await;
    project.server.finish().await;
}

#[tokio::test]
async fn lone_configuration_file_is_checked() {
    let mut project = Project::new(&[]).await;
    project.open(CONFIG, "profil: strict\n").await;
    project
        .assert_mistakes(CONFIG, &["unknown key `profil`; did you mean `profile`?"])
        .await;
    project.notify("didClose", CONFIG).await;
    project.assert_mistakes(CONFIG, &[]).await;
    project.server.finish().await;
}

#[tokio::test]
async fn closing_shows_mistakes_on_disk() {
    let mut project = Project::new(&[(CONFIG, "profile: strict\n")]).await;
    project.open("a.yaml", "").await;
    project.assert_mistakes(CONFIG, &[STRICT]).await;
    project.assert_config("a.yaml", "hardened 1.37").await;
    project.open(CONFIG, "profile: strict\n").await;
    project.assert_mistakes(CONFIG, &[STRICT]).await;
    project.notify("didClose", CONFIG).await;
    project.assert_mistakes(CONFIG, &[]).await;
    project.assert_mistakes(CONFIG, &[STRICT]).await;
    project.server.finish().await;
}

#[tokio::test]
async fn server_registers_file_watchers() {
    let mut capabilities = modern();
    capabilities["workspace"]["didChangeWatchedFiles"] = json!({"dynamicRegistration": true});
    let mut project = Project::with(&[], capabilities, Value::Null).await;
    let request = project
        .server
        .next_request("client/registerCapability")
        .await;
    let registration = &request["params"]["registrations"][0];
    assert_eq!(registration["method"], "workspace/didChangeWatchedFiles");
    let watchers = registration["registerOptions"]["watchers"]
        .as_array()
        .unwrap();
    let patterns: Vec<&Value> = watchers
        .iter()
        .map(|watcher| &watcher["globPattern"])
        .collect();
    let names = [
        ".kubeharden.yaml",
        ".kubeharden.yml",
        "kustomization.yaml",
        "kustomization.yml",
        "Kustomization",
        "Chart.yaml",
        "*.yaml",
        "*.yml",
        "*.json",
    ];
    assert_eq!(
        patterns,
        names
            .map(|name| json!(format!("**/{name}")))
            .iter()
            .collect::<Vec<_>>()
    );
    project.server.answer(&request, Value::Null).await;
    project.server.finish().await;
}
