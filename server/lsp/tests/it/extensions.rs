//! Extensions of the protocol: the status of a document, and hardening a whole file. See `docs/protocol.md`.

use crate::harness::{FILE, TestServer, echo, edited, modern};
use linter::analysis;
use linter::config::Config;
use lsp::Setup;
use serde_json::{Value, json};
use std::fs;

const STATUS: &str = "kubeharden/status";

fn with_status() -> Value {
    let mut capabilities = modern();
    capabilities["experimental"] = json!({"kubeharden": {"status": true}});
    capabilities
}

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n    - name: a\n      image: a:1\n";

#[tokio::test]
async fn status_follows_published_version() {
    let mut server = TestServer::ready(Setup::default(), with_status()).await;
    let nothing = json!({
        "uri": FILE, "version": 1, "profile": "hardened", "namespaces": [], "kubernetesVersion": "1.37", "configurationFile": null,
        "objects": 0, "template": false, "patch": false,
    });
    server.open("a: 1\n").await;
    assert_eq!(server.published().await["version"], 1);
    assert_eq!(server.notification(STATUS).await, nothing);
    server.change(2, json!([{"text": POD}])).await;
    assert_eq!(server.published_for(2).await["version"], 2);
    assert_eq!(server.notification(STATUS).await["objects"], 1);
    server
        .change(
            3,
            json!([{"text": POD.replace("a:1", "{{ .Values.image }}")}]),
        )
        .await;
    server.published_for(3).await;
    assert_eq!(server.notification(STATUS).await["template"], true);
    server.finish().await;
}

#[tokio::test]
async fn status_names_configuration_and_settings() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(".git")).unwrap();
    fs::write(
        folder.path().join(".kubeharden.yaml"),
        "profile: baseline\n",
    )
    .unwrap();
    let url = |name: &str| {
        let folder = fs::canonicalize(folder.path()).unwrap();
        tower_lsp::ls_types::Uri::from_file_path(folder.join(name))
            .unwrap()
            .as_str()
            .to_owned()
    };
    let mut server = TestServer::ready(Setup::default(), with_status()).await;
    server.open_file(&url("a.yaml"), 1, "").await;
    server.published().await;
    let status = server.notification(STATUS).await;
    assert_eq!(
        (&status["profile"], &status["configurationFile"]),
        (&json!("baseline"), &json!(url(".kubeharden.yaml")))
    );
    let settings = json!({"settings": {"kubeharden": {"profile": "restricted"}}});
    server
        .notify("workspace/didChangeConfiguration", settings)
        .await;
    server.published().await;
    assert_eq!(server.notification(STATUS).await["profile"], "restricted");
    server.finish().await;
}

#[tokio::test]
async fn status_names_deciding_namespaces() {
    let mut server = TestServer::ready(Setup::default(), with_status()).await;
    server.allow_unread("textDocument/publishDiagnostics");
    let pod = |namespace: &str| {
        POD.replace(
            "name: a\nspec",
            &format!("name: a\n  namespace: {namespace}\nspec"),
        )
    };
    let namespace = |name: &str, level: &str| {
        let labels = format!("{{pod-security.kubernetes.io/enforce: {level}}}");
        format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n  labels: {labels}\n")
    };
    let shop = json!({"name": "shop", "profile": "restricted"});
    let bank = json!({"name": "bank", "profile": "baseline"});
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: a\n  namespace: shop\n";
    let all = [
        pod("shop"),
        namespace("shop", "restricted"),
        pod("bank"),
        namespace("bank", "baseline"),
    ];
    server.open("").await;
    server.notification(STATUS).await;
    for (version, (text, profile, namespaces)) in (2..).zip([
        (all[..2].join("---\n"), "restricted", json!([shop])),
        (all.join("---\n"), "hardened", json!([bank, shop])),
        (
            [POD, all[0].as_str(), all[1].as_str()].join("---\n"),
            "hardened",
            json!([shop]),
        ),
        (
            [account, all[1].as_str()].join("---\n"),
            "hardened",
            json!([shop]),
        ),
        (
            [pod("shop"), namespace("shop", "privileged")].join("---\n"),
            "hardened",
            json!([]),
        ),
    ]) {
        server.change(version, json!([{ "text": text }])).await;
        let status = server
            .notification_where(STATUS, |status| status["version"] == version)
            .await;
        assert_eq!(
            (&status["profile"], &status["namespaces"]),
            (&json!(profile), &namespaces),
            "{text}"
        );
    }
    // A Namespace that enforces less than the chosen profile has no effect.
    server
        .change(7, json!([{"text": all[2..].join("---\n")}]))
        .await;
    server
        .notification_where(STATUS, |status| status["version"] == 7)
        .await;
    for (chosen, profile, namespaces) in [
        ("restricted", "restricted", json!([])),
        ("hardened", "hardened", json!([])),
    ] {
        server
            .notify(
                "workspace/didChangeConfiguration",
                json!({"settings": {"profile": chosen}}),
            )
            .await;
        let status = server.notification(STATUS).await;
        assert_eq!(
            (&status["profile"], &status["namespaces"]),
            (&json!(profile), &namespaces),
            "{chosen}"
        );
    }
    server.finish().await;
}

#[tokio::test]
async fn failed_analysis_sends_status() {
    let mut server = TestServer::ready(echo(), with_status()).await;
    server.allow_unread("window/logMessage");
    server.open("PANIC").await;
    assert_eq!(
        server.notification(STATUS).await,
        json!({"uri": FILE, "version": 1, "failure": "as the text asks"})
    );
    server.change(2, json!([{"text": "fine"}])).await;
    server.published_for(2).await;
    assert_eq!(server.notification(STATUS).await.get("failure"), None);
    server.finish().await;
}

#[tokio::test]
async fn status_is_opt_in() {
    let mut server = TestServer::ready(Setup::default(), modern()).await;
    server.open(POD).await;
    server.published().await;
    // `finish` fails if there was another message.
    server.finish().await;
}

async fn harden(server: &mut TestServer) -> Value {
    server
        .request("kubeharden/harden", json!({"textDocument": {"uri": FILE}}))
        .await
}

#[tokio::test]
async fn harden_applies_safe_and_unsafe_fixes() {
    let mut server = TestServer::start(Setup::default());
    let greeting = server.initialize(modern(), Value::Null).await;
    assert_eq!(
        greeting["capabilities"]["experimental"],
        json!({"kubeharden": {"harden": true}})
    );
    assert_eq!(harden(&mut server).await, Value::Null);

    let text = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../..",
        "/fixtures/bad/deployment.yaml"
    ))
    .unwrap();
    server.open(&text).await;
    server.published().await;
    let hardened = harden(&mut server).await;
    let allowed = [
        linter::rules::Applicability::Safe,
        linter::rules::Applicability::Unsafe,
    ];
    let expected = analysis::fix_all(&text, &Config::default(), &allowed);
    let after = edited(&text, &hardened, 1, "utf-8");
    assert_eq!(after, expected.text);
    assert_eq!(hardened["mended"], expected.applied);

    server.change(2, json!([{"text": after}])).await;
    server.published_for(2).await;
    let again = harden(&mut server).await;
    assert_eq!(
        (&again["edit"], &again["mended"]),
        (&Value::Null, &json!(0)),
        "{again}"
    );
    server.finish().await;
}
