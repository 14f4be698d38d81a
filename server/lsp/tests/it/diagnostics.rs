//! The diagnostics of a file.

use crate::harness::{FILE, TestServer, echo, modern, modern_but, range};
use lsp::Setup;
use serde_json::{Value, json};

#[tokio::test]
async fn diagnostics_are_tagged() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  serviceAccount: b\n  hostIPC: false # kubeharden: ignore[host-ipc]\n  \
                containers: [{name: a, image: x:1}] # kubeharden: ignore[zzz]\n";
    for (supported, unnecessary, deprecated) in [
        (json!([1, 2]), json!([1]), json!([2])),
        (json!([2]), json!(null), json!([2])),
    ] {
        let mut capabilities = modern();
        capabilities["textDocument"]["publishDiagnostics"]["tagSupport"] =
            json!({"valueSet": supported});
        let mut server = TestServer::ready(Setup::default(), capabilities).await;
        server.open(text).await;
        let published = server.published().await;
        let tags = |code: &str, line: u64| {
            let diagnostics = published["diagnostics"].as_array().unwrap();
            let is_it = |one: &&Value| one["code"] == code && one["range"]["start"]["line"] == line;
            diagnostics
                .iter()
                .find(is_it)
                .unwrap_or_else(|| panic!("no {code}: {published}"))["tags"]
                .clone()
        };
        assert_eq!(tags("unused-ignore", 5), unnecessary);
        // An unknown rule id may be one that the user is typing.
        assert_eq!(tags("unused-ignore", 6), json!(null));
        assert_eq!(tags("deprecated-service-account-field", 4), deprecated);
        server.finish().await;
    }
}

#[tokio::test]
async fn diagnostic_uses_client_capabilities() {
    let mut server = TestServer::ready(echo(), modern()).await;
    server.open_file(FILE, 5, "é: !").await;
    let href = "https://github.com/kubeharden/kubeharden/blob/main/docs/rules/echo.md";
    let diagnostic = json!({
        "range": range((0, 4), (0, 5)),
        "severity": 2,
        "code": "echo",
        "codeDescription": {"href": href},
        "source": "kubeharden",
        "message": "é: !",
        "data": {"rules": ["echo"], "container": null},
    });
    assert_eq!(
        server.published().await,
        json!({"uri": FILE, "version": 5, "diagnostics": [diagnostic]})
    );
    server.finish().await;
}

#[tokio::test]
async fn ranges_are_exact_in_every_encoding() {
    for (encoding, column) in [("utf-8", 9), ("utf-16", 6), ("utf-32", 5)] {
        let capabilities = modern_but("/general/positionEncodings", json!([encoding]));
        let mut server = TestServer::ready(echo(), capabilities).await;
        server.open("# 漢\r\né𝄞 : !\r\n").await;
        let expected = range((1, column), (1, column + 1));
        assert_eq!(
            server.published().await["diagnostics"][0]["range"],
            expected,
            "{encoding}"
        );
        server.finish().await;
    }
}

#[tokio::test]
async fn other_yaml_is_clean() {
    for text in [
        "",
        "# nothing\n",
        "name: ci\non: push\n",
        "{ broken",
        "- 1\n- 2\n",
        "\u{0}",
    ] {
        let mut server = TestServer::ready(Setup::default(), modern()).await;
        server.open(text).await;
        assert_eq!(
            server.published().await,
            json!({"uri": FILE, "version": 1, "diagnostics": []}),
            "{text:?}"
        );
        server.finish().await;
    }
}

#[tokio::test]
async fn surplus_findings_are_counted() {
    let mut server = TestServer::ready(echo(), modern()).await;
    for (version, count, expected) in [(1, 1000, None), (2, 1001, Some("… and 2 more findings"))]
    {
        let text = "!".repeat(count);
        match version {
            1 => server.open(&text).await,
            _ => server.change(version, json!([{"text": text}])).await,
        }
        let published = server.published_for(version).await;
        let diagnostics = published["diagnostics"].as_array().unwrap();
        assert_eq!(diagnostics.len(), 1000);
        let last = &diagnostics[999];
        match expected {
            None => assert_eq!(last["code"], "echo"),
            Some(message) => assert_eq!(
                (&last["message"], &last["severity"]),
                (&json!(message), &json!(3))
            ),
        }
    }
    server.finish().await;
}

const BROKEN: &str =
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  labels: [a, b\nspec:\n  containers: []\n";

#[tokio::test]
async fn invalid_yaml_is_error() {
    let mut server = TestServer::ready(Setup::default(), modern()).await;
    server.open(BROKEN).await;
    let published = server.published().await;
    let errors: Vec<&Value> = published["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|diagnostic| diagnostic["code"] == "syntax-error")
        .collect();
    assert_eq!(errors.len(), 1, "{published}");
    assert_eq!(
        (&errors[0]["severity"], &errors[0]["source"]),
        (&json!(1), &json!("kubeharden"))
    );
    server.finish().await;
}

const SHOP: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: shop
spec:
  initContainers:
    - name: migrate
      image: registry.example.com/migrate:1.4
      securityContext:
        privileged: true
        allowPrivilegeEscalation: true
  containers:
    - name: web
      image: registry.example.com/web:1.4
    - name: log
      image: registry.example.com/log:1.4
      resources: {limits: {cpu: 100m, memory: 64Mi}}
      securityContext:
        allowPrivilegeEscalation: false
        capabilities: {drop: [ALL]}
";

async fn found(options: Value, text: &str) -> Vec<Value> {
    let mut server = TestServer::start(Setup::default());
    server.initialize(modern(), options).await;
    server.open(text).await;
    let published = server.published().await;
    server.finish().await;
    published["diagnostics"].as_array().unwrap().clone()
}

fn at(diagnostics: &[Value], line: u64) -> Vec<(&str, &str)> {
    let here = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic["range"]["start"]["line"] == line);
    here.map(|diagnostic| {
        (
            diagnostic["code"].as_str().unwrap(),
            diagnostic["message"].as_str().unwrap(),
        )
    })
    .collect()
}

#[tokio::test]
async fn missing_settings_are_grouped() {
    let diagnostics = found(Value::Null, SHOP).await;
    let lacks = "missing-hardening";
    assert_eq!(
        at(&diagnostics, 4),
        [(
            lacks,
            "pod lacks 5 hardening settings: seccompProfile, runAsNonRoot, runAsGroup, …"
        )]
    );
    assert_eq!(
        at(&diagnostics, 8),
        [(
            lacks,
            r#"init container "migrate" lacks 5 hardening settings: limits.cpu, …"#
        )],
    );
    let written: Vec<&str> = [9, 10]
        .iter()
        .flat_map(|&line| at(&diagnostics, line))
        .map(|(code, _)| code)
        .collect();
    assert_eq!(written, ["privileged-container", "privilege-escalation"]);
    let [(code, message)] = at(&diagnostics, 12)[..] else {
        panic!("one at the name: {diagnostics:#?}")
    };
    assert_eq!((code, message.chars().count() <= 80), (lacks, true));
    assert!(
        message.starts_with(r#"container "web" lacks 7 hardening settings: "#),
        "{message}"
    );
    // A single finding is not grouped.
    let [(code, _)] = at(&diagnostics, 17)[..] else {
        panic!("one at the security context: {diagnostics:#?}")
    };
    assert_eq!(code, "writable-root-filesystem");
}

#[tokio::test]
async fn group_has_highest_severity() {
    let diagnostics = found(Value::Null, SHOP).await;
    let web = diagnostics
        .iter()
        .find(|diagnostic| diagnostic["range"]["start"]["line"] == 12)
        .unwrap();
    let by_rule = found(json!({"grouping": "rule"}), SHOP).await;
    let members: Vec<&Value> = by_rule
        .iter()
        .filter(|diagnostic| diagnostic["range"]["start"]["line"] == 12)
        .collect();
    assert_eq!(members.len(), 7);
    assert_eq!(
        (&web["severity"], &web["range"]),
        (&json!(2), &range((12, 12), (12, 15)))
    );
    assert_eq!(
        web["codeDescription"]["href"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next(),
        Some("missing-hardening.md")
    );
    let related = web["relatedInformation"].as_array().unwrap();
    let messages = |values: Vec<&Value>| -> std::collections::BTreeSet<String> {
        values
            .iter()
            .map(|value| value["message"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(messages(related.iter().collect()), messages(members));
    assert!(
        related
            .iter()
            .all(|related| related["location"]["uri"] == FILE)
    );
}

#[tokio::test]
async fn grouping_by_rule_loses_nothing() {
    let by_rule = found(json!({"grouping": "rule"}), SHOP).await;
    assert!(
        by_rule
            .iter()
            .all(|diagnostic| diagnostic["code"] != "missing-hardening"),
        "{by_rule:#?}"
    );
    let grouped = found(Value::Null, SHOP).await;
    let rules = |diagnostics: &[Value]| {
        let mut rules: Vec<String> = diagnostics
            .iter()
            .flat_map(|diagnostic| diagnostic["data"]["rules"].as_array().unwrap())
            .map(|rule| rule.as_str().unwrap().to_owned())
            .collect();
        rules.sort();
        rules
    };
    assert_eq!(rules(&grouped), rules(&by_rule));
    assert!(
        grouped.len() + 10 < by_rule.len(),
        "{} and {}",
        grouped.len(),
        by_rule.len()
    );
}

#[tokio::test]
async fn grouping_changes_while_open() {
    let mut server = TestServer::ready(Setup::default(), modern()).await;
    server.open(SHOP).await;
    let grouped = server.published().await["diagnostics"]
        .as_array()
        .unwrap()
        .len();
    for (grouping, more) in [("rule", true), ("container", false)] {
        let settings = json!({"kubeharden": {"grouping": grouping}});
        server
            .notify(
                "workspace/didChangeConfiguration",
                json!({"settings": settings}),
            )
            .await;
        let now = server.published().await["diagnostics"]
            .as_array()
            .unwrap()
            .len();
        assert_eq!(now > grouped, more, "{grouping}");
    }
    server.finish().await;
}

#[tokio::test]
async fn unencoded_uris_are_accepted() {
    let mut server = TestServer::ready(echo(), modern()).await;
    server.open_file("file:///a b[1]/é.yaml", 1, "!").await;
    let published = server.published().await;
    assert_eq!(published["uri"], "file:///a%20b%5B1%5D/%C3%A9.yaml");
    assert_eq!(published["diagnostics"].as_array().map(Vec::len), Some(1));
    server.finish().await;
}
