//! Chart templates are checked as far as no values change them.

use linter::analysis::{self, DocumentKind};
use linter::config::Config;
use linter::rules::Applicability;
use linter::{Inputs, OwnedInputs};
use std::fs;
use std::path::{Path, PathBuf};
use workspace::{FileContext, FileRole};

fn in_chart() -> OwnedInputs {
    OwnedInputs {
        context: FileContext {
            role: FileRole::ChartTemplate,
            ..FileContext::default()
        },
        ..OwnedInputs::default()
    }
}

/// Each finding as `rule: text`.
fn said<'i>(text: &str, config: impl Into<Inputs<'i>>) -> Vec<String> {
    let report = analysis::analyze(text, config);
    let of = |part: analysis::Chunk<'_>| {
        let analysis = part.analysis;
        let shown = |finding: &linter::rules::Finding| {
            format!("{}: {}", finding.rule.id, &analysis.text()[finding.range])
        };
        analysis.findings.iter().map(shown).collect::<Vec<_>>()
    };
    report.chunks().flat_map(of).collect()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
    found.sort();
}

#[test]
fn helm_create_chart_has_no_errors() {
    let mut found = Vec::new();
    files(
        &Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("fixtures/charts/starter"),
        &mut found,
    );
    assert!(found.len() > 8);
    for path in found {
        let text = fs::read_to_string(&path).expect("a text");
        assert_eq!(said(&text, &in_chart()), [""; 0], "{}", path.display());
    }
}

#[test]
fn literal_values_in_templates_are_checked() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .join("fixtures/charts/outspoken/templates/deployment.yaml");
    let text = fs::read_to_string(path).expect("a text");
    let expected = [
        "host-network: true",
        "host-pid: true",
        "unpinned-image: registry.example.com/shop/migrate:latest",
        "privileged-container: true",
        "privilege-escalation: true",
        "low-user-id: 1000",
        "root-user: 0",
        "dangerous-capability: SYS_ADMIN",
        "unpinned-image: busybox",
        "sensitive-host-path: /etc",
        "host-path-volume: {{ .Values.path | default \"/\" | quote }}",
    ];
    let found = said(&text, &in_chart());
    assert_eq!(found, expected);
    for crlf in [text.replace('\n', "\r\n"), format!("\u{feff}{text}")] {
        assert_eq!(said(&crlf, &in_chart()), found);
    }
    let fixed = analysis::fix_all(
        &text,
        &in_chart(),
        &[
            Applicability::Safe,
            Applicability::Unsafe,
            Applicability::Placeholder,
        ],
    );
    assert_eq!((fixed.text.as_str(), fixed.applied), (text.as_str(), 0));
}

const HEAD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n";

#[test]
fn template_syntax_is_not_a_syntax_error() {
    for body in [
        "  {{- toYaml .Values.spec | nindent 2 }}\n",
        "  containers: {{ toYaml .Values.containers | nindent 4 }}\n",
        "  containers:\n{{ toYaml .Values.containers | indent 4 }}\n",
        "  containers:\n    - name: \"{{ include \"a\" . }}\"\n      image: \"{{ .Values.image | default \"b\" }}:{{ .Values.tag }}\"\n",
        "  containers:\n    - name: a\n      image: {{ .a }}:{{ .b }} # {{ .c }}\n      args: [\"--a={{ .a }}\", {{ .b | quote }}]\n",
        "  containers:\n    - name: a\n      resources: {{- toYaml .Values.resources | nindent 8 }}\n      {{- if .x }}\n      {{- end }}\n",
        "  containers:\n    - name: a\n      env: {{- range $k, $v := .Values.env }}\n        - name: {{ $k }}\n          value: {{ $v | quote }}\n        {{- end }}\n",
        "  {{ .Values.key }}: {{ .Values.value }}\n  {{- range .Values.more }}\n  {{ . }}: 1\n  {{- end }}\n",
        "  {{- include \"a\" (dict\n    \"b\" .\n    \"c\" 1\n  ) | nindent 2 }}\n",
        "  nodeName: {{ printf \"%s-%s\"\n    .a .b }}\n",
        "  {{/* a comment: with a colon\n  over lines */}}\n",
        "  {{- if and .a\n           .b }}\n  nodeName: a\n  {{- end }}\n",
        "  nodeName: {{ if .a }}b{{ else }}c{{ end }}\n",
        "  nodeName: {{ .a\n",
        "  {{- with .a }}{{- toYaml . | nindent 2 }}{{- end }}\n",
    ] {
        let text = format!("{HEAD}{body}");
        assert_eq!(said(&text, &in_chart()), [""; 0], "{text}");
        assert_eq!(said(&text, &Config::default()), [""; 0], "{text}");
    }
}

#[test]
fn value_with_action_is_not_checked() {
    for value in [
        "tr{{ .a }}",
        "{{ .a }}true",
        "\"{{ true }}\"",
        "true{{ .a }}",
        "{{ if .a }}true{{ else }}true{{ end }}",
        "true {{ .b }}",
    ] {
        let text = format!("{HEAD}  hostNetwork: {value}\n");
        assert_eq!(said(&text, &in_chart()), [""; 0], "{text}");
    }
    for value in [
        "true {{- end }}",
        "true {{/* because */}}",
        "true # {{ .a }}",
    ] {
        let text = format!("{HEAD}  hostNetwork: {value}\n");
        assert_eq!(said(&text, &in_chart()), ["host-network: true"], "{text}");
    }
}

#[test]
fn every_branch_is_checked() {
    for [first, second, third] in [
        ["true", "false", "false"],
        ["false", "true", "false"],
        ["false", "false", "true"],
    ] {
        let text = format!(
            "{HEAD}  {{{{- if .a }}}}\n  hostNetwork: {first}\n  {{{{- else if .b }}}}\n  hostNetwork: {second}\n  {{{{- else }}}}\n  \
             hostNetwork: {third}\n  {{{{- end }}}}\n"
        );
        assert_eq!(said(&text, &in_chart()), ["host-network: true"], "{text}");
    }
}

#[test]
fn old_version_branch_is_not_checked() {
    let chosen = "\
{{- if .Capabilities.APIVersions.Has \"policy/v1\" }}
apiVersion: policy/v1
{{- else }}
apiVersion: policy/v1beta1
{{- end }}
kind: PodDisruptionBudget
metadata:
  name: {{ .Release.Name }}
";
    assert_eq!(said(chosen, &in_chart()), [""; 0]);
    let always = chosen.replace(
        "if .Capabilities.APIVersions.Has \"policy/v1\"",
        "if .Values.new",
    );
    assert_eq!(said(&always, &in_chart()), ["removed-api: policy/v1beta1"]);
}

#[test]
fn define_blocks_are_skipped() {
    let text = format!(
        "{{{{- define \"a\" }}}}\nspec:\n  hostPID: true\n{{{{- end }}}}\n{HEAD}  hostNetwork: true\n"
    );
    assert_eq!(said(&text, &in_chart()), ["host-network: true"]);
    let text = format!(
        "{HEAD}  hostNetwork: true\n{{{{- define \"a\" }}}}\n  hostPID: true\n{{{{- end }}}}\n  hostIPC: true\n"
    );
    assert_eq!(
        said(&text, &in_chart()),
        ["host-network: true", "host-ipc: true"]
    );
}

#[test]
fn chart_file_without_braces_is_checked() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: 'x:1'}]}\n";
    assert_eq!(said(text, &in_chart()), said(text, &Config::default()));
    assert!(!said(text, &in_chart()).is_empty());
}

#[test]
fn braces_in_scalars_make_templates_in_charts() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: '{{ .Values.image }}'}]}\n";
    assert_eq!(said(text, &in_chart()), [""; 0]);
    assert!(said(text, &Config::default()).len() > 3);
    let sight = |config: Inputs<'_>| analysis::analyze_document(text, config).kind;
    assert_eq!(
        (
            sight((&in_chart()).into()),
            sight((&Config::default()).into())
        ),
        (DocumentKind::Template, DocumentKind::Complete)
    );
}

#[test]
fn truncated_templates_are_read() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .join("fixtures/charts/outspoken/templates/deployment.yaml");
    let text = fs::read_to_string(path).expect("a text");
    for end in (0..text.len())
        .filter(|&end| text.is_char_boundary(end))
        .step_by(7)
    {
        for finding in said(&text[..end], &in_chart()) {
            assert!(
                !finding.starts_with("syntax-error") && !finding.starts_with("missing"),
                "{finding} in {:?}",
                &text[..end]
            );
        }
    }
}

/// The same numbers on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }
}

#[test]
fn readings_are_trees_of_the_text() {
    const SCRAPS: [&str; 16] = [
        "{{",
        "}}",
        "{{- if .a }}",
        "{{ else }}",
        "{{ end }}",
        "{{ .b | nindent 4 }}",
        "{{/* c",
        "*/}}",
        "{{ define \"d\" }}",
        "\"",
        "'",
        "\r\n",
        "\u{e4}{{ `",
        "{{{",
        ": ",
        "|\n",
    ];
    let mut texts = Vec::new();
    for folder in ["charts", "bad", "foreign", "templates"] {
        let mut found = Vec::new();
        files(
            &Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
                .join("fixtures")
                .join(folder),
            &mut found,
        );
        texts.extend(
            found
                .iter()
                .map(|path| fs::read_to_string(path).expect("a text")),
        );
    }
    let mut dice = Dice(7);
    for round in 0..400 {
        let mut text = texts[dice.below(texts.len())].clone();
        for _ in 0..1 + round % 5 {
            let at = (0..=dice.below(text.len() + 1))
                .rev()
                .find(|&at| text.is_char_boundary(at))
                .unwrap_or_default();
            text.insert_str(at, SCRAPS[dice.below(SCRAPS.len())]);
        }
        for reading in yaml::parse_template(&text).readings {
            assert_eq!(reading.text(), text);
            for node in reading.nodes() {
                assert!(
                    text.get(std::ops::Range::<usize>::from(node.range()))
                        .is_some(),
                    "{node:?} in {text:?}"
                );
                let inside = node
                    .parent()
                    .is_none_or(|parent| parent.range().contains_range(node.range()));
                assert!(inside, "{node:?} is not in {:?}: {text:?}", node.parent());
            }
        }
        for analysis::Chunk { analysis, .. } in analysis::analyze(&text, &in_chart()).chunks() {
            let is_wrong = |finding: &linter::rules::Finding| {
                finding.rule.id == "syntax-error" || finding.target.absent
            };
            let found = analysis.findings.iter().find(|finding| is_wrong(finding));
            assert!(
                !analysis.text().contains("{{") || found.is_none(),
                "{found:?} in {:?}",
                analysis.text()
            );
        }
    }
}

#[test]
fn long_template_is_read_in_time() {
    let mut text = String::from("{{ if .a }}\napiVersion: v1\nkind: ConfigMap\ndata:\n");
    for line in 0..20_000 {
        text += &format!("  {{{{ if .b{line} }}}}\n  k{line}: {{{{ .c }}}}\n  {{{{ end }}}}\n");
    }
    text += "{{ else }}\na: 1\n{{ end }}\n";
    assert_eq!(yaml::parse_template(&text).readings.len(), 2);

    let branches: String = (0..20_000)
        .map(|branch| format!("{{{{ else if .b{branch} }}}}\nk{branch}: 1\n"))
        .collect();
    let text = format!("{{{{ if .a }}}}\na: 1\n{branches}{{{{ end }}}}\n");
    assert_eq!(yaml::parse_template(&text).readings.len(), 6);
}

#[test]
fn braces_inside_scalars_are_text() {
    let has_rule = |pod: &str, rule: &str, inputs: Inputs<'_>| {
        let text = format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n{pod}");
        let report = analysis::analyze(&text, inputs);
        report
            .findings()
            .any(|(_, finding)| finding.rule.id == rule)
    };
    let container = "  containers:\n    - name: a\n      image: x:1\n";
    let config = Config::default();
    let in_chart = OwnedInputs {
        context: FileContext {
            role: FileRole::ChartTemplate,
            ..FileContext::default()
        },
        ..OwnedInputs::default()
    };
    for arguments in [
        "      args:\n        - --format={{.ID}}\n",
        "      env:\n        - name: a\n          value: level={{ .Level }}\n",
    ] {
        let pod = format!("{container}{arguments}");
        let inputs = (&config).into();
        assert!(has_rule(&pod, "privilege-escalation", inputs), "{pod}");
        assert!(
            !has_rule(&pod, "privilege-escalation", in_chart.borrow()),
            "{pod}"
        );
    }
    for template in [
        "      args: {{ toYaml .Values.args }}\n",
        "      {{- if .Values.args }}\n      args: [a]\n      {{- end }}\n",
        "      args: a\n        {{ .Values.more }}\n",
    ] {
        let pod = format!("{container}{template}");
        assert!(
            !has_rule(&pod, "privilege-escalation", (&config).into()),
            "{pod}"
        );
    }
    // Nothing is said about a value that a template engine may fill in.
    let named = "  containers:\n    - name: a_{{ x }}\n      image: x:1\n";
    assert!(!has_rule(named, "refused-value", (&config).into()));
    assert!(has_rule(
        &named.replace("{{ x }}", "b"),
        "refused-value",
        (&config).into()
    ));
}

fn found(template: &str) -> Vec<(String, String)> {
    let text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{{{ .Release.Name }}}}\nspec:\n{template}"
    );
    let report = analysis::analyze(&text, &Config::default());
    let found = report.findings().map(|(_, finding)| {
        (
            finding.rule.id.to_owned(),
            finding.severity.name().to_owned(),
        )
    });
    found.collect()
}

#[test]
fn branches_that_exclude_each_other_are_not_compared() {
    let sources = |first: &str, second: &str| {
        format!(
            "  volumes:\n    - name: data\n      {{{{- if {first} }}}}\n      emptyDir: {{}}\n      {{{{- end }}}}\n      \
             {{{{- if {second} }}}}\n      persistentVolumeClaim: {{claimName: a}}\n      {{{{- end }}}}\n"
        )
    };
    let is_refused = |first: &str, second: &str| {
        let found = found(&sources(first, second));
        found.iter().any(|(rule, _)| rule == "refused-value")
    };
    for (first, second) in [
        (".Values.a", "not .Values.a"),
        ("not $.Values.a", ".Values.a"),
        ("eq .Values.a \"x\"", "eq .Values.a \"y\""),
        ("eq .Values.a \"x\"", "ne .Values.a \"x\""),
        ("and .Values.a .Values.b", "not (and .Values.a .Values.b)"),
        ("hasKey .Values \"a\"", "not (hasKey .Values \"a\")"),
    ] {
        assert!(!is_refused(first, second), "{first}; {second}");
    }
    for (first, second) in [
        (".Values.a", ".Values.b"),
        (".Values.a", "or (not .Values.a) .Values.b"),
        ("eq .Values.a \"x\"", "eq .Values.a \"x\""),
    ] {
        assert!(is_refused(first, second), "{first}; {second}");
    }
}

#[test]
fn what_a_user_must_ask_for_is_a_hint() {
    let severity = |template: &str, rule: &str| {
        let found = found(template).into_iter();
        found
            .filter(|(id, _)| id == rule)
            .map(|(_, severity)| severity)
            .collect::<Vec<_>>()
    };
    let block = |condition: &str| {
        format!("  {{{{- {condition} }}}}\n  hostNetwork: true\n  {{{{- end }}}}\n")
    };
    for asked in [
        "if .Values.hostNetwork",
        "if .Values.web.hostNetwork",
        "with .Values.extraSpec",
    ] {
        assert_eq!(severity(&block(asked), "host-network"), ["hint"], "{asked}");
    }
    for other in [
        "if .Values.enabled",
        "if not .Values.hostNetwork",
        "if and .Values.a .Values.hostNetwork",
    ] {
        assert_eq!(
            severity(&block(other), "host-network"),
            ["error"],
            "{other}"
        );
    }
}
