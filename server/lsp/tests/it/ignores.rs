//! Actions that ignore findings, and completion of rule ids.

use crate::harness::{FILE, TestServer, edited, modern, position, range};
use lsp::Setup;
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

const POD: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: é𝄞
spec:
  hostPID: true
  containers:
    - name: web # é𝄞
      image: registry.example.com/web:1.4
";

/// A client that can create files and shows Markdown in completions.
fn capable() -> Value {
    let mut capabilities = modern();
    capabilities["workspace"]["workspaceEdit"]["resourceOperations"] = json!(["create"]);
    capabilities["textDocument"]["completion"] =
        json!({"completionItem": {"documentationFormat": ["markdown"]}});
    capabilities
}

async fn opened(capabilities: Value, text: &str) -> TestServer {
    let mut server = TestServer::ready(Setup::default(), capabilities).await;
    server.open(text).await;
    server.published().await;
    server
}

/// The context of a request that the user makes.
fn invoked() -> Value {
    json!({"diagnostics": [], "triggerKind": 1})
}

fn titles(actions: &[Value]) -> Vec<&str> {
    let titles = actions.iter().filter_map(|action| action["title"].as_str());
    titles
        .filter(|title| title.starts_with("Ignore "))
        .collect()
}

fn the_one<'a>(actions: &'a [Value], title: &str) -> &'a Value {
    let found = actions.iter().find(|action| action["title"] == title);
    found.unwrap_or_else(|| panic!("no {title:?} among {:?}", titles(actions)))
}

fn host_pid() -> Value {
    range((5, 11), (5, 11))
}

fn web() -> Value {
    range((7, 12), (7, 12))
}

#[tokio::test]
async fn comment_at_place_and_in_document() {
    for brk in ["\n", "\r\n", "\r"] {
        let text = POD.replace('\n', brk);
        let mut server = opened(capable(), &text).await;
        let actions = server.code_actions(host_pid(), invoked()).await;
        let expected = [
            "Ignore host-pid here",
            "Ignore host-pid in this document",
            "Ignore host-pid in .kubeharden.yaml",
        ];
        assert_eq!(titles(&actions), expected);
        let here = the_one(&actions, "Ignore host-pid here");
        assert_eq!(
            (&here["kind"], &here["isPreferred"]),
            (&json!("quickfix.ignore.kubeharden"), &json!(false))
        );
        assert_eq!(here["diagnostics"][0]["code"], "host-pid");
        let wanted = POD.replace(
            "hostPID: true",
            "hostPID: true # kubeharden: ignore[host-pid]",
        );
        assert_eq!(edited(&text, here, 1, "utf-8"), wanted.replace('\n', brk));
        let document = the_one(&actions, "Ignore host-pid in this document");
        let wanted = format!("# kubeharden: ignore-file[host-pid]\n{POD}");
        assert_eq!(
            edited(&text, document, 1, "utf-8"),
            wanted.replace('\n', brk)
        );
        server.finish().await;
    }
}

#[tokio::test]
async fn missing_setting_is_ignored_for_container() {
    let mut server = opened(capable(), POD).await;
    let actions = server.code_actions(web(), invoked()).await;
    let action = the_one(&actions, "Ignore privilege-escalation for this container");
    let wanted = POD.replace(
        "    - name: web",
        "    # kubeharden: ignore[privilege-escalation]\n    - name: web",
    );
    assert_eq!(edited(POD, action, 1, "utf-8"), wanted);

    server.change(2, json!([{"text": wanted}])).await;
    server.published_for(2).await;
    let actions = server
        .code_actions(range((8, 12), (8, 12)), invoked())
        .await;
    assert!(
        !titles(&actions)
            .iter()
            .any(|title| title.contains("privilege-escalation"))
    );
    let action = the_one(&actions, "Ignore undropped-capabilities for this container");
    let both = wanted.replace(
        "[privilege-escalation]",
        "[privilege-escalation, undropped-capabilities]",
    );
    assert_eq!(edited(&wanted, action, 2, "utf-8"), both);
    server.finish().await;
}

/// The ignore actions of a container that lacks seven settings; those with safe fixes come last.
const MENU: [&str; 5] = [
    "Ignore undropped-capabilities for this container",
    "Ignore privilege-escalation for this container",
    "Ignore writable-root-filesystem for this container",
    "Ignore all 7 findings of container web",
    "Ignore all 7 findings of container web in .kubeharden.yaml",
];

#[tokio::test]
async fn menu_limits_ignore_actions() {
    for grouping in ["container", "rule"] {
        let mut server = TestServer::start(Setup::default());
        server
            .initialize(capable(), json!({"grouping": grouping}))
            .await;
        server.open(POD).await;
        server.published().await;
        let actions = server.code_actions(web(), invoked()).await;
        assert_eq!(titles(&actions), MENU, "{grouping}");
        for kind in ["quickfix.ignore", "quickfix.ignore.kubeharden"] {
            let alone = json!({"diagnostics": [], "triggerKind": 1, "only": [kind]});
            let every = server.code_actions(web(), alone).await;
            let titles = titles(&every);
            assert_eq!(every.len(), titles.len(), "only ignore actions");
            for rule in [
                "privilege-escalation",
                "missing-cpu-limit",
                "writable-root-filesystem",
            ] {
                for way in ["for this container", "in this document"] {
                    assert!(
                        titles.contains(&format!("Ignore {rule} {way}").as_str()),
                        "{titles:?}"
                    );
                }
            }
        }
        server.finish().await;
    }
}

#[tokio::test]
async fn group_is_ignored_in_one_comment() {
    let mut server = opened(capable(), POD).await;
    let actions = server.code_actions(web(), invoked()).await;
    let action = the_one(&actions, MENU[3]);
    assert_eq!(action["diagnostics"][0]["code"], "missing-hardening");
    let rules = "undropped-capabilities, privilege-escalation, writable-root-filesystem, missing-cpu-limit, missing-cpu-request, \
                 missing-memory-limit, missing-memory-request";
    let wanted = POD.replace(
        "    - name: web",
        &format!("    # kubeharden: ignore[{rules}]\n    - name: web"),
    );
    assert_eq!(edited(POD, action, 1, "utf-8"), wanted);
    server.change(2, json!([{"text": wanted}])).await;
    let left = server.published_for(2).await;
    let of_web = |one: &&Value| one["data"]["container"] == "web";
    assert_eq!(
        left["diagnostics"]
            .as_array()
            .unwrap()
            .iter()
            .filter(of_web)
            .count(),
        0,
        "{left}"
    );
    server.finish().await;
}

#[tokio::test]
async fn no_ignores_for_automatic_or_template() {
    let mut server = opened(capable(), POD).await;
    let actions = server
        .code_actions(host_pid(), json!({"diagnostics": [], "triggerKind": 2}))
        .await;
    assert_eq!(titles(&actions), [""; 0]);
    let actions = server
        .code_actions(host_pid(), json!({"diagnostics": [], "only": ["source"]}))
        .await;
    assert_eq!(titles(&actions), [""; 0]);
    server
        .change(
            2,
            json!([{"text": format!("{POD}{{{{ .Values.more }}}}\n")}]),
        )
        .await;
    server.published_for(2).await;
    assert_eq!(
        titles(&server.code_actions(host_pid(), invoked()).await),
        [""; 0]
    );
    server.finish().await;
}

/// A repository with a pod in a folder, and a server that has it open.
struct Repository {
    folder: TempDir,
    server: TestServer,
}

impl Repository {
    async fn new(configuration: Option<&str>, capabilities: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join(".git")).unwrap();
        fs::create_dir_all(folder.path().join("deploy[1]")).unwrap();
        if let Some(text) = configuration {
            fs::write(folder.path().join(".kubeharden.yaml"), text).unwrap();
        }
        let server = TestServer::ready(Setup::default(), capabilities).await;
        let mut repository = Repository { folder, server };
        let pod = repository.url("deploy[1]/web.yaml");
        repository.server.open_file(&pod, 1, POD).await;
        repository.server.published().await;
        repository
    }

    fn url(&self, path: &str) -> String {
        let folder = fs::canonicalize(self.folder.path()).unwrap();
        tower_lsp::ls_types::Uri::from_file_path(folder.join(path))
            .unwrap()
            .as_str()
            .to_owned()
    }

    async fn action(&mut self) -> Option<Value> {
        self.action_at(host_pid(), "Ignore host-pid in .kubeharden.yaml")
            .await
    }

    async fn action_at(&mut self, place: Value, title: &str) -> Option<Value> {
        let pod = self.url("deploy[1]/web.yaml");
        let params = json!({"textDocument": {"uri": pod}, "range": place, "context": invoked()});
        let actions = self.server.request("textDocument/codeAction", params).await;
        actions
            .as_array()
            .unwrap()
            .iter()
            .find(|action| action["title"] == title)
            .cloned()
    }
}

const EXCEPTION: &str = "  - rules: host-pid
    path: 'deploy\\[1\\]/web.yaml'
    kind: Pod
    name: é𝄞
";

#[tokio::test]
async fn exception_goes_to_nearest_file() {
    let mut repository = Repository::new(Some("profile: hardened # ours\n"), capable()).await;
    let action = repository.action().await.unwrap();
    let [change] = action["edit"]["documentChanges"]
        .as_array()
        .unwrap()
        .as_slice()
    else {
        panic!("{action}")
    };
    assert_eq!(
        change["textDocument"],
        json!({"uri": repository.url(".kubeharden.yaml"), "version": null})
    );
    let [edit] = change["edits"].as_array().unwrap().as_slice() else {
        panic!("{change}")
    };
    let written = edit["newText"].as_str().unwrap();
    assert!(
        written.contains("exceptions:")
            && written.contains("- rules: host-pid")
            && written.contains("kind: Pod"),
        "{written}"
    );

    // The exception suppresses the finding, in this file only.
    let text = format!("profile: hardened # ours\n{written}");
    let configuration = repository.url(".kubeharden.yaml");
    repository.server.open_file(&configuration, 1, &text).await;
    let pod = repository.url("deploy[1]/web.yaml");
    let is_suppressed = |published: &Value| {
        let diagnostics = published["diagnostics"].as_array().unwrap();
        published["uri"] == pod.as_str() && !diagnostics.iter().any(|one| one["code"] == "host-pid")
    };
    repository
        .server
        .notification_where("textDocument/publishDiagnostics", is_suppressed)
        .await;
    let other = repository.url("deploy[1]/other.yaml");
    repository.server.open_file(&other, 1, POD).await;
    let is_reported = |published: &Value| {
        let diagnostics = published["diagnostics"].as_array().unwrap();
        published["uri"] == other.as_str()
            && diagnostics.iter().any(|one| one["code"] == "host-pid")
    };
    repository
        .server
        .notification_where("textDocument/publishDiagnostics", is_reported)
        .await;
    repository
        .server
        .allow_unread("textDocument/publishDiagnostics");
    repository.server.finish().await;
}

#[tokio::test]
async fn group_is_one_exception() {
    let mut repository = Repository::new(Some("profile: hardened # ours\n"), capable()).await;
    let action = repository
        .action_at(
            web(),
            "Ignore all 7 findings of container web in .kubeharden.yaml",
        )
        .await
        .unwrap();
    let written = action["edit"]["documentChanges"][0]["edits"][0]["newText"]
        .as_str()
        .unwrap();
    let text = format!("profile: hardened # ours\n{written}");
    let reading = linter::config::read(
        &text,
        &linter::rules::Rule::names(),
        "2026-06-15".parse().unwrap(),
    );
    assert!(reading.is_valid(), "{text}");
    let [exception] = reading.config.exceptions.as_slice() else {
        panic!("one exception: {text}")
    };
    assert_eq!(
        (exception.rules.len(), exception.container[0].text()),
        (7, "web"),
        "{text}"
    );
    repository.server.finish().await;
}

#[tokio::test]
async fn new_configuration_at_repository_root() {
    let mut repository = Repository::new(None, capable()).await;
    let action = repository.action().await.unwrap();
    let [create, change] = action["edit"]["documentChanges"]
        .as_array()
        .unwrap()
        .as_slice()
    else {
        panic!("{action}")
    };
    assert_eq!(
        (&create["kind"], &create["uri"]),
        (&json!("create"), &json!(repository.url(".kubeharden.yaml")))
    );
    assert_eq!(change["edits"][0]["range"], range((0, 0), (0, 0)));
    let written = change["edits"][0]["newText"].as_str().unwrap();
    let keys: Vec<&str> = written
        .lines()
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert_eq!(
        keys,
        [
            "exceptions",
            "  - rules",
            "    path",
            "    kind",
            "    name"
        ],
        "{written}"
    );
    repository.server.finish().await;

    let mut repository = Repository::new(None, modern()).await;
    assert_eq!(repository.action().await, None);
    repository.server.finish().await;
}

#[tokio::test]
async fn invalid_configuration_is_not_edited() {
    let mut repository = Repository::new(Some("profil: hardened\n"), capable()).await;
    assert_eq!(repository.action().await, None);
    repository
        .server
        .allow_unread("textDocument/publishDiagnostics");
    repository.server.finish().await;
}

#[tokio::test]
async fn expired_exception_is_warning() {
    let text = format!("exceptions:\n{EXCEPTION}    until: 2020-02-29\n");
    let mut repository = Repository::new(Some(&text), capable()).await;
    repository
        .server
        .allow_unread("textDocument/publishDiagnostics");
    assert!(repository.action().await.is_some());
    let configuration = repository.url(".kubeharden.yaml");
    repository.server.open_file(&configuration, 1, &text).await;
    let is_expired = |published: &Value| {
        let diagnostic = &published["diagnostics"][0];
        let message = diagnostic["message"].as_str().unwrap_or_default();
        published["uri"] == configuration.as_str()
            && diagnostic["severity"] == 2
            && message.contains("expired on 2020-02-29")
    };
    repository
        .server
        .notification_where("textDocument/publishDiagnostics", is_expired)
        .await;
    repository.server.finish().await;
}

async fn completed(server: &mut TestServer, line: u32, character: u32) -> Value {
    let params = json!({"textDocument": {"uri": FILE}, "position": position(line, character)});
    server.request("textDocument/completion", params).await
}

#[tokio::test]
async fn rule_ids_complete_in_ignores_only() {
    let text = POD.replace("web # é𝄞", "web # é𝄞 # kubeharden: ignore[host-ipc, priv]");
    let mut server = opened(capable(), &text).await;
    let line = text.lines().nth(7).unwrap();
    let at = |word: &str| u32::try_from(line.find(word).unwrap()).unwrap();
    let items = completed(&mut server, 7, at("priv") + 4).await;
    let items = items.as_array().unwrap();
    let labels: Vec<&str> = items
        .iter()
        .map(|item| item["label"].as_str().unwrap())
        .collect();
    assert!(
        labels.contains(&"privileged-container") && !labels.contains(&"host-ipc"),
        "{labels:?}"
    );
    let item = items
        .iter()
        .find(|item| item["label"] == "privileged-container")
        .unwrap();
    assert_eq!(
        item["textEdit"],
        json!({"range": range((7, at("priv")), (7, at("priv") + 4)), "newText": "privileged-container"})
    );
    assert_eq!(item["sortText"], "1privileged-container");
    assert!(
        items.iter().any(|item| item["sortText"] == "0host-pid"),
        "rules with findings come first"
    );

    let resolved = server.request("completionItem/resolve", item.clone()).await;
    assert_eq!(resolved["documentation"]["kind"], "markdown");
    assert!(
        resolved["documentation"]["value"]
            .as_str()
            .unwrap()
            .starts_with("# privileged-container\n")
    );

    for (line, character) in [(0, 0), (3, 8), (7, 14), (8, 20), (99, 0)] {
        assert_eq!(
            completed(&mut server, line, character).await,
            Value::Null,
            "{line}:{character}"
        );
    }
    server.finish().await;
}
