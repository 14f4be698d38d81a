//! What Helm and kustomize render is checked, and told where its sources made it. With the real programs where they are installed; what
//! goes wrong with them is played by scripts.

use crate::sandbox::{Run, Sandbox, finish};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A sandbox with a folder of the fixtures in it.
fn with_fixture(name: &str) -> Sandbox {
    let sandbox = Sandbox::new(&[]);
    copy(
        &Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
            .join("fixtures/charts")
            .join(name),
        &sandbox,
        Path::new("chart"),
    );
    sandbox
}

fn copy(from: &Path, sandbox: &Sandbox, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), sandbox, &to),
            false => sandbox.write(to.to_str().unwrap(), fs::read(entry.path()).unwrap()),
        }
    }
}

fn is_installed(program: &str, argument: &str) -> bool {
    let is_there = Command::new(program)
        .arg(argument)
        .output()
        .is_ok_and(|output| output.status.success());
    if !is_there {
        println!("SKIPPED: {program} is not installed");
    }
    is_there
}

/// `path: rule: what is written there`, of each finding.
fn told(sandbox: &Sandbox, arguments: &str) -> Vec<String> {
    let json = sandbox.json(arguments);
    let shown = |finding: &Value| {
        let (path, rule) = (
            finding["path"].as_str().unwrap(),
            finding["rule"].as_str().unwrap(),
        );
        let place = |key: &str| finding[key].as_u64().unwrap() as usize;
        let text = sandbox.read(path);
        format!(
            "{path}: {rule}: {}",
            &text[place("startByte")..place("endByte")]
        )
    };
    // Rendered text has no fixes.
    let is_mended = |finding: &Value| !finding["fix"].is_null();
    assert!(arguments == "." || !json["findings"].as_array().unwrap().iter().any(is_mended));
    json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(shown)
        .collect()
}

#[test]
fn helm_findings_are_in_templates() {
    if !is_installed("helm", "version") {
        return;
    }
    let sandbox = with_fixture("outspoken");
    let found = told(&sandbox, "--helm chart");
    for expected in [
        "deployment.yaml: host-network: true",
        "deployment.yaml: privileged-container: true",
        "deployment.yaml: unpinned-image: registry.example.com/shop/migrate:latest",
        "deployment.yaml: root-user: {{- toYaml . | nindent 8 }}",
        "deployment.yaml: root-group: runAsGroup: {{ .Values.user }}",
        "deployment.yaml: privilege-escalation: securityContext",
        "deployment.yaml: sensitive-host-path: hostPath: {path: {{ .Values.path | default \"/\" | quote }}}",
        "job.yaml: privileged-container: {{- toYaml .Values.securityContext | nindent 12 }}",
    ] {
        let expected = format!("chart/templates/{expected}");
        assert!(
            found.contains(&expected),
            "{expected} is not among {found:#?}"
        );
    }
    // Neither is rendered with these values.
    assert!(
        !found
            .iter()
            .any(|found| found.contains("host-pid") || found.contains("busybox")),
        "{found:#?}"
    );

    sandbox.write("prod.yaml", "host: false\nsidecar: debug\nuser: 10001\n");
    let found = told(&sandbox, "--helm chart -f prod.yaml");
    assert!(
        found.contains(&"chart/templates/deployment.yaml: host-pid: true".to_owned()),
        "{found:#?}"
    );
    assert!(
        found.contains(&"chart/templates/deployment.yaml: unpinned-image: busybox".to_owned()),
        "{found:#?}"
    );
    assert!(
        !found
            .iter()
            .any(|found| found.contains("host-network") || found.contains("root-group")),
        "{found:#?}"
    );
}

#[test]
fn helm_create_chart_is_traced() {
    if !is_installed("helm", "version") {
        return;
    }
    let sandbox = with_fixture("starter");
    let run = sandbox.run("check --helm chart");
    assert_eq!(run.code, 1, "{run:?}");
    assert!(
        run.stdout.contains("- name: {{ .Chart.Name }}"),
        "{}",
        run.stdout
    );
    assert!(!run.stderr.contains("the line is not"), "{}", run.stderr);
    let made = finish(
        {
            let mut helm = Command::new("helm");
            helm.args(["create", "fresh"]).current_dir(sandbox.path(""));
            helm.stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped());
            helm
        },
        "",
    );
    assert_eq!(made.code, 0, "{made:?}");
    let run = sandbox.run("check --output-format concise fresh");
    assert!(
        run.stdout
            .lines()
            .all(|line| line.contains("[unpinned-image] image of container \"wget\"")),
        "{}",
        run.stdout
    );
    assert!(
        told(&sandbox, "--helm fresh")
            .iter()
            .any(|found| found.contains("privilege-escalation"))
    );
}

#[test]
fn kustomize_findings_are_in_sources() {
    if !is_installed("kustomize", "version") && !is_installed("kubectl", "help") {
        return;
    }
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      hostPID: true\n      containers:\n        - name: web\n          image: nginx\n";
    let sandbox = Sandbox::new(&[
        (
            "base/kustomization.yaml",
            "resources: [web.yaml]\nconfigMapGenerator:\n  - name: env\n    literals: [DB_PASSWORD=hunter2]\n",
        ),
        ("base/web.yaml", deployment),
        (
            "parts/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{path: sidecar.yaml}]\n",
        ),
        (
            "parts/sidecar.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      containers:\n        - name: proxy\n          image: envoy:latest\n",
        ),
        (
            "prod/kustomization.yaml",
            "resources: [../base]\ncomponents: [../parts]\nnamePrefix: prod-\nnamespace: shop\npatches:\n  - path: privileged.yaml\n  - path: users.json\n    target: {kind: Deployment}\n  - target: {kind: Deployment}\n    patch: |-\n      - op: add\n        path: /spec/template/spec/hostNetwork\n        value: true\n",
        ),
        (
            "prod/privileged.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n      containers:\n        - name: web\n          securityContext:\n            privileged: true\n",
        ),
        (
            "prod/users.json",
            "[{\"op\": \"add\", \"path\": \"/spec/template/spec/securityContext\", \"value\": {\"runAsUser\": 0}}]\n",
        ),
    ]);
    let found = told(&sandbox, "--kustomize prod");
    for expected in [
        "base/web.yaml: host-pid: true",
        "base/web.yaml: unpinned-image: nginx",
        "prod/privileged.yaml: writable-root-filesystem: securityContext",
        "parts/sidecar.yaml: unpinned-image: envoy:latest",
        "parts/sidecar.yaml: privilege-escalation: proxy",
        "prod/privileged.yaml: privileged-container: true",
        "prod/kustomization.yaml: host-network: true",
        "prod/users.json: root-user: 0",
        "base/kustomization.yaml: secret-in-config-map: ",
    ] {
        assert!(
            found.iter().any(|found| found == expected),
            "{expected} is not among {found:#?}"
        );
    }
    let run = sandbox.run("check --output-format concise --kustomize prod");
    assert!(
        run.stdout
            .contains("in plain text (the line that produced it is unknown)"),
        "{}",
        run.stdout
    );
    assert!(
        run.stderr
            .contains("could be traced to a file but not to a line"),
        "{}",
        run.stderr
    );
    // The same files, each by itself.
    let alone = told(&sandbox, ".");
    assert!(
        !alone
            .iter()
            .any(|found| found.starts_with("parts/sidecar.yaml: privilege-escalation")),
        "{alone:#?}"
    );
    for expected in [
        "prod/privileged.yaml: privileged-container: true",
        "prod/users.json: root-user: 0",
    ] {
        assert!(
            alone.iter().any(|found| found == expected),
            "{expected} is not among {alone:#?}"
        );
    }
    // The very value, where what is rendered is known by its line.
    assert!(
        alone
            .iter()
            .any(|found| found == "prod/kustomization.yaml: host-network: true"),
        "{alone:#?}"
    );
}

/// A run with nothing but these scripts to find.
#[cfg(unix)]
fn with_scripts(arguments: &str, scripts: &[(&str, &str)]) -> Run {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new(&[
        ("chart/Chart.yaml", "name: a\n"),
        ("chart/templates/a.yaml", "kind: Pod\n"),
        ("bin/nothing", ""),
    ]);
    for (name, script) in scripts {
        let path = format!("bin/{name}");
        sandbox.write(&path, format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(sandbox.path(&path), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = sandbox.command(arguments);
    command.env("PATH", sandbox.path("bin"));
    finish(command, "")
}

#[cfg(unix)]
#[test]
fn missing_or_failing_program_is_an_error() {
    let missing = with_scripts("check --helm chart", &[]);
    assert_eq!((missing.code, missing.stdout.as_str()), (2, ""));
    assert!(
        missing
            .stderr
            .contains("helm is not installed: install helm, or"),
        "{}",
        missing.stderr
    );
    let missing = with_scripts("check --kustomize chart", &[]);
    assert!(
        missing.code == 2 && missing.stderr.contains("install kustomize or kubectl"),
        "{missing:?}"
    );
    let failed = with_scripts(
        "check --helm chart",
        &[("helm", "echo 'Error: no values' >&2; exit 1")],
    );
    assert!(
        failed.code == 2 && failed.stderr.contains("helm failed: Error: no values"),
        "{failed:?}"
    );
    let failed = with_scripts(
        "check --kustomize chart",
        &[("kubectl", "echo 'no such thing' >&2; exit 1")],
    );
    assert!(
        failed.code == 2 && failed.stderr.contains("kubectl failed: no such thing"),
        "{failed:?}"
    );
    assert_eq!(
        with_scripts("check --helm chart", &[("helm", "printf ''")]).code,
        0
    );
}

#[cfg(unix)]
#[test]
fn missing_template_is_named() {
    let rendered = "printf -- '---\\n# Source: a/charts/b/templates/c.yaml\\napiVersion: v1\\nkind: Pod\\nspec:\\n  hostPID: true\\n'";
    let run = with_scripts(
        "check --output-format concise --helm chart",
        &[("helm", rendered)],
    );
    let line = "chart/charts/b/templates/c.yaml:1:1: error[host-pid] hostPID is true: the pod sees every process of the node \
                (the line that produced it is unknown)";
    assert_eq!((run.code, run.stdout.trim_end()), (1, line), "{run:?}");
}

#[cfg(unix)]
#[test]
fn list_items_are_traced_to_template() {
    let pod = "- apiVersion: v1\\n  kind: Pod\\n  spec:\\n    hostPID: true\\n";
    let rendered = format!(
        "printf -- '---\\n# Source: a/templates/b.yaml\\napiVersion: v1\\nkind: Pod\\n---\\n# Source: a/templates/c.yaml\\napiVersion: v1\\nkind: List\\nitems:\\n{pod}{pod}'"
    );
    let run = with_scripts(
        "check --output-format json --select host-pid --helm chart",
        &[("helm", &rendered)],
    );
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    let [finding] = &json["findings"].as_array().unwrap()[..] else {
        panic!("both are told as one: {}", run.stdout)
    };
    assert_eq!(
        (&finding["path"], &finding["document"]),
        (&"chart/templates/c.yaml".into(), &1.into()),
        "{}",
        run.stdout
    );
    assert_eq!(json["summary"]["documents"], 2);
}

#[test]
fn rendering_options_exclude_paths() {
    let sandbox = Sandbox::new(&[]);
    for arguments in [
        "check --helm a b",
        "check --helm a --kustomize b",
        "check -f a",
        "check --kustomize a b",
    ] {
        assert_eq!(sandbox.run(arguments).code, 2, "{arguments}");
    }
}

#[test]
fn kustomize_honors_comments_and_blames_the_overlay() {
    if !is_installed("kustomize", "version") && !is_installed("kubectl", "help") {
        return;
    }
    let deployment = |name: &str, comment: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  selector: {{matchLabels: {{app: {name}}}}}\n  \
             template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n      containers:\n        - name: web{comment}\n          \
             image: nginx:1\n          securityContext: {{privileged: true}}\n"
        )
    };
    let base = format!(
        "{}---\n{}",
        deployment("one", " # kubeharden: ignore[privileged-container] why"),
        deployment("two", "")
    );
    let sandbox = Sandbox::new(&[
        ("base/kustomization.yaml", "resources: [web.yaml]\n"),
        ("base/web.yaml", &base),
        (
            "over/kustomization.yaml",
            "resources: [../base]\nimages:\n  - name: nginx\n    newTag: latest\n",
        ),
    ]);
    let select = "--select privileged-container,unpinned-image";
    for path in ["over", "over/kustomization.yaml"] {
        assert_eq!(
            told(&sandbox, &format!("{select} --kustomize {path}")),
            [
                // The containers of both objects have the same name.
                "base/web.yaml: privileged-container: true",
                "over/kustomization.yaml: unpinned-image: latest",
            ]
        );
    }
    let run = sandbox.run("check --kustomize missing");
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("no such kustomization"), "{run:?}");
    sandbox.write("over/kustomization.yaml", "resources: [../nothing]\n");
    let run = sandbox.run("check --kustomize over");
    assert!(run.code == 2 && run.stderr.contains("/over"), "{run:?}");
}
