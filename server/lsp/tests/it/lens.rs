//! The code lens above each workload, and its commands.

use crate::harness::{FILE, TestServer, edited, modern, put, range};
use linter::analysis;
use linter::config::Config;
use linter::rules::Applicability;
use lsp::Setup;
use serde_json::{Value, json};

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n    - name: é𝄞\n      image: a:1\n";

/// A client that runs commands and applies edits, but cannot register lenses later.
fn running() -> Value {
    let mut capabilities = modern();
    capabilities["workspace"]["executeCommand"] = json!({});
    capabilities["workspace"]["applyEdit"] = json!(true);
    capabilities
}

/// A client that can register lenses at any time.
fn dynamic() -> Value {
    let mut capabilities = running();
    capabilities["textDocument"]["codeLens"] = json!({"dynamicRegistration": true});
    capabilities["workspace"]["codeLens"] = json!({"refreshSupport": true});
    capabilities
}

async fn opened(capabilities: Value, options: Value, text: &str) -> TestServer {
    let mut server = TestServer::start(Setup::default());
    let result = server.initialize(capabilities, options).await;
    assert_eq!(
        result["capabilities"]["codeLensProvider"],
        json!({"resolveProvider": true})
    );
    server.allow_unread("textDocument/publishDiagnostics");
    server.open(text).await;
    server
}

async fn lenses(server: &mut TestServer) -> Value {
    server
        .request(
            "textDocument/codeLens",
            json!({"textDocument": {"uri": FILE}}),
        )
        .await
}

/// Returns the titles of all lenses, each with its line.
async fn titles(server: &mut TestServer) -> Vec<(u64, String)> {
    let mut titles = Vec::new();
    for lens in lenses(server).await.as_array().unwrap() {
        let lens = match lens.get("command") {
            Some(_) => lens.clone(),
            None => server.request("codeLens/resolve", lens.clone()).await,
        };
        let line = lens["range"]["start"]["line"].as_u64().unwrap();
        titles.push((line, lens["command"]["title"].as_str().unwrap().to_owned()));
    }
    titles
}

async fn run(server: &mut TestServer, lens: &Value) {
    let command = &lens["command"];
    let params = json!({"command": command["command"], "arguments": command["arguments"]});
    assert_eq!(
        server.request("workspace/executeCommand", params).await,
        Value::Null
    );
}

#[tokio::test]
async fn lens_above_each_workload() {
    let restricted = POD.replace(
        "      image: a:1\n",
        "      image: a:1\n      securityContext:\n        runAsNonRoot: true\n        allowPrivilegeEscalation: false\n        \
         seccompProfile: {type: RuntimeDefault}\n        capabilities: {drop: [ALL]}\n",
    );
    let privileged = POD.replace(
        "  containers:",
        "  hostPID: true\n  hostIPC: true\n  containers:",
    );
    let service =
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n";
    let unfinished = POD.replace("      image: a:1\n", "");
    let template = POD.replace("a:1", "{{ .Values.image }}");
    let text = format!(
        "{POD}---\n{restricted}---\n{privileged}---\n{service}---\n{unfinished}---\n{template}"
    );
    let mut server = opened(running(), json!({"codeLens": true}), &text).await;
    let expected = [
        (0, "Pod Security: baseline; restricted needs 4 settings"),
        (0, "Harden (may break some images)"),
        (9, "Pod Security: restricted"),
        (9, "Harden (may break some images)"),
        (23, "Pod Security: privileged; baseline needs 2 changes"),
        (23, "Harden (may break some images)"),
    ];
    assert_eq!(
        titles(&mut server).await,
        expected.map(|(line, title)| (line, title.to_owned()))
    );
    server.finish().await;
}

#[tokio::test]
async fn level_depends_on_version_only() {
    let text = format!("# kubeharden: ignore-file[run-as-root-allowed]\n{POD}");
    let options = json!({"codeLens": true, "profile": "baseline"});
    let mut server = opened(running(), options.clone(), &text).await;
    let needs = |count: usize| {
        vec![(
            1,
            format!("Pod Security: baseline; restricted needs {count} settings"),
        )]
    };
    assert_eq!(titles(&mut server).await, needs(4));
    // `restricted` requires seccomp profiles since 1.19 and dropped capabilities since 1.22.
    let settings = json!({"settings": {"kubernetesVersion": "1.18"}});
    server
        .notify("workspace/didChangeConfiguration", settings)
        .await;
    assert_eq!(titles(&mut server).await, needs(2));
    server.finish().await;
}

#[tokio::test]
async fn lens_shows_enforced_level() {
    let pod = POD.replace("name: web\nspec", "name: web\n  namespace: shop\nspec");
    let namespace = |level: &str| {
        let labels = format!("{{pod-security.kubernetes.io/enforce: {level}}}");
        format!(
            "{pod}---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels: {labels}\n"
        )
    };
    let mut server = opened(running(), json!({"codeLens": true}), &namespace("baseline")).await;
    assert_eq!(
        titles(&mut server).await[0].1,
        "Pod Security: baseline; restricted needs 4 settings"
    );
    server
        .change(2, json!([{"text": namespace("restricted")}]))
        .await;
    assert_eq!(
        titles(&mut server).await[0].1,
        "Pod Security: baseline; restricted needs 4 settings; Namespace shop enforces restricted"
    );
    let lens = lenses(&mut server).await[0].clone();
    let lens = server.request("codeLens/resolve", lens).await;
    run(&mut server, &lens).await;
    let shown = server.notification("window/showMessage").await;
    let words = shown["message"].as_str().unwrap();
    assert!(
        words.starts_with("Pod web is baseline by")
            && words.contains("1.37. Namespace shop enforces restricted. restricted finds:"),
        "{words}"
    );
    server.finish().await;
}

#[tokio::test]
async fn one_lens_per_object() {
    let pod = POD.replace('\n', "\n    ");
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n  - {}\n  - {}\n",
        pod.trim_end(),
        pod.trim_end()
    );
    let mut server = opened(running(), json!({"codeLens": true}), &list).await;
    let lines: Vec<u64> = titles(&mut server)
        .await
        .into_iter()
        .map(|(line, _)| line)
        .collect();
    assert_eq!(lines, [3, 3, 11, 11]);
    server.finish().await;
}

#[tokio::test]
async fn lens_hardens_shown_version() {
    let text = format!("{POD}---\n{POD}");
    let mut server = opened(running(), json!({"codeLens": true}), &text).await;
    let all = lenses(&mut server).await;
    let lens = all
        .as_array()
        .unwrap()
        .iter()
        .rfind(|lens| lens["command"]["title"] == "Harden (may break some images)")
        .unwrap()
        .clone();
    run(&mut server, &lens).await;
    let request = server.next_request("workspace/applyEdit").await;
    server.answer(&request, json!({"applied": true})).await;
    let fixed = analysis::fix_all(
        POD,
        &Config::default(),
        &[Applicability::Safe, Applicability::Unsafe],
    )
    .text;
    assert_eq!(
        edited(&text, &request["params"], 1, "utf-8"),
        format!("{POD}---\n{fixed}")
    );

    server
        .change(2, json!([put((0, 0), (0, 0), "# new\n")]))
        .await;
    for command in ["kubeharden.hardenObject", "kubeharden.showPodSecurity"] {
        let params = json!({"command": command, "arguments": lens["command"]["arguments"]});
        let id = server
            .send_request("workspace/executeCommand", params)
            .await;
        assert_eq!(server.reply(id).await["error"]["code"], -32801, "{command}");
    }
    let id = server
        .send_request(
            "codeLens/resolve",
            json!({"range": range((0, 0), (0, 0)), "data": lens["command"]["arguments"][0]}),
        )
        .await;
    assert_eq!(server.reply(id).await["error"]["code"], -32801);
    let id = server
        .send_request(
            "workspace/executeCommand",
            json!({"command": "kubeharden.hardenObject", "arguments": ["?"]}),
        )
        .await;
    assert_eq!(server.reply(id).await["error"]["code"], -32801);
    server.finish().await;
}

#[tokio::test]
async fn rejected_edit_is_shown() {
    let mut server = opened(running(), json!({"codeLens": true}), POD).await;
    let all = lenses(&mut server).await;
    run(&mut server, &all[1]).await;
    let request = server.next_request("workspace/applyEdit").await;
    server
        .answer(
            &request,
            json!({"applied": false, "failureReason": "the file is read-only"}),
        )
        .await;
    assert_eq!(
        server.notification("window/showMessage").await,
        json!({"type": 2, "message": "kubeharden: the file is read-only"})
    );
    server.finish().await;
}

#[tokio::test]
async fn lens_lists_missing_settings() {
    let mut server = opened(
        running(),
        json!({"codeLens": true, "kubernetesVersion": "1.18"}),
        POD,
    )
    .await;
    let all = lenses(&mut server).await;
    let lens = server.request("codeLens/resolve", all[0].clone()).await;
    run(&mut server, &lens).await;
    let message = server.notification("window/showMessage").await["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        message.starts_with("Pod web is baseline by the Pod Security Standards of Kubernetes 1.18. restricted finds: "),
        "{message}"
    );
    assert!(
        message.contains("allowPrivilegeEscalation") && message.contains("; "),
        "{message}"
    );
    server.finish().await;
}

#[tokio::test]
async fn lens_without_commands_is_text() {
    let mut server = opened(modern(), json!({"codeLens": true}), POD).await;
    let all = lenses(&mut server).await;
    assert_eq!(all.as_array().unwrap().len(), 1);
    let lens = server.request("codeLens/resolve", all[0].clone()).await;
    assert_eq!(lens["command"]["command"], "");
    server.finish().await;
}

#[tokio::test]
async fn disabled_feature_is_not_offered() {
    let mut server = TestServer::start(Setup::default());
    let result = server.initialize(running(), Value::Null).await;
    assert_eq!(result["capabilities"].get("codeLensProvider"), None);
    assert_eq!(
        result["capabilities"]["executeCommandProvider"]["commands"],
        json!(["kubeharden.showPodSecurity", "kubeharden.hardenObject"])
    );
    server.allow_unread("textDocument/publishDiagnostics");
    server.open(POD).await;
    assert_eq!(lenses(&mut server).await, Value::Null);
    server.finish().await;
}

#[tokio::test]
async fn setting_registers_feature() {
    let mut server = TestServer::start(Setup::default());
    let result = server
        .initialize(dynamic(), json!({"codeLens": true}))
        .await;
    assert_eq!(result["capabilities"].get("codeLensProvider"), None);
    let registration = server.next_request("client/registerCapability").await;
    assert_eq!(
        registration["params"]["registrations"],
        json!([{
            "id": "textDocument/codeLens", "method": "textDocument/codeLens",
            "registerOptions": {"documentSelector": null, "resolveProvider": true},
        }])
    );
    server.answer(&registration, Value::Null).await;
    let params = |settings: Value| json!({"settings": {"kubeharden": settings}});
    // Another Kubernetes version may change the level.
    server
        .notify(
            "workspace/didChangeConfiguration",
            params(json!({"kubernetesVersion": "1.20"})),
        )
        .await;
    let refresh = server.next_request("workspace/codeLens/refresh").await;
    server.answer(&refresh, Value::Null).await;
    server
        .notify(
            "workspace/didChangeConfiguration",
            params(json!({"codeLens": false})),
        )
        .await;
    let unregistration = server.next_request("client/unregisterCapability").await;
    let gone = json!([{"id": "textDocument/codeLens", "method": "textDocument/codeLens"}]);
    assert_eq!(unregistration["params"]["unregisterations"], gone);
    server.answer(&unregistration, Value::Null).await;
    server
        .notify(
            "workspace/didChangeConfiguration",
            params(json!({"codeLens": true})),
        )
        .await;
    let registration = server.next_request("client/registerCapability").await;
    server.answer(&registration, Value::Null).await;
    server.finish().await;
}
