//! Code actions.

use crate::harness::{FILE, TestServer, echo, edited, modern, modern_but, position, put, range};
use linter::Inputs;
use linter::rules::{Applicability, Fix};
use lsp::Setup;
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

/// The range of the first container's name.
fn web() -> Value {
    range((7, 12), (7, 15))
}

/// The context of a request that an editor sends on its own when the cursor moves.
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

/// Opens a text with one diagnostic for each finding.
async fn opened_by_rule(capabilities: Value, text: &str) -> TestServer {
    let mut server = TestServer::start(Setup::default());
    server
        .initialize(capabilities, json!({"grouping": "rule"}))
        .await;
    server.open(text).await;
    server.published().await;
    server
}

/// Returns the only action whose title starts with `title`.
fn titled<'a>(actions: &'a [Value], title: &str) -> &'a Value {
    let is_titled = |action: &&Value| action["title"].as_str().unwrap().starts_with(title);
    match actions.iter().filter(is_titled).collect::<Vec<_>>()[..] {
        [action] => action,
        ref others => panic!("{} actions {title:?}: {actions:#?}", others.len()),
    }
}

const FORBID: &str = "Set allowPrivilegeEscalation: false";

fn for_rule<'a>(actions: &'a [Value], rule: &str) -> Vec<&'a Value> {
    actions
        .iter()
        .filter(|action| action["diagnostics"][0]["code"] == rule)
        .collect()
}

fn the_one<'a>(actions: &'a [Value], rule: &str) -> &'a Value {
    match for_rule(actions, rule)[..] {
        [action] => action,
        ref others => panic!("{} actions for {rule}: {actions:#?}", others.len()),
    }
}

#[tokio::test]
async fn quick_fix_adds_only_missing_lines() {
    for line_break in ["\n", "\r\n", "\r"] {
        for encoding in ["utf-8", "utf-16", "utf-32"] {
            let text = POD.replace('\n', line_break);
            let mut server = opened(
                modern_but("/general/positionEncodings", json!([encoding])),
                &text,
            )
            .await;
            let actions = server.code_actions(web(), automatic()).await;
            let action = titled(&actions, FORBID);
            assert_eq!(
                (&action["kind"], &action["isPreferred"]),
                (&json!("quickfix"), &json!(true))
            );
            assert_eq!(action["diagnostics"][0]["range"], web());
            assert_eq!(action["diagnostics"][0]["code"], "missing-hardening");
            let expected = POD.replace(
                "web:1.4\n",
                "web:1.4\n      securityContext:\n        allowPrivilegeEscalation: false\n",
            );
            assert_eq!(
                edited(&text, action, 1, encoding),
                expected.replace('\n', line_break)
            );
            server.finish().await;
        }
    }
}

#[tokio::test]
async fn unsafe_fix_is_not_preferred() {
    let mut server = opened(modern(), POD).await;
    let actions = server.code_actions(web(), automatic()).await;
    assert_eq!(
        titled(&actions, "Drop ALL capabilities")["isPreferred"],
        false
    );
    server.finish().await;
}

#[tokio::test]
async fn actions_match_findings_at_place() {
    let mut server = opened_by_rule(modern(), POD).await;
    for (start, end, expected) in [
        ((7, 12), (7, 12), 1),
        ((7, 15), (7, 15), 1),
        ((7, 16), (7, 16), 0),
        ((8, 10), (8, 10), 0),
        ((6, 0), (11, 0), 2),
        ((7, 15), (7, 12), 1),
    ] {
        let actions = server.code_actions(range(start, end), automatic()).await;
        assert_eq!(
            for_rule(&actions, "privilege-escalation").len(),
            expected,
            "{start:?}"
        );
    }
    server.finish().await;
}

#[tokio::test]
async fn invoked_actions_cover_whole_container() {
    let mut server = opened_by_rule(modern(), POD).await;
    let invoked = json!({"diagnostics": [], "triggerKind": 1});
    let image = range((8, 10), (8, 10));
    let actions = server.code_actions(image.clone(), invoked.clone()).await;
    assert_eq!(
        the_one(&actions, "privilege-escalation")["diagnostics"][0]["range"],
        web()
    );
    let dash = web()["start"]["line"].as_u64().unwrap() as u32;
    let at_dash = server
        .code_actions(range((dash, 4), (dash, 4)), invoked)
        .await;
    let titles = |actions: &[Value]| {
        actions
            .iter()
            .map(|action| action["title"].to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        titles(&at_dash),
        titles(&actions),
        "the dash belongs to the item"
    );
    assert!(
        actions.iter().all(|action| action["isPreferred"] != true),
        "no action is preferred away from its diagnostic: {actions:#?}"
    );
    let diagnostic = actions[0]["diagnostics"][0].clone();
    let with_diagnostic = json!({"diagnostics": [diagnostic], "triggerKind": 1});
    let rest = server.code_actions(image, with_diagnostic).await;
    assert!(
        rest.iter()
            .all(|action| action["kind"] == "refactor.rewrite"),
        "{rest:#?}"
    );
    server.finish().await;
}

#[tokio::test]
async fn requested_kinds_filter_actions() {
    let mut server = opened(modern(), POD).await;
    for (kinds, quick, rewrites, all) in [
        (&["quickfix"][..], true, 0, false),
        (&["source"], false, 0, true),
        (&["source.fixAll"], false, 0, true),
        (&["source.fixAll.kubeharden"], false, 0, true),
        (&["source.fixAll.eslint"], false, 0, false),
        (&["refactor"], false, 2, false),
        (&["refactor.rewrite"], false, 2, false),
        (
            &["source.organizeImports", "refactor.inline"],
            false,
            0,
            false,
        ),
        (&["quickfix", "source.fixAll"], true, 0, true),
        (&[""], true, 2, true),
        (&[], false, 0, false),
    ] {
        let actions = server.code_actions(web(), only(kinds)).await;
        let is = |kind: &str| {
            actions
                .iter()
                .filter(|action| action["kind"] == kind)
                .count()
        };
        let seen = (
            is("quickfix") > 0,
            is("refactor.rewrite"),
            is("source.fixAll.kubeharden"),
        );
        assert_eq!(seen, (quick, rewrites, usize::from(all)), "{kinds:?}");
    }
    let actions = server.code_actions(web(), json!({"diagnostics": []})).await;
    let kinds: Vec<&str> = actions
        .iter()
        .map(|action| action["kind"].as_str().unwrap())
        .collect();
    assert!(
        kinds.contains(&"quickfix") && kinds.contains(&"refactor.rewrite"),
        "{kinds:?}"
    );
    assert!(!kinds.contains(&"source.fixAll.kubeharden"), "{kinds:?}");
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
async fn fix_all_fixes_every_document_once() {
    let text = format!("{POD}---\nname: ci # no manifest\n---\n{POD}");
    let expected = format!("{FIXED}---\nname: ci # no manifest\n---\n{FIXED}");
    let mut server = opened(modern(), &text).await;
    let everywhere = range((0, 0), (0, 0));
    let actions = server
        .code_actions(everywhere.clone(), only(&["source.fixAll"]))
        .await;
    assert_eq!(actions.len(), 1);
    let fixed = edited(&text, &actions[0], 1, "utf-8");
    assert_eq!(fixed, expected);

    server.change(2, json!([{"text": fixed}])).await;
    assert_eq!(
        server
            .code_actions(everywhere, only(&["source.fixAll"]))
            .await,
        Vec::<Value>::new()
    );
    server.published_for(2).await;
    server.finish().await;
}

#[tokio::test]
async fn fix_all_counts_findings() {
    for (capabilities, data) in [(resolving(), Some(&json!({"fixed": 3}))), (modern(), None)] {
        let mut server = opened(capabilities, POD).await;
        let actions = server.code_actions(web(), only(&["source.fixAll"])).await;
        assert_eq!(actions[0].get("data"), data);
        server.finish().await;
    }
}

#[tokio::test]
async fn plain_edits_without_version_support() {
    let mut server = opened(
        modern_but("/workspace/workspaceEdit/documentChanges", json!(false)),
        POD,
    )
    .await;
    let actions = server.code_actions(web(), automatic()).await;
    let edit = &titled(&actions, FORBID)["edit"];
    assert_eq!(edit.get("documentChanges"), None);
    let written = edit["changes"][FILE][0]["newText"].as_str().unwrap();
    assert_eq!(
        written.trim(),
        "securityContext:\n        allowPrivilegeEscalation: false"
    );
    server.finish().await;
}

#[tokio::test]
async fn actions_use_current_text() {
    let mut server = opened(modern(), POD).await;
    server
        .change(2, json!([put((0, 0), (0, 0), "#\n#\n")]))
        .await;
    let moved = range((9, 12), (9, 15));
    let actions = server.code_actions(moved.clone(), automatic()).await;
    let action = titled(&actions, FORBID);
    assert_eq!(action["diagnostics"][0]["range"], moved);
    assert_eq!(
        edited(&format!("#\n#\n{POD}"), action, 2, "utf-8")
            .lines()
            .nth(11),
        Some("      securityContext:")
    );
    server.published_for(2).await;
    server.finish().await;
}

#[tokio::test]
async fn closed_file_has_no_actions() {
    let mut server = TestServer::ready(Setup::default(), modern()).await;
    let params = json!({"textDocument": {"uri": FILE}, "range": web(), "context": automatic()});
    assert_eq!(
        server.request("textDocument/codeAction", params).await,
        Value::Null
    );
    server.finish().await;
}

/// A setup that offers a fix for each `!` which cannot be applied: it renames a missing key.
fn rejecting() -> Setup {
    let echo = echo();
    let analyze = move |text: &str, role, context: &_, inputs: Inputs<'_>| {
        let mut analysis = (echo.analyze)(text, role, context, inputs);
        let change = yaml::edit::Change::Rename {
            path: Default::default(),
            key: "new".into(),
        };
        let fix = Fix {
            title: "rename it".into(),
            applicability: Applicability::Safe,
            changes: vec![change],
        };
        analysis
            .findings
            .iter_mut()
            .for_each(|finding| finding.fix = Some(fix.clone()));
        analysis
    };
    Setup {
        analyze: Arc::new(analyze),
        ..Setup::default()
    }
}

#[tokio::test]
async fn rejected_edits_are_disabled_or_hidden() {
    let at = json!({"start": position(0, 3), "end": position(0, 3)});
    for can_show in [true, false] {
        let capabilities = modern_but("/textDocument/codeAction/disabledSupport", json!(can_show));
        let mut server = TestServer::ready(rejecting(), capabilities).await;
        server.open("a: !").await;
        server.published().await;
        let actions = server.code_actions(at.clone(), automatic()).await;
        if can_show {
            assert_eq!(
                (actions.len(), &actions[0]["title"]),
                (1, &json!("Rename it"))
            );
            assert!(
                actions[0]["disabled"]["reason"]
                    .as_str()
                    .is_some_and(|reason| !reason.is_empty())
            );
            assert_eq!(
                (actions[0].get("edit"), actions[0].get("isPreferred")),
                (None, None)
            );
        } else {
            assert_eq!(actions, Vec::<Value>::new());
        }
        let all = server
            .code_actions(at.clone(), only(&["source.fixAll"]))
            .await;
        assert_eq!(all, Vec::<Value>::new());
        server.finish().await;
    }
}

#[tokio::test]
async fn alternative_fixes_come_last() {
    let text = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n";
    let mut server = opened(modern(), text).await;
    let actions = server
        .code_actions(range((3, 8), (3, 8)), automatic())
        .await;
    let [usual, other] = for_rule(&actions, "unlabelled-namespace")[..] else {
        panic!("two ways: {actions:#?}")
    };
    assert_eq!(
        (&usual["isPreferred"], &other["isPreferred"]),
        (&json!(false), &json!(false))
    );
    let expected = format!("{text}  labels:\n    pod-security.kubernetes.io/enforce: baseline\n");
    assert_eq!(edited(text, other, 1, "utf-16"), expected);
    server.finish().await;
}

/// A Deployment whose first container has an insecure value and lacks settings, after a document without findings.
const MIXED: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  selector: { matchLabels: { app: shop } }
  template:
    metadata: { labels: { app: shop } }
    spec:
      hostIPC: true
      containers:
        - name: web
          image: registry.example.com/web:1.4
          securityContext:
            privileged: true
        - name: log
          image: registry.example.com/log:1.4
";

#[tokio::test]
async fn group_offers_safe_fixes_first() {
    let mut server = opened(modern(), POD).await;
    let actions = server.code_actions(web(), automatic()).await;
    let titles: Vec<&str> = actions
        .iter()
        .map(|action| action["title"].as_str().unwrap())
        .collect();
    // A single safe fix keeps its own title.
    assert_eq!(titles[0], FORBID);
    assert_eq!(
        titles[1],
        "Add 3 missing settings to container web (2 may break some images)"
    );
    assert_eq!(
        (&actions[0]["isPreferred"], &actions[1]["isPreferred"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(
        titles
            .iter()
            .filter(|title| **title == FORBID || title.starts_with("Add "))
            .count(),
        2,
        "{titles:?}"
    );
    let all = edited(POD, &actions[1], 1, "utf-8");
    for line in [
        "allowPrivilegeEscalation: false",
        "- ALL",
        "readOnlyRootFilesystem: true",
    ] {
        assert_eq!(all.matches(line).count(), 1, "{line}: {all}");
    }
    server.finish().await;
}

#[tokio::test]
async fn most_severe_finding_comes_first() {
    let (start, end) = (14, 20); // from `hostIPC` to `privileged`, with missing settings between them
    for by_rule in [false, true] {
        let mut server = if by_rule {
            opened_by_rule(modern(), MIXED).await
        } else {
            opened(modern(), MIXED).await
        };
        let context = json!({"diagnostics": [], "triggerKind": 1, "only": ["quickfix"]});
        let actions = server
            .code_actions(range((start, 0), (end, 0)), context)
            .await;
        let is_ignore = |action: &&Value| action["title"].as_str().unwrap().starts_with("Ignore ");
        let (ignores, fixes): (Vec<&Value>, Vec<&Value>) = actions.iter().partition(is_ignore);
        for offered in [ignores, fixes] {
            let severities: Vec<_> = offered
                .iter()
                .map(|action| action["diagnostics"][0]["severity"].as_u64())
                .collect();
            assert!(severities.is_sorted(), "{severities:?}: {offered:#?}");
            assert!(
                severities[0] == Some(1) && severities.last() > severities.first(),
                "{severities:?}: {offered:#?}"
            );
        }
        server.finish().await;
    }
}

#[tokio::test]
async fn harden_works_anywhere_in_container() {
    let mut server = opened(modern(), MIXED).await;
    let titles = |actions: Vec<Value>| -> Vec<String> {
        actions
            .iter()
            .map(|action| action["title"].as_str().unwrap().to_owned())
            .collect()
    };
    let web = "Harden container web (may break some images)";
    let log = "Harden container log (may break some images)";
    let shop = "Harden Deployment shop (may break some images)";
    for (line, expected) in [
        (2, &[][..]),
        (6, &[shop]),
        (13, &[shop]),
        (17, &[web, shop]),
        (19, &[web, shop]),
        (21, &[log, shop]),
    ] {
        let place = range((line, 4), (line, 4));
        assert_eq!(
            titles(
                server
                    .code_actions(place, only(&["refactor.rewrite"]))
                    .await
            ),
            expected,
            "line {line}"
        );
    }
    let actions = server
        .code_actions(range((17, 4), (17, 4)), only(&["refactor"]))
        .await;
    let container = edited(MIXED, titled(&actions, "Harden container"), 1, "utf-8");
    // `privileged: true` rules out `allowPrivilegeEscalation: false`, which a second round adds.
    for (line, count) in [
        ("privileged: false", 1),
        ("allowPrivilegeEscalation: false", 1),
        ("hostIPC: true", 1),
    ] {
        assert_eq!(
            container.matches(line).count(),
            count,
            "{line}: {container}"
        );
    }
    let object = edited(MIXED, titled(&actions, "Harden Deployment"), 1, "utf-8");
    for (line, count) in [
        ("privileged: false", 1),
        ("allowPrivilegeEscalation: false", 2),
        ("hostIPC: true", 0),
    ] {
        assert_eq!(object.matches(line).count(), count, "{line}: {object}");
    }
    assert!(object.starts_with(&MIXED[..MIXED.find("---").unwrap()]));
    server.finish().await;
}

/// A client that requests the edits of an action when the user chooses it.
fn resolving() -> Value {
    let mut capabilities = modern();
    capabilities["textDocument"]["codeAction"]["dataSupport"] = json!(true);
    capabilities["textDocument"]["codeAction"]["resolveSupport"] = json!({"properties": ["edit"]});
    capabilities
}

#[tokio::test]
async fn large_edits_are_resolved_lazily() {
    let place = range((17, 4), (17, 4));
    let mut server = opened(modern(), MIXED).await;
    let expected = server
        .code_actions(place.clone(), only(&["refactor"]))
        .await;
    server.finish().await;

    let mut server = opened(resolving(), MIXED).await;
    let actions = server.code_actions(place, only(&["refactor"])).await;
    assert_eq!(actions.len(), expected.len());
    for (action, expected) in actions.iter().zip(expected) {
        assert_eq!(
            (&action["title"], action.get("edit")),
            (&expected["title"], None)
        );
        let resolved = server.request("codeAction/resolve", action.clone()).await;
        assert_eq!(
            edited(MIXED, &resolved, 1, "utf-8"),
            edited(MIXED, &expected, 1, "utf-8")
        );
    }
    // An action that has its edits comes back unchanged.
    let quick = server
        .code_actions(range((20, 16), (20, 16)), automatic())
        .await;
    let with_edits = quick
        .iter()
        .find(|action| action.get("edit").is_some())
        .unwrap()
        .clone();
    assert_eq!(
        server
            .request("codeAction/resolve", with_edits.clone())
            .await,
        with_edits
    );
    server.finish().await;
}

#[tokio::test]
async fn outdated_action_is_rejected() {
    let mut server = opened(resolving(), MIXED).await;
    let actions = server
        .code_actions(range((17, 4), (17, 4)), only(&["refactor"]))
        .await;
    // The text has changed even though the version is the same.
    server.change(1, json!([put((0, 0), (0, 0), "#")])).await;
    for action in &actions {
        let id = server
            .send_request("codeAction/resolve", action.clone())
            .await;
        let error = server.reply(id).await["error"].clone();
        assert_eq!(error["code"], -32801, "{error}");
        assert_eq!(
            error["message"],
            "the document has changed; request the code actions again"
        );
    }
    let mut forged = actions[0].clone();
    forged["data"] = json!({"uri": FILE});
    let id = server.send_request("codeAction/resolve", forged).await;
    assert_eq!(server.reply(id).await["error"]["code"], -32801);
    server.close().await;
    server.published().await;
    let id = server
        .send_request("codeAction/resolve", actions[0].clone())
        .await;
    assert_eq!(server.reply(id).await["error"]["code"], -32801);
    server.allow_unread("textDocument/publishDiagnostics");
    server.finish().await;
}

#[tokio::test]
async fn uneditable_fix_names_line_of_file() {
    let text = MIXED.replace(
        "      hostIPC: true\n",
        "      hostIPC: true\n      hostIPC: true\n",
    );
    for capabilities in [modern(), resolving()] {
        let mut server = opened(capabilities, &text).await;
        let actions = server
            .code_actions(range((14, 10), (14, 10)), json!({"diagnostics": []}))
            .await;
        let shop = titled(&actions, "Harden Deployment");
        let reason = "hostIPC is written twice (lines 15 and 16)";
        assert_eq!(
            (
                &shop["disabled"]["reason"],
                shop.get("edit"),
                shop.get("data")
            ),
            (&json!(reason), None, None)
        );
        let (ignores, fixes): (Vec<_>, Vec<_>) = actions.iter().partition(|action| {
            action["title"]
                .as_str()
                .is_some_and(|title| title.starts_with("Ignore "))
        });
        assert!(
            fixes
                .iter()
                .all(|action| action["disabled"]["reason"] == reason),
            "{actions:#?}"
        );
        // A duplicate key does not prevent a comment.
        assert!(
            ignores
                .iter()
                .all(|action| action.get("disabled").is_none()),
            "{actions:#?}"
        );
        server.finish().await;
    }
}

#[tokio::test]
async fn documentation_is_shown() {
    let mut capabilities = modern();
    capabilities["window"] = json!({"showDocument": {"support": true}});
    let mut server = opened(capabilities, POD).await;
    let actions = server.code_actions(web(), automatic()).await;
    let page = titled(&actions, "Show documentation of missing-hardening");
    assert_eq!((page.get("kind"), page.get("edit")), (None, None));
    let command =
        json!({"command": page["command"]["command"], "arguments": page["command"]["arguments"]});
    assert_eq!(
        server.request("workspace/executeCommand", command).await,
        Value::Null
    );
    let shown = server.next_request("window/showDocument").await;
    let url = "https://github.com/kubeharden/kubeharden/blob/main/docs/rules/missing-hardening.md";
    assert_eq!(shown["params"], json!({"uri": url, "external": true}));
    server.answer(&shown, json!({"success": true})).await;
    let actions = server.code_actions(web(), only(&["quickfix"])).await;
    assert!(actions.iter().all(|action| action.get("command").is_none()));
    for wrong in [
        json!({"command": "kubeharden.showDocumentation", "arguments": ["https://example.com"]}),
        json!({"command": "kubeharden.showDocumentation"}),
        json!({"command": "other", "arguments": ["root-user"]}),
    ] {
        let id = server.send_request("workspace/executeCommand", wrong).await;
        assert_eq!(server.reply(id).await["error"]["code"], -32602);
    }
    server.finish().await;
}

#[tokio::test]
async fn large_selections_have_a_screenful_of_actions() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n    - name: a\n      image: x:1\n";
    let text = vec![pod; 300].join("---\n");
    let mut server = opened(modern(), &text).await;
    let everywhere = range((0, 0), (u32::MAX, 0));
    let actions = server.code_actions(everywhere, automatic()).await;
    assert!(
        !actions.is_empty() && actions.len() <= 60,
        "{}",
        actions.len()
    );
    // At one place nothing is left out.
    let actions = server
        .code_actions(range((6, 12), (6, 12)), automatic())
        .await;
    let hardens = |action: &&Value| action["kind"] == "refactor.rewrite";
    assert_eq!(actions.iter().filter(hardens).count(), 2);
    server.finish().await;
}
