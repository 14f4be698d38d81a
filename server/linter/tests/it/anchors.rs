//! Each finding marks the smallest token that it is about: the wrong value, or the key where a missing field belongs.

use linter::analysis;
use linter::config::Config;

/// The tokens that a rule marks in a text, as `line:column token`, both from 1.
fn marked(rule: &str, text: &str) -> Vec<String> {
    let mut config = Config::default();
    config.rules.select.push(rule.to_owned());
    let mut marked = Vec::new();
    for document in analysis::analyze(text, &config).chunks() {
        for finding in document
            .analysis
            .findings
            .iter()
            .filter(|finding| finding.rule.id == rule)
        {
            let place = document.place(finding.range);
            let line_start = text[..place.start].rfind('\n').map_or(0, |at| at + 1);
            let (line, column) = (
                text[..line_start].matches('\n').count() + 1,
                text[line_start..place.start].chars().count() + 1,
            );
            marked.push(format!("{line}:{column} {}", &text[place]));
        }
    }
    marked
}

/// A pod with the given lines in its only container.
fn pod(container: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n{container}")
}

#[test]
fn missing_container_field_is_on_name() {
    let text = pod("  - name: web\n    image: x:1\n");
    assert_eq!(marked("privilege-escalation", &text), ["5:11 web"]);
    let text = pod("  - {image: x:1, name: \"wéb\"}\n");
    assert_eq!(marked("privilege-escalation", &text), ["5:24 \"wéb\""]);
}

#[test]
fn missing_nested_field_is_on_parent() {
    let text = pod("  - name: web\n    image: x:1\n    securityContext:\n      runAsUser: 7\n");
    assert_eq!(
        marked("privilege-escalation", &text),
        ["7:5 securityContext"]
    );
    assert_eq!(
        marked("undropped-capabilities", &text),
        ["7:5 securityContext"]
    );
    for empty in ["", " {}", " null", " ~ # later"] {
        let text = pod(&format!(
            "  - name: web\n    image: x:1\n    securityContext:{empty}\n"
        ));
        assert_eq!(
            marked("privilege-escalation", &text),
            ["7:5 securityContext"],
            "{text}"
        );
    }
    let text = pod(
        "  - name: web\n    image: x:1\n    securityContext:\n      capabilities:\n        add: [CHOWN]\n",
    );
    assert_eq!(
        marked("undropped-capabilities", &text),
        ["8:7 capabilities"]
    );
    let text = pod("  - name: web\n    image: x:1\n    resources:\n      requests: {cpu: 1}\n");
    assert_eq!(marked("missing-memory-request", &text), ["8:7 requests"]);
    assert_eq!(marked("missing-memory-limit", &text), ["7:5 resources"]);
}

#[test]
fn missing_pod_field_is_on_spec() {
    let text = pod("  - name: web\n    image: x:1\n");
    assert_eq!(marked("missing-seccomp-profile", &text), ["3:1 spec"]);
    let text = text.replace("spec:\n", "spec:\n  securityContext: {runAsUser: 7}\n");
    assert_eq!(
        marked("missing-seccomp-profile", &text),
        ["4:3 securityContext"]
    );
    assert_eq!(marked("mounted-service-account-token", &text), ["3:1 spec"]);
}

#[test]
fn wrong_value_is_marked() {
    let text = pod(
        "  - name: é\n    image: nginx:latest # é\n    securityContext: {privileged: yes, runAsUser: 0}\n",
    );
    assert_eq!(marked("privileged-container", &text), ["7:35 yes"]);
    assert_eq!(marked("root-user", &text), ["7:51 0"]);
    assert_eq!(marked("unpinned-image", &text), ["6:12 nginx:latest"]);
    assert_eq!(
        marked("unpinned-image", &text.replace("nginx:latest", "\"nginx\"")),
        ["6:12 \"nginx\""]
    );
}

#[test]
fn misplaced_field_is_marked_at_key() {
    let text = pod("  - name: web\n    image: x:1\n    runAsUser: 7\n");
    assert_eq!(marked("misplaced-security-field", &text), ["7:5 runAsUser"]);
}

#[test]
fn aliased_value_is_marked_at_use() {
    let text = "\
apiVersion: v1
kind: Pod
metadata:
  annotations:
    note: &yes true
spec:
  containers:
  - name: a
    image: x:1
    securityContext: &shared {privileged: true}
  - name: b
    image: x:1
    securityContext: *shared
  - name: c
    image: x:1
    securityContext:
      <<: *shared
  - name: d
    image: x:1
    securityContext: {privileged: *yes}
";
    assert_eq!(
        marked("privileged-container", text),
        ["10:43 true", "13:22 *shared", "17:11 *shared", "20:35 *yes"]
    );
}
