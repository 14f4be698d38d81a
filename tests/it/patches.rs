//! JSON patches: what an operation writes is judged as what it will be, and nothing else is.

use crate::sandbox::Sandbox;
use kubernetes::{self, Object, PatchTarget, Pod};
use linter::analysis::{self, Analysis, DocumentKind, SuppressionScope};
use linter::config::Config;
use linter::rules::{self, Finding};
use linter::{Inputs, OwnedInputs};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use workspace::{FileContext, FileRole};
use yaml::{Entry, Node, NodeKind, Offset, Path, Range, Resolved, Step, Yaml};

fn target(kind: &str, group: &str) -> PatchTarget {
    let named = |word: &str| (!word.is_empty()).then(|| word.into());
    PatchTarget {
        kind: named(kind),
        group: named(group),
        version: None,
    }
}

fn patch_for(target: PatchTarget, config: Config) -> OwnedInputs {
    OwnedInputs {
        config: Arc::new(config),
        context: FileContext {
            role: FileRole::Patch,
            target,
            ..FileContext::default()
        },
    }
}

/// The YAML blocks on the pages of all rules.
fn examples() -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for rule in rules::ALL {
        let mut is_open = false;
        for line in rule
            .docs
            .lines()
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
        {
            match (is_open, line) {
                (false, line) if line.starts_with("```yaml ") => {
                    is_open = true;
                    found.push(String::new());
                }
                (true, "```") => is_open = false,
                (true, line) => found.last_mut().expect("opened").extend([line, "\n"]),
                _ => {}
            }
        }
    }
    found
}

fn all_rules() -> Config {
    let mut config = Config {
        no_suppressions: true,
        ..Config::default()
    };
    config.rules.select = rules::ALL.iter().map(|rule| rule.id.to_owned()).collect();
    config
        .values
        .allowed_registries
        .push("registry.example.com".to_owned());
    config
}

fn json(node: Node<'_>) -> String {
    let node = node.resolve().expect("an alias leads somewhere");
    let joined = |parts: Vec<String>| parts.join(", ");
    match node.kind() {
        NodeKind::Mapping => {
            let entry = |entry: Entry<'_>| {
                format!(
                    "{:?}: {}",
                    entry.key.as_str().unwrap_or_default(),
                    json(entry.value)
                )
            };
            format!("{{{}}}", joined(node.entries().map(entry).collect()))
        }
        NodeKind::Sequence => format!("[{}]", joined(node.items().map(json).collect())),
        _ => match node.resolved() {
            Some(Resolved::Str(text)) => serde_json::Value::from(text).to_string(),
            Some(Resolved::Null) | None => "null".to_owned(),
            Some(_) => node.source().to_owned(),
        },
    }
}

fn pointer(path: &Path) -> String {
    let step = |step: Step<'_>| match step {
        Step::Key(key) => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Step::Index(index) => format!("/{index}"),
    };
    path.steps().map(step).collect()
}

/// Where a finding of a whole document is, as a pointer.
fn place(yaml: &Yaml, range: Range) -> String {
    yaml.covering(range.start())
        .map(|node| pointer(&node.path()))
        .unwrap_or_default()
}

/// Where a finding of the only operation of a patch is in what is patched.
fn place_of_operation(yaml: &Yaml, range: Range, path: &str) -> String {
    let place = place(yaml, range);
    if let Some(below) = place.strip_prefix("/0/value") {
        return format!("{path}{below}");
    }
    if place != "/0/path" {
        return format!("{place} of the patch");
    }
    let before = &yaml.text()[..usize::from(range.end())];
    before[before.find("\"/").expect("a pointer") + 1..].to_owned()
}

/// Rules with the places of their findings.
type Told = BTreeSet<(&'static str, String)>;

/// The findings of a document, except those about missing fields.
fn told(analysis: &Analysis, place: impl Fn(Range) -> String) -> Told {
    let present = analysis
        .findings
        .iter()
        .filter(|finding| !finding.target.absent);
    present
        .map(|finding| (finding.rule.id, place(finding.range)))
        .collect()
}

/// Holds whole objects against the operations that would write each of their parts.
struct Comparison {
    is_kind_known: bool,
    /// By the kind and the text of a patch: many objects have the same parts.
    known: HashMap<(String, String), Told>,
    /// The findings of operations alone.
    wrong: BTreeSet<String>,
    rules: BTreeSet<&'static str>,
}

impl Comparison {
    fn compare(&mut self, text: &str) {
        for part in analysis::analyze(text, &all_rules()).chunks() {
            let analysis = part.analysis;
            let objects = kubernetes::objects(analysis.yaml());
            let object = objects
                .first()
                .filter(|object| Some(object.node) == analysis.yaml().root());
            // A finding that another field of the pod would resolve is reported, because only the operation is visible.
            let is_excused = |pod: &Pod<'_>| pod.is_windows() || pod.has_user_namespace();
            let is_whole = analysis.yaml().errors().is_empty();
            let Some(object) =
                object.filter(|object| is_whole && !object.pod.as_ref().is_some_and(is_excused))
            else {
                continue;
            };
            let whole = told(analysis, |range| place(analysis.yaml(), range));
            for node in analysis
                .yaml()
                .nodes()
                .filter(|node| node.parent().is_some())
            {
                let is_key = node
                    .parent()
                    .is_some_and(|parent| parent.entries().any(|entry| entry.key == node));
                if !is_key {
                    self.compare_part(object, node, &whole);
                }
            }
        }
    }

    fn compare_part(&mut self, object: &Object<'_>, node: Node<'_>, whole: &Told) {
        let path = pointer(&node.path());
        let patch = format!(
            "[{{\"op\": \"add\", \"path\": {path:?}, \"value\": {}}}]",
            json(node)
        );
        let group = object
            .api_version
            .split_once('/')
            .map_or("", |(group, _)| group);
        let target = if self.is_kind_known {
            target(object.kind, group)
        } else {
            PatchTarget::default()
        };
        let key = (format!("{target:?}"), patch);
        let by_operation = self.known.entry(key.clone()).or_insert_with(|| {
            let found = analysis::analyze_document(&key.1, &patch_for(target, all_rules()));
            assert!(
                found
                    .findings
                    .iter()
                    .all(|finding| !finding.target.absent && finding.fix.is_none()),
                "{}",
                key.1
            );
            told(&found, |range| {
                place_of_operation(found.yaml(), range, &path)
            })
        });
        for finding in by_operation.iter() {
            match whole.contains(finding) {
                true => _ = self.rules.insert(finding.0),
                false => _ = self.wrong.insert(format!("{finding:?}: {}", key.1)),
            }
        }
    }
}

/// Objects made for rejection by the API server, and objects made for the Pod Security Standards.
fn made() -> Vec<String> {
    let lines = |name: &str, key: &'static str, every: usize| -> Vec<String> {
        let text = std::fs::read_to_string(format!(
            "{}/tests/data/{name}",
            concat!(env!("CARGO_MANIFEST_DIR"), "/../..")
        ))
        .expect("readable");
        let object = |line: &str| {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON")[key].to_string()
        };
        // A change of a pod leaves fields behind in a workload that replaces the pod.
        let is_pod =
            |text: &String| !text.contains("\"kind\"") || text.contains("\"kind\":\"Pod\"");
        let objects = text.lines().step_by(every).map(object);
        objects.filter(is_pod).collect()
    };
    let mut files = Vec::new();
    for folder in ["bad", "misplaced"] {
        let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
            .join("fixtures")
            .join(folder);
        let entries = std::fs::read_dir(folder).expect("a folder of fixtures");
        files.extend(entries.map(|entry| {
            std::fs::read_to_string(entry.expect("an entry").path()).expect("a text")
        }));
    }
    [
        files,
        lines("refused.jsonl", "manifest", 3),
        lines("verdicts.jsonl", "pod", 9),
    ]
    .concat()
}

#[test]
fn operation_findings_match_whole_object() {
    for is_kind_known in [true, false] {
        let mut comparison = Comparison {
            is_kind_known,
            known: HashMap::new(),
            wrong: BTreeSet::new(),
            rules: BTreeSet::new(),
        };
        examples()
            .iter()
            .chain(&made())
            .for_each(|text| comparison.compare(text));
        let Comparison {
            known,
            wrong,
            rules,
            ..
        } = comparison;
        println!(
            "{} operations, {} rules: {rules:?}",
            known.len(),
            rules.len()
        );
        assert!(
            wrong.is_empty(),
            "{}:\n{}",
            wrong.len(),
            Vec::from_iter(wrong).join("\n")
        );
        assert!(rules.len() > 30, "{rules:?}");
    }
}

/// `rule: what is written there` of each finding.
fn said<'i>(text: &str, config: impl Into<Inputs<'i>>) -> Vec<String> {
    let report = analysis::analyze(text, config);
    let shown = |(part, finding): (analysis::Chunk<'_>, &Finding)| {
        assert!(
            finding.fix.is_none()
                && finding.alternatives.is_empty()
                && finding.target.object.is_none(),
            "{text}"
        );
        format!("{}: {}", finding.rule.id, &text[part.place(finding.range)])
    };
    report.findings().map(shown).collect()
}

/// What is said of one operation that adds a value in a patch of that kind.
fn said_of(kind: &str, path: &str, value: &str) -> Vec<String> {
    said(
        &format!("- op: add\n  path: {path}\n  value: {value}\n"),
        &patch_for(target(kind, ""), Config::default()),
    )
}

#[test]
fn bad_value_is_marked() {
    for kind in [
        "Deployment",
        "",
        "StatefulSet",
        "Deployment|StatefulSet",
        "MyWorkload",
    ] {
        for (path, value, expected) in [
            (
                "/spec/template/spec/hostNetwork",
                "true",
                "host-network: true",
            ),
            (
                "/spec/template/spec/containers/0/securityContext",
                "{privileged: true}",
                "privileged-container: true",
            ),
            (
                "/spec/template/spec/containers/0/securityContext/privileged",
                "true",
                "privileged-container: true",
            ),
            (
                "/spec/template/spec/initContainers/-1/image",
                "busybox",
                "unpinned-image: busybox",
            ),
            (
                "/spec/template/spec/volumes/-",
                "{name: x, hostPath: {path: /}}",
                "sensitive-host-path: /",
            ),
            (
                "/spec/template/spec/containers/-",
                "{name: a, image: 'a:latest'}",
                "unpinned-image: 'a:latest'",
            ),
            (
                "/spec/template/spec/containers/0/env/-",
                "{name: DB_PASSWORD, value: hunter22}",
                "secret-in-env: hunter22",
            ),
            (
                "/spec/template/spec/containers/0/securityContext/runAsUser",
                "root",
                "wrong-type: root",
            ),
            (
                "/spec/template/spec/securityContext/runAsUser",
                "-1",
                "refused-value: -1",
            ),
            ("/spec/template/spec", "{hostPID: true}", "host-pid: true"),
            (
                "/spec",
                "{template: {spec: {hostPID: true}}}",
                "host-pid: true",
            ),
        ] {
            assert_eq!(said_of(kind, path, value), [expected], "{kind}: {path}");
        }
        let annotation = "container.apparmor.security.beta.kubernetes.io~1web";
        let path = format!("/spec/template/metadata/annotations/{annotation}");
        let expected = [
            format!("deprecated-apparmor-annotation: {annotation}"),
            "unconfined-apparmor: unconfined".to_owned(),
        ];
        assert_eq!(said_of(kind, &path, "unconfined"), expected, "{kind}");
    }
    let of_cron_job = |kind| said_of(kind, "/spec/jobTemplate/spec/template/spec/hostIPC", "true");
    assert_eq!(
        (of_cron_job("CronJob"), of_cron_job("")),
        (vec!["host-ipc: true".into()], vec!["host-ipc: true".into()])
    );
    let of_pod = |kind| {
        said_of(
            kind,
            "/spec/containers/0/securityContext/privileged",
            "true",
        )
    };
    assert_eq!(
        (of_pod("Pod"), of_pod("").len()),
        (vec!["privileged-container: true".into()], 1)
    );
    assert_eq!(
        said_of("Rollout", "/spec/template/spec/hostPID", "true"),
        ["host-pid: true"]
    );
    assert_eq!(
        said_of("ConfigMap", "/data/DB_PASSWORD", "hunter22"),
        ["secret-in-config-map: hunter22"]
    );
}

#[test]
fn unknown_field_is_marked_in_path() {
    for (path, expected) in [
        (
            "/spec/template/spec/hostNetwrok",
            "misspelled-security-field: hostNetwrok",
        ),
        ("/spec/template/spec/replicas", "unknown-field: replicas"),
        (
            "/spec/template/spec/containers/0/privileged",
            "misplaced-security-field: privileged",
        ),
        ("/spec/hostPID", "misplaced-security-field: hostPID"),
        ("/spec/containers/0/image", "unknown-field: containers"),
    ] {
        assert_eq!(said_of("Deployment", path, "true")[0], expected);
        assert_eq!(
            said_of("", path, "true")
                .iter()
                .filter(|said| said.contains("field"))
                .count(),
            0,
            "{path}"
        );
    }
}

#[test]
fn uncertain_findings_are_dropped() {
    for (kind, path, value) in [
        // Of another or an unknown type.
        ("", "/spec/hostNetwork", "true"),
        ("", "/data/DB_PASSWORD", "hunter22"),
        ("Secret", "/data/DB_PASSWORD", "aHVudGVyMjI="),
        ("Service", "/spec/template/spec/timeoutSeconds", "1"),
        ("", "/spec/values/template/spec/hostNetwork", "true"),
        ("", "/spec/template/spec/domain/devices", "{}"),
        ("Deployment", "/status/replicas", "x"),
        // What only looks like the number of an item, and what does not where one is wanted.
        ("Deployment", "/metadata/annotations/0", "x"),
        (
            "Deployment",
            "/spec/template/spec/containers/web/securityContext/privileged",
            "true",
        ),
        // Parts that say nothing without the rest.
        (
            "Deployment",
            "/spec/template/spec/containers/0/env/0/value",
            "hunter22",
        ),
        (
            "Deployment",
            "/spec/template/spec/containers/0/securityContext/capabilities/drop/-",
            "KILL",
        ),
        (
            "Deployment",
            "/spec/template/spec/containers/0/securityContext/seccompProfile/localhostProfile",
            "a.json",
        ),
        (
            "Deployment",
            "/spec/template/spec/volumes/0/hostPath/type",
            "Directory",
        ),
        (
            "Deployment",
            "/spec/template/spec/containers/0/volumeMounts/-",
            "{name: a, mountPath: /a, mountPropagation: Bidirectional}",
        ),
        (
            "Deployment",
            "/spec/template/spec/initContainers/0/livenessProbe",
            "{exec: {command: [a]}}",
        ),
        (
            "Pod",
            "/spec/containers/0/volumeMounts/-",
            "{name: a, mountPath: /a}",
        ),
        ("Pod", "/metadata/annotations/a", "b"),
        ("Role", "/metadata/annotations/a", "b"),
        ("Namespace", "/metadata/labels/a", "b"),
        ("Deployment", "/spec/template/spec/hostNetwork", ""),
        ("Deployment", "spec/template/spec/hostNetwork", "true"),
    ] {
        assert_eq!(said_of(kind, path, value), [""; 0], "{kind}: {path}");
    }
    for operation in [
        "op: test",
        "op: remove",
        "op: copy, from: /spec/a",
        "op: move, from: /spec/a",
        "op: Add",
        "op: ",
    ] {
        let text =
            format!("- {{{operation}, path: /spec/template/spec/hostNetwork, value: true}}\n");
        assert_eq!(
            said(
                &text,
                &patch_for(target("Deployment", ""), Config::default())
            ),
            [""; 0],
            "{text}"
        );
    }
}

#[test]
fn group_and_version_select_kind() {
    let of = |group: &str, version: Option<&str>, kind: &str, path: &str| {
        let target = PatchTarget {
            version: version.map(Into::into),
            ..target(kind, group)
        };
        said(
            &format!("- op: add\n  path: {path}\n  value: true\n"),
            &patch_for(target, Config::default()),
        )
    };
    // Kubernetes' own has no such field, and that of another group is not looked into.
    assert_eq!(
        of("apps", Some("v1"), "StatefulSet", "/spec/reserveOrdinals"),
        ["unknown-field: reserveOrdinals"]
    );
    for group in ["", "apps.kruise.io"] {
        assert_eq!(
            of(group, None, "StatefulSet", "/spec/reserveOrdinals"),
            [""; 0]
        );
        assert_eq!(
            of(group, None, "StatefulSet", "/spec/template/spec/hostPID"),
            ["host-pid: true"]
        );
    }
    assert_eq!(
        of(
            "extensions",
            Some("v1beta1"),
            "Deployment",
            "/spec/template/spec/hostPID"
        ),
        ["host-pid: true"]
    );
    assert_eq!(
        of(
            "batch.volcano.sh",
            None,
            "Job",
            "/spec/tasks/0/template/spec/hostPID"
        ),
        ["host-pid: true"]
    );
    // An unknown resource, and one that mentions pods without creating any.
    assert_eq!(
        of("example.com", None, "Shop", "/spec/template/spec/hostPID"),
        ["host-pid: true"]
    );
    assert_eq!(
        of(
            "kyverno.io",
            None,
            "ClusterPolicy",
            "/spec/template/spec/hostPID"
        ),
        [""; 0]
    );
    let strict = Config {
        detect_pod_templates: false,
        ..Config::default()
    };
    let text = "- op: add\n  path: /spec/template/spec/hostPID\n  value: true\n";
    assert_eq!(
        said(text, &patch_for(target("Shop", "example.com"), strict)),
        [""; 0]
    );
}

const PRIVILEGED: &str = "\
- op: replace
  path: /spec/template/spec/containers/0/securityContext/privileged
  value: true # kubeharden: ignore[privileged-container] it is the agent
- op: add
  path: /spec/template/spec/hostPID
  value: true
";

#[test]
fn comment_suppresses_value_on_its_line() {
    let config = patch_for(target("DaemonSet", "apps"), Config::default());
    let analysis = analysis::analyze_document(PRIVILEGED, &config);
    let ids = |findings: &[Finding]| {
        findings
            .iter()
            .map(|finding| finding.rule.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (ids(&analysis.findings), ids(&analysis.suppressed)),
        (vec!["host-pid"], vec!["privileged-container"])
    );
    assert_eq!(
        (analysis.kind, analysis.objects.len()),
        (DocumentKind::Patch, 0)
    );
    let edits = analysis
        .suppress(
            &[&analysis.findings[0]],
            SuppressionScope::Place,
            (&config).into(),
        )
        .expect("a comment");
    let ignored = edits.apply(PRIVILEGED);
    assert!(
        ignored.ends_with("  value: true # kubeharden: ignore[host-pid]\n"),
        "{ignored}"
    );
    assert!(
        analysis::analyze_document(&ignored, &config)
            .findings
            .is_empty()
    );

    let shown = patch_for(
        target("DaemonSet", "apps"),
        Config {
            no_suppressions: true,
            ..Config::default()
        },
    );
    assert_eq!(
        said(PRIVILEGED, &shown),
        ["privileged-container: true", "host-pid: true"]
    );
    // The suppressed finding may be elsewhere; an unknown rule suppresses nothing.
    let unknown = PRIVILEGED
        .replace("privileged-container", "no-such-rule")
        .replace("true #", "false #");
    assert_eq!(
        said(&unknown, &config),
        ["unused-ignore: no-such-rule", "host-pid: true"]
    );
    let unused = PRIVILEGED.replace("true #", "false #");
    assert_eq!(said(&unused, &config), ["host-pid: true"]);
}

#[test]
fn other_documents_are_not_patches() {
    let config = patch_for(target("Deployment", ""), Config::default());
    for text in [
        "",
        "# nothing\n",
        "[]\n",
        "a: 1\n",
        "- 1\n- [2]\n-\n",
        "- op\n- op: add\n",
        "just text\n",
    ] {
        assert_eq!(said(text, &config), [""; 0], "{text:?}");
    }
    // Nothing marks it as a patch.
    assert_eq!(said(PRIVILEGED, &Config::default()), [""; 0]);
    let broken = said(
        "- op: add\n  path: /spec/template/spec/hostPID\n  value: \"true\n",
        &config,
    );
    assert!(
        broken.iter().any(|said| said.starts_with("syntax-error")),
        "{broken:?}"
    );
}

#[test]
fn inline_patch_has_its_target() {
    let patches = "\
patches:
  - target: {kind: Deployment}
    patch: |-
      - op: add
        path: /spec/template/spec/hostNetwrok
        value: true
  - target: {kind: CronJob}
    patch: '[{\"op\": \"add\", \"path\": \"/spec/jobTemplate/spec/template/spec/hostPID\", \"value\": true}]'
patchesJson6902:
  - target: {group: apps, version: v1, kind: DaemonSet, name: agent}
    patch: |
      - {op: add, path: /spec/template/spec/hostIPC, value: true}
";
    let expected = [
        "misspelled-security-field: hostNetwrok",
        "host-pid: true",
        "host-ipc: true",
    ];
    let named =
        format!("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n{patches}");
    assert_eq!(said(&named, &Config::default()), expected);
    // Most leave out what a kustomization need not say of itself: then its name has to.
    let context = FileContext {
        role: FileRole::Kustomization,
        ..FileContext::default()
    };
    assert_eq!(
        said(
            patches,
            &OwnedInputs {
                context,
                ..OwnedInputs::default()
            }
        ),
        expected
    );
    assert_eq!(said(patches, &Config::default()), [""; 0]);
}

#[test]
fn operations_have_hover_and_completion() {
    let text = "\
- op: add
  path: /spec/template/spec/containers/0/securityContext
  value:
    priv
- op: replace
  path: /spec/template/spec/containers/0/securityContext/privileged
  value: tr
- {value: no, op: add, path: /spec/template/spec/containers/0/securityContext/procMount}
- op: add
  path: /spec/template/spec/containers/0/securityContext/capabilities/drop/-
  value: NET
";
    let config = patch_for(target("Deployment", ""), Config::default());
    let analysis = analysis::analyze_document(text, &config);
    let at = |place: &str, behind: usize| {
        Offset::try_from(text.find(place).expect("it is there") + behind).expect("small")
    };
    let completed = |place: &str, behind: usize| -> Vec<String> {
        let completion = analysis.completion(at(place, behind), (&config).into());
        completion.map_or_else(Vec::new, |found| {
            found
                .choices
                .into_iter()
                .map(|choice| choice.insert)
                .collect()
        })
    };
    let keys = completed("    priv\n", 8);
    assert!(
        keys.contains(&"privileged: ".to_owned()) && !keys.contains(&"fsGroup: ".to_owned()),
        "{keys:?}"
    );
    assert_eq!(completed("value: tr", 9), ["false", "true"]);
    assert_eq!(completed("value: no", 9), ["Default", "Unmasked"]);
    assert_eq!(completed("value: NET", 10)[0], "ALL");
    // A pointer has no keys to complete.
    assert_eq!(completed("securityContext/priv", 20), [""; 0]);
    let told = |place: &str, behind: usize| {
        analysis
            .field_at(at(place, behind), (&config).into())
            .map(|written| written.field.name)
    };
    assert_eq!(
        (told("value: tr", 8), told("Context/privileged", 10)),
        (Some("privileged"), Some("privileged"))
    );
    assert_eq!(told("value: NET", 8), Some("drop"));
    assert_eq!(told("op: replace", 5), None);
}

#[test]
fn half_typed_patches_are_read() {
    let block = "- op: add\n  path: /spec/template/spec/containers/0/securityContext\n  value: &a {privileged: true, é: [1]}\n";
    let flow = r#"[{"value": {"hostPID": true}, "path": "/spec/template/spec", "op": "add"}, {"op": "add", "path": "/a~1\u0062/-/0", "value": 1}]"#;
    let pieces = [
        "", "-", "/", "~", "\"", "*a", "<<: *a\n", "\n- ", "{{", "é", "\t", ": ",
    ];
    for (text, kind) in [(block, "Deployment"), (flow, ""), (flow, "Pod")] {
        let config = patch_for(target(kind, ""), Config::default());
        for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            let next = text[at..].chars().next().map_or(0, char::len_utf8);
            let changed = pieces
                .iter()
                .map(|piece| [&text[..at], piece, &text[at..]].concat());
            for text in changed.chain([
                text[..at].to_owned(),
                [&text[..at], &text[at + next..]].concat(),
            ]) {
                let analysis = analysis::analyze_document(&text, &config);
                for finding in &analysis.findings {
                    assert!(
                        text.get(
                            usize::from(finding.range.start())..usize::from(finding.range.end())
                        )
                        .is_some(),
                        "{text}"
                    );
                    assert!(!finding.target.absent && finding.fix.is_none(), "{text}");
                }
                let place = Offset::try_from(at).expect("small");
                let _ = (
                    analysis.completion(place, (&config).into()),
                    analysis.field_at(place, (&config).into()),
                    analysis.inherited((&config).into()),
                );
            }
        }
    }
}

/// `path: rule: what is written there`, of each finding.
fn checked(sandbox: &Sandbox, arguments: &str) -> Vec<String> {
    let json = sandbox.json(arguments);
    let shown = |finding: &serde_json::Value| {
        let path = finding["path"].as_str().expect("a path");
        let place =
            |key: &str| usize::try_from(finding[key].as_u64().expect("a number")).expect("small");
        assert!(
            finding["fix"].is_null() && finding["kind"].is_null(),
            "{finding}"
        );
        format!(
            "{path}: {}: {}",
            finding["rule"].as_str().expect("an id"),
            &sandbox.read(path)[place("startByte")..place("endByte")]
        )
    };
    json["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(shown)
        .collect()
}

#[test]
fn patch_targets_come_from_named_files() {
    let operation =
        |field: &str| format!("- op: add\n  path: /spec/template/spec/{field}\n  value: true\n");
    let users = r#"[{"op": "add", "path": "/spec/template/spec/securityContext", "value": {"runAsUser": 0}}]"#;
    let sandbox = Sandbox::new(&[
        (
            "kustomization.yaml",
            "patches:\n  - {path: one.yaml, target: {kind: Deployment}}\n  - {path: several.yaml, target: {kind: Deployment}}\n  \
             - {path: several.yaml, target: {kind: Job}}\n  - {path: patches/users.json, target: {kind: Deployment}}\n  \
             - path: nothing.yaml\n  - {path: parts/shared.yaml, target: {kind: Job}}\n",
        ),
        (
            "parts/kustomization.yaml",
            "kind: Component\npatchesJson6902: [{path: old.yaml, target: {kind: Deployment}}, {path: shared.yaml, target: {kind: Deployment}}]\n",
        ),
        ("one.yaml", &operation("hostNetwrok")),
        (
            "several.yaml",
            &(operation("hostNetwrok") + &operation("hostPID")),
        ),
        ("patches/users.json", users),
        ("patches/other.json", users),
        ("parts/old.yaml", &operation("hostIPC")),
        (
            "parts/shared.yaml",
            &(operation("hostNetwrok") + &operation("hostIPC")),
        ),
        (
            "nothing.yaml",
            "- {op: remove, path: /spec/template/spec/hostPID}\n",
        ),
        ("unnamed.yaml", &operation("hostPID")),
    ]);
    let expected = [
        "one.yaml: misspelled-security-field: hostNetwrok",
        "parts/old.yaml: host-ipc: true",
        "parts/shared.yaml: host-ipc: true",
        "patches/users.json: root-user: 0",
        "several.yaml: host-pid: true",
    ];
    assert_eq!(checked(&sandbox, "."), expected);
    let statistics = &sandbox.json("--statistics .")["statistics"];
    assert_eq!(
        (
            &statistics["silence"]["patch"],
            &statistics["silence"]["not a manifest"]
        ),
        (&6.into(), &3.into()),
        "{statistics}"
    );
    assert_eq!(statistics["kinds"], serde_json::json!({}));
    assert_eq!(
        sandbox.run("check nothing.yaml").stdout,
        "No findings in 1 manifest.\n"
    );
    let fixed = sandbox.run("fix --unsafe-fixes .");
    assert_eq!(
        sandbox.read("one.yaml"),
        operation("hostNetwrok"),
        "{fixed:?}"
    );

    sandbox.write(
        "one.yaml",
        operation("hostPID").replace("true", "true # kubeharden: ignore[host-pid]"),
    );
    assert!(
        !checked(&sandbox, "one.yaml")
            .iter()
            .any(|found| found.contains("host-pid"))
    );
    assert_eq!(
        checked(&sandbox, "--no-ignores one.yaml"),
        ["one.yaml: host-pid: true"]
    );
}
