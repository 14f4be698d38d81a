//! What is offered to mend.

use crate::harness::{FILE, TestServer, echo, edited, modern, modern_but, position, put, range};
use kubeharden::lsp::Setup;
use kubeharden::rules::{Fix, Safety};
use serde_json::{Value, json};
use std::sync::Arc;

const POD: &str = "\
# é𝄞
apiVersion: v1
kind: Pod
metadata:
  name: é𝄞
spec:
  containers:
    - name: web # é𝄞
      image: registry.example.com/web:1.4
      # the end
    - name: log
      image: registry.example.com/log:1.4
";

/// Where the first container's name stands.
fn web() -> Value {
    range((7, 12), (7, 15))
}

/// What an editor asks by itself where the cursor stands.
fn automatic() -> Value {
    json!({"diagnostics": [], "triggerKind": 2})
}

fn only(kinds: &[&str]) -> Value {
    json!({"diagnostics": [], "only": kinds})
}

async fn opened(capabilities: Value, text: &str) -> TestServer {
    let mut server = TestServer::ready(Setup::default(), capabilities).await;
    server.open(text).await;
    server.published().await;
    server
}

fn for_rule<'a>(actions: &'a [Value], rule: &str) -> Vec<&'a Value> {
    actions.iter().filter(|action| action["diagnostics"][0]["code"] == rule).collect()
}

fn the_one<'a>(actions: &'a [Value], rule: &str) -> &'a Value {
    match for_rule(actions, rule)[..] {
        [action] => action,
        ref others => panic!("{} actions for {rule}: {actions:#?}", others.len()),
    }
}

#[tokio::test]
async fn a_quick_fix_writes_the_missing_lines_and_nothing_else() {
    for line_break in ["\n", "\r\n", "\r"] {
        for encoding in ["utf-8", "utf-16", "utf-32"] {
            let text = POD.replace('\n', line_break);
            let mut server = opened(modern_but("/general/positionEncodings", json!([encoding])), &text).await;
            let actions = server.code_actions(web(), automatic()).await;
            let action = the_one(&actions, "privilege-escalation");
            assert_eq!((&action["kind"], &action["isPreferred"]), (&json!("quickfix"), &json!(true)));
            assert_eq!(action["diagnostics"][0]["range"], web());
            let expected = POD.replace("web:1.4\n", "web:1.4\n      securityContext:\n        allowPrivilegeEscalation: false\n");
            assert_eq!(edited(&text, action, 1, encoding), expected.replace('\n', line_break));
            server.finish().await;
        }
    }
}

#[tokio::test]
async fn a_fix_that_some_images_do_not_bear_is_not_preferred() {
    let mut server = opened(modern(), POD).await;
    let actions = server.code_actions(web(), automatic()).await;
    assert_eq!(the_one(&actions, "undropped-capabilities")["isPreferred"], false);
    server.finish().await;
}

#[tokio::test]
async fn the_findings_at_the_place_are_offered_and_no_others() {
    let mut server = opened(modern(), POD).await;
    for (start, end, expected) in [
        ((7, 12), (7, 12), 1),
        ((7, 15), (7, 15), 1),
        ((7, 16), (7, 16), 0),
        ((8, 10), (8, 10), 0),
        ((6, 0), (11, 0), 2),
        ((7, 15), (7, 12), 1),
    ] {
        let actions = server.code_actions(range(start, end), automatic()).await;
        assert_eq!(for_rule(&actions, "privilege-escalation").len(), expected, "{start:?}");
    }
    server.finish().await;
}

#[tokio::test]
async fn asked_by_hand_a_container_offers_all_that_it_lacks_from_anywhere_in_it() {
    let mut server = opened(modern(), POD).await;
    let by_hand = json!({"diagnostics": [], "triggerKind": 1});
    let image = range((8, 10), (8, 10));
    let actions = server.code_actions(image.clone(), by_hand).await;
    assert_eq!(the_one(&actions, "privilege-escalation")["diagnostics"][0]["range"], web());
    let diagnostic = actions[0]["diagnostics"][0].clone();
    let with_diagnostic = json!({"diagnostics": [diagnostic], "triggerKind": 1});
    assert_eq!(server.code_actions(image, with_diagnostic).await, Vec::<Value>::new());
    server.finish().await;
}

#[tokio::test]
async fn kinds_are_honoured_with_all_that_they_hold() {
    let mut server = opened(modern(), POD).await;
    for (kinds, quick, all) in [
        (&["quickfix"][..], true, false),
        (&["source"], false, true),
        (&["source.fixAll"], false, true),
        (&["source.fixAll.kubeharden"], false, true),
        (&["source.fixAll.eslint"], false, false),
        (&["source.organizeImports", "refactor"], false, false),
        (&["quickfix", "source.fixAll"], true, true),
        (&[""], true, true),
        (&[], false, false),
    ] {
        let actions = server.code_actions(web(), only(kinds)).await;
        let is = |kind: &str| actions.iter().filter(|action| action["kind"] == kind).count();
        assert_eq!((is("quickfix") > 0, is("source.fixAll.kubeharden")), (quick, usize::from(all)), "{kinds:?}");
    }
    let actions = server.code_actions(web(), json!({"diagnostics": []})).await;
    assert!(!actions.is_empty() && actions.iter().all(|action| action["kind"] == "quickfix"));
    server.finish().await;
}

const FIXED: &str = "\
# é𝄞
apiVersion: v1
kind: Pod
metadata:
  name: é𝄞
spec:
  containers:
    - name: web # é𝄞
      image: registry.example.com/web:1.4
      securityContext:
        allowPrivilegeEscalation: false
      # the end
    - name: log
      image: registry.example.com/log:1.4
      securityContext:
        allowPrivilegeEscalation: false
  securityContext:
    seccompProfile:
      type: RuntimeDefault
";

#[tokio::test]
async fn fix_all_mends_every_document_once_and_then_has_nothing_to_do() {
    let text = format!("{POD}---\nname: ci # no manifest\n---\n{POD}");
    let expected = format!("{FIXED}---\nname: ci # no manifest\n---\n{FIXED}");
    let mut server = opened(modern(), &text).await;
    let everywhere = range((0, 0), (0, 0));
    let actions = server.code_actions(everywhere.clone(), only(&["source.fixAll"])).await;
    assert_eq!(actions.len(), 1);
    let fixed = edited(&text, &actions[0], 1, "utf-8");
    assert_eq!(fixed, expected);

    server.change(2, json!([{"text": fixed}])).await;
    assert_eq!(server.code_actions(everywhere, only(&["source.fixAll"])).await, Vec::<Value>::new());
    server.published_for(2).await;
    server.finish().await;
}

#[tokio::test]
async fn a_client_without_versioned_edits_gets_plain_ones() {
    let mut server = opened(modern_but("/workspace/workspaceEdit/documentChanges", json!(false)), POD).await;
    let actions = server.code_actions(web(), automatic()).await;
    let edit = &the_one(&actions, "privilege-escalation")["edit"];
    assert_eq!(edit.get("documentChanges"), None);
    let written = edit["changes"][FILE][0]["newText"].as_str().unwrap();
    assert_eq!(written.trim(), "securityContext:\n        allowPrivilegeEscalation: false");
    server.finish().await;
}

#[tokio::test]
async fn actions_are_for_the_text_as_it_is_now() {
    let mut server = opened(modern(), POD).await;
    server.change(2, json!([put((0, 0), (0, 0), "#\n#\n")])).await;
    let moved = range((9, 12), (9, 15));
    let actions = server.code_actions(moved.clone(), automatic()).await;
    let action = the_one(&actions, "privilege-escalation");
    assert_eq!(action["diagnostics"][0]["range"], moved);
    assert_eq!(edited(&format!("#\n#\n{POD}"), action, 2, "utf-8").lines().nth(11), Some("      securityContext:"));
    server.published_for(2).await;
    server.finish().await;
}

#[tokio::test]
async fn a_file_that_is_not_open_has_no_actions() {
    let mut server = TestServer::ready(Setup::default(), modern()).await;
    let params = json!({"textDocument": {"uri": FILE}, "range": web(), "context": automatic()});
    assert_eq!(server.request("textDocument/codeAction", params).await, Value::Null);
    server.finish().await;
}

/// A server that offers a fix on each `!`, to rename what is not there.
fn refusing() -> Setup {
    let echo = echo();
    let analyze = move |text: &str, role, context: &_, config: &_| {
        let mut analysis = (echo.analyze)(text, role, context, config);
        let change = kubeharden::yaml::edit::Change::Rename { path: Default::default(), key: "new".into() };
        let fix = Fix { title: "rename it".into(), safety: Safety::Safe, changes: vec![change] };
        analysis.findings.iter_mut().for_each(|finding| finding.fix = Some(fix.clone()));
        analysis
    };
    Setup { analyze: Arc::new(analyze), ..Setup::default() }
}

#[tokio::test]
async fn edits_that_are_refused_are_offered_with_the_reason_or_not_at_all() {
    let at = json!({"start": position(0, 3), "end": position(0, 3)});
    for can_show in [true, false] {
        let capabilities = modern_but("/textDocument/codeAction/disabledSupport", json!(can_show));
        let mut server = TestServer::ready(refusing(), capabilities).await;
        server.open("a: !").await;
        server.published().await;
        let actions = server.code_actions(at.clone(), automatic()).await;
        if can_show {
            assert_eq!((actions.len(), &actions[0]["title"]), (1, &json!("rename it")));
            assert!(actions[0]["disabled"]["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
            assert_eq!((actions[0].get("edit"), actions[0].get("isPreferred")), (None, None));
        } else {
            assert_eq!(actions, Vec::<Value>::new());
        }
        let all = server.code_actions(at.clone(), only(&["source.fixAll"])).await;
        assert_eq!(all, Vec::<Value>::new());
        server.finish().await;
    }
}

#[tokio::test]
async fn other_ways_to_mend_a_finding_follow_the_usual_one() {
    let text = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n";
    let mut server = opened(modern(), text).await;
    let actions = server.code_actions(range((3, 8), (3, 8)), automatic()).await;
    let [usual, other] = for_rule(&actions, "unlabelled-namespace")[..] else { panic!("two ways: {actions:#?}") };
    assert_eq!((&usual["isPreferred"], &other["isPreferred"]), (&json!(true), &json!(false)));
    let expected = format!("{text}  labels:\n    pod-security.kubernetes.io/enforce: baseline\n");
    assert_eq!(edited(text, other, 1, "utf-16"), expected);
    server.finish().await;
}
