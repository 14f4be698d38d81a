//! Not a manifest, or one of which nothing is to be said: the YAML that lies beside manifests in real projects.

use linter::OwnedInputs;
use linter::analysis::{self, Analysis, DocumentKind, Report};
use linter::config::Config;
use linter::rules::Applicability;
use std::fs;
use std::path::{Path, PathBuf};
use workspace::{FileContext, FileRole};

fn texts(folder: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .join("fixtures")
        .join(folder);
    let entries = fs::read_dir(&folder).expect("a folder of fixtures");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
        .into_iter()
        .map(|path| (path.clone(), fs::read_to_string(&path).expect("a text")))
        .collect()
}

/// Each rule at its loudest.
fn everything() -> Config {
    let mut config = Config::default();
    config.rules.select = linter::rules::Rule::ids()
        .into_iter()
        .map(str::to_owned)
        .collect();
    config
}

fn analyses(report: &Report) -> impl Iterator<Item = &Analysis> {
    report.chunks().map(|part| part.analysis.as_ref())
}

fn said(report: &Report) -> Vec<(&'static str, &str)> {
    let findings = analyses(report).flat_map(|analysis| {
        analysis
            .findings
            .iter()
            .map(move |finding| (analysis, finding))
    });
    findings
        .map(|(analysis, finding)| (finding.rule.id, &analysis.text()[finding.range]))
        .collect()
}

#[test]
fn nothing_is_said_of_what_is_no_manifest() {
    for (path, text) in texts("foreign") {
        for text in [
            text.clone(),
            text.replace('\n', "\r\n"),
            format!("\u{feff}{text}"),
        ] {
            let report = analysis::analyze(&text, &everything());
            assert_eq!(said(&report), [], "{}", path.display());
            assert!(
                !analyses(&report).any(Analysis::is_manifest),
                "{}",
                path.display()
            );
            assert_eq!(
                analysis::fix_all(
                    &text,
                    &everything(),
                    &[
                        Applicability::Safe,
                        Applicability::Unsafe,
                        Applicability::Placeholder
                    ]
                )
                .text,
                text
            );
        }
    }
}

#[test]
fn nothing_is_said_of_definitions_and_of_what_is_encrypted() {
    for (path, text) in texts("quiet") {
        let report = analysis::analyze(&text, &everything());
        assert_eq!(said(&report), [], "{}", path.display());
        assert!(
            analyses(&report).all(Analysis::is_manifest),
            "{}",
            path.display()
        );
    }
}

const SEALED: &str = "\
apiVersion: v1
kind: Pod
metadata:
    name: web
spec:
    hostNetwork: true
    automountServiceAccountToken: false
    containers:
        - name: web
          image: ENC[AES256_GCM,data:8FNzU3rW,iv:Zk0p4v0=,tag:Qy2n==,type:str]
          env:
            - name: DB_PASSWORD
              value: ENC[AES256_GCM,data:CwE4O1s=,iv:2i897=,tag:aDbE==,type:str]
sops:
    mac: ENC[AES256_GCM,data:4pZ1=,iv:k9W=,tag:0c==,type:str]
    lastmodified: \"2025-03-01T12:00:00Z\"
    encrypted_regex: ^(image|value)$
";

#[test]
fn an_encrypted_file_is_read_and_left_as_it_is() {
    let report = analysis::analyze(SEALED, &Config::default());
    let [analysis] = analyses(&report).collect::<Vec<_>>()[..] else {
        panic!("one document")
    };
    assert_eq!(analysis.kind, DocumentKind::Encrypted);
    let ids: Vec<_> = said(&report).into_iter().map(|(id, _)| id).collect();
    assert!(
        ids.contains(&"host-network") && ids.contains(&"privilege-escalation"),
        "{ids:?}"
    );
    assert!(
        !ids.contains(&"secret-in-env")
            && !ids.contains(&"unknown-field")
            && !ids.contains(&"unpinned-image"),
        "{ids:?}"
    );

    let fixed = analysis::fix_all(
        SEALED,
        &Config::default(),
        &[
            Applicability::Safe,
            Applicability::Unsafe,
            Applicability::Placeholder,
        ],
    );
    assert_eq!((fixed.text.as_str(), fixed.applied), (SEALED, 0));
    let reasons: Vec<String> = fixed
        .withheld
        .iter()
        .map(|withheld| withheld.reason.to_string())
        .collect();
    assert!(!reasons.is_empty());
    assert!(
        reasons
            .iter()
            .all(|reason| reason.contains("encrypted with SOPS")),
        "{reasons:?}"
    );
}

#[test]
fn a_word_that_is_written_with_escapes_is_still_read() {
    let text =
        "{\"api\\u0056ersion\": \"v1\", \"kind\": \"Pod\", \"spec\": {\"hostNetwork\": true}}\n";
    assert_eq!(
        said(&analysis::analyze(text, &Config::default())),
        [("host-network", "true")]
    );
}

#[test]
fn a_document_without_the_words_is_blank_only_if_nothing_is_written() {
    for (text, blank) in [
        ("", true),
        ("# a\n---\n", true),
        ("%YAML 1.2\n---\n...\n", true),
        ("a: 1\n", false),
        ("--- a\n", false),
    ] {
        let report = analysis::analyze(text, &Config::default());
        assert_eq!(analyses(&report).all(Analysis::is_blank), blank, "{text:?}");
    }
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

#[test]
fn of_a_patch_nothing_is_missing_and_nothing_is_mended() {
    let patch = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  template:
    spec:
      containers:
        - name: web
          image: nginx
          securityContext:
            privileged: true
";
    assert!(said(&analysis::analyze(patch, &Config::default())).len() > 5);
    let report = analysis::analyze(patch, &with_role(FileRole::Patch));
    assert_eq!(
        said(&report),
        [
            ("unpinned-image", "nginx"),
            ("privileged-container", "true")
        ]
    );
    assert!(analyses(&report).all(|analysis| {
        analysis
            .findings
            .iter()
            .all(|finding| finding.fix.is_none())
    }));
    let deleted = format!("$patch: delete\n{patch}");
    assert_eq!(
        said(&analysis::analyze(&deleted, &Config::default())).len(),
        2
    );
    // A syntax error is reported in a patch, too.
    let broken = patch.replace("image: nginx", "image: \"nginx");
    assert!(
        said(&analysis::analyze(&broken, &with_role(FileRole::Patch)))
            .iter()
            .any(|(id, _)| *id == "syntax-error")
    );
}

#[test]
fn a_patch_that_is_not_written_as_it_reads_is_told_of_as_a_whole() {
    let folded = ">\n      {apiVersion: v1, kind: Pod,\n      spec: {hostPID: true}}";
    let escaped = "\"apiVersion: v1\\nkind: Pod\\nspec: {hostPID: true}\"";
    let doubled = "'{apiVersion: v1, kind: Pod, metadata: {name: ''a''}, spec: {hostPID: true}}'";
    for patch in [folded, escaped, doubled] {
        let text = format!("patches:\n  - patch: {patch}\n  - path: a.yaml\n");
        let report = analysis::analyze(&text, &Config::default());
        let [(rule, place)] = said(&report)[..] else {
            panic!("one finding in {patch}")
        };
        assert_eq!((rule, place.trim_end()), ("host-pid", patch));
    }
}

#[test]
fn a_patch_inside_a_kustomization_is_read_where_it_stands() {
    let text = "\
resources: [../base]
patches:
  - target: {kind: Deployment}
    patch: |-
      # \u{e4}
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: a}
      spec:
        template:
          spec:
            hostNetwork: true

            containers:
              - name: a
                image: nginx
  - patch: '{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"c\"}, \"spec\": {\"hostIPC\": true}}'
  - patch: \"{apiVersion: v1, kind: Pod, spec: {shareProcessNamespace: true}}\"
patchesStrategicMerge:
- |
    apiVersion: v1
    kind: Pod
    metadata: {name: b}
    spec: {hostPID: true}
";
    for text in [text.to_owned(), text.replace('\n', "\r\n")] {
        let report = analysis::analyze(&text, &Config::default());
        assert_eq!(
            said(&report),
            [
                ("host-network", "true"),
                ("unpinned-image", "nginx"),
                ("host-ipc", "true"),
                ("shared-process-namespace", "true"),
                ("host-pid", "true"),
            ]
        );
        assert!(analyses(&report).all(|analysis| {
            analysis
                .findings
                .iter()
                .all(|finding| finding.fix.is_none())
        }));
        let fixed = analysis::fix_all(
            &text,
            &Config::default(),
            &[
                Applicability::Safe,
                Applicability::Unsafe,
                Applicability::Placeholder,
            ],
        );
        assert_eq!(fixed.text, text);
    }
}
