//! Completion and hover inside `securityContext`, and nothing anywhere else.

use crate::harness::{FILE, TestServer, modern};
use lsp::Setup;
use serde_json::{Value, json};

/// A Deployment whose pod has a `securityContext`. `?` marks the place for more keys of the container.
const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  selector:
    matchLabels: { app: shop }
  template:
    metadata:
      labels: { app: shop }
    spec:
      securityContext:
        runAsNonRoot: true
      containers:
        - name: é𝄞
          image: registry.example.com/web:1.4
?";

fn with(container: &str) -> String {
    let lines = container
        .split_inclusive('\n')
        .map(|line| format!("          {line}"));
    DEPLOYMENT.replace('?', &lines.collect::<String>())
}

/// A client that leaves the indentation of new lines to the server.
fn capable() -> Value {
    let mut capabilities = modern();
    capabilities["textDocument"]["completion"] = json!({"completionItem": {"documentationFormat": ["markdown"], "insertTextModeSupport": {"valueSet": [1, 2]}}});
    capabilities
}

/// Removes the `|` from a text. Returns the text and the position of the `|`, with its column in characters.
fn marked(text: &str) -> (String, Value) {
    let at = text.find('|').unwrap();
    let before = text[..at].replace("\r\n", "\n");
    let (line, column) = (
        before.matches('\n').count(),
        before.rsplit('\n').next().unwrap().chars().count(),
    );
    (
        text.replacen('|', "", 1),
        json!({"line": line, "character": column}),
    )
}

struct Session(TestServer, i64);

impl Session {
    async fn start(capabilities: Value, options: Value) -> Self {
        let mut server = TestServer::start(Setup::default());
        server.initialize(capabilities, options).await;
        server.allow_unread("textDocument/publishDiagnostics");
        server.open("").await;
        Session(server, 1)
    }

    async fn put(&mut self, text: &str) {
        self.1 += 1;
        self.0.change(self.1, json!([{ "text": text }])).await;
    }

    /// Returns the completion items at the `|`.
    async fn items(&mut self, text: &str) -> Vec<Value> {
        let (text, position) = marked(text);
        self.put(&text).await;
        let params = json!({"textDocument": {"uri": FILE}, "position": position});
        match self.0.request("textDocument/completion", params).await {
            Value::Array(items) => items,
            nothing => {
                assert_eq!(nothing, Value::Null);
                Vec::new()
            }
        }
    }

    async fn labels(&mut self, text: &str) -> Vec<String> {
        self.items(text)
            .await
            .iter()
            .map(|item| item["label"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Returns the text after the item `label` is inserted. Fails if it replaces more than the word at the `|`.
    async fn completed(&mut self, text: &str, label: &str) -> String {
        let items = self.items(text).await;
        let item = items
            .iter()
            .find(|item| item["label"] == label)
            .unwrap_or_else(|| panic!("no {label} in {items:?}"));
        let (text, at) = marked(text);
        let [start, end] = ["start", "end"].map(|end| {
            assert_eq!(item["textEdit"]["range"][end]["line"], at["line"]);
            let character = item["textEdit"]["range"][end]["character"]
                .as_u64()
                .unwrap();
            let line = usize::try_from(at["line"].as_u64().unwrap()).unwrap();
            let starts: Vec<usize> = std::iter::once(0)
                .chain(text.match_indices('\n').map(|(at, _)| at + 1))
                .collect();
            starts[line] + usize::try_from(character).unwrap()
        });
        assert!(
            text[start..end].chars().all(char::is_alphanumeric),
            "{}",
            &text[start..end]
        );
        format!(
            "{}{}{}",
            &text[..start],
            item["textEdit"]["newText"].as_str().unwrap(),
            &text[end..]
        )
    }

    /// Returns the hover at the `|`.
    async fn hover(&mut self, text: &str) -> String {
        let (text, at) = marked(text);
        self.put(&text).await;
        let number = |name: &str| u32::try_from(at[name].as_u64().unwrap()).unwrap();
        let hover = self.0.hover(number("line"), number("character")).await;
        hover["contents"]["value"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    async fn finish(self) {
        self.0.finish().await;
    }
}

#[tokio::test]
async fn completes_missing_fields() {
    let mut session = Session::start(capable(), Value::Null).await;
    let labels = session
        .labels(&with("securityContext:\n  privileged: false\n  |\n"))
        .await;
    let expected = [
        "runAsNonRoot",
        "allowPrivilegeEscalation",
        "capabilities",
        "readOnlyRootFilesystem",
        "seccompProfile",
        "runAsUser",
        "runAsGroup",
        "appArmorProfile",
        "seLinuxOptions",
        "procMount",
        "windowsOptions",
    ];
    assert_eq!(labels, expected);
    // Fields that `<<` merges are not offered again.
    let merged = with("securityContext:\n  <<: { runAsUser: 1000 }\n  |\n");
    assert!(
        !session
            .labels(&merged)
            .await
            .contains(&"runAsUser".to_owned())
    );
    session.finish().await;
}

#[tokio::test]
async fn completes_fields_of_type() {
    let mut session = Session::start(capable(), Value::Null).await;
    for (way, expected) in [
        ("securityContext:\n  capabilities:\n    |", "drop add"),
        (
            "securityContext:\n  seccompProfile:\n    |",
            "type localhostProfile",
        ),
        (
            "securityContext:\n  appArmorProfile:\n    type: Localhost\n    |",
            "localhostProfile",
        ),
        (
            "securityContext:\n  seLinuxOptions: {level: a, |}",
            "type role user",
        ),
        (
            "securityContext:\n  windowsOptions:\n    |",
            "hostProcess runAsUserName gmsaCredentialSpecName gmsaCredentialSpec",
        ),
    ] {
        assert_eq!(
            session.labels(&with(way)).await.join(" "),
            expected,
            "{way}"
        );
    }
    let pod = with("").replace(
        "        runAsNonRoot: true\n",
        "        runAsNonRoot: true\n        sysctls:\n          - |\n",
    );
    assert_eq!(session.labels(&pod).await, ["name", "value"]);
    let pod = pod.replace("sysctls:\n          - |", "fs|");
    let expected = "seccompProfile runAsUser runAsGroup fsGroup fsGroupChangePolicy supplementalGroups supplementalGroupsPolicy \
                    sysctls appArmorProfile seLinuxOptions seLinuxChangePolicy windowsOptions";
    assert_eq!(session.labels(&pod).await.join(" "), expected);
    session.finish().await;
}

#[tokio::test]
async fn fields_depend_on_version() {
    let mut session = Session::start(capable(), json!({"kubernetesVersion": "1.29"})).await;
    let labels = session.labels(&with("securityContext:\n  |")).await;
    assert!(
        labels.contains(&"seccompProfile".to_owned())
            && !labels.contains(&"appArmorProfile".to_owned()),
        "{labels:?}"
    );
    session.finish().await;
}

#[tokio::test]
async fn completion_replaces_only_word() {
    let mut session = Session::start(capable(), Value::Null).await;
    for (before, label, after) in [
        (
            "securityContext:\n  seccom|\n",
            "privileged",
            "securityContext:\n  privileged: \n",
        ),
        (
            "securityContext:\n  |",
            "runAsUser",
            "securityContext:\n  runAsUser: ",
        ),
        (
            "securityContext:\n  |   \n",
            "runAsUser",
            "securityContext:\n  runAsUser:    \n",
        ),
        (
            "securityContext:\n  pri|vil # why\n",
            "privileged",
            "securityContext:\n  privileged:  # why\n",
        ),
        (
            "securityContext:\n  run|AsUsr: 1000\n",
            "runAsUser",
            "securityContext:\n  runAsUser: 1000\n",
        ),
        (
            "securityContext:\n    x|\n    privileged: true\n",
            "runAsUser",
            "securityContext:\n    runAsUser: \n    privileged: true\n",
        ),
        (
            "securityContext: {|}\n",
            "privileged",
            "securityContext: {privileged: }\n",
        ),
        (
            "securityContext: { privileged: true, | }\n",
            "runAsUser",
            "securityContext: { privileged: true, runAsUser:  }\n",
        ),
        (
            "securityContext: {seccompProfile: {|}}\n",
            "type",
            "securityContext: {seccompProfile: {type: }}\n",
        ),
        // Unclosed brackets and quotes.
        (
            "securityContext: {pri|\n",
            "privileged",
            "securityContext: {privileged: \n",
        ),
        (
            "securityContext: {runAsUser: 1, pri|\n",
            "privileged",
            "securityContext: {runAsUser: 1, privileged: \n",
        ),
        (
            "securityContext:\n  seccompProfile:\n    type: \"Run|\n",
            "RuntimeDefault",
            "securityContext:\n  seccompProfile:\n    type: \"RuntimeDefault\n",
        ),
        (
            "securityContext:\n  capabilities:\n    drop: [A|\n",
            "ALL",
            "securityContext:\n  capabilities:\n    drop: [ALL\n",
        ),
        // Below a key without a value: the indentation of the next key, or else two more columns.
        (
            "securityContext:\n|\n",
            "runAsUser",
            "securityContext:\n  runAsUser: \n",
        ),
        (
            "securityContext: # why\n\n|\n",
            "runAsUser",
            "securityContext: # why\n\n  runAsUser: \n",
        ),
        (
            "securityContext:\n|\n   privileged: true\n",
            "runAsUser",
            "securityContext:\n   runAsUser: \n   privileged: true\n",
        ),
        // A mapping or a sequence continues on the next line.
        (
            "securityContext:\n  s|\n",
            "seccompProfile",
            "securityContext:\n  seccompProfile:\n    \n",
        ),
        (
            "securityContext:\n   s|\n",
            "seccompProfile",
            "securityContext:\n   seccompProfile:\n      \n",
        ),
        (
            "securityContext:\n  capabilities:\n    d|",
            "drop",
            "securityContext:\n  capabilities:\n    drop:\n      - ",
        ),
        (
            "securityContext:\n  capabilities: {d|}",
            "drop",
            "securityContext:\n  capabilities: {drop: }",
        ),
        // Values.
        (
            "securityContext:\n  privileged: |\n",
            "false",
            "securityContext:\n  privileged: false\n",
        ),
        (
            "securityContext:\n  privileged: tr| # why\n",
            "true",
            "securityContext:\n  privileged: true # why\n",
        ),
        (
            "securityContext: {privileged: |, runAsUser: 1}\n",
            "false",
            "securityContext: {privileged: false, runAsUser: 1}\n",
        ),
        (
            "securityContext:\n  seccompProfile:\n    type: \"Run|\"\n",
            "RuntimeDefault",
            "securityContext:\n  seccompProfile:\n    type: \"RuntimeDefault\"\n",
        ),
        (
            "securityContext:\n  capabilities:\n    drop:\n      - |\n",
            "ALL",
            "securityContext:\n  capabilities:\n    drop:\n      - ALL\n",
        ),
        (
            "securityContext:\n  capabilities:\n    drop:\n    |\n",
            "add",
            "securityContext:\n  capabilities:\n    drop:\n    add:\n      - \n",
        ),
        (
            "securityContext:\n  capabilities:\n    drop:\n      |\n",
            "ALL",
            "securityContext:\n  capabilities:\n    drop:\n      - ALL\n",
        ),
        (
            "securityContext:\n  capabilities:\n    drop: |\n",
            "ALL",
            "securityContext:\n  capabilities:\n    drop: [ALL]\n",
        ),
        (
            "securityContext:\n  capabilities: {drop: [|]}\n",
            "ALL",
            "securityContext:\n  capabilities: {drop: [ALL]}\n",
        ),
    ] {
        for line_break in ["\n", "\r\n"] {
            let [before, after] = [before, after].map(|text| with(text).replace('\n', line_break));
            assert_eq!(session.completed(&before, label).await, after, "{before}");
        }
    }
    session.finish().await;
}

#[tokio::test]
async fn safest_values_come_first() {
    let mut session = Session::start(capable(), Value::Null).await;
    for (way, expected) in [
        ("securityContext:\n  runAsNonRoot: |", "true false"),
        (
            "securityContext:\n  allowPrivilegeEscalation: |",
            "false true",
        ),
        ("securityContext:\n  procMount: |", "Default Unmasked"),
        (
            "securityContext: {seccompProfile: {type: |}}",
            "RuntimeDefault Localhost Unconfined",
        ),
        (
            "securityContext: {seLinuxOptions: {type: |}}",
            "container_t container_init_t container_kvm_t container_engine_t",
        ),
        ("securityContext: {runAsUser: |}", ""),
        ("securityContext: {privileged: '|'}", ""),
    ] {
        assert_eq!(
            session.labels(&with(way)).await.join(" "),
            expected,
            "{way}"
        );
    }
    let drop = session
        .labels(&with("securityContext: {capabilities: {drop: [|]}}"))
        .await;
    assert_eq!(
        (drop.len(), &*drop[0], &*drop[1]),
        (42, "ALL", "AUDIT_CONTROL")
    );
    let add = session
        .labels(&with("securityContext: {capabilities: {add: [CHOWN, |]}}"))
        .await;
    assert_eq!((add.len(), &*add[0]), (12, "NET_BIND_SERVICE"));
    assert!(!add.contains(&"CHOWN".to_owned()));
    let pod = with("").replace("runAsNonRoot: true", "fsGroupChangePolicy: O|");
    assert_eq!(session.labels(&pod).await, ["OnRootMismatch", "Always"]);
    session.finish().await;
}

#[tokio::test]
async fn no_completion_elsewhere() {
    let mut session = Session::start(capable(), Value::Null).await;
    for text in [
        with("securityContext:\n  privileged: true\n|"),
        with("|\nsecurityContext:\n  privileged: true\n"),
        with("securityContext:\n  privileged: true\n      |\n"),
        with("securityContext:\n\t|\n"),
        with("securityContext:\n  \tpri|\n"),
        with("securityContext: |\n  privileged: true\n"),
        with("securityContext:\n  privileged: true |\n"),
        with("securityContext:\n  # pri|\n"),
        with("securityContext:\n  pri| vileged\n"),
        with("securityContext:\n  nobodyHasThis: |\n"),
        with("resources:\n  |\n"),
        with("env:\n  - name: securityContext\n    value: |\n"),
        with("securityContext:\n  privileged: {{ .Values.privileged }}\n  |\n"),
        "a:\n  securityContext:\n    |\n".to_owned(),
        "securityContext:\n  |\n".to_owned(),
        String::from("|"),
    ] {
        assert_eq!(session.labels(&text).await, [""; 0], "{text}");
    }
    session.finish().await;
}

#[tokio::test]
async fn completion_survives_broken_lines() {
    let mut session = Session::start(capable(), Value::Null).await;
    let broken = with("securityContext:\n  runAsU|\n").replace("  name: shop", "  name shop");
    assert!(
        session
            .labels(&broken)
            .await
            .contains(&"runAsUser".to_owned())
    );
    let pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - name: a\n      image: b\n";
    let documents = format!("{pod}---\n{pod}      securityContext:\n        |\n---\n{pod}");
    assert!(
        session
            .labels(&documents)
            .await
            .contains(&"runAsUser".to_owned())
    );
    let at_end = format!("{pod}---\n{pod}      securityContext:\n        p|");
    assert!(
        session
            .labels(&at_end)
            .await
            .contains(&"runAsUser".to_owned())
    );
    let indented = pod.replace('\n', "\n    ");
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n  - {indented}  securityContext:\n            |\n  - {}\n",
        indented.trim_end()
    );
    assert!(
        session
            .labels(&list)
            .await
            .contains(&"runAsUser".to_owned()),
        "{list}"
    );
    let custom = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nspec:\n  template:\n    spec:\n      containers:\n        - name: a\n          \
                  image: b\n          securityContext:\n            |\n";
    assert!(
        session
            .labels(custom)
            .await
            .contains(&"runAsUser".to_owned())
    );
    session.finish().await;
}

#[tokio::test]
async fn completion_item_documents_field() {
    let mut session = Session::start(capable(), Value::Null).await;
    let items = session.items(&with("securityContext:\n  allowP|\n")).await;
    let item = items
        .iter()
        .find(|item| item["label"] == "allowPrivilegeEscalation")
        .unwrap();
    assert_eq!(
        item["detail"],
        "restricted requires false, on every container"
    );
    assert_eq!(
        (&item["kind"], &item["sortText"], &item["insertTextMode"]),
        (&json!(10), &json!("01"), &json!(1))
    );
    let documentation = item["documentation"]["value"].as_str().unwrap();
    assert_eq!(
        documentation,
        "Whether a process can gain more privileges than its parent, for example through a setuid program. `false` sets \
         `no_new_privs`.\n\nDefault: it can.\n\nPod Security: `restricted` requires `false`, on every container.\n\n[More about \
         privilege-escalation](https://github.com/kubeharden/kubeharden/blob/main/docs/rules/privilege-escalation.md)"
    );
    session.finish().await;
}

#[tokio::test]
async fn indenting_client_gets_one_line() {
    let mut session = Session::start(modern(), Value::Null).await;
    let after = session
        .completed(&with("securityContext:\n  s|\n"), "seccompProfile")
        .await;
    assert_eq!(after, with("securityContext:\n  seccompProfile:\n"));
    session.finish().await;
}

#[tokio::test]
async fn hover_explains_field() {
    let mut session = Session::start(capable(), Value::Null).await;
    let container = "securityContext:\n  runAsNon|Root: true\n";
    let hover = session.hover(&with(container)).await;
    let lines: Vec<&str> = hover.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines[0], "**securityContext.runAsNonRoot**");
    assert!(
        lines[1].starts_with("Whether the kubelet refuses"),
        "{hover}"
    );
    assert_eq!(lines[2], "Here: `true` (same as in the pod).");
    assert_eq!(lines[3], "Default: root is allowed.");
    assert_eq!(
        lines[4],
        "Pod Security: `restricted` requires `true`, on the pod or on every container."
    );
    assert!(
        lines[5].starts_with("[More about run-as-root-allowed](https://"),
        "{hover}"
    );

    let own = with(
        "securityContext:\n  seccompProfile: { type: Local|host, localhostProfile: a.json }\n",
    )
    .replace(
        "        runAsNonRoot",
        "        seccompProfile: { type: RuntimeDefault }\n        runAsNonRoot",
    );
    let hover = session.hover(&own).await;
    assert!(
        hover.starts_with("**securityContext.seccompProfile.type**\n"),
        "{hover}"
    );
    assert!(
        hover.contains("Here: `Localhost` (overrides `RuntimeDefault` of the pod)."),
        "{hover}"
    );

    let null = with("securityContext:\n  runAs|NonRoot:\n");
    assert!(
        session
            .hover(&null)
            .await
            .contains("Here: `true` (from the pod).")
    );

    let pod =
        with("securityContext:\n  seccompProfile: { type: Localhost, localhostProfile: a.json }\n")
            .replace(
                "        runAsNonRoot",
                "        seccomp|Profile: { type: RuntimeDefault }\n        runAsNonRoot",
            );
    let hover = session.hover(&pod).await;
    assert!(
        hover.contains(
            "Applies to all containers of the pod except container \"é𝄞\" (`Localhost`)."
        ),
        "{hover}"
    );

    let dropped = with("securityContext:\n  capabilities:\n    drop: [A|LL]\n");
    assert!(
        session
            .hover(&dropped)
            .await
            .starts_with("**securityContext.capabilities.drop**\n")
    );
    session.finish().await;
}

#[tokio::test]
async fn no_hover_outside_security_context() {
    let mut session = Session::start(capable(), Value::Null).await;
    for text in [
        with("imagePull|Policy: Always\nsecurityContext: {}\n"),
        with("securityContext:\n  runAsUser: {{ .Values.us|er }}\n"),
        with("securityContext:\n  # runAs|User\n  runAsUser: 65532\n"),
        "a:\n  securityContext:\n    runAs|User: 1\n".to_owned(),
    ] {
        assert_eq!(session.hover(&text).await, "", "{text}");
    }
    session.finish().await;
}

#[tokio::test]
async fn setting_turns_field_help_off() {
    let mut session = Session::start(capable(), json!({"fieldHelp": false})).await;
    assert_eq!(
        session.labels(&with("securityContext:\n  |\n")).await,
        [""; 0]
    );
    assert_eq!(
        session
            .hover(&with("securityContext:\n  runAs|User: 65532\n"))
            .await,
        ""
    );
    // Rule ids are still completed.
    assert!(!session.labels("# kubeharden: ignore[|]\n").await.is_empty());
    session
        .0
        .notify(
            "workspace/didChangeConfiguration",
            json!({"settings": {"fieldHelp": true}}),
        )
        .await;
    assert_ne!(
        session.labels(&with("securityContext:\n  |\n")).await,
        [""; 0]
    );
    session.finish().await;
}
