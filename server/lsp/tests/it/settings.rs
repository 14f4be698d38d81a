//! Settings, in every way in which clients send them.

use crate::harness::{TestServer, modern};
use linter::Inputs;
use lsp::Setup;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// A setup that reports the profile and the Kubernetes version of each document.
pub(crate) fn echo_config() -> Setup {
    let analyze = |_: &str, _, _: &_, inputs: Inputs<'_>| {
        crate::harness::echo_analysis(
            &format!(
                "!{} {}",
                inputs.config.profile.name(),
                inputs.config.kubernetes_version
            ),
            inputs,
        )
    };
    Setup {
        analyze: Arc::new(analyze),
        ..Setup::default()
    }
}

async fn initialized(capabilities: Value, options: Value) -> TestServer {
    let mut server = TestServer::start(echo_config());
    server.initialize(capabilities, options).await;
    server
}

/// A client that answers requests for its settings.
fn with_configuration() -> Value {
    let mut capabilities = modern();
    capabilities["workspace"]["configuration"] = json!(true);
    capabilities
}

async fn assert_config(server: &mut TestServer, expected: &str) {
    assert_eq!(
        server.published().await["diagnostics"][0]["message"],
        format!("!{expected}")
    );
}

async fn change_settings(server: &mut TestServer, settings: Value) {
    server
        .notify(
            "workspace/didChangeConfiguration",
            json!({"settings": settings}),
        )
        .await;
}

#[tokio::test]
async fn initialize_has_settings() {
    for (options, expected) in [
        (json!(null), "hardened 1.37"),
        (json!({}), "hardened 1.37"),
        (json!({"profile": "baseline"}), "baseline 1.37"),
        (
            json!({"kubeharden": {"profile": "restricted", "kubernetesVersion": "1.24"}}),
            "restricted 1.24",
        ),
    ] {
        let mut server = initialized(modern(), options).await;
        server.open("").await;
        assert_config(&mut server, expected).await;
        server.finish().await;
    }
}

#[tokio::test]
async fn wrong_setting_is_shown() {
    let mut server = initialized(
        modern(),
        json!({"profile": "strict", "kubernetesVersion": "1.24"}),
    )
    .await;
    let shown = server.notification("window/showMessage").await;
    let message =
        r#"kubeharden.profile is "strict"; expected one of baseline, restricted, hardened"#;
    assert_eq!(shown, json!({"type": 2, "message": message}));
    server.open("").await;
    assert_config(&mut server, "hardened 1.24").await;
    server.finish().await;
}

#[tokio::test]
async fn settings_change_reanalyzes_all() {
    let mut server = initialized(modern(), json!({"kubernetesVersion": "1.24"})).await;
    server.open("").await;
    assert_config(&mut server, "hardened 1.24").await;
    change_settings(&mut server, json!({"kubeharden": {"profile": "baseline"}})).await;
    assert_config(&mut server, "baseline 1.24").await;
    // Some clients send empty settings without meaning it. Those of `initialize` stay.
    for nothing in [json!(null), json!({})] {
        change_settings(&mut server, nothing).await;
    }
    assert_config(&mut server, "hardened 1.24").await;
    server.finish().await;
}

#[tokio::test]
async fn server_requests_settings() {
    let mut server = initialized(with_configuration(), json!({"profile": "baseline"})).await;
    let request = server.next_request("workspace/configuration").await;
    assert_eq!(
        request["params"],
        json!({"items": [{"section": "kubeharden"}]})
    );
    server.open("").await;
    assert_config(&mut server, "baseline 1.37").await;
    server
        .answer(&request, json!([{"profile": "restricted"}]))
        .await;
    assert_config(&mut server, "restricted 1.37").await;

    change_settings(&mut server, json!(null)).await;
    let request = server.next_request("workspace/configuration").await;
    server.answer(&request, json!([null])).await;
    assert_config(&mut server, "baseline 1.37").await;
    server.finish().await;
}

#[tokio::test]
async fn settings_requests_are_coalesced() {
    let mut server = initialized(with_configuration(), Value::Null).await;
    let request = server.next_request("workspace/configuration").await;
    for _ in 0..100 {
        change_settings(&mut server, json!(null)).await;
    }
    // The reply shows that all notifications have arrived.
    let id = server.send_request("unknown", json!({})).await;
    server.reply(id).await;
    server
        .answer(&request, json!([{"profile": "restricted"}]))
        .await;
    let request = server.next_request("workspace/configuration").await;
    server
        .answer(&request, json!([{"profile": "baseline"}]))
        .await;
    server.open("").await;
    server.allow_unread("textDocument/publishDiagnostics");
    let is_baseline =
        |published: &Value| published["diagnostics"][0]["message"] == "!baseline 1.37";
    server
        .notification_where("textDocument/publishDiagnostics", is_baseline)
        .await;
    server.finish().await;
}

#[tokio::test]
async fn invalid_settings_answer_is_ignored() {
    let mut server = initialized(with_configuration(), json!({"profile": "baseline"})).await;
    let request = server.next_request("workspace/configuration").await;
    server
        .send(json!({"id": request["id"], "error": {"code": 1, "message": "no"}}))
        .await;
    for nonsense in [json!([]), json!([7]), json!(null), json!("x")] {
        change_settings(&mut server, json!(null)).await;
        let request = server.next_request("workspace/configuration").await;
        server.answer(&request, nonsense).await;
    }
    server.open("").await;
    assert_config(&mut server, "baseline 1.37").await;
    server.finish().await;
}

#[tokio::test]
async fn late_answer_does_no_harm() {
    let mut server = TestServer::start(Setup {
        patience: Duration::ZERO,
        ..echo_config()
    });
    server.initialize(with_configuration(), Value::Null).await;
    let request = server.next_request("workspace/configuration").await;
    server.open("").await;
    server.published().await;
    server
        .answer(&request, json!([{"profile": "baseline"}]))
        .await;
    assert!(server.hover(0, 0).await.is_object());
    // On a slow machine the answer may arrive in time and apply.
    server.allow_unread("textDocument/publishDiagnostics");
    server.finish().await;
}

#[tokio::test]
async fn repeated_mistake_is_shown_once() {
    let mut server = initialized(with_configuration(), json!({"profile": "strict"})).await;
    let request = server.next_request("workspace/configuration").await;
    server
        .answer(&request, json!([{"profile": "strict"}]))
        .await;
    server.notification("window/showMessage").await;
    server.finish().await;
}

#[tokio::test]
async fn server_registers_for_settings() {
    let mut capabilities = modern();
    capabilities["workspace"]["didChangeConfiguration"] = json!({"dynamicRegistration": true});
    let mut server = initialized(capabilities, Value::Null).await;
    let request = server.next_request("client/registerCapability").await;
    let registration = &request["params"]["registrations"][0];
    assert_eq!(registration["method"], "workspace/didChangeConfiguration");
    assert_eq!(
        registration["registerOptions"],
        json!({"section": "kubeharden"})
    );
    server.answer(&request, Value::Null).await;
    server.finish().await;
}
