//! Words of a manifest are text in every answer: no link, picture or HTML for an editor that shows Markdown.

use crate::harness::{TestServer, modern, position, range};
use lsp::Setup;
use pulldown_cmark::{Event, Options, Parser, Tag};
use serde_json::{Value, json};
use tower_lsp::ls_types::Uri;

const WORDS: [&str; 14] = [
    "![beacon](http://beacon.example/a.png)",
    "[beacon](command:beacon)",
    "[beacon]: http://beacon.example",
    "\\[beacon\\](http://beacon.example)",
    "[beacon\\](http://beacon.example)",
    "<img src=http://beacon.example>",
    "\\<img src=http://beacon.example>",
    "\\\\<img src=http://beacon.example>",
    "<http://beacon.example>",
    "<!-- beacon -->",
    "`<img src=http://beacon.example>`",
    "``[beacon](http://beacon.example)",
    "]\n\n[beacon](http://beacon.example)\n\n<img src=beacon>",
    "](http://beacon.example) ![",
];

/// A manifest with a word in all places that answers may repeat.
fn manifest(word: &str) -> String {
    let word = serde_json::to_string(word).unwrap();
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {word}
  namespace: {word}
  annotations:
    kubeharden.dev/ignore: {word}
    container.apparmor.security.beta.kubernetes.io/web: {word}
spec:
  {word}: 1
  replicas: {word}
  template:
    spec:
      os: {{name: {word}}}
      serviceAccountName: {word}
      nodeSelector: {{kubernetes.io/os: {word}}}
      hostAliases: {word}
      securityContext:
        runAsUser: {word}
        privileged: {word}
        sysctls: [{{name: {word}, value: {word}}}]
        seccompProfile: {{type: {word}, localhostProfile: {word}}}
      volumes:
        - name: {word}
          hostPath: {{path: {word}}}
        - name: config
          configMap: {{name: {word}}}
      containers:
        - name: {word}
          image: {word}
          imagePullPolicy: {word}
          command: [sh, -c, {word}]
          env:
            - name: {word}
              value: {word}
            - name: PASSWORD
              value: {word}
          ports: [{{containerPort: 80, hostPort: 80, protocol: {word}}}]
          volumeMounts: [{{name: {word}, mountPath: {word}}}]
          securityContext:
            {word}: true
            procMount: {word}
            capabilities: {{add: [{word}], drop: [{word}]}}
            allowPrivilegeEscalation: {word}
            privileged: true # {comment}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {word}, namespace: {word}}}
---
apiVersion: v1
kind: Namespace
metadata: {{name: {word}, labels: {{pod-security.kubernetes.io/enforce: {word}}}}}
",
        comment = word.replace('\n', " ")
    )
}

/// Returns all Markdown in an answer.
fn markdown(answer: &Value, found: &mut Vec<String>) {
    match answer {
        Value::Array(items) => items.iter().for_each(|item| markdown(item, found)),
        Value::Object(fields) => {
            if fields.get("kind") == Some(&json!("markdown")) {
                found.extend(fields["value"].as_str().map(str::to_owned));
            }
            fields.values().for_each(|value| markdown(value, found));
        }
        _ => {}
    }
}

/// Returns what of the word a renderer would not show as text.
fn live(markdown: &str) -> Option<String> {
    Parser::new_ext(markdown, Options::ENABLE_GFM)
        .filter_map(|event| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                Some(dest_url.into_string())
            }
            Event::Html(html) | Event::InlineHtml(html) => Some(html.into_string()),
            _ => None,
        })
        .find(|it| it.contains("beacon"))
}

#[tokio::test]
async fn words_of_a_manifest_are_text_in_every_answer() {
    for (word, grouping) in WORDS
        .into_iter()
        .zip(["rule", "container"].into_iter().cycle())
    {
        let folder = tempfile::tempdir().unwrap();
        let file = Uri::from_file_path(folder.path().join("a.yaml")).unwrap();
        let (uri, text) = (file.as_str(), manifest(word));
        let mut server = TestServer::start(Setup::default());
        server
            .initialize(
                modern(),
                json!({"grouping": grouping, "codeLens": true, "inlayHints": true}),
            )
            .await;
        server.open_file(uri, 1, &text).await;
        let mut answers = vec![server.notification("textDocument/publishDiagnostics").await];
        assert!(
            answers[0]["diagnostics"].as_array().unwrap().len() > 10,
            "{word}"
        );
        let document = json!({"uri": uri});
        let end = text.lines().count() as u32;
        for method in ["codeLens", "documentSymbol", "inlayHint", "codeAction"] {
            let params = json!({
                "textDocument": document,
                "range": range((0, 0), (end, 0)),
                "context": {"diagnostics": []},
            });
            answers.push(
                server
                    .request(&format!("textDocument/{method}"), params)
                    .await,
            );
        }
        for (line, content) in text.lines().enumerate() {
            let indent = content.len() - content.trim_start().len();
            for column in [indent, (indent + content.len()) / 2, content.len()] {
                for method in ["hover", "completion"] {
                    let params = json!({"textDocument": document, "position": position(line as u32, column as u32)});
                    answers.push(
                        server
                            .request(&format!("textDocument/{method}"), params)
                            .await,
                    );
                }
            }
        }
        let mut found = Vec::new();
        answers
            .iter()
            .for_each(|answer| markdown(answer, &mut found));
        assert!(found.iter().any(|it| it.contains("beacon")), "{word}");
        for shown in found {
            assert_eq!(live(&shown), None, "{word:?} in {shown}");
        }
        server.finish().await;
    }
}
