//! A client pulls diagnostics or receives them, never both.

use crate::harness::{FILE, NEVER, TestServer, echo, modern};
use lsp::Setup;
use serde_json::{Value, json};
use std::fs;
use tokio::time::timeout;

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  hostPID: true\n  containers:\n    - name: web\n      image: nginx:1.29\n";

/// A client that pulls and supports refresh.
fn pulling() -> Value {
    let mut capabilities = modern();
    capabilities["textDocument"]["diagnostic"] =
        json!({"dynamicRegistration": true, "relatedDocumentSupport": false});
    capabilities["workspace"]["diagnostics"] = json!({"refreshSupport": true});
    capabilities
}

async fn pull(server: &mut TestServer, uri: &str, previous: Option<&Value>) -> Value {
    let mut params = json!({"textDocument": {"uri": uri}, "identifier": "kubeharden"});
    if let Some(previous) = previous {
        params["previousResultId"] = previous["resultId"].clone();
    }
    server.request("textDocument/diagnostic", params).await
}

/// Answers the next refresh.
async fn refresh(server: &mut TestServer) {
    let request = server.next_request("workspace/diagnostic/refresh").await;
    server.answer(&request, Value::Null).await;
}

#[tokio::test]
async fn pull_equals_push() {
    let mut pushed = TestServer::ready(Setup::default(), modern()).await;
    pushed.open(POD).await;
    let expected = pushed.published().await["diagnostics"].clone();
    pushed.finish().await;

    let mut server = TestServer::ready(Setup::default(), pulling()).await;
    server.open(POD).await;
    let first = pull(&mut server, FILE, None).await;
    assert_eq!(
        (&first["kind"], &first["items"]),
        (&json!("full"), &expected)
    );
    let same = pull(&mut server, FILE, Some(&first)).await;
    assert_eq!(
        same,
        json!({"kind": "unchanged", "resultId": first["resultId"]})
    );

    server
        .change(2, json!([{"text": POD.replace("true", "false")}]))
        .await;
    let second = pull(&mut server, FILE, Some(&first)).await;
    assert_eq!(second["kind"], "full");
    assert_ne!(second["items"], first["items"]);
    // The id depends on the content only: the same content has the same id again.
    server.change(3, json!([{"text": POD}])).await;
    assert_eq!(
        pull(&mut server, FILE, Some(&first)).await["kind"],
        "unchanged"
    );
    server.close().await;
    assert_eq!(pull(&mut server, FILE, None).await["items"], json!([]));
    server.finish().await;
}

#[tokio::test]
async fn push_without_refresh_support() {
    let mut no_refresh = pulling();
    no_refresh["workspace"]
        .as_object_mut()
        .unwrap()
        .remove("diagnostics");
    let mut no_pull = pulling();
    no_pull["textDocument"]
        .as_object_mut()
        .unwrap()
        .remove("diagnostic");
    let mut refresh_off = pulling();
    refresh_off["workspace"]["diagnostics"]["refreshSupport"] = json!(false);
    let cases = [
        (pulling(), json!(null), true),
        (
            pulling(),
            json!({"kubeharden": {"profile": "baseline"}}),
            true,
        ),
        (pulling(), json!({"workspaceDiagnostics": true}), true),
        (pulling(), json!({"diagnostics": "push"}), false),
        (
            pulling(),
            json!({"kubeharden": {"diagnostics": "push"}}),
            false,
        ),
        (no_refresh, json!(null), false),
        (no_pull, json!(null), false),
        (refresh_off, json!(null), false),
    ];
    for (capabilities, options, pulls) in cases {
        let mut server = TestServer::start(echo());
        let offered = server
            .initialize(capabilities.clone(), options.clone())
            .await;
        let provider = offered["capabilities"].get("diagnosticProvider");
        assert_eq!(provider.is_some(), pulls, "{capabilities}");
        if let Some(provider) = provider {
            assert_eq!(
                provider["workspaceDiagnostics"],
                options.pointer("/workspaceDiagnostics").is_some()
            );
        }
        server.open("!").await;
        match pulls {
            // `finish` fails if diagnostics are published as well.
            true => assert_eq!(
                pull(&mut server, FILE, None).await["items"]
                    .as_array()
                    .unwrap()
                    .len(),
                1
            ),
            false => assert_eq!(
                server.published().await["diagnostics"]
                    .as_array()
                    .unwrap()
                    .len(),
                1
            ),
        }
        server.finish().await;
    }
}

#[tokio::test]
async fn settings_change_refreshes() {
    let mut server = TestServer::ready(Setup::default(), pulling()).await;
    server.open(POD).await;
    let first = pull(&mut server, FILE, None).await;
    server
        .notify(
            "workspace/didChangeConfiguration",
            json!({"settings": {"profile": "baseline"}}),
        )
        .await;
    refresh(&mut server).await;
    let second = pull(&mut server, FILE, Some(&first)).await;
    let rules: Vec<&Value> = second["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["code"])
        .collect();
    assert_eq!(rules, ["host-pid"]);
    server.finish().await;
}

#[tokio::test]
async fn file_change_refreshes() {
    let folder = tempfile::tempdir().unwrap();
    let url = |name: &str| {
        tower_lsp::ls_types::Uri::from_file_path(folder.path().join(name))
            .unwrap()
            .as_str()
            .to_owned()
    };
    fs::create_dir(folder.path().join(".git")).unwrap();
    let mut server = TestServer::ready(Setup::default(), pulling()).await;
    server.open_file(&url("web.yaml"), 1, POD).await;
    let first = pull(&mut server, &url("web.yaml"), None).await;

    fs::write(folder.path().join(".kubeharden.yaml"), "profile: strict\n").unwrap();
    let change = json!({"changes": [{"uri": url(".kubeharden.yaml"), "type": 1}]});
    server
        .notify("workspace/didChangeWatchedFiles", change)
        .await;
    // Clients pull only open files, so the mistakes of others are published.
    assert_eq!(
        server.published().await["diagnostics"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    refresh(&mut server).await;
    server
        .open_file(&url(".kubeharden.yaml"), 1, "profile: strict\n")
        .await;
    assert_eq!(server.published().await["diagnostics"], json!([]));
    assert_eq!(
        pull(&mut server, &url(".kubeharden.yaml"), None).await["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let document = json!({"uri": url(".kubeharden.yaml"), "version": 2});
    let params =
        json!({"textDocument": document, "contentChanges": [{"text": "profile: baseline\n"}]});
    server.notify("textDocument/didChange", params).await;
    refresh(&mut server).await;
    let second = pull(&mut server, &url("web.yaml"), Some(&first)).await;
    assert_eq!(second["items"].as_array().unwrap().len(), 1, "{second}");
    server.finish().await;
}

#[tokio::test]
async fn canceled_pull_does_no_harm() {
    let mut server = TestServer::ready(Setup::default(), pulling()).await;
    server.open(POD).await;
    for version in 2..20 {
        server
            .change(version, json!([{"text": POD.replace("true", "false")}]))
            .await;
        let id = server
            .send_request(
                "textDocument/diagnostic",
                json!({"textDocument": {"uri": FILE}}),
            )
            .await;
        server.notify("$/cancelRequest", json!({"id": id})).await;
        let reply = timeout(NEVER, server.reply(id)).await.unwrap();
        assert!(
            reply["error"]["code"] == -32800 || reply["result"]["kind"] == "full",
            "{reply}"
        );
    }
    assert_eq!(pull(&mut server, FILE, None).await["kind"], "full");
    server.finish().await;
}

#[tokio::test]
async fn failed_pull_is_error() {
    let mut server = TestServer::ready(echo(), pulling()).await;
    server.allow_unread("window/logMessage");
    server.open("PANIC").await;
    let id = server
        .send_request(
            "textDocument/diagnostic",
            json!({"textDocument": {"uri": FILE}}),
        )
        .await;
    assert_eq!(server.reply(id).await["error"]["code"], -32603);
    server.change(2, json!([{"text": "!"}])).await;
    assert_eq!(
        pull(&mut server, FILE, None).await["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    server.finish().await;
}
