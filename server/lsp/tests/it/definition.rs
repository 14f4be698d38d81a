//! From a name to the object that it refers to: in the same file, in another open file, and on the disk.

use crate::harness::{NEVER, modern};
use crate::workspace::{TOKEN, Workspace};
use serde_json::{Value, json};
use std::fs;
use tokio::time::timeout;

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec:\n  containers: [{name: web, image: nginx:1.29}]\n  volumes:\n    - name: é𝄞\n      persistentVolumeClaim: {claimName: data}\n";

fn claim(name: &str, namespace: &str) -> String {
    format!(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: {name}\n{namespace}spec:\n  accessModes: [ReadWriteOnce]\n  resources: {{requests: {{storage: 8Gi}}}}\n"
    )
}

const IN_SHOP: &str = "  namespace: shop\n";
const IN_BANK: &str = "  namespace: bank\n";

/// Returns a position inside the first occurrence of a word.
fn within(text: &str, word: &str) -> Value {
    let at = text
        .find(word)
        .unwrap_or_else(|| panic!("no {word:?} in {text}"))
        + word.len()
        - 1;
    let line = text[..at].matches('\n').count();
    json!({"line": line, "character": text[..at].rsplit('\n').next().unwrap().len()})
}

impl Workspace {
    async fn definition(&mut self, path: &str, position: Value) -> Value {
        let params = json!({"textDocument": {"uri": self.url(path)}, "position": position});
        self.server.request("textDocument/definition", params).await
    }

    /// Returns the targets of the name at a position, each as `FILE:LINE` with the path from the folder and the line from 0.
    async fn targets(&mut self, path: &str, position: Value) -> Vec<String> {
        let found = self.definition(path, position).await;
        let root = self.url("");
        let place = |it: &Value| {
            let uri = it["uri"]
                .as_str()
                .unwrap()
                .strip_prefix(&root)
                .unwrap()
                .trim_start_matches('/')
                .to_owned();
            format!("{uri}:{}", it["range"]["start"]["line"])
        };
        found.as_array().unwrap().iter().map(place).collect()
    }

    async fn hover(&mut self, path: &str, position: Value) -> Value {
        let params = json!({"textDocument": {"uri": self.url(path)}, "position": position});
        self.server.request("textDocument/hover", params).await
    }
}

/// Returns a workspace after its files were scanned: a finding of an open pod disappears once its ServiceAccount is known.
async fn scanned(files: &[(&str, &str)]) -> Workspace {
    let off = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: known}\nautomountServiceAccountToken: false\n";
    let all: Vec<(&str, &str)> = files
        .iter()
        .copied()
        .chain([("one/known/account.yaml", off)])
        .collect();
    let mut workspace = Workspace::new(&all).await;
    let pod = POD.replace("spec:\n", "spec:\n  serviceAccountName: known\n");
    workspace.open("one/known/pod.yaml", &pod).await;
    workspace
        .wait_for_rule("one/known/pod.yaml", TOKEN, false)
        .await;
    workspace
        .server
        .allow_unread("textDocument/publishDiagnostics");
    workspace
}

#[tokio::test]
async fn definition_follows_disk_and_typing() {
    let both = format!("{}---\n{}", claim("other", IN_SHOP), claim("data", IN_SHOP));
    let mut workspace = scanned(&[("one/claims/all.yaml", &both)]).await;
    let (pod, claims, place) = (
        "one/pod.yaml",
        "one/claims/all.yaml",
        within(POD, "claimName: data"),
    );
    workspace.open(pod, POD).await;
    assert_eq!(
        workspace.targets(pod, place.clone()).await,
        ["one/claims/all.yaml:12"]
    );
    let found = workspace.definition(pod, place.clone()).await;
    assert_eq!(
        found[0]["range"],
        json!({"start": {"line": 12, "character": 8}, "end": {"line": 12, "character": 12}})
    );

    workspace.open(claims, &both).await;
    workspace.change(claims, 2, &format!("# é\n\n{both}")).await;
    assert_eq!(
        workspace.targets(pod, place.clone()).await,
        ["one/claims/all.yaml:14"]
    );
    workspace
        .change(claims, 3, &both.replace("name: data", "name: date"))
        .await;
    // A request waits for the analysis, which updates the index.
    workspace
        .hover(claims, json!({"line": 0, "character": 0}))
        .await;
    assert_eq!(workspace.definition(pod, place.clone()).await, json!([]));
    workspace
        .change(claims, 4, &both.replace("name: other", "name: data"))
        .await;
    workspace
        .hover(claims, json!({"line": 0, "character": 0}))
        .await;
    assert_eq!(
        workspace.targets(pod, place.clone()).await,
        ["one/claims/all.yaml:3", "one/claims/all.yaml:12"]
    );

    let all = format!("{POD}---\n{}", claim("data", IN_SHOP));
    workspace.change(pod, 2, &all).await;
    assert_eq!(
        workspace.targets(pod, place.clone()).await[0],
        "one/pod.yaml:12",
        "the one in the same file comes first"
    );

    // Other positions have no definition, and no error.
    for (line, character) in [(0, 3), (2, 20), (4, 20), (99, 0)] {
        assert_eq!(
            workspace
                .definition(pod, json!({"line": line, "character": character}))
                .await,
            json!([])
        );
    }
    assert_eq!(
        workspace.definition("one/nowhere.yaml", place).await,
        json!([])
    );
    workspace.server.finish().await;
}

#[tokio::test]
async fn moved_object_is_found() {
    let mut workspace = scanned(&[("one/claims.yaml", &claim("data", IN_SHOP))]).await;
    let place = within(POD, "claimName: data");
    workspace.open("one/pod.yaml", POD).await;
    // Without a notification: the file is read again for each request.
    workspace.write(
        "one/claims.yaml",
        &format!("# one\n# two\n{}", claim("data", IN_SHOP)),
    );
    assert_eq!(
        workspace.targets("one/pod.yaml", place.clone()).await,
        ["one/claims.yaml:5"]
    );
    fs::remove_file(workspace.folder.path().join("one/claims.yaml")).unwrap();
    assert_eq!(workspace.definition("one/pod.yaml", place).await, json!([]));
    workspace.server.finish().await;
}

#[tokio::test]
async fn definition_prefers_same_namespace() {
    let [shop, bank, none] = [IN_SHOP, IN_BANK, ""].map(|namespace| claim("data", namespace));
    let files = [
        ("one/shop.yaml", shop.as_str()),
        ("one/bank.yaml", &bank),
        ("one/far/none.yaml", &none),
    ];
    let mut workspace = scanned(&files).await;
    let place = within(POD, "claimName: data");
    let mut version = 0;
    for (namespace, expected) in [
        (", namespace: shop", vec!["one/shop.yaml:3"]),
        (", namespace: bank", vec!["one/bank.yaml:3"]),
        (", namespace: till", vec!["one/far/none.yaml:3"]),
        ("", vec!["one/bank.yaml:3", "one/shop.yaml:3"]),
    ] {
        version += 1;
        let text = POD.replace(", namespace: shop", namespace);
        match version {
            1 => workspace.open("one/pod.yaml", &text).await,
            version => workspace.change("one/pod.yaml", version, &text).await,
        }
        assert_eq!(
            workspace.targets("one/pod.yaml", place.clone()).await,
            expected,
            "{namespace}"
        );
    }
    // A kustomization overrides the namespaces in the files.
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web, namespace: other}\nautomountServiceAccountToken: false\n";
    workspace.write("one/account.yaml", account);
    let moved = POD.replace("spec:\n", "spec:\n  serviceAccountName: web\n");
    workspace.open("one/moved.yaml", &moved).await;
    workspace.wait_for_rule("one/moved.yaml", TOKEN, true).await;
    workspace.write(
        "one/kustomization.yaml",
        "namespace: till\nresources: [moved.yaml, bank.yaml, account.yaml, binding.yaml]\n",
    );
    workspace
        .notify_file_changed("one/kustomization.yaml", 1)
        .await;
    workspace
        .wait_for_rule("one/moved.yaml", TOKEN, false)
        .await;
    // An earlier scan may move the account, and a later one the claim.
    let moves = async {
        let place = within(&moved, "claimName: data");
        while workspace.targets("one/moved.yaml", place.clone()).await != ["one/bank.yaml:3"] {}
    };
    timeout(NEVER, moves).await.expect("the claim is moved");
    // The kustomization moves the binding and its subject together.
    let binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: web}\n\
                   roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: web}\n\
                   subjects: [{kind: ServiceAccount, name: web, namespace: other}]\n";
    workspace.open("one/binding.yaml", binding).await;
    assert_eq!(
        workspace
            .targets("one/binding.yaml", within(binding, "Account, name: web"))
            .await,
        ["one/account.yaml:2"]
    );
    workspace.server.finish().await;
}

const ALL: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: the-namespace}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: the-account
      priorityClassName: the-priority
      runtimeClassName: the-runtime
      imagePullSecrets: [{name: pulls}]
      containers:
        - name: web
          image: nginx:1.29
          envFrom:
            - configMapRef: {name: env-map}
            - secretRef: {name: env-secret}
          env:
            - {name: A, valueFrom: {configMapKeyRef: {name: key-map, key: a}}}
            - {name: B, valueFrom: {secretKeyRef: {name: key-secret, key: b}}}
      volumes:
        - {name: claim, persistentVolumeClaim: {claimName: the-claim}}
        - {name: map, configMap: {name: volume-map}}
        - {name: secret, secret: {secretName: volume-secret}}
        - name: all
          projected:
            sources:
              - configMap: {name: projected-map}
              - secret: {name: projected-secret}
";

const BINDING: &str = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: web, namespace: the-namespace}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: the-role}
subjects: [{kind: ServiceAccount, name: the-account}, {kind: User, name: the-user}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: web}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: whole-role}
subjects: [{kind: ServiceAccount, name: the-account, namespace: other-space}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: the-namespace}
spec: {tls: [{secretName: tls-secret}]}
";

/// The targets of the names in [`ALL`] and [`BINDING`]: API version, kind, name, and summary in the hover.
const DECLARED: [(&str, &str, &str, &str); 16] = [
    ("v1", "Namespace", "the-namespace", ": enforces baseline"),
    (
        "v1",
        "ServiceAccount",
        "the-account",
        ": automountServiceAccountToken: false",
    ),
    (
        "scheduling.k8s.io/v1",
        "PriorityClass",
        "the-priority",
        ": 1000",
    ),
    ("node.k8s.io/v1", "RuntimeClass", "the-runtime", ": gvisor"),
    (
        "v1",
        "Secret",
        "pulls",
        ": kubernetes.io/dockerconfigjson, 1 key",
    ),
    ("v1", "ConfigMap", "env-map", ": 2 keys"),
    ("v1", "Secret", "env-secret", ": 1 key"),
    ("v1", "ConfigMap", "key-map", ""),
    ("v1", "Secret", "key-secret", ""),
    (
        "v1",
        "PersistentVolumeClaim",
        "the-claim",
        ": 8Gi, ReadWriteOnce, ReadOnlyMany",
    ),
    ("v1", "ConfigMap", "volume-map", ""),
    ("v1", "Secret", "volume-secret", ""),
    ("v1", "ConfigMap", "projected-map", ""),
    ("v1", "Secret", "projected-secret", ""),
    ("rbac.authorization.k8s.io/v1", "Role", "the-role", ""),
    ("v1", "Secret", "tls-secret", ""),
];

fn body(name: &str) -> &'static str {
    match name {
        "the-account" => "automountServiceAccountToken: false\n",
        "the-priority" => "value: 1000\n",
        "the-runtime" => "handler: gvisor\n",
        "pulls" => "type: kubernetes.io/dockerconfigjson\ndata: {.dockerconfigjson: e30=}\n",
        "env-map" => "data: {a: '1'}\nbinaryData: {b: e30=}\n",
        "env-secret" => "stringData: {password: hunter2}\n",
        "the-claim" => {
            "spec: {accessModes: [ReadWriteOnce, ReadOnlyMany], resources: {requests: {storage: 8Gi}}}\n"
        }
        _ => "",
    }
}

#[tokio::test]
async fn every_reference_leads_to_its_kind() {
    let mut files = Vec::new();
    for (api_version, kind, name, _) in DECLARED {
        let is_in_none = ["Namespace", "PriorityClass", "RuntimeClass"].contains(&kind);
        let namespace = if is_in_none {
            ""
        } else {
            ", namespace: the-namespace"
        };
        let labels = if kind == "Namespace" {
            ", labels: {pod-security.kubernetes.io/enforce: baseline}"
        } else {
            ""
        };
        let metadata = format!("metadata: {{name: {name}{namespace}{labels}}}");
        files.push((
            format!("one/{name}.yaml"),
            format!(
                "apiVersion: {api_version}\nkind: {kind}\n{metadata}\n{}",
                body(name)
            ),
        ));
        // An object of another kind with the same name.
        let other = if kind == "Secret" {
            "ConfigMap"
        } else {
            "Secret"
        };
        files.push((
            format!("one/others/{name}.yaml"),
            format!("apiVersion: v1\nkind: {other}\n{metadata}\n"),
        ));
    }
    let whole = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: whole-role}\nrules: []\n";
    let elsewhere = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: the-account, namespace: other-space}\n";
    files.push(("one/whole-role.yaml".to_owned(), whole.to_owned()));
    files.push(("one/elsewhere.yaml".to_owned(), elsewhere.to_owned()));
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let mut workspace = scanned(&files).await;
    let (path, text) = ("one/all.yaml", format!("{ALL}---\n{BINDING}"));
    workspace.open(path, &text).await;
    for (_, kind, name, about) in DECLARED {
        let place = within(&text, &format!(": {name}"));
        assert_eq!(
            workspace.targets(path, place.clone()).await,
            [format!("one/{name}.yaml:2")],
            "{name}"
        );
        let hover = workspace.hover(path, place).await;
        let words = hover["contents"]["value"].as_str().unwrap();
        assert_eq!(words, format!("{kind} `{name}` in `{name}.yaml`{about}"));
        assert!(!words.contains("hunter2"));
    }
    let at_word = |word: &str| within(&text, word);
    let mut after = at_word("name: the-account, namespace");
    after["character"] = (after["character"].as_u64().unwrap() - ", namespace".len() as u64).into();
    assert_eq!(
        workspace.targets(path, at_word("name: whole-role")).await,
        ["one/whole-role.yaml:2"]
    );
    assert_eq!(
        workspace
            .targets(path, at_word("ServiceAccount, name: the-account"))
            .await,
        ["one/the-account.yaml:2"]
    );
    assert_eq!(
        workspace.targets(path, after).await,
        ["one/elsewhere.yaml:2"]
    );
    assert_eq!(
        workspace.definition(path, at_word("name: the-user")).await,
        json!([])
    );
    assert_eq!(
        workspace.hover(path, at_word("name: the-user")).await,
        Value::Null
    );
    // `fieldHelp: false` turns the hover off, but not the definition.
    let settings = json!({"settings": {"fieldHelp": false}});
    workspace
        .server
        .notify("workspace/didChangeConfiguration", settings)
        .await;
    assert_eq!(
        workspace.hover(path, at_word(": the-claim")).await,
        Value::Null
    );
    assert_eq!(
        workspace.targets(path, at_word(": the-claim")).await,
        ["one/the-claim.yaml:2"]
    );
    workspace.server.finish().await;
}

#[tokio::test]
async fn templates_declare_nothing_encrypted_files_do() {
    let secret = |rest: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: data, namespace: shop}}\n{rest}")
    };
    let sealed = secret(
        "data: {a: 'ENC[AES256_GCM,data:x]'}\nsops: {mac: 'ENC[x]', lastmodified: '2024-01-01T00:00:00Z'}\n",
    );
    let (template, patch) = (
        secret("data: {{ .Values.data }}\n"),
        secret("$patch: merge\n"),
    );
    let named = "patches: [{path: named.yaml}]\n";
    let plain = secret("");
    let files = [
        ("one/sealed.yaml", sealed.as_str()),
        ("one/template.yaml", &template),
        ("one/patch.yaml", &patch),
        ("one/kustomization.yaml", named),
        ("one/named.yaml", &plain),
    ];
    let mut workspace = scanned(&files).await;
    let pod = POD.replace("persistentVolumeClaim: {claimName:", "secret: {secretName:");
    workspace.open("one/pod.yaml", &pod).await;
    assert_eq!(
        workspace
            .targets("one/pod.yaml", within(&pod, "secretName: data"))
            .await,
        ["one/sealed.yaml:2"]
    );
    workspace.server.finish().await;
}

#[tokio::test]
async fn definition_links_have_whole_object() {
    let mut capabilities = modern();
    capabilities["textDocument"]["definition"] = json!({"linkSupport": true});
    capabilities["general"]["positionEncodings"] = json!(["utf-16"]);
    let mut workspace = Workspace::with(&[], capabilities, |_| json!({})).await;
    workspace
        .server
        .allow_unread("textDocument/publishDiagnostics");
    let text = format!("{}---\n{POD}", claim("data", "  namespace: shop # é𝄞\n"));
    let text = text.replace("claimName: data", "é𝄞: 1, claimName: data");
    workspace.open("one/all.yaml", &text).await;
    let before = text
        .split("claimName: ")
        .next()
        .unwrap()
        .rsplit('\n')
        .next()
        .unwrap();
    let column = before.encode_utf16().count() + "claimName: ".len();
    let line = text
        .split("claimName: ")
        .next()
        .unwrap()
        .matches('\n')
        .count();
    let found = workspace
        .definition(
            "one/all.yaml",
            json!({"line": line, "character": column + 4}),
        )
        .await;
    assert_eq!(
        found,
        json!([{
            "originSelectionRange": {"start": {"line": line, "character": column}, "end": {"line": line, "character": column + 4}},
            "targetUri": workspace.url("one/all.yaml"),
            "targetRange": {"start": {"line": 0, "character": 0}, "end": {"line": 7, "character": 39}},
            "targetSelectionRange": {"start": {"line": 3, "character": 8}, "end": {"line": 3, "character": 12}},
        }])
    );
    workspace.server.finish().await;
}
