//! Facts from objects in other documents and files: the command line over a folder, and the property that unknown objects change
//! nothing.

use crate::sandbox::Sandbox;
use linter::OwnedInputs;
use linter::analysis;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use workspace::cross_references::WorkspaceIndex;
use workspace::{FileContext, WorkspaceView};

const TOKEN: &str = "mounted-service-account-token";

fn pod(metadata: &str, spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: web{metadata}}}\nspec:\n  {spec}\n  containers:\n    - name: web\n      image: registry.example.com/web:1.4\n"
    )
}

fn account(metadata: &str, token: &str) -> String {
    format!("apiVersion: v1\nkind: ServiceAccount\nmetadata: {{{metadata}}}\n{token}\n")
}

const OFF: &str = "automountServiceAccountToken: false";

fn namespace(labels: &str) -> String {
    format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels: {{{labels}}}\n")
}

/// The rules that find something in a file, each with the severity of its last finding.
fn findings(sandbox: &Sandbox, arguments: &str, file: &str) -> BTreeMap<String, String> {
    let output = sandbox.json(arguments);
    let findings = output["findings"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    findings
        .iter()
        .filter(|it| it["path"] == file)
        .map(|it| (text(&it["rule"]), text(&it["severity"])))
        .collect()
}

/// The rules that find something in a file.
fn rules(sandbox: &Sandbox, arguments: &str, file: &str) -> BTreeSet<String> {
    findings(sandbox, arguments, file).into_keys().collect()
}

fn is_told_of_token(files: &[(&str, &str)], file: &str) -> bool {
    rules(&Sandbox::new(files), ".", file).contains(TOKEN)
}

#[test]
fn account_without_token_applies_to_pods() {
    let (shop, named) = (", namespace: shop", "serviceAccountName: web");
    let (here, there) = (pod(shop, named), pod("", named));
    let off = |metadata| account(metadata, OFF);
    for (case, pod, account, is_told) in [
        (
            "the same namespace",
            &here,
            off("name: web, namespace: shop"),
            false,
        ),
        (
            "another namespace",
            &here,
            off("name: web, namespace: bank"),
            true,
        ),
        (
            "another name",
            &here,
            off("name: api, namespace: shop"),
            true,
        ),
        (
            "a namespace that is not written",
            &here,
            off("name: web"),
            false,
        ),
        (
            "a pod without one",
            &there,
            off("name: web, namespace: shop"),
            false,
        ),
        (
            "the token is on",
            &here,
            account(
                "name: web, namespace: shop",
                "automountServiceAccountToken: true",
            ),
            true,
        ),
        (
            "nothing is said",
            &here,
            account("name: web, namespace: shop", ""),
            true,
        ),
        (
            "a template",
            &here,
            account(
                "name: web, namespace: shop",
                "automountServiceAccountToken: false\nx: {{ a }}",
            ),
            true,
        ),
    ] {
        let files = [
            ("pods/web.yaml", pod.as_str()),
            ("accounts/web.yaml", account.as_str()),
        ];
        assert_eq!(
            is_told_of_token(&files, "pods/web.yaml"),
            is_told,
            "{case}, in another file"
        );
        let both = format!("{account}---\n{pod}");
        assert_eq!(
            is_told_of_token(&[("all.yaml", &both)], "all.yaml"),
            is_told,
            "{case}, in another document"
        );
    }
    let said = pod("", "automountServiceAccountToken: true");
    let on = account("name: default", "automountServiceAccountToken: true");
    assert!(
        !is_told_of_token(&[("pod.yaml", &said), ("account.yaml", &on)], "pod.yaml"),
        "the pod asks for its token"
    );
}

#[test]
fn bound_account_needs_its_token() {
    let binding = |kind: &str, metadata: &str, subject: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{name: any{metadata}}}\n\
             roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}}\n\
             subjects: [{{kind: User, name: jane}}, {{{subject}}}]\n"
        )
    };
    let (shop, named) = (", namespace: shop", "serviceAccountName: web");
    let (here, there) = (pod(shop, named), pod("", named));
    let web = "kind: ServiceAccount, name: web, namespace: shop";
    for (case, pod, binding, is_told) in [
        ("a role", &here, binding("RoleBinding", shop, web), false),
        (
            "a cluster role",
            &here,
            binding("ClusterRoleBinding", "", web),
            false,
        ),
        (
            "the namespace of the binding",
            &here,
            binding("RoleBinding", shop, "kind: ServiceAccount, name: web"),
            false,
        ),
        (
            "a pod without a namespace",
            &there,
            binding("RoleBinding", shop, web),
            false,
        ),
        (
            "another namespace",
            &here,
            binding(
                "RoleBinding",
                shop,
                "kind: ServiceAccount, name: web, namespace: bank",
            ),
            true,
        ),
        (
            "another account",
            &here,
            binding(
                "RoleBinding",
                shop,
                "kind: ServiceAccount, name: api, namespace: shop",
            ),
            true,
        ),
        (
            "a user",
            &here,
            binding("RoleBinding", shop, "kind: User, name: web"),
            true,
        ),
    ] {
        let files = [
            ("web.yaml", pod.as_str()),
            ("rbac/web.yaml", binding.as_str()),
        ];
        assert_eq!(
            is_told_of_token(&files, "web.yaml"),
            is_told,
            "{case}, in another file"
        );
        let both = format!("{pod}---\n{binding}");
        assert_eq!(
            is_told_of_token(&[("all.yaml", &both)], "all.yaml"),
            is_told,
            "{case}, in another document"
        );
    }
}

#[test]
fn default_account_needs_a_namespace() {
    let (plain, account) = (
        pod("", "restartPolicy: Always"),
        account("name: default", OFF),
    );
    assert!(!is_told_of_token(
        &[("a/pod.yaml", &plain), ("a/account.yaml", &account)],
        "a/pod.yaml"
    ));
    assert!(is_told_of_token(
        &[("a/pod.yaml", &plain), ("b/account.yaml", &account)],
        "a/pod.yaml"
    ));
}

#[test]
fn namespace_level_decides_the_severity_of_the_standards() {
    let with = |labels: &str| {
        Sandbox::new(&[
            ("pod.yaml", &pod(", namespace: shop", "hostPID: true")),
            ("ns.yaml", &namespace(labels)),
        ])
    };
    let has = |labels: &str, arguments: &str| {
        let rules = rules(&with(labels), arguments, "pod.yaml");
        [
            "host-pid",
            "privilege-escalation",
            "writable-root-filesystem",
        ]
        .map(|rule| rules.contains(rule))
    };
    let [baseline, restricted] = ["baseline", "restricted"]
        .map(|level| format!("pod-security.kubernetes.io/enforce: {level}"));
    let severities = |labels: &str, arguments: &str| {
        let found = findings(&with(labels), arguments, "pod.yaml");
        ["host-pid", "privilege-escalation"].map(|rule| found[rule].clone())
    };
    // The rules beyond the standards follow the configured profile, whatever the Namespace enforces.
    let privileged = "pod-security.kubernetes.io/enforce: privileged";
    for labels in ["", &baseline, &restricted, privileged] {
        assert_eq!(has(labels, "."), [true, true, true], "{labels}");
    }
    assert_eq!(severities("", "."), ["error", "warning"]);
    assert_eq!(severities(&baseline, "."), ["error", "info"]);
    assert_eq!(severities(&restricted, "."), ["error", "warning"]);
    assert_eq!(severities(privileged, "."), ["hint", "hint"]);
    let warned = "pod-security.kubernetes.io/warn: baseline";
    assert_eq!(severities(warned, "."), ["error", "warning"]);
    assert_eq!(
        severities(privileged, "--profile restricted ."),
        ["error", "warning"],
        "a profile is chosen"
    );
    assert_eq!(
        has(&baseline, "--profile hardened ."),
        [true, true, true],
        "a stricter profile is chosen"
    );
    assert_eq!(
        has(&restricted, "--profile baseline ."),
        [true, true, false],
        "a cluster refuses it whatever was chosen"
    );
    assert_eq!(has("", "--profile baseline ."), [true, false, false]);

    // Before 1.8 there was nothing to say about it, and so the standard as of then says nothing.
    let old = format!("{restricted}, pod-security.kubernetes.io/enforce-version: v1.7");
    assert_eq!(has(&old, "."), [true, false, true]);
    let wrong = format!("{baseline}, pod-security.kubernetes.io/enforce-version: seven");
    assert_eq!(
        has(&wrong, "."),
        [true, true, true],
        "the API server refuses that Namespace"
    );

    let sandbox = with(&baseline);
    sandbox.write(".kubeharden.yaml", "namespaceLabels: false\n");
    assert!(rules(&sandbox, ".", "pod.yaml").contains("privilege-escalation"));
    sandbox.write(".kubeharden.yaml", "profile: restricted\n");
    assert!(rules(&sandbox, ".", "pod.yaml").contains("privilege-escalation"));
    sandbox.write(".kubeharden.yaml", "namespaceLabels: true\n");
    let severity =
        |arguments: &str| findings(&sandbox, arguments, "pod.yaml")["privilege-escalation"].clone();
    assert_eq!(severity("."), "info");
    assert_eq!(
        severity("pod.yaml"),
        "warning",
        "files outside the arguments have no effect"
    );
    sandbox.write("more/ns.yaml", namespace(&restricted));
    assert_eq!(
        severity("."),
        "warning",
        "two Namespaces that disagree say nothing"
    );
}

/// A Namespace without labels gets the level that all its known pods meet, if that is a standard.
#[test]
fn namespace_gets_the_level_of_its_pods() {
    const RESTRICTED: &str = "securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}\n  automountServiceAccountToken: false\n  hostUsers: false";
    let shop = ", namespace: shop";
    let restricted = pod(shop, RESTRICTED).replace(
        "image: registry",
        "securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}\n      image: registry",
    );
    let baseline = pod(shop, RESTRICTED);
    let privileged = pod(shop, "hostPID: true");
    let suppressed = privileged.replace(
        "hostPID: true",
        "hostPID: true # kubeharden: ignore[host-pid]",
    );
    let template = privileged.replace("hostPID: true", "hostPID: {{ .Values.pid }}");
    let generated = privileged.replace("name: web,", "generateName: web-,");
    let unnamed = pod("", "hostPID: true");
    let namespace = namespace("");
    let target = "namespace: shop\nresources: [a.yaml]\n";
    for (case, files, level) in [
        ("restricted", vec![&restricted], Some("restricted")),
        ("the lowest", vec![&restricted, &baseline], Some("baseline")),
        ("privileged", vec![&restricted, &privileged], None),
        ("suppressed", vec![&restricted, &suppressed], None),
        ("without a name", vec![&restricted, &generated], None),
        (
            "a template",
            vec![&restricted, &template],
            Some("restricted"),
        ),
        ("no namespace", vec![&unnamed], None),
        ("none", vec![], None),
    ] {
        let names = ["a.yaml", "b.yaml"];
        let mut all: Vec<(&str, &str)> = names
            .into_iter()
            .zip(files.iter().map(|file| file.as_str()))
            .collect();
        all.push(("shop.yaml", &namespace));
        // Which rules run does not matter.
        for arguments in [
            "--unsafe-fixes .",
            "--unsafe-fixes --select unlabelled-namespace .",
        ] {
            let sandbox = Sandbox::new(&all);
            sandbox.run(&format!("fix {arguments}"));
            let fixed = sandbox.read("shop.yaml");
            let label = level.map_or("warn: restricted".to_owned(), |level| {
                format!("enforce: {level}")
            });
            assert!(fixed.contains(&label), "{case}: {fixed}");
        }
    }
    let sandbox = Sandbox::new(&[
        ("a.yaml", &pod("", RESTRICTED)),
        ("shop.yaml", &namespace),
        ("kustomization.yaml", target),
    ]);
    sandbox.run("fix --unsafe-fixes --select unlabelled-namespace .");
    assert!(sandbox.read("shop.yaml").contains("enforce: baseline"));
}

#[test]
fn kustomization_sets_namespace() {
    let labels = "pod-security.kubernetes.io/enforce: baseline";
    let sandbox = Sandbox::new(&[
        ("app/pod.yaml", &pod("", "hostPID: true")),
        ("app/other.yaml", &pod("", "hostPID: true")),
        (
            "app/kustomization.yaml",
            "namespace: shop\nresources: [pod.yaml, ../ns.yaml]\n",
        ),
        ("ns.yaml", &namespace(labels)),
    ]);
    let severity = |file: &str| findings(&sandbox, ".", file)["privilege-escalation"].clone();
    assert_eq!(severity("app/pod.yaml"), "info");
    assert_eq!(severity("app/other.yaml"), "warning");
}

#[test]
fn kustomization_moves_accounts() {
    let (account, pod_in) = (account("name: web", OFF), |namespace: &str| {
        pod(
            &format!(", namespace: {namespace}"),
            "serviceAccountName: web",
        )
    });
    let sandbox = Sandbox::new(&[
        ("app/accounts/web.yaml", &account),
        (
            "app/kustomization.yaml",
            "namespace: prod\nresources: [accounts/web.yaml]\n",
        ),
        ("pods/prod.yaml", &pod_in("prod")),
        ("pods/test.yaml", &pod_in("test")),
        ("pods/plain.yaml", &pod("", "serviceAccountName: web")),
    ]);
    let is_told = || {
        ["prod", "test", "plain"]
            .map(|pod| rules(&sandbox, ".", &format!("pods/{pod}.yaml")).contains(TOKEN))
    };
    assert_eq!(is_told(), [false, true, false]);
    // What the file says for itself does not count any more.
    sandbox.write(
        "app/accounts/web.yaml",
        account.replace("name: web", "name: web, namespace: test"),
    );
    assert_eq!(is_told(), [false, true, false]);
    sandbox.write(
        "app/kustomization.yaml",
        "namespace: prod\nresources: [accounts/api.yaml]\n",
    );
    assert_eq!(is_told(), [true, false, false]);
}

#[test]
fn overlay_sets_namespace_of_base() {
    let named = "serviceAccountName: web";
    let sandbox = Sandbox::new(&[
        (
            "base/kustomization.yaml",
            "namespace: base\nresources: [account.yaml, pod.yaml]\n",
        ),
        ("base/account.yaml", &account("name: web", OFF)),
        ("base/pod.yaml", &pod("", named)),
        ("prod.yaml", &pod(", namespace: prod", named)),
        ("test.yaml", &pod(", namespace: test", named)),
        ("base.yaml", &pod(", namespace: base", named)),
        ("other.yaml", &pod(", namespace: other", named)),
    ]);
    let is_told = || {
        ["base/pod", "base", "prod", "test", "other"]
            .map(|pod| rules(&sandbox, ".", &format!("{pod}.yaml")).contains(TOKEN))
    };
    assert_eq!(is_told(), [false, false, true, true, true]);
    // The outermost one has the last word, through those between that have none.
    sandbox.write("middle/kustomization.yaml", "resources: [../base]\n");
    assert_eq!(is_told(), [false, false, true, true, true]);
    sandbox.write(
        "overlays/prod/kustomization.yml",
        "namespace: prod\nresources: [../../middle]\n",
    );
    assert_eq!(is_told(), [false, true, false, true, true]);
    sandbox.write(
        "overlays/test/kustomization.yaml",
        "namespace: test\nbases: [../../middle/]\n",
    );
    assert_eq!(is_told(), [false, true, false, false, true]);
    // What is true in one of its namespaces alone is not true of the base.
    sandbox.write(
        "account.yaml",
        account(
            "name: web, namespace: test",
            "automountServiceAccountToken: true",
        ),
    );
    assert_eq!(is_told(), [true, true, false, true, true]);
}

#[test]
fn overlay_namespace_level_applies_to_base() {
    let labels = |level: &str| namespace(&format!("pod-security.kubernetes.io/enforce: {level}"));
    let sandbox = Sandbox::new(&[
        ("base/kustomization.yaml", "resources: [pod.yaml]\n"),
        (
            "base/pod.yaml",
            &pod(", namespace: written", "hostPID: true"),
        ),
        (
            "prod/kustomization.yaml",
            "namespace: shop\nresources: [../base]\n",
        ),
        ("shop.yaml", &labels("baseline")),
    ]);
    let is_baseline = || findings(&sandbox, ".", "base/pod.yaml")["privilege-escalation"] == "info";
    assert!(is_baseline());
    // A Namespace becomes the one that its kustomization puts things into.
    sandbox.write(
        "shop.yaml",
        labels("baseline").replace("name: shop", "name: any"),
    );
    assert!(!is_baseline());
    sandbox.write(
        "prod/kustomization.yaml",
        "namespace: shop\nresources: [../base, ../shop.yaml]\n",
    );
    assert!(is_baseline());
    sandbox.write(
        "test/kustomization.yaml",
        "namespace: test\nresources: [../base]\n",
    );
    assert!(!is_baseline(), "nothing is known of one of its namespaces");
    sandbox.write(
        "test/kustomization.yaml",
        "namespace: test\nresources: [../base, ../shop.yaml]\n",
    );
    assert!(is_baseline());
    // A component changes what the kustomization has that names it.
    sandbox.write(
        "test/kustomization.yaml",
        "resources: [../base]\ncomponents: [../into-test]\n",
    );
    sandbox.write(
        "into-test/kustomization.yaml",
        "kind: Component\nnamespace: test\n",
    );
    assert!(!is_baseline());
    sandbox.write(
        "into-test/kustomization.yaml",
        "kind: Component\nnamespace: shop\n",
    );
    assert!(is_baseline());
    // A cycle cannot be built.
    sandbox.write(
        "test/kustomization.yaml",
        "resources: [../base, ../test, ../prod]\ncomponents: [../test, ../test]\n",
    );
    sandbox.write(
        "prod/kustomization.yaml",
        "namespace: shop\nresources: [../base, ../test]\n",
    );
    is_baseline();
}

#[test]
fn resolved_elsewhere_is_not_fixed() {
    let files = [
        ("pod.yaml", pod("", "serviceAccountName: web")),
        ("account.yaml", account("name: web", OFF)),
    ];
    let sandbox = Sandbox::new(&[("pod.yaml", &files[0].1), ("account.yaml", &files[1].1)]);
    sandbox.run("fix --unsafe-fixes .");
    assert!(!sandbox.read("pod.yaml").contains("automount"));
    sandbox.run("fix --unsafe-fixes pod.yaml");
    assert!(
        sandbox
            .read("pod.yaml")
            .contains("automountServiceAccountToken: false")
    );
}

#[test]
fn unknown_objects_change_nothing() {
    let others = WorkspaceView {
        index: Arc::new(WorkspaceIndex::default()),
        folder: Path::new("/a").into(),
    };
    let among = OwnedInputs {
        context: FileContext {
            workspace: Some(others),
            ..FileContext::default()
        },
        ..OwnedInputs::default()
    };
    let mut files = 0;
    for path in manifests() {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let [alone, beside] = [OwnedInputs::default(), among.clone()].map(|config| {
            let report = analysis::analyze(&text, &config);
            report
                .findings()
                .map(|(part, finding)| {
                    (
                        part.place(finding.range),
                        finding.rule.id,
                        finding.message.clone(),
                    )
                })
                .collect::<Vec<_>>()
        });
        assert_eq!(alone, beside, "{}", path.display());
        files += 1;
    }
    assert!(files > 50, "{files}");
}

fn manifests() -> Vec<PathBuf> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let shared =
        std::env::var_os("KUBEHARDEN_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let folders = [root.join("fixtures"), shared.join("corpus")];
    folders
        .iter()
        .flat_map(|folder| workspace::walk::manifest_files(folder, usize::MAX))
        .flatten()
        .collect()
}
