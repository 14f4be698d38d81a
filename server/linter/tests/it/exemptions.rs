//! Whom rules let off, and from which Kubernetes version on: what no example on a rule's page can show.

use linter::analysis;
use linter::config::{Config, Profile};
use linter::rules::{Applicability, Finding};

/// What one rule finds in a pod that has `spec` as its spec, at a Kubernetes version.
fn found(rule: &str, version: &str, spec: &str) -> Vec<Finding> {
    let text = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec: {{{spec}}}\n");
    found_in(&text, rule, version)
}

/// What one rule finds in a Deployment without a selector, which is a patch or incomplete.
fn found_in_patch(rule: &str, spec: &str) -> Vec<Finding> {
    let text = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec: {{template: {{spec: {{{spec}}}}}}}\n"
    );
    found_in(&text, rule, "latest")
}

fn found_in(text: &str, rule: &str, version: &str) -> Vec<Finding> {
    let mut config = Config {
        kubernetes_version: version.parse().expect("a version"),
        ..Config::default()
    };
    config.rules.select.push(rule.to_owned());
    let report = analysis::analyze(text, &config);
    let mut findings = Vec::new();
    for document in report.chunks() {
        assert!(document.analysis.yaml().errors().is_empty(), "{text}");
        findings.extend(document.analysis.findings.iter().cloned());
    }
    findings
}

/// Asserts how often a rule fires in a pod.
#[track_caller]
fn fires(rule: &str, version: &str, spec: &str, times: usize) {
    let messages: Vec<String> = found(rule, version, spec)
        .into_iter()
        .map(|finding| finding.message.into_owned())
        .collect();
    assert_eq!(
        messages.len(),
        times,
        "{rule} at {version} in {spec}: {messages:?}"
    );
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
    for rule in [
        "privilege-escalation",
        "missing-seccomp-profile",
        "undropped-capabilities",
    ] {
        fires(rule, "1.25", WINDOWS, 0);
        let before = found(rule, "1.24", WINDOWS);
        assert_eq!(before.len(), 1, "{rule}");
        assert!(
            before.iter().all(|finding| finding.fix.is_none()),
            "{rule}: the API server refuses the field on Windows"
        );
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
        (
            "containers: [{name: a, image: x, securityContext: {runAsNonRoot: true}}]",
            0,
        ),
        (
            "containers: [{name: a, image: x, securityContext: {runAsNonRoot: true}}, {name: b, image: x}]",
            1,
        ),
        ("containers: [{name: a, image: x}, {name: b, image: x}]", 1),
        (
            "securityContext: {runAsNonRoot: true}, containers: [{name: a, image: x}]",
            0,
        ),
        (
            "securityContext: {runAsNonRoot: true}, initContainers: [{name: a, image: x, securityContext: {runAsNonRoot: false}}]",
            1,
        ),
        (
            "securityContext: {runAsNonRoot: false}, containers: [{name: a, image: x, securityContext: {runAsNonRoot: true}}]",
            1,
        ),
        (
            "securityContext: {runAsNonRoot: 'true'}, containers: [{name: a, image: x}]",
            0,
        ),
        (
            "securityContext: {runAsNonRoot: null}, containers: [{name: a, image: x}]",
            1,
        ),
    ] {
        fires("run-as-root-allowed", "latest", spec, times);
    }
}

#[test]
fn a_seccomp_profile_of_the_pod_is_every_containers() {
    for (spec, times) in [
        (
            "securityContext: {seccompProfile: {type: RuntimeDefault}}, containers: [{name: a, image: x}]",
            0,
        ),
        (
            "securityContext: {seccompProfile: }, containers: [{name: a, image: x}]",
            1,
        ),
        (
            "containers: [{name: a, image: x, securityContext: {seccompProfile: {type: Localhost}}}]",
            0,
        ),
        (
            "containers: [{name: a, image: x, securityContext: {seccompProfile: {type: Localhost}}}, {name: b, image: x}]",
            1,
        ),
        // An explicit profile is not a missing one, whatever it is.
        (
            "securityContext: {seccompProfile: {type: Unconfined}}, containers: [{name: a, image: x}]",
            0,
        ),
        (
            "securityContext: {seccompProfile: RuntimeDefault}, containers: [{name: a, image: x}]",
            0,
        ),
    ] {
        fires("missing-seccomp-profile", "latest", spec, times);
    }
}

#[test]
fn what_is_unfinished_or_unreadable_is_not_missing() {
    for rule in [
        "privilege-escalation",
        "undropped-capabilities",
        "writable-root-filesystem",
        "missing-cpu-request",
    ] {
        fires(rule, "latest", "containers: [{name: a}, {image: x}]", 2);
        let patch = found_in_patch(rule, "containers: [{name: a}, {name: b, image: x}]");
        assert_eq!(patch.len(), 1, "{rule}");
    }
    for rule in [
        "run-as-root-allowed",
        "missing-seccomp-profile",
        "mounted-service-account-token",
    ] {
        fires(rule, "latest", "containers: [{name: a}]", 1);
        let patch = found_in_patch(rule, "containers: [{name: a}]");
        assert_eq!(patch.len(), 0, "{rule}");
    }
    // A wrong value is one even so.
    fires(
        "privileged-container",
        "latest",
        "containers: [{name: a, securityContext: {privileged: true}}]",
        1,
    );
    fires(
        "privilege-escalation",
        "latest",
        "containers: [{name: a, securityContext: {allowPrivilegeEscalation: true}}]",
        1,
    );
    for context in [
        "default",
        "{allowPrivilegeEscalation: 'no'}",
        "[allowPrivilegeEscalation]",
    ] {
        let spec = format!("containers: [{{name: a, image: x, securityContext: {context}}}]");
        fires("privilege-escalation", "latest", &spec, 0);
    }
}

#[test]
fn escalation_is_not_forbidden_beside_what_the_api_server_refuses_with_it() {
    for context in [
        "privileged: true",
        "privileged: 'true'",
        "capabilities: {add: [CAP_SYS_ADMIN]}",
        "capabilities: {add: [SYS_ADMIN]}",
    ] {
        let spec = format!("containers: [{{name: a, image: x, securityContext: {{{context}}}}}]");
        let findings = found("privilege-escalation", "latest", &spec);
        assert_eq!(findings.len(), 1, "{context}");
        assert!(
            findings.iter().all(|finding| finding.fix.is_none()),
            "{context}"
        );
    }
    let harmless = "containers: [{name: a, image: x, securityContext: {privileged: false, capabilities: {add: [CHOWN]}}}]";
    assert!(
        found("privilege-escalation", "latest", harmless)
            .iter()
            .all(|finding| finding.fix.is_some())
    );
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
    fires(
        "missing-cpu-limit",
        "latest",
        "ephemeralContainers: [{name: a, image: x}]",
        0,
    );
}

#[test]
fn a_field_moves_only_where_it_is_allowed() {
    let offered = |spec: &str| -> Vec<bool> {
        let findings = found("misplaced-security-field", "latest", spec);
        findings
            .iter()
            .map(|finding| finding.fix.is_some())
            .collect()
    };
    for (spec, expected) in [
        (
            "containers: [{name: a, image: x, runAsUser: 1}]",
            vec![true],
        ),
        (
            "securityContext: {privileged: false}, containers: [{name: a, image: x}]",
            vec![true],
        ),
        (
            "securityContext: {privileged: false}, containers: [{name: a, image: x}, {name: b, image: x}]",
            vec![true],
        ),
        (
            "securityContext: {hostNetwork: true}, containers: [{name: a, image: x}]",
            vec![true],
        ),
        (
            "securityContext: {hostNetwork: true}, hostUsers: false, containers: [{name: a, image: x}]",
            vec![false],
        ),
        (
            "securityContext: {fsGroup: 1}, containers: [{name: a, image: x, securityContext: {fsGroup: 2}}]",
            vec![false],
        ),
        (
            "securityContext: {fsGroup: 1}, containers: [{name: a, image: x, securityContext: {fsGroup: 1}}]",
            vec![true],
        ),
        (
            "containers: [{name: a, image: x, allowPrivilegeEscalation: false, securityContext: {privileged: true}}]",
            vec![false],
        ),
        (
            "os: {name: windows}, containers: [{name: a, image: x, runAsUser: 1}]",
            vec![false],
        ),
        (
            "containers: [&a {name: a, image: x, runAsUser: 1}]",
            vec![false],
        ),
        (
            "securityContext: {fsGroup: 1}, containers: [{name: a, image: x, securityContext: {runAsUser: 1}}]",
            vec![],
        ),
    ] {
        assert_eq!(offered(spec), expected, "{spec}");
    }
}

/// Like [`found`], at a profile, with the rule among those of the profile.
fn at_profile(rule: &str, profile: Profile, version: &str, spec: &str) -> usize {
    let text = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec: {{{spec}}}\n");
    let config = Config {
        profile,
        kubernetes_version: version.parse().expect("a version"),
        ..Config::default()
    };
    let report = analysis::analyze(&text, &config);
    let findings = report.findings().map(|(_, finding)| finding);
    findings.filter(|finding| finding.rule.id == rule).count()
}

#[test]
fn what_restricted_checks_anew_it_judges_alone() {
    let windows = |context: &str| {
        format!(
            "os: {{name: windows}}, containers: [{{name: a, image: x, securityContext: {{{context}}}}}]"
        )
    };
    for (rule, spec) in [
        (
            "dangerous-capability",
            windows("capabilities: {add: [SYS_ADMIN]}"),
        ),
        (
            "unconfined-seccomp",
            windows("seccompProfile: {type: Unconfined}"),
        ),
    ] {
        for (profile, version, times) in [
            (Profile::Baseline, "latest", 1),
            (Profile::Restricted, "latest", 0),
            (Profile::Restricted, "1.24", 1),
            (Profile::Hardened, "latest", 1),
        ] {
            assert_eq!(
                at_profile(rule, profile, version, &spec),
                times,
                "{rule} at {profile:?} {version}"
            );
        }
    }
    let unmasked = "hostUsers: false, containers: [{name: a, image: x, securityContext: {procMount: Unmasked}}]";
    for (profile, version, times) in [
        (Profile::Baseline, "1.34", 1),
        (Profile::Baseline, "1.35", 0),
        (Profile::Restricted, "1.35", 1),
        (Profile::Hardened, "1.35", 1),
    ] {
        assert_eq!(
            at_profile("unmasked-proc-mount", profile, version, unmasked),
            times,
            "{profile:?} {version}"
        );
    }
    let two_sources = "containers: [{name: a, image: x}], volumes: [{name: v, emptyDir: {}, hostPath: {path: /srv}}]";
    assert_eq!(
        at_profile("host-path-volume", Profile::Baseline, "latest", two_sources),
        1
    );
    assert_eq!(
        at_profile(
            "host-path-volume",
            Profile::Restricted,
            "latest",
            two_sources
        ),
        0
    );
}

#[test]
fn a_host_path_is_found_by_exactly_one_rule() {
    for (host_path, rule) in [
        ("{path: /srv/data}", "host-path-volume"),
        ("{path: data}", "host-path-volume"),
        ("{path: }", "host-path-volume"),
        ("{}", "host-path-volume"),
        ("{path: /run/secrets}", "host-path-volume"),
        ("{path: /}", "sensitive-host-path"),
        ("{path: /var/lib}", "sensitive-host-path"),
        ("{path: //srv/../etc/}", "sensitive-host-path"),
        ("{path: /var/run/docker.sock}", "container-runtime-socket"),
        ("{path: /run/containerd/}", "container-runtime-socket"),
        ("{path: /var/run}", "container-runtime-socket"),
    ] {
        let spec = format!("{BARE}, volumes: [{{name: v, hostPath: {host_path}}}]");
        for other in [
            "host-path-volume",
            "sensitive-host-path",
            "container-runtime-socket",
        ] {
            fires(other, "latest", &spec, usize::from(other == rule));
        }
    }
    fires(
        "host-path-volume",
        "latest",
        &format!("{BARE}, volumes: [{{name: v, hostPath: null}}, {{name: w}}]"),
        0,
    );
}

#[test]
fn a_capability_is_found_by_one_rule() {
    for (name, dangerous, added) in [
        ("NET_BIND_SERVICE", 0, 0),
        ("CHOWN", 0, 1),
        ("chown", 1, 0),
        ("CAP_CHOWN", 1, 0),
        ("NET_RAW", 1, 0),
        ("ALL", 1, 0),
        ("null", 1, 0),
        ("'{{ .capability }}'", 0, 0),
        ("5", 0, 0),
    ] {
        let spec = format!(
            "containers: [{{name: a, image: x, securityContext: {{capabilities: {{add: [{name}]}}}}}}]"
        );
        fires("dangerous-capability", "latest", &spec, dangerous);
        fires("added-capability", "latest", &spec, added);
        fires("added-capability", "1.21", &spec, 0);
    }
}

#[test]
fn profiles_are_judged_where_they_are_read() {
    let annotated = |annotations: &str, rule: &str, version: &str| {
        let metadata = format!("{{name: web, annotations: {{{annotations}}}}}");
        let text = format!("apiVersion: v1\nkind: Pod\nmetadata: {metadata}\nspec: {{{BARE}}}\n");
        let config = Config {
            kubernetes_version: version.parse().expect("a version"),
            ..Config::default()
        };
        let report = analysis::analyze(&text, &config);
        let findings = report.findings().map(|(_, finding)| finding);
        findings.filter(|finding| finding.rule.id == rule).count()
    };
    for (annotation, before, from) in [
        ("seccomp.security.alpha.kubernetes.io/pod: unconfined", 1, 0),
        ("seccomp.security.alpha.kubernetes.io/pod: ", 1, 0),
        (
            "seccomp.security.alpha.kubernetes.io/pod: docker/default",
            0,
            0,
        ),
        (
            "container.seccomp.security.alpha.kubernetes.io/a: unconfined",
            1,
            0,
        ),
        (
            "container.seccomp.security.alpha.kubernetes.io/other: unconfined",
            0,
            0,
        ),
        (
            "container.seccomp.security.alpha.kubernetes.io/a: localhost/a",
            0,
            0,
        ),
    ] {
        assert_eq!(
            annotated(annotation, "unconfined-seccomp", "1.18"),
            before,
            "{annotation}"
        );
        assert_eq!(
            annotated(annotation, "unconfined-seccomp", "1.19"),
            from,
            "{annotation}"
        );
    }
    for (value, times) in [
        ("unconfined", 1),
        ("docker/default", 1),
        ("", 0),
        ("localhost/a", 0),
        ("runtime/default", 0),
    ] {
        let annotation = format!("container.apparmor.security.beta.kubernetes.io/unknown: {value}");
        assert_eq!(
            annotated(&annotation, "unconfined-apparmor", "latest"),
            times,
            "{annotation}"
        );
    }
    for (profile, times) in [
        ("{type: RuntimeDefault}", 0),
        ("{type: Localhost}", 0),
        ("{type: Unconfined}", 1),
        ("{type: runtimeDefault}", 1),
        ("{type: ''}", 1),
        ("{}", 1),
        ("null", 0),
        ("RuntimeDefault", 0),
    ] {
        let pod = |field: &str| format!("securityContext: {{{field}: {profile}}}, {BARE}");
        fires("unconfined-seccomp", "1.19", &pod("seccompProfile"), times);
        fires("unconfined-seccomp", "1.18", &pod("seccompProfile"), 0);
        fires(
            "unconfined-apparmor",
            "latest",
            &pod("appArmorProfile"),
            times,
        );
    }
}

#[test]
fn rules_of_baseline_change_with_the_version() {
    let probed =
        "containers: [{name: a, image: x, livenessProbe: {tcpSocket: {port: 1, host: 127.0.0.1}}}]";
    fires("probe-host", "1.33", probed, 0);
    fires("probe-host", "1.34", probed, 1);
    let labelled = "securityContext: {seLinuxOptions: {type: container_engine_t}}, containers: [{name: a, image: x}]";
    fires("custom-selinux-options", "1.30", labelled, 1);
    fires("custom-selinux-options", "1.31", labelled, 0);
    for (name, since) in [
        ("net.ipv4.ip_local_reserved_ports", 27),
        ("net.ipv4.tcp_keepalive_time", 29),
        ("net.ipv4.tcp_rmem", 32),
        ("net.ipv4.tcp_notsent_lowat", 37),
    ] {
        let spec = format!("securityContext: {{sysctls: [{{name: {name}, value: '1'}}]}}, {BARE}");
        fires("unsafe-sysctl", &format!("1.{}", since - 1), &spec, 1);
        fires("unsafe-sysctl", &format!("1.{since}"), &spec, 0);
    }
}

#[test]
fn fixes_of_the_standards_write_nothing_that_the_api_server_refuses() {
    let fixed = |rule: &str, spec: &str| {
        let text = format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec: {{{spec}}}\n");
        let mut config = Config::default();
        config.rules.select.push(rule.to_owned());
        let fixed = analysis::fix_all(&text, &config, &[Applicability::Unsafe]).text;
        fixed
            .lines()
            .last()
            .unwrap_or_default()
            .trim_start_matches("spec: {")
            .trim_end_matches('}')
            .to_owned()
    };
    for (rule, spec, expected) in [
        (
            "unconfined-seccomp",
            "securityContext: {seccompProfile: {type: Unconfined, localhostProfile: a}}, containers: []",
            "securityContext: {seccompProfile: {type: RuntimeDefault}}, containers: []",
        ),
        (
            "unconfined-seccomp",
            "os: {name: windows}, securityContext: {runAsNonRoot: true, seccompProfile: {type: Unconfined}}, containers: []",
            "os: {name: windows}, securityContext: {runAsNonRoot: true}, containers: []",
        ),
        (
            "host-network",
            "hostNetwork: true, securityContext: {windowsOptions: {hostProcess: true}}, containers: []",
            "hostNetwork: true, securityContext: {windowsOptions: {hostProcess: true}}, containers: []",
        ),
    ] {
        assert_eq!(fixed(rule, spec), expected, "{rule} in {spec}");
    }
}

#[test]
fn an_apparmor_annotation_never_contradicts_the_field() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  annotations:\n    \
                container.apparmor.security.beta.kubernetes.io/a: unconfined\nspec:\n  securityContext:\n    \
                appArmorProfile: {type: Unconfined}\n  containers: [{name: a, image: x}]\n";
    let config = Config::default();
    let report = analysis::analyze(text, &config);
    let document = report.chunks().next().expect("a document");
    let findings: Vec<&Finding> = document
        .analysis
        .findings
        .iter()
        .filter(|finding| finding.rule.id == "unconfined-apparmor")
        .collect();
    assert_eq!(findings.len(), 2);
    for finding in findings {
        let edits = document
            .analysis
            .edits(&[finding], (&config).into())
            .expect("edits");
        let after = edits.apply(text);
        assert!(!after.contains("annotations"), "{after}");
    }
    let mut alone = config.clone();
    alone.rules.select.push("unconfined-apparmor".to_owned());
    let fixed = analysis::fix_all(text, &alone, &[Applicability::Unsafe]);
    assert_eq!(
        (fixed.applied, fixed.withheld.len()),
        (2, 0),
        "{}",
        fixed.text
    );
}

#[test]
fn a_privilege_that_the_api_server_demands_is_not_taken_away() {
    let mount = "volumeMounts: [{name: h, mountPath: /h, mountPropagation: Bidirectional}]";
    let driver = format!(
        "containers: [{{name: a, image: x, {mount}, securityContext: {{privileged: true}}}}]"
    );
    let findings = found("privileged-container", "latest", &driver);
    assert!(
        matches!(&findings[..], [finding] if finding.fix.is_none()),
        "{findings:?}"
    );
}

#[test]
fn two_secrets_do_not_become_one() {
    let variables = |second: &str| {
        format!(
            "containers: [{{name: a, image: x, env: [{{name: DB_PASSWORD, value: hunter2}}]}}, \
             {{name: b, image: x, env: [{{name: DB_PASSWORD, value: {second}}}]}}]"
        )
    };
    let fixes = |spec: &str| {
        found("secret-in-env", "latest", spec)
            .iter()
            .filter(|finding| finding.fix.is_some())
            .count()
    };
    assert_eq!(fixes(&variables("hunter2")), 2);
    assert_eq!(fixes(&variables("hunter3")), 0);
}

#[test]
fn the_last_field_of_a_pod_is_not_taken_away() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  hostPID: true\n";
    let fixed = analysis::fix_all(text, &Config::default(), &[Applicability::Unsafe]);
    assert_eq!(fixed.text, text);
    assert!(
        fixed
            .withheld
            .iter()
            .any(|it| it.reason.to_string() == "the fix would remove the whole pod"),
        "{:?}",
        fixed.withheld
    );
}
