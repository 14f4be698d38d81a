//! Compares what the rules report as rejected, or as accepted with a warning, with Kubernetes' own validation.
//!
//! `data/refused.jsonl` has the answers of Kubernetes about one pod with changes, each by itself and some together;
//! `data/quantities.json` has the quantities that it accepts. `oracle/validation` writes both. With Go,
//! `KUBEHARDEN_ORACLE=2000 cargo test -p kubeharden-linter --test it refused` compares 2,000 new pods.

use kubernetes::parse_quantity;
use linter::analysis;
use linter::config::Config;
use linter::rules::Applicability;
use serde::Deserialize;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

#[derive(Deserialize)]
struct Answer {
    manifest: Value,
    #[serde(default)]
    refused: Vec<Refusal>,
    #[serde(default)]
    warned: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    #[serde(default)]
    field: String,
    detail: String,
}

/// The rules whose findings say that the API server refuses the object, whatever else they say.
const TELLING: [&str; 4] = [
    "conflicting-security-context",
    "invalid-profile-type",
    "refused-value",
    "wrong-type",
];

/// What other rules tell, or none does: a part of the field, and whose it is.
const OTHERS: [(&str, &str); 8] = [
    // Taken for unconfined.
    ("securityContext.seccompProfile.type", "unconfined-seccomp"),
    (
        "securityContext.appArmorProfile.type",
        "unconfined-apparmor",
    ),
    (
        "metadata.annotations[container.apparmor",
        "deprecated-apparmor-annotation",
    ),
    // Annotations that nothing reads anymore, with an invalid value.
    (
        "metadata.annotations.container.seccomp",
        "dead-seccomp-annotation",
    ),
    ("windowsOptions", "windows-host-process"),
    ("spec.securityContext.", "wrong-os-field"),
    ("securityContext.", "wrong-os-field"),
    ("spec.os.name", "refused-value"),
];

/// What is wrong about our answer, if anything is.
fn fault(answer: &Answer) -> Option<String> {
    let text = answer.manifest.to_string();
    let report = analysis::analyze(&text, &Config::default());
    let findings: Vec<_> = report.findings().map(|(_, finding)| finding).collect();
    let told: Vec<_> = findings
        .iter()
        .filter(|it| TELLING.contains(&it.rule.id))
        .map(|it| (it.rule.id, &it.message))
        .collect();
    let is_warned = findings
        .iter()
        .any(|finding| finding.rule.id == "api-server-warning");
    // Other rules report deprecated fields and annotations.
    let warned = answer
        .warned
        .iter()
        .filter(|warning| !warning.contains("deprecated") && !warning.contains("non-functional"));
    if answer.refused.is_empty() && is_warned != (warned.count() > 0) {
        return Some(format!(
            "Kubernetes warns {:?}, here {is_warned}\n{text}",
            answer.warned
        ));
    }
    if answer.refused.is_empty() {
        return (!told.is_empty())
            .then(|| format!("Kubernetes takes it, and here {told:?}\n{text}"));
    }
    let by_another = |refusal: &Refusal| {
        let others = OTHERS
            .iter()
            .filter(|(part, _)| refusal.field.contains(part));
        others
            .into_iter()
            .any(|(_, rule)| findings.iter().any(|finding| finding.rule.id == *rule))
    };
    let is_told = !told.is_empty() || answer.refused.iter().any(by_another);
    let reasons = || {
        answer
            .refused
            .iter()
            .map(|it| format!("{}: {}", it.field, it.detail))
            .collect::<Vec<_>>()
            .join("\n  ")
    };
    (!is_told).then(|| {
        format!(
            "Kubernetes refuses it, and here nothing:\n  {}\n{text}",
            reasons()
        )
    })
}

fn hold(answers: impl Iterator<Item = Answer>) -> String {
    let (mut asked, mut refused, mut faults) = (0, 0, Vec::new());
    for answer in answers {
        asked += 1;
        refused += usize::from(!answer.refused.is_empty());
        faults.extend(fault(&answer));
    }
    assert!(
        faults.is_empty(),
        "{} of {asked} disagree:\n{}",
        faults.len(),
        faults[..faults.len().min(10)].join("\n")
    );
    format!("{asked} pods, {refused} of them refused, no disagreement")
}

#[test]
fn kubernetes_answers_are_ours() {
    let lines = include_str!("../../../../tests/data/refused.jsonl").lines();
    println!(
        "{}",
        hold(lines.map(|line| serde_json::from_str(line).expect("an answer")))
    );
}

#[test]
fn fresh_pods_get_kubernetes_answers() {
    let Ok(wanted) = std::env::var("KUBEHARDEN_ORACLE") else {
        println!("skipped: KUBEHARDEN_ORACLE does not say how many");
        return;
    };
    let (count, seed) = wanted.split_once('@').unwrap_or((&wanted, "1000"));
    let tests = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("tests");
    let oracle = Path::new(env!("CARGO_TARGET_TMPDIR")).join("validation-oracle");
    let mut build = Command::new("go");
    let status = build
        .args(["build", "-o"])
        .arg(&oracle)
        .arg(".")
        .current_dir(tests.join("oracle/validation"))
        .status();
    assert!(
        status.expect("go runs").success(),
        "the oracle does not build"
    );
    let changes = File::open(tests.join("data/changes.jsonl")).expect("the changes");
    let mut child = Command::new(oracle)
        .args(["generate", seed, count])
        .stdin(changes)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the oracle runs");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    println!(
        "{}",
        hold(lines.map(|line| serde_json::from_str(&line.expect("utf-8")).expect("an answer")))
    );
    assert!(
        child.wait().expect("the oracle ends").success(),
        "the oracle fails"
    );
}

#[test]
fn quantities_are_what_kubernetes_takes_for_quantities() {
    let answers: Vec<(String, Option<String>)> =
        serde_json::from_str(include_str!("../../../../tests/data/quantities.json"))
            .expect("answers");
    for (text, theirs) in &answers {
        let theirs = theirs
            .as_ref()
            .map(|billionths| billionths.parse::<i128>().unwrap_or(i128::MAX));
        assert_eq!(parse_quantity(text), theirs, "{text:?}");
    }
    println!("{} quantities", answers.len());
}

/// The messages of the rules that tell refusals, about a text.
fn told(text: &str) -> Vec<String> {
    let report = analysis::analyze(text, &Config::default());
    let findings = report.findings().map(|(_, finding)| finding);
    findings
        .filter(|finding| TELLING.contains(&finding.rule.id))
        .map(|finding| finding.message.to_string())
        .collect()
}

fn fixed(text: &str) -> analysis::FixedText {
    analysis::fix_all(
        text,
        &Config::default(),
        &[Applicability::Safe, Applicability::Unsafe],
    )
}

#[test]
fn of_a_patch_nothing_is_missing() {
    let patch = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
        - name: web
          image: example.com/web:2
          ports:
            - name: http
          livenessProbe:
            periodSeconds: 5
          volumeMounts:
            - name: in-the-base
              mountPath: /data
      volumes:
        - name: settings
          configMap: {}
";
    assert_eq!(told(patch), [""; 0]);
    let whole = patch.replace(
        "  template:",
        "  selector: {matchLabels: {app: web}}\n  template:",
    );
    assert_eq!(
        told(&whole),
        [
            "an item of ports has no containerPort, which is required",
            "livenessProbe has no handler, which is required",
            "container \"web\" mounts volume \"in-the-base\", which does not exist",
            "configMap has no name, which is required",
        ]
    );
}

#[test]
fn of_a_template_only_what_stands_there_is_told() {
    let template = "apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  securityContext:
    runAsUser: -1
    supplementalGroups: ['{{ .Values.group }}']
  containers:
    - name: web
      image: example.com/web:2
      imagePullPolicy: '{{ .Values.policy }}'
      volumeMounts:
        - name: data
          mountPath: /data
  volumes:
    {{- toYaml .Values.volumes | nindent 4 }}
";
    assert_eq!(
        told(template),
        ["runAsUser is -1: must be from 0 to 2147483647"]
    );
}

#[test]
fn values_are_looked_at_in_every_kind_that_makes_pods() {
    let template = "template: {metadata: {labels: {app: web}}, spec: {restartPolicy: POLICY, containers: \
                    [{name: web, image: 'example.com/web:1', imagePullPolicy: always}]}}";
    for (version, kind, spec) in [
        ("v1", "PodTemplate", template.to_owned()),
        (
            "v1",
            "ReplicationController",
            format!("spec: {{{template}}}"),
        ),
        (
            "apps/v1",
            "StatefulSet",
            format!("spec: {{selector: {{}}, {template}}}"),
        ),
        ("batch/v1", "Job", format!("spec: {{{template}}}")),
        (
            "batch/v1",
            "CronJob",
            format!("spec: {{schedule: '* * * * *', jobTemplate: {{spec: {{{template}}}}}}}"),
        ),
    ] {
        let policy = if version == "batch/v1" {
            "Never"
        } else {
            "Always"
        };
        let spec = spec.replace("POLICY", policy);
        let text =
            format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: web}}\n{spec}\n");
        assert_eq!(
            told(&text),
            ["imagePullPolicy is \"always\": must be Always, IfNotPresent or Never"],
            "{text}"
        );
    }
}

#[test]
fn volumes_that_are_claimed_for_a_stateful_set_can_be_mounted() {
    let text = "apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
        - name: db
          image: example.com/db:1
          volumeMounts:
            - {name: data, mountPath: /data}
            - {name: date, mountPath: /dates}
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1 Gi}}}
";
    assert_eq!(
        told(text),
        [
            "container \"db\" mounts volume \"date\", which does not exist",
            "storage is not a quantity such as 64Mi or 0.5"
        ]
    );
}

#[test]
fn quotes_are_not_taken_away_from_what_would_be_refused() {
    let pod = |user: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  securityContext:\n    runAsUser: {user}\n    \
             supplementalGroups: [{user}]\n  containers:\n    - name: web\n      image: example.com/web:1\n      ports:\n        \
             - containerPort: {user}\n"
        )
    };
    for (quoted, plain) in [
        ("'8080'", "8080"),
        ("'-1'", "'-1'"),
        ("'2147483648'", "'2147483648'"),
    ] {
        let fixed =
            analysis::fix_all(&pod(quoted), &only("wrong-type"), &[Applicability::Safe]).text;
        assert_eq!(fixed, pod(plain));
    }
}

fn only(rule: &str) -> Config {
    let mut config = Config::default();
    config.rules.select.push(rule.to_owned());
    config
}

#[test]
fn no_fix_gives_what_a_cluster_refuses() {
    let text = "apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    seccomp.security.alpha.kubernetes.io/pod: unconfined
spec:
  containers:
    - name: web
      image: example.com/web:1
";
    let after = analysis::fix_all(
        text,
        &only("missing-seccomp-profile"),
        &[Applicability::Safe],
    );
    assert_eq!(after.text, text);
    let reason = "the API server would reject the result: seccompProfile of the pod contradicts the annotation";
    assert_eq!(after.withheld[0].reason.to_string(), reason);
}

#[test]
fn an_annotation_against_its_field_is_removed() {
    let pod = |annotations: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n{annotations}spec:\n  securityContext:\n    appArmorProfile:\n      \
             type: RuntimeDefault\n  containers:\n    - name: web\n      image: example.com/web:1\n"
        )
    };
    let text =
        pod("  annotations:\n    container.apparmor.security.beta.kubernetes.io/web: unconfined\n");
    assert_eq!(
        told(&text),
        ["appArmorProfile of container \"web\" contradicts the annotation"]
    );
    let after = analysis::fix_all(
        &text,
        &only("conflicting-security-context"),
        &[Applicability::Unsafe],
    );
    assert_eq!(after.text, pod(""));
    let older = Config {
        kubernetes_version: "1.29".parse().expect("a version"),
        ..only("conflicting-security-context")
    };
    let report = analysis::analyze(&text, &older);
    assert!(
        report
            .chunks()
            .all(|document| document.analysis.findings.is_empty()),
        "1.29 has no such field"
    );
    assert!(fixed(&pod("")).withheld.is_empty());
}
