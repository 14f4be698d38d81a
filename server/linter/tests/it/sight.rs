//! Documents that cannot be seen in full, where a text is read in parts and where findings are ignored.

use linter::OwnedInputs;
use linter::analysis::{self, Analysis, DocumentKind, Report, SuppressionScope};
use linter::config::Config;
use workspace::{FileContext, FileRole};

const ITEM: &str = "\
- apiVersion: v1
  kind: Pod
  metadata: {name: a}
  spec:
    hostPID: true
    containers: [{name: a, image: 'registry.example.com/a:1'}]
";

/// A list with two items, each after the other with some text behind it.
fn list(behind: [&str; 2], tail: &str) -> String {
    format!(
        "apiVersion: v1\nkind: List\nitems:\n{ITEM}{}{ITEM}{}{tail}",
        behind[0], behind[1]
    )
}

fn with_role(role: FileRole) -> OwnedInputs {
    OwnedInputs {
        context: FileContext {
            role,
            ..FileContext::default()
        },
        ..OwnedInputs::default()
    }
}

fn sights(report: &Report) -> Vec<DocumentKind> {
    report.chunks().map(|part| part.analysis.kind).collect()
}

fn count(report: &Report, rule: &str) -> usize {
    report
        .findings()
        .filter(|(_, finding)| finding.rule.id == rule)
        .count()
}

fn has_fix(report: &Report) -> bool {
    report.findings().any(|(_, finding)| finding.fix.is_some())
}

#[test]
fn partial_item_makes_list_partial() {
    let plain = analysis::analyze(&list(["", ""], ""), &Config::default());
    assert_eq!(sights(&plain), [DocumentKind::Complete; 3]);
    assert!(has_fix(&plain) && count(&plain, "privilege-escalation") == 2);

    let sops = "sops:\n  mac: ENC[x]\n  lastmodified: x\n";
    let sealed = analysis::analyze(&list(["", ""], sops), &Config::default());
    assert_eq!(
        (sights(&sealed), count(&sealed, "host-pid")),
        (vec![DocumentKind::Encrypted], 2)
    );
    assert!(
        sealed
            .findings()
            .all(|(part, finding)| part.analysis.quick_reject(finding).is_some())
    );

    for (text, config) in [
        (list(["", ""], ""), with_role(FileRole::Patch)),
        (
            list(["  status: '{{ .a }}'\n", ""], ""),
            with_role(FileRole::ChartTemplate),
        ),
        (
            list(["", "  status: {{ .a }}\n"], ""),
            OwnedInputs::default(),
        ),
        (list(["", ""], "$patch: replace\n"), OwnedInputs::default()),
    ] {
        let report = analysis::analyze(&text, &config);
        let [sight] = sights(&report)[..] else {
            panic!("{text} is not read as one")
        };
        assert_ne!(sight, DocumentKind::Complete, "{text}");
        assert_eq!(
            (
                count(&report, "host-pid"),
                count(&report, "privilege-escalation")
            ),
            (2, 0),
            "{text}"
        );
        assert!(!has_fix(&report), "{text}");
    }
}

#[test]
fn list_outside_manifest_is_skipped() {
    let items = "- a: 1 # kubeharden: ignore[host-pid] it is not there\n- b: 2 # kubeharden: ignore[no-such-rule]\n";
    let report = analysis::analyze(&format!("name: a\nitems:\n{items}"), &Config::default());
    assert_eq!((report.chunks().count(), report.findings().count()), (3, 0));
    let report = analysis::analyze(
        &format!("apiVersion: v1\nkind: List\nitems:\n{items}"),
        &Config::default(),
    );
    assert!(report.findings().count() > 0);
}

#[test]
fn custom_resource_items_are_read_alone() {
    let item = "\
- apiVersion: example.com/v1
  kind: Shop
  metadata: {name: a}
  spec:
    frontTemplate: {spec: {containers: [{name: a, image: 'registry.example.com/a:1'}]}}
    backTemplate: {spec: {containers: [{name: b, image: 'registry.example.com/b:1'}]}}
";
    let text = format!("apiVersion: v1\nkind: List\nitems:\n{item}{item}");
    let count = |config: &Config| count(&analysis::analyze(&text, config), "privilege-escalation");
    assert_eq!(count(&Config::default()), 4);
    assert_eq!(
        count(&Config {
            detect_pod_templates: false,
            ..Config::default()
        }),
        0
    );
}

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec:
  template:
    spec:
      hostPID: true # kubeharden: ignore[host-pid] it looks at the node
      hostIPC: true
      containers: # kubeharden: ignore[missing-seccomp-profile] the rest says it
        - name: a
          image: registry.example.com/a:1
";

fn ids(findings: &[linter::rules::Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.rule.id).collect()
}

#[test]
fn partial_documents_keep_suppressions() {
    let template = DEPLOYMENT.replace("metadata: {name: a}", "metadata: {{ .a }}");
    let branches =
        format!("{{{{ if .a }}}}\n{DEPLOYMENT}{{{{ else }}}}\n{DEPLOYMENT}{{{{ end }}}}\n");
    let patch = format!("$patch: merge\n{DEPLOYMENT}");
    let sealed = format!("{DEPLOYMENT}sops: {{mac: x}}\n");
    for text in [template, branches.clone(), patch, sealed] {
        let text = text.replace("the rest says it", "it").replace(
            "hostIPC: true",
            "hostIPC: true # kubeharden: ignore[nothing-such]",
        );
        let analysis = analysis::analyze_document(&text, &Config::default());
        let told = ids(&analysis.findings);
        assert!(
            !told.contains(&"host-pid") && told.contains(&"host-ipc"),
            "{text}{told:?}"
        );
        assert!(ids(&analysis.suppressed).contains(&"host-pid"), "{text}");
        let unused = analysis
            .findings
            .iter()
            .filter(|finding| finding.rule.id == "unused-ignore");
        let unused: Vec<&str> = unused.map(|finding| finding.message.as_ref()).collect();
        assert!(
            !unused.is_empty()
                && unused
                    .iter()
                    .all(|message| message.contains("nothing-such")),
            "{text}{unused:?}"
        );
    }
    // One for each of the two branches.
    let analysis = analysis::analyze_document(&branches, &Config::default());
    assert_eq!(
        ids(&analysis.suppressed)
            .iter()
            .filter(|id| **id == "host-pid")
            .count(),
        2
    );
    // Where everything is seen, what nothing could mean is told.
    let whole = DEPLOYMENT.replace("hostPID: true", "hostPID: false");
    assert_eq!(
        ids(&analysis::analyze_document(&whole, &Config::default()).findings)
            .iter()
            .filter(|id| **id == "unused-ignore")
            .count(),
        1
    );
}

#[test]
fn ignore_comments_are_written_into_patches() {
    let ignoring = |analysis: &Analysis, config: &OwnedInputs| {
        let finding = analysis
            .findings
            .iter()
            .find(|finding| finding.rule.id == "host-ipc");
        analysis
            .suppress(
                &[finding.unwrap_or_else(|| panic!("nothing of host-ipc"))],
                SuppressionScope::Place,
                config.into(),
            )
            .map_err(|reason| reason.to_string())
    };
    let config = with_role(FileRole::Patch);
    let analysis = analysis::analyze_document(DEPLOYMENT, &config);
    let edits = ignoring(&analysis, &config).expect("a comment");
    assert!(
        edits
            .apply(DEPLOYMENT)
            .contains("hostIPC: true # kubeharden: ignore[host-ipc]")
    );

    let config = OwnedInputs::default();
    let template = analysis::analyze_document(
        &DEPLOYMENT.replace("metadata: {name: a}", "metadata: {{ .a }}"),
        &config,
    );
    assert_eq!(
        ignoring(&template, &config).expect_err("nothing"),
        "this is a template"
    );
    let sealed = analysis::analyze_document(&format!("{DEPLOYMENT}sops: {{mac: x}}\n"), &config);
    assert!(
        ignoring(&sealed, &config)
            .expect_err("nothing")
            .contains("encrypted with SOPS")
    );
}

#[test]
fn annotation_covers_all_pods() {
    let text = "\
apiVersion: ray.io/v1
kind: RayCluster
metadata:
  name: a
  annotations:
    kubeharden.dev/ignore: \"host-pid: it looks at the node\"
spec:
  headGroupSpec: {template: {spec: {containers: [{name: a, image: 'registry.example.com/a:1'}]}}}
  workerGroupSpecs:
    - template: {spec: {hostPID: true, containers: [{name: b, image: 'registry.example.com/b:1'}]}}
";
    let analysis = analysis::analyze_document(text, &Config::default());
    let told = ids(&analysis.findings);
    assert!(
        !told.contains(&"host-pid") && !told.contains(&"unused-ignore"),
        "{told:?}"
    );
    assert_eq!(ids(&analysis.suppressed), ["host-pid"]);
}

#[test]
fn inline_patch_suppressions_apply() {
    let patch = DEPLOYMENT
        .lines()
        .map(|line| format!("      {line}\n"))
        .collect::<String>();
    let text = format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\npatches:\n  - patch: |\n{patch}"
    );
    let analysis = analysis::analyze_document(&text, &Config::default());
    assert_eq!(
        (ids(&analysis.findings), ids(&analysis.suppressed)),
        (vec!["host-ipc"], vec!["host-pid"])
    );
    assert_eq!(&text[analysis.suppressed[0].range], "true");
}

#[test]
fn controller_may_add_volume() {
    let pod = |kind: &str, spec: &str| {
        let text = format!("apiVersion: {kind}\nmetadata: {{name: a}}\nspec: {spec}\n");
        let spec = "{containers: [{name: a, image: 'registry.example.com/a:1', volumeMounts: [{name: a, mountPath: /a}]}]}";
        count(
            &analysis::analyze(&text.replace("SPEC", spec), &Config::default()),
            "refused-value",
        )
    };
    assert_eq!(pod("v1\nkind: Pod", "SPEC"), 1);
    assert_eq!(
        pod(
            "serving.knative.dev/v1\nkind: Service",
            "{template: {spec: SPEC}}"
        ),
        0
    );
}

#[test]
fn oversized_document_is_reported() {
    let filler = "  # a comment as long as a line usually is, and nothing to read in it\n"
        .repeat((yaml::MAX_BYTES >> 6) - 1);
    let of = |text: &str| -> Vec<(&str, std::ops::Range<usize>, String)> {
        let report = analysis::analyze(text, &Config::default());
        report
            .findings()
            .map(|(part, finding)| {
                (
                    finding.rule.id,
                    part.place(finding.range),
                    finding.message.to_string(),
                )
            })
            .collect()
    };
    let manifest =
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n{filler}");
    let [(rule, range, message)] = &of(&manifest)[..] else {
        panic!("one finding")
    };
    assert_eq!(
        (*rule, &manifest[range.clone()]),
        ("syntax-error", "apiVersion: v1")
    );
    assert!(
        message.starts_with("not read: the document has 1"),
        "{message}"
    );
    assert_eq!(
        of(&format!("replicas: 3\n{filler}")),
        [],
        "other documents are not read"
    );
    let beside = format!(
        "{manifest}---\napiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {{hostPID: true, containers: []}}\n"
    );
    assert!(
        of(&beside).iter().any(|(rule, ..)| *rule == "host-pid"),
        "other documents of the file are read"
    );
}
