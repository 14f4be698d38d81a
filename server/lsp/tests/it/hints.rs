//! Inlay hints: what containers inherit from their pods.

use crate::harness::{FILE, TestServer, modern, put, range};
use lsp::Setup;
use serde_json::{Value, json};

const POD: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  securityContext:
    runAsNonRoot: true
    fsGroup: 2000
    seccompProfile: { type: RuntimeDefault }
    supplementalGroups: [1]
  initContainers:
    - name: é𝄞 # first
      image: a:1
  containers:
    - name: web
      image: a:1
      securityContext: # mine
        runAsNonRoot: false
        seccompProfile:
    - name: api
      image: a:1
      securityContext: { runAsNonRoot: true, seccompProfile: { type: Localhost, localhostProfile: a.json } }
    - name: log
      image: a:1
      securityContext: off
";

async fn opened(text: &str, options: Value) -> TestServer {
    let mut server = TestServer::start(Setup::default());
    server.initialize(modern(), options).await;
    server.allow_unread("textDocument/publishDiagnostics");
    server.open(text).await;
    server
}

fn on() -> Value {
    json!({"inlayHints": true})
}

/// Returns the hints between two lines: line, character, and label.
async fn hints(server: &mut TestServer, first: u32, last: u32) -> Vec<(u64, u64, String)> {
    let params = json!({"textDocument": {"uri": FILE}, "range": range((first, 0), (last, 0))});
    let Value::Array(hints) = server.request("textDocument/inlayHint", params).await else {
        return Vec::new();
    };
    let number = |hint: &Value, name: &str| hint["position"][name].as_u64().unwrap();
    let all = hints.iter().map(|hint| {
        (
            number(hint, "line"),
            number(hint, "character"),
            hint["label"].as_str().unwrap().to_owned(),
        )
    });
    all.collect()
}

#[tokio::test]
async fn hints_show_inherited_values() {
    let mut server = opened(POD, on()).await;
    let both = "from the pod: runAsNonRoot: true, seccompProfile: RuntimeDefault".to_owned();
    let one = "from the pod: seccompProfile: RuntimeDefault".to_owned();
    assert_eq!(
        hints(&mut server, 0, 99).await,
        [(11, 26, both), (16, 29, one)]
    );
    server.finish().await;
}

#[tokio::test]
async fn hints_cover_visible_range() {
    let text = format!("{POD}---\n{POD}");
    let mut server = opened(&text, on()).await;
    let lines = |hints: Vec<(u64, u64, String)>| {
        hints.into_iter().map(|(line, ..)| line).collect::<Vec<_>>()
    };
    assert_eq!(lines(hints(&mut server, 0, 99).await), [11, 16, 37, 42]);
    assert_eq!(lines(hints(&mut server, 15, 30).await), [16]);
    assert_eq!(lines(hints(&mut server, 26, 38).await), [37]);
    server
        .change(
            2,
            json!([
                put((0, 0), (1, 0), "apiVersion: v1 # é\n# new\n"),
                put((7, 20), (7, 20), " # why")
            ]),
        )
        .await;
    assert_eq!(lines(hints(&mut server, 0, 99).await), [12, 17, 38, 43]);
    server.change(3, json!([put((7, 0), (8, 0), "")])).await;
    let labels: Vec<String> = hints(&mut server, 0, 30)
        .await
        .into_iter()
        .map(|(.., label)| label)
        .collect();
    assert_eq!(
        labels,
        [
            "from the pod: seccompProfile: RuntimeDefault",
            "from the pod: seccompProfile: RuntimeDefault"
        ]
    );
    server.finish().await;
}

#[tokio::test]
async fn unknown_values_have_no_hints() {
    for text in [
        POD.replace("a:1", "{{ .Values.image }}"),
        POD.replace("kind: Pod", "kind: Service"),
        String::new(),
    ] {
        let mut server = opened(&text, on()).await;
        assert_eq!(hints(&mut server, 0, 99).await, [], "{text}");
        server.finish().await;
    }
}

#[tokio::test]
async fn disabled_feature_is_not_offered() {
    for (options, offered) in [(on(), json!(true)), (Value::Null, Value::Null)] {
        let mut server = TestServer::start(Setup::default());
        let initialized = server.initialize(modern(), options).await;
        assert_eq!(initialized["capabilities"]["inlayHintProvider"], offered);
        server.finish().await;
    }
    let mut server = opened(POD, Value::Null).await;
    assert_eq!(hints(&mut server, 0, 99).await, []);
    server.finish().await;
}

#[tokio::test]
async fn setting_registers_feature() {
    let mut capabilities = modern();
    capabilities["textDocument"]["inlayHint"] = json!({"dynamicRegistration": true});
    capabilities["workspace"]["inlayHint"] = json!({"refreshSupport": true});
    let mut server = TestServer::ready(Setup::default(), capabilities).await;
    let params = |settings: Value| json!({"settings": {"kubeharden": settings}});
    server
        .notify("workspace/didChangeConfiguration", params(on()))
        .await;
    let registration = server.next_request("client/registerCapability").await;
    let method = "textDocument/inlayHint";
    let expected =
        json!([{"id": method, "method": method, "registerOptions": {"documentSelector": null}}]);
    assert_eq!(registration["params"]["registrations"], expected);
    server.answer(&registration, Value::Null).await;
    server
        .notify(
            "workspace/didChangeConfiguration",
            params(json!({"inlayHints": true, "profile": "baseline"})),
        )
        .await;
    let refresh = server.next_request("workspace/inlayHint/refresh").await;
    server.answer(&refresh, Value::Null).await;
    server
        .notify(
            "workspace/didChangeConfiguration",
            params(json!({"inlayHints": false})),
        )
        .await;
    let unregistration = server.next_request("client/unregisterCapability").await;
    server.answer(&unregistration, Value::Null).await;
    server.finish().await;
}
