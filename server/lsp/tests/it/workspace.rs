//! Objects in other files of the workspace, while files and folders change.

use crate::harness::{TestServer, modern};
use linter::Inputs;
use linter::analysis;
use lsp::Setup;
use serde_json::{Value, json};
use std::fs;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec:\n  serviceAccountName: web\n  containers:\n    - name: web\n      image: nginx:1.29\n";

const OTHER: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: api, namespace: bank}\nspec:\n  serviceAccountName: api\n  containers:\n    - name: api\n      image: nginx:1.29\n";

pub(crate) const TOKEN: &str = "mounted-service-account-token";

fn account(token: bool) -> String {
    format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: web, namespace: shop}}\nautomountServiceAccountToken: {token}\n"
    )
}

fn namespace(level: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, labels: {{pod-security.kubernetes.io/enforce: {level}}}}}\n"
    )
}

/// A folder with files, and a server whose only workspace folder is the subfolder `one`.
pub(crate) struct Workspace {
    pub(crate) folder: TempDir,
    pub(crate) server: TestServer,
}

impl Workspace {
    pub(crate) async fn new(files: &[(&str, &str)]) -> Self {
        let mut capabilities = modern();
        capabilities["workspace"]["workspaceFolders"] = json!(true);
        Workspace::with(
            files,
            capabilities,
            |url| json!({"workspaceFolders": [{"uri": url, "name": "one"}]}),
        )
        .await
    }

    pub(crate) async fn with(
        files: &[(&str, &str)],
        capabilities: Value,
        root: fn(&str) -> Value,
    ) -> Self {
        Workspace::by(Setup::default(), files, capabilities, root).await
    }

    async fn by(
        setup: Setup,
        files: &[(&str, &str)],
        capabilities: Value,
        root: fn(&str) -> Value,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut workspace = Workspace {
            folder,
            server: TestServer::start(setup),
        };
        fs::create_dir_all(workspace.folder.path().join("one")).unwrap();
        files
            .iter()
            .for_each(|(path, text)| workspace.write(path, text));
        let mut params = json!({"processId": null, "rootUri": null, "capabilities": capabilities});
        let more = root(&workspace.url("one"));
        params
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        params["initializationOptions"] = json!({"grouping": "rule"});
        workspace.server.request("initialize", params).await;
        workspace.server.notify("initialized", json!({})).await;
        workspace
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn url(&self, path: &str) -> String {
        tower_lsp::ls_types::Uri::from_file_path(self.folder.path().join(path))
            .unwrap()
            .as_str()
            .to_owned()
    }

    pub(crate) async fn open(&mut self, path: &str, text: &str) {
        let url = self.url(path);
        self.server.open_file(&url, 1, text).await;
    }

    pub(crate) async fn change(&mut self, path: &str, version: i64, text: &str) {
        let document = json!({"uri": self.url(path), "version": version});
        let params = json!({"textDocument": document, "contentChanges": [{"text": text}]});
        self.server.notify("textDocument/didChange", params).await;
    }

    async fn notify(&mut self, method: &str, path: &str) {
        let params = json!({"textDocument": {"uri": self.url(path)}});
        self.server.notify(method, params).await;
    }

    pub(crate) async fn notify_file_changed(&mut self, path: &str, kind: u32) {
        let params = json!({"changes": [{"uri": self.url(path), "type": kind}]});
        self.server
            .notify("workspace/didChangeWatchedFiles", params)
            .await;
    }

    /// Waits for diagnostics of a file with a finding of a rule, or without one. Skips others: the first ones may come before
    /// the workspace is scanned.
    pub(crate) async fn wait_for_rule(&mut self, path: &str, rule: &str, is_reported: bool) {
        self.wait_until(path, |diagnostics| {
            diagnostics.iter().any(|it| it["code"] == rule) == is_reported
        })
        .await;
    }

    /// Waits until the findings of a rule in a file have a severity, as a number of the protocol.
    async fn wait_for_severity(&mut self, path: &str, rule: &str, severity: u8) {
        self.wait_until(path, |diagnostics| {
            let mut of_rule = diagnostics.iter().filter(|it| it["code"] == rule);
            of_rule.any(|it| it["severity"] == severity)
        })
        .await;
    }

    async fn wait_until(&mut self, path: &str, is_it: impl Fn(&[Value]) -> bool) {
        let url = self.url(path);
        loop {
            let published = self
                .server
                .notification_where("textDocument/publishDiagnostics", |params| {
                    params["uri"] == url
                })
                .await;
            if is_it(published["diagnostics"].as_array().unwrap()) {
                return;
            }
        }
    }

    /// Waits until the message of a finding in a file ends with a text.
    async fn wait_for_message(&mut self, path: &str, end: &str) {
        self.wait_until(path, |diagnostics| {
            let message = |it: &Value| it["message"].as_str().unwrap_or_default().to_owned();
            diagnostics.iter().any(|it| {
                message(it)
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .ends_with(end)
            })
        })
        .await;
    }

    /// Waits for the next diagnostics of a file.
    async fn next_diagnostics(&mut self, path: &str) {
        let url = self.url(path);
        self.server
            .notification_where("textDocument/publishDiagnostics", |params| {
                params["uri"] == url
            })
            .await;
    }
}

#[tokio::test]
async fn account_on_disk_and_typed() {
    let mut workspace = Workspace::new(&[("one/accounts/web.yaml", &account(false))]).await;
    workspace.open("one/web.yaml", POD).await;
    workspace.wait_for_rule("one/web.yaml", TOKEN, false).await;
    // This file does not depend on the following changes, so it is published once.
    workspace.open("one/api.yaml", OTHER).await;
    workspace.wait_for_rule("one/api.yaml", TOKEN, true).await;

    workspace.write("one/accounts/web.yaml", &account(true));
    workspace
        .notify_file_changed("one/accounts/web.yaml", 2)
        .await;
    workspace.wait_for_rule("one/web.yaml", TOKEN, true).await;

    workspace
        .open("one/accounts/web.yaml", &account(false))
        .await;
    workspace.wait_for_rule("one/web.yaml", TOKEN, false).await;
    workspace.next_diagnostics("one/accounts/web.yaml").await;
    workspace
        .change("one/accounts/web.yaml", 2, &account(true))
        .await;
    workspace.wait_for_rule("one/web.yaml", TOKEN, true).await;
    workspace.next_diagnostics("one/accounts/web.yaml").await;
    workspace
        .change("one/accounts/web.yaml", 3, &account(false))
        .await;
    workspace.wait_for_rule("one/web.yaml", TOKEN, false).await;
    workspace.next_diagnostics("one/accounts/web.yaml").await;

    workspace
        .notify("textDocument/didClose", "one/accounts/web.yaml")
        .await;
    workspace.wait_for_rule("one/web.yaml", TOKEN, true).await;
    workspace.next_diagnostics("one/accounts/web.yaml").await;
    workspace.server.finish().await;
}

/// A Namespace without labels follows the pods on disk, and those that are typed.
#[tokio::test]
async fn namespace_follows_its_pods() {
    let mut workspace = Workspace::new(&[("one/web.yaml", POD)]).await;
    let unlabelled = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
    workspace.open("one/shop.yaml", unlabelled).await;
    workspace
        .wait_for_message("one/shop.yaml", "meet baseline")
        .await;
    let privileged = POD.replace("spec:\n", "spec:\n  hostPID: true\n");
    workspace.open("one/web.yaml", &privileged).await;
    workspace
        .wait_for_message("one/shop.yaml", "meet privileged")
        .await;
    workspace.next_diagnostics("one/web.yaml").await;
    workspace.change("one/web.yaml", 2, OTHER).await;
    workspace
        .wait_for_message("one/shop.yaml", "no Pod Security label")
        .await;
    workspace.next_diagnostics("one/web.yaml").await;
    workspace.server.finish().await;
}

#[tokio::test]
async fn kustomization_moves_accounts() {
    let unplaced = account(false).replace(", namespace: shop", "");
    let named = |namespace: &str| format!("namespace: {namespace}\nresources: [../base]\n");
    let base = ("one/base/kustomization.yaml", "resources: [web.yaml]\n");
    let file = "one/overlay/kustomization.yaml";
    let mut workspace = Workspace::new(&[
        ("one/base/web.yaml", &unplaced),
        base,
        (file, &named("shop")),
    ])
    .await;
    workspace.open("one/web.yaml", POD).await;
    workspace.wait_for_rule("one/web.yaml", TOKEN, false).await;
    // An account without a namespace would match, but the kustomization puts it into another one.
    workspace.write(file, &named("bank"));
    workspace.notify_file_changed(file, 2).await;
    workspace.wait_for_rule("one/web.yaml", TOKEN, true).await;

    workspace.open(file, &named("shop")).await;
    workspace.wait_for_rule("one/web.yaml", TOKEN, false).await;
    workspace.next_diagnostics(file).await;
    workspace.change(file, 2, &named("shoplift")).await;
    workspace.wait_for_rule("one/web.yaml", TOKEN, true).await;
    workspace.next_diagnostics(file).await;
    workspace.change(file, 3, &named("shop")).await;
    workspace.wait_for_rule("one/web.yaml", TOKEN, false).await;
    workspace.next_diagnostics(file).await;
    workspace.notify("textDocument/didClose", file).await;
    workspace.wait_for_rule("one/web.yaml", TOKEN, true).await;
    workspace.next_diagnostics(file).await;

    // Without a kustomization, the account has no namespace and matches.
    fs::remove_file(workspace.folder.path().join(file)).unwrap();
    workspace.notify_file_changed(file, 3).await;
    workspace.wait_for_rule("one/web.yaml", TOKEN, false).await;
    workspace.server.finish().await;
}

#[tokio::test]
async fn overlay_sets_namespace_of_base() {
    let pod = POD.replace(", namespace: shop", "");
    let base = ("one/base/kustomization.yaml", "resources: [web.yaml]\n");
    let account = account(false);
    let mut workspace = Workspace::new(&[("one/account.yaml", &account), base]).await;
    workspace.open("one/base/web.yaml", &pod).await;
    workspace
        .wait_for_rule("one/base/web.yaml", TOKEN, false)
        .await;
    let file = "one/overlay/kustomization.yaml";
    workspace.write(file, "namespace: bank\nresources: [../base]\n");
    workspace.notify_file_changed(file, 1).await;
    workspace
        .wait_for_rule("one/base/web.yaml", TOKEN, true)
        .await;
    workspace.write(file, "namespace: shop\nresources: [../base]\n");
    workspace.notify_file_changed(file, 2).await;
    workspace
        .wait_for_rule("one/base/web.yaml", TOKEN, false)
        .await;
    workspace.server.finish().await;
}

#[tokio::test]
async fn saving_rescans_without_watchers() {
    let mut workspace = Workspace::new(&[("one/accounts/web.yaml", &account(true))]).await;
    // Saving publishes the file once or twice: before and after the disk is read.
    workspace
        .server
        .allow_unread("textDocument/publishDiagnostics");
    workspace.open("one/web.yaml", POD).await;
    workspace.wait_for_rule("one/web.yaml", TOKEN, true).await;
    workspace.write("one/accounts/web.yaml", &account(false));
    workspace
        .notify("textDocument/didSave", "one/web.yaml")
        .await;
    workspace.wait_for_rule("one/web.yaml", TOKEN, false).await;
    fs::remove_dir_all(workspace.folder.path().join("one/accounts")).unwrap();
    workspace.notify_file_changed("one/accounts", 3).await;
    workspace.wait_for_rule("one/web.yaml", TOKEN, true).await;
    workspace.server.finish().await;
}

#[tokio::test]
async fn account_in_same_file_applies() {
    let mut workspace = Workspace::with(&[], modern(), |_| json!({})).await;
    let text = format!("{}---\n{POD}", account(false));
    workspace.open("one/all.yaml", &text).await;
    let has_token = |published: Value| {
        published["diagnostics"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["code"] == TOKEN)
    };
    assert!(!has_token(workspace.server.published().await));
    workspace
        .change(
            "one/all.yaml",
            2,
            &text.replace("Token: false", "Token: true"),
        )
        .await;
    assert!(has_token(workspace.server.published().await));
    workspace
        .change(
            "one/all.yaml",
            3,
            &text.replace("serviceAccountName: web", "serviceAccountName: api"),
        )
        .await;
    assert!(has_token(workspace.server.published().await));
    workspace.change("one/all.yaml", 4, &text).await;
    assert!(!has_token(workspace.server.published().await));
    workspace.server.finish().await;
}

#[tokio::test]
async fn folders_are_added_and_removed() {
    let mut workspace = Workspace::new(&[("two/web.yaml", &account(false))]).await;
    workspace.open("one/web.yaml", POD).await;
    workspace.wait_for_rule("one/web.yaml", TOKEN, true).await;
    let folder = json!({"uri": workspace.url("two"), "name": "two"});
    let event = json!({"event": {"added": [folder], "removed": []}});
    workspace
        .server
        .notify("workspace/didChangeWorkspaceFolders", event)
        .await;
    workspace.wait_for_rule("one/web.yaml", TOKEN, false).await;
    let event = json!({"event": {"added": [], "removed": [folder]}});
    workspace
        .server
        .notify("workspace/didChangeWorkspaceFolders", event)
        .await;
    workspace.wait_for_rule("one/web.yaml", TOKEN, true).await;
    workspace.server.finish().await;
}

#[tokio::test]
async fn root_uri_is_folder() {
    let mut workspace = Workspace::with(
        &[("one/a.yaml", &account(false))],
        modern(),
        |url| json!({"rootUri": url}),
    )
    .await;
    workspace.open("one/web.yaml", POD).await;
    workspace.wait_for_rule("one/web.yaml", TOKEN, false).await;
    workspace.server.finish().await;
}

#[tokio::test]
async fn namespace_level_counts_while_typing() {
    const WARNING: u8 = 2;
    const INFORMATION: u8 = 3;
    const HINT: u8 = 4;
    let (file, rule) = ("one/web.yaml", "privilege-escalation");
    let mut workspace = Workspace::new(&[]).await;
    workspace.open(file, POD).await;
    workspace.wait_for_severity(file, rule, WARNING).await;
    workspace.open("one/ns.yaml", &namespace("baseline")).await;
    workspace.wait_for_severity(file, rule, INFORMATION).await;
    workspace.next_diagnostics("one/ns.yaml").await;
    workspace
        .change("one/ns.yaml", 2, &namespace("privileged"))
        .await;
    workspace.wait_for_severity(file, rule, HINT).await;
    workspace.next_diagnostics("one/ns.yaml").await;
    workspace.change("one/ns.yaml", 3, &namespace("base")).await;
    workspace.wait_for_severity(file, rule, WARNING).await;
    workspace.next_diagnostics("one/ns.yaml").await;
    workspace
        .change("one/ns.yaml", 4, &namespace("baseline"))
        .await;
    workspace.wait_for_severity(file, rule, INFORMATION).await;
    workspace.next_diagnostics("one/ns.yaml").await;
    // The chosen profile applies.
    let settings = json!({"settings": {"profile": "hardened", "grouping": "rule"}});
    workspace
        .server
        .notify("workspace/didChangeConfiguration", settings)
        .await;
    workspace.wait_for_severity(file, rule, WARNING).await;
    workspace.next_diagnostics("one/ns.yaml").await;
    workspace.server.finish().await;
}

#[tokio::test]
async fn workspace_pull_sends_partial_results() {
    let names: Vec<String> = (0..70)
        .map(|number| format!("one/{number:02}.yaml"))
        .collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), POD)).collect();
    let account = account(false);
    files.extend([
        ("one/account.yaml", account.as_str()),
        ("one/compose.yaml", "services: {}\n"),
        ("one/.hidden.yaml", POD),
    ]);
    let mut workspace = Workspace::new(&files).await;
    workspace.open("one/00.yaml", "a: b\n").await;
    workspace.next_diagnostics("one/00.yaml").await;
    // The diagnostics of this document show that the accounts are known.
    workspace.open("one/01.yaml", POD).await;
    workspace.wait_for_rule("one/01.yaml", TOKEN, false).await;

    let whole = workspace
        .server
        .request("workspace/diagnostic", json!({"previousResultIds": []}))
        .await;
    let items = whole["items"].as_array().unwrap();
    assert_eq!(items.len(), 72);
    let item = |name: &str| {
        items
            .iter()
            .find(|item| item["uri"] == workspace.url(name))
            .unwrap()
    };
    assert_eq!(
        (
            &item("one/00.yaml")["version"],
            &item("one/00.yaml")["items"]
        ),
        (&json!(1), &json!([]))
    );
    assert_eq!(item("one/compose.yaml")["items"], json!([]));
    let rules = |name: &str| {
        item(name)["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["code"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(rules("one/02.yaml"), rules("one/01.yaml"));
    assert!(!rules("one/02.yaml").is_empty() && !rules("one/02.yaml").contains(&json!(TOKEN)));

    let ids: Vec<Value> = items
        .iter()
        .map(|item| json!({"uri": item["uri"], "value": item["resultId"]}))
        .collect();
    let params =
        json!({"previousResultIds": ids, "partialResultToken": "parts", "workDoneToken": 7});
    let last = workspace
        .server
        .request("workspace/diagnostic", params)
        .await;
    assert_eq!(last, json!({"items": []}));
    let mut parts = Vec::new();
    for _ in 0..3 {
        let part = workspace
            .server
            .notification_where("$/progress", |params| params["token"] == "parts")
            .await;
        parts.extend(part["value"]["items"].as_array().unwrap().clone());
    }
    assert_eq!(
        parts
            .iter()
            .filter(|item| item["kind"] == "unchanged")
            .count(),
        72
    );
    for kind in ["begin", "report", "report", "end"] {
        assert_eq!(
            workspace
                .server
                .notification_where("$/progress", |params| params["token"] == 7)
                .await["value"]["kind"],
            kind
        );
    }
    workspace.server.finish().await;
}

#[tokio::test]
async fn canceled_workspace_pull_ends() {
    let (gate, started) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (opened, has_started) = (Arc::clone(&gate), Arc::clone(&started));
    let analyze = move |text: &str, role, context: &_, inputs: Inputs<'_>| {
        has_started.add_permits(1);
        Handle::current().block_on(async { opened.acquire().await.unwrap().forget() });
        analysis::analyze_chunk(text, role, context, inputs)
    };
    let names: Vec<String> = (0..5).map(|number| format!("one/{number}.yaml")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), POD)).collect();
    let setup = Setup {
        analyze: Arc::new(analyze),
        ..Setup::default()
    };
    let mut workspace = Workspace::by(setup, &files, modern(), |url| json!({"rootUri": url})).await;
    let params = json!({"previousResultIds": [], "workDoneToken": "work"});
    let id = workspace
        .server
        .send_request("workspace/diagnostic", params)
        .await;
    started.acquire().await.unwrap().forget();
    workspace
        .server
        .notify("$/cancelRequest", json!({"id": id}))
        .await;
    assert_eq!(workspace.server.reply(id).await["error"]["code"], -32800);
    for kind in ["begin", "end"] {
        assert_eq!(
            workspace.server.notification("$/progress").await["value"]["kind"],
            kind
        );
    }
    gate.add_permits(1000);
    workspace.server.finish().await;
    assert_eq!(started.available_permits(), 0, "no other file is analyzed");
}
