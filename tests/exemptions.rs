//! Whom rules let off, and from which Kubernetes version on: what no example on a rule's page can show.

use kubeharden::config::Config;
use kubeharden::engine;
use kubeharden::rules::Finding;

/// What one rule finds in a pod that has `spec` as its spec, at a Kubernetes version.
fn found(rule: &str, version: &str, spec: &str) -> Vec<Finding> {
    let text = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec: {{{spec}}}\n");
    let mut config = Config { kubernetes_version: version.parse().expect("a version"), ..Config::default() };
    config.rules.select.push(rule.to_owned());
    let report = engine::analyze(&text, &config);
    let mut findings = Vec::new();
    for document in &report.documents {
        assert!(document.analysis.yaml.errors().is_empty(), "{text}");
        findings.extend(document.analysis.findings.iter().cloned());
    }
    findings
}

/// Asserts how often a rule fires in a pod.
#[track_caller]
fn fires(rule: &str, version: &str, spec: &str, times: usize) {
    let messages: Vec<String> = found(rule, version, spec).into_iter().map(|finding| finding.message).collect();
    assert_eq!(messages.len(), times, "{rule} at {version} in {spec}: {messages:?}");
}

const BARE: &str = "containers: [{name: a, image: x}]";
const WINDOWS: &str = "os: {name: windows}, containers: [{name: a, image: x}]";

#[test]
fn rules_start_at_the_version_of_their_standard() {
    for (rule, before, first) in [
        ("privilege-escalation", "1.7", "1.8"),
        ("missing-seccomp-profile", "1.18", "1.19"),
        ("undropped-capabilities", "1.21", "1.22"),
    ] {
        fires(rule, before, BARE, 0);
        fires(rule, first, BARE, 1);
    }
    fires("run-as-root-allowed", "1.0", BARE, 1);
    let root = "securityContext: {runAsUser: 0}, containers: [{name: a, image: x}]";
    fires("root-user", "1.22", root, 0);
    fires("root-user", "1.23", root, 1);
}

#[test]
fn windows_is_let_off_what_only_linux_has() {
    for rule in ["privilege-escalation", "missing-seccomp-profile", "undropped-capabilities"] {
        fires(rule, "1.25", WINDOWS, 0);
        let before = found(rule, "1.24", WINDOWS);
        assert_eq!(before.len(), 1, "{rule}");
        assert!(before.iter().all(|finding| finding.fix.is_none()), "{rule}: the API server refuses the field on Windows");
    }
    fires("writable-root-filesystem", "latest", WINDOWS, 0);
    fires("run-as-root-allowed", "latest", WINDOWS, 1);
}

#[test]
fn a_user_namespace_makes_root_an_ordinary_user() {
    let root = "hostUsers: false, containers: [{name: a, image: x, securityContext: {runAsUser: 0, runAsNonRoot: false}}]";
    for rule in ["run-as-root-allowed", "root-user"] {
        fires(rule, "1.34", root, 1);
        fires(rule, "1.35", root, 0);
    }
}

#[test]
fn run_as_non_root_counts_on_both_levels() {
    for (spec, times) in [
        ("containers: [{name: a, image: x, securityContext: {runAsNonRoot: true}}]", 0),
        ("containers: [{name: a, image: x, securityContext: {runAsNonRoot: true}}, {name: b, image: x}]", 1),
        ("containers: [{name: a, image: x}, {name: b, image: x}]", 1),
        ("securityContext: {runAsNonRoot: true}, containers: [{name: a, image: x}]", 0),
        (
            "securityContext: {runAsNonRoot: true}, initContainers: [{name: a, image: x, securityContext: {runAsNonRoot: false}}]",
            1,
        ),
        ("securityContext: {runAsNonRoot: false}, containers: [{name: a, image: x, securityContext: {runAsNonRoot: true}}]", 1),
        ("securityContext: {runAsNonRoot: 'true'}, containers: [{name: a, image: x}]", 0),
        ("securityContext: {runAsNonRoot: null}, containers: [{name: a, image: x}]", 1),
    ] {
        fires("run-as-root-allowed", "latest", spec, times);
    }
}

#[test]
fn a_seccomp_profile_of_the_pod_is_every_containers() {
    for (spec, times) in [
        ("securityContext: {seccompProfile: {type: RuntimeDefault}}, containers: [{name: a, image: x}]", 0),
        ("securityContext: {seccompProfile: }, containers: [{name: a, image: x}]", 1),
        ("containers: [{name: a, image: x, securityContext: {seccompProfile: {type: Localhost}}}]", 0),
        ("containers: [{name: a, image: x, securityContext: {seccompProfile: {type: Localhost}}}, {name: b, image: x}]", 1),
        // An explicit profile is not a missing one, whatever it is.
        ("securityContext: {seccompProfile: {type: Unconfined}}, containers: [{name: a, image: x}]", 0),
        ("securityContext: {seccompProfile: RuntimeDefault}, containers: [{name: a, image: x}]", 0),
    ] {
        fires("missing-seccomp-profile", "latest", spec, times);
    }
}

#[test]
fn what_is_unfinished_or_unreadable_is_not_missing() {
    for rule in ["privilege-escalation", "undropped-capabilities", "writable-root-filesystem", "missing-cpu-request"] {
        fires(rule, "latest", "containers: [{name: a}, {image: x}]", 0);
        fires(rule, "latest", "containers: [{name: a}, {name: b, image: x}]", 1);
    }
    for rule in ["run-as-root-allowed", "missing-seccomp-profile", "mounted-service-account-token"] {
        fires(rule, "latest", "containers: [{name: a}]", 0);
    }
    // A wrong value is one even so.
    fires("privileged-container", "latest", "containers: [{name: a, securityContext: {privileged: true}}]", 1);
    fires("privilege-escalation", "latest", "containers: [{name: a, securityContext: {allowPrivilegeEscalation: true}}]", 1);
    for context in ["default", "{allowPrivilegeEscalation: 'no'}", "[allowPrivilegeEscalation]"] {
        let spec = format!("containers: [{{name: a, image: x, securityContext: {context}}}]");
        fires("privilege-escalation", "latest", &spec, 0);
    }
}

#[test]
fn escalation_is_not_forbidden_beside_what_the_api_server_refuses_with_it() {
    for context in
        ["privileged: true", "privileged: 'true'", "capabilities: {add: [CAP_SYS_ADMIN]}", "capabilities: {add: [SYS_ADMIN]}"]
    {
        let spec = format!("containers: [{{name: a, image: x, securityContext: {{{context}}}}}]");
        let findings = found("privilege-escalation", "latest", &spec);
        assert_eq!(findings.len(), 1, "{context}");
        assert!(findings.iter().all(|finding| finding.fix.is_none()), "{context}");
    }
    let harmless = "containers: [{name: a, image: x, securityContext: {privileged: false, capabilities: {add: [CHOWN]}}}]";
    assert!(found("privilege-escalation", "latest", harmless).iter().all(|finding| finding.fix.is_some()));
}

#[test]
fn a_limit_is_a_request_and_a_pod_can_set_both() {
    let limited = "containers: [{name: a, image: x, resources: {limits: {cpu: 1}}}]";
    fires("missing-cpu-request", "latest", limited, 0);
    fires("missing-cpu-limit", "latest", limited, 0);
    fires("missing-memory-request", "latest", limited, 1);
    let on_pod = "resources: {limits: {memory: 1Gi}}, containers: [{name: a, image: x}]";
    for rule in ["missing-memory-request", "missing-memory-limit"] {
        fires(rule, "1.34", on_pod, 0);
        fires(rule, "1.33", on_pod, 1);
    }
    fires("missing-cpu-limit", "latest", "ephemeralContainers: [{name: a, image: x}]", 0);
}

#[test]
fn a_field_moves_only_where_one_place_is_meant_and_allowed() {
    let offered = |spec: &str| -> Vec<bool> {
        let findings = found("misplaced-security-field", "latest", spec);
        findings.iter().map(|finding| finding.fix.is_some()).collect()
    };
    for (spec, expected) in [
        ("containers: [{name: a, image: x, runAsUser: 1}]", vec![true]),
        ("securityContext: {privileged: false}, containers: [{name: a, image: x}]", vec![true]),
        ("securityContext: {privileged: false}, containers: [{name: a, image: x}, {name: b, image: x}]", vec![false]),
        ("securityContext: {hostNetwork: true}, containers: [{name: a, image: x}]", vec![true]),
        ("securityContext: {hostNetwork: true}, hostUsers: false, containers: [{name: a, image: x}]", vec![false]),
        ("securityContext: {fsGroup: 1}, containers: [{name: a, image: x, securityContext: {fsGroup: 2}}]", vec![false]),
        ("securityContext: {fsGroup: 1}, containers: [{name: a, image: x, securityContext: {fsGroup: 1}}]", vec![true]),
        ("containers: [{name: a, image: x, allowPrivilegeEscalation: false, securityContext: {privileged: true}}]", vec![false]),
        ("os: {name: windows}, containers: [{name: a, image: x, runAsUser: 1}]", vec![false]),
        ("containers: [&a {name: a, image: x, runAsUser: 1}]", vec![false]),
        ("securityContext: {fsGroup: 1}, containers: [{name: a, image: x, securityContext: {runAsUser: 1}}]", vec![]),
    ] {
        assert_eq!(offered(spec), expected, "{spec}");
    }
}
