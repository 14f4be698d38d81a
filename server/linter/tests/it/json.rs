//! JSON manifests are read as YAML, and fixed in JSON style.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets what it does not expect stops there"
)]

use linter::analysis;
use linter::config::Config;
use linter::rules::Applicability;
use serde_json::{Value, json};

const ALL: [Applicability; 3] = [
    Applicability::Safe,
    Applicability::Unsafe,
    Applicability::Placeholder,
];

fn pod() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {
            "containers": [
                {"name": "a", "image": "registry.example.com/a:1", "securityContext": {}},
                {"name": "b", "image": "registry.example.com/b:1", "securityContext": {"privileged": true, "runAsNonRoot": null}},
            ]
        }
    })
}

fn ids(text: &str) -> Vec<&'static str> {
    let report = analysis::analyze(text, &Config::default());
    report
        .findings()
        .map(|(_, finding)| finding.rule.id)
        .collect()
}

/// The same value in each way that programs write it.
fn writings(value: &Value) -> Vec<String> {
    let pretty = serde_json::to_string_pretty(value).unwrap();
    let tabs = pretty.lines().map(|line| {
        let written = line.trim_start();
        format!(
            "{}{written}\n",
            "\t".repeat((line.len() - written.len()) / 2)
        )
    });
    let tabs: String = tabs.collect();
    vec![
        tabs.replace('\n', "\r\n"),
        tabs,
        pretty.clone(),
        format!("{pretty}\n"),
        value.to_string(),
    ]
}

#[test]
fn fixed_json_stays_json() {
    for text in writings(&pod()) {
        assert!(
            ids(&text).contains(&"privileged-container") && !ids(&text).contains(&"syntax-error"),
            "{text}"
        );
        let fixed = analysis::fix_all(&text, &Config::default(), &ALL);
        assert!(fixed.withheld.is_empty(), "{text}: {:?}", fixed.withheld);
        assert_eq!(ids(&fixed.text), [""; 0], "{}", fixed.text);
        let value: Value = serde_json::from_str(&fixed.text)
            .unwrap_or_else(|error| panic!("{error}: {}", fixed.text));
        assert_eq!(
            value["spec"]["containers"][1]["securityContext"]["privileged"],
            json!(false)
        );
        assert_eq!(
            value["spec"]["containers"][0]["securityContext"]["capabilities"],
            json!({"drop": ["ALL"]})
        );
        assert_eq!(value["metadata"], pod()["metadata"]);
    }
}

#[test]
fn new_json_lines_are_indented() {
    let text = "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"ServiceAccount\",\n\t\"metadata\": {\"name\": \"a\"}\n}\n";
    assert_eq!(ids(text), [""; 0]);
    let pod = "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"Pod\",\n\t\"spec\": {\n\t\t\"containers\": [{\"name\": \"a\", \"image\": \"x:1\"}]\n\t}\n}\n";
    let mut config = Config::default();
    config.rules.select = vec!["mounted-service-account-token".to_owned()];
    let fixed = analysis::fix_all(pod, &config, &ALL);
    assert_eq!(
        fixed.text,
        pod.replace("}]\n", "}],\n\t\t\"automountServiceAccountToken\": false\n")
    );
}

#[test]
fn kubectl_output_is_read_by_item() {
    let mut item = pod();
    item["status"] =
        json!({"phase": "Running", "conditions": [{"unheardOf": 1}], "unheardOf": true});
    item["metadata"]["managedFields"] =
        json!([{"manager": "kubectl", "fieldsV1": {"f:spec": {}}, "unheardOf": 1}]);
    let list = json!({"apiVersion": "v1", "items": [item, item], "kind": "List", "metadata": {"resourceVersion": ""}});
    for text in writings(&list) {
        let report = analysis::analyze(&text, &Config::default());
        let objects: usize = report
            .chunks()
            .map(|part| part.analysis.objects.len())
            .sum();
        let found = ids(&text);
        assert_eq!(
            (
                objects,
                found
                    .iter()
                    .filter(|id| **id == "privileged-container")
                    .count()
            ),
            (2, 2),
            "{text}"
        );
        assert!(
            !found.contains(&"unknown-field") && !found.contains(&"syntax-error"),
            "{found:?}"
        );
    }
    let typed = json!({"apiVersion": "apps/v1", "kind": "DeploymentList", "items": [{"spec": {"template": {"spec": {"hostNetwork": true, "containers": []}}}}]});
    assert_eq!(ids(&typed.to_string()), ["host-network"]);
}
