//! The outline of a file: its objects and containers.

use crate::harness::{FILE, TestServer, modern, range};
use lsp::Setup;
use serde_json::{Value, json};

const TEXT: &str = "\
# first
apiVersion: apps/v1
kind: Deployment
metadata: { name: shop, namespace: é𝄞 }
spec:
  template:
    spec:
      initContainers:
        - { name: migrate, image: a:1 }
      containers:
        - name: web
          image: a:1
        - image: a:1
---
a: 1
---
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Service
    metadata:
      name: shop
  - apiVersion: v1
    kind: Secret
";

async fn symbols(capabilities: Value, options: Value, text: &str) -> Value {
    let mut server = TestServer::start(Setup::default());
    server.initialize(capabilities, options).await;
    server.allow_unread("textDocument/publishDiagnostics");
    server.open(text).await;
    let symbols = server
        .request(
            "textDocument/documentSymbol",
            json!({"textDocument": {"uri": FILE}}),
        )
        .await;
    server.finish().await;
    symbols
}

fn nesting() -> Value {
    let mut capabilities = modern();
    capabilities["general"]["positionEncodings"] = json!(["utf-16"]);
    capabilities["textDocument"]["documentSymbol"] =
        json!({"hierarchicalDocumentSymbolSupport": true});
    capabilities
}

fn on() -> Value {
    json!({"documentSymbols": true})
}

#[tokio::test]
async fn containers_are_below_objects() {
    let container = |name: &str, detail: &str, whole: Value, named: Value| json!({"name": name, "detail": detail, "kind": 2, "range": whole, "selectionRange": named});
    let expected = json!([
        {
            "name": "Deployment shop", "detail": "é𝄞", "kind": 19, "range": range((1, 0), (12, 20)), "selectionRange": range((3, 18), (3, 22)),
            "children": [
                container("migrate", "init container", range((8, 10), (8, 39)), range((8, 18), (8, 25))),
                container("web", "container", range((10, 10), (11, 20)), range((10, 16), (10, 19))),
                container("container", "container", range((12, 10), (12, 20)), range((12, 10), (12, 10))),
            ],
        },
        {"name": "Service shop", "kind": 19, "range": range((19, 4), (22, 16)), "selectionRange": range((22, 12), (22, 16))},
        {"name": "Secret", "kind": 19, "range": range((23, 4), (24, 16)), "selectionRange": range((23, 4), (23, 4))},
    ]);
    assert_eq!(symbols(nesting(), on(), TEXT).await, expected);
}

#[tokio::test]
async fn flat_symbols_without_tree_support() {
    let symbols = symbols(modern(), on(), TEXT).await;
    let describe = |symbol: &Value| {
        let line = symbol["location"]["range"]["start"]["line"]
            .as_u64()
            .unwrap();
        format!(
            "{} {line} {}",
            symbol["name"].as_str().unwrap(),
            symbol["containerName"].as_str().unwrap_or("-")
        )
    };
    let lines: Vec<String> = symbols.as_array().unwrap().iter().map(describe).collect();
    let expected = [
        "Deployment shop 1 -",
        "migrate 8 Deployment shop",
        "web 10 Deployment shop",
        "container 12 Deployment shop",
        "Service shop 19 -",
        "Secret 23 -",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn symbols_are_off_by_default() {
    assert_eq!(symbols(nesting(), Value::Null, TEXT).await, Value::Null);
    for (options, offered) in [(on(), json!(true)), (Value::Null, Value::Null)] {
        let mut server = TestServer::start(Setup::default());
        let initialized = server.initialize(nesting(), options).await;
        assert_eq!(
            initialized["capabilities"]["documentSymbolProvider"],
            offered
        );
        server.finish().await;
    }
    let mut capabilities = nesting();
    capabilities["textDocument"]["documentSymbol"]["dynamicRegistration"] = json!(true);
    let mut server = TestServer::ready(Setup::default(), capabilities).await;
    server
        .notify(
            "workspace/didChangeConfiguration",
            json!({"settings": {"kubeharden": on()}}),
        )
        .await;
    let registration = server.next_request("client/registerCapability").await;
    let method = "textDocument/documentSymbol";
    let options = json!({"documentSelector": null, "label": "kubeharden"});
    let expected = json!([{"id": method, "method": method, "registerOptions": options}]);
    assert_eq!(registration["params"]["registrations"], expected);
    server.answer(&registration, Value::Null).await;
    server.finish().await;
}
