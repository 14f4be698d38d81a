//! Rules beyond the Pod Security Standards: their exemptions, which of two related rules reports, and alternative fixes.

use linter::analysis;
use linter::config::{Config, Severity};
use linter::rules::{Applicability, Finding};

fn pod(spec: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec: {{{spec}}}\n")
}

fn only(rule: &str) -> Config {
    let mut config = Config::default();
    config.rules.select.push(rule.to_owned());
    config
}

fn findings(text: &str, config: &Config) -> Vec<Finding> {
    let report = analysis::analyze(text, config);
    for part in report.chunks() {
        assert!(part.analysis.yaml().errors().is_empty(), "{text}");
    }
    report
        .findings()
        .map(|(_, finding)| finding.clone())
        .collect()
}

/// Asserts how often a rule that runs alone fires in a pod.
#[track_caller]
fn fires(rule: &str, spec: &str, times: usize) {
    let messages: Vec<String> = findings(&pod(spec), &only(rule))
        .into_iter()
        .map(|finding| finding.message.into_owned())
        .collect();
    assert_eq!(messages.len(), times, "{rule} in {spec}: {messages:?}");
}

/// The places at which one of some rules speaks when all of the profile run.
fn speakers(text: &str, rules: &[&str]) -> Vec<&'static str> {
    let all = findings(text, &Config::default());
    all.iter()
        .map(|finding| finding.rule.id)
        .filter(|id| rules.contains(id))
        .collect()
}

#[test]
fn ids_count_where_they_take_effect() {
    for (rule, field) in [("low-user-id", "runAsUser"), ("low-group-id", "runAsGroup")] {
        let on_pod = |id: i64, container: &str| {
            format!(
                "securityContext: {{{field}: {id}}}, containers: [{{name: a, image: x, securityContext: {{{container}}}}}]"
            )
        };
        fires(rule, &on_pod(999, ""), 1);
        fires(rule, &on_pod(9999, ""), 1);
        fires(rule, &on_pod(10000, ""), 0);
        fires(rule, &on_pod(0, ""), 0);
        fires(rule, &on_pod(999, &format!("{field}: 10000")), 0);
        fires(rule, &on_pod(10000, &format!("{field}: 999")), 1);
        fires(
            rule,
            &format!("os: {{name: windows}}, {}", on_pod(999, "")),
            0,
        );
        fires(rule, &format!("hostUsers: false, {}", on_pod(999, "")), 0);
    }
    for (rule, field) in [
        ("missing-user-id", "runAsUser"),
        ("missing-group-id", "runAsGroup"),
    ] {
        fires(
            rule,
            "containers: [{name: a, image: x}, {name: b, image: x}]",
            1,
        );
        fires(rule, "containers: [{name: a}]", 1);
        fires(
            rule,
            "os: {name: windows}, containers: [{name: a, image: x}]",
            0,
        );
        fires(
            rule,
            &format!("securityContext: {{{field}: 0}}, containers: [{{name: a, image: x}}]"),
            0,
        );
        fires(
            rule,
            &format!("containers: [{{name: a, image: x, securityContext: {{{field}: 1}}}}]"),
            0,
        );
        fires(
            rule,
            &format!("containers: [{{name: a, image: x, securityContext: {{{field}: '1'}}}}]"),
            0,
        );
    }
}

#[test]
fn of_two_rules_about_one_thing_one_speaks() {
    let root = pod("securityContext: {runAsUser: 0}, containers: [{name: a, image: x}]");
    assert_eq!(
        speakers(&root, &["root-user", "low-user-id", "missing-user-id"]),
        ["root-user"]
    );
    let bare = pod("containers: [{name: a, image: x}]");
    assert_eq!(
        speakers(&bare, &["undropped-capabilities", "undropped-net-raw"]),
        ["undropped-capabilities"]
    );
    let token = ["mounted-service-account-token", "default-service-account"];
    assert_eq!(speakers(&bare, &token), token[..1]);
    let asked = pod("automountServiceAccountToken: true, containers: [{name: a, image: x}]");
    assert_eq!(speakers(&asked, &token), token[1..]);
    let latest = pod("containers: [{name: a, image: 'x:latest', imagePullPolicy: IfNotPresent}]");
    assert_eq!(
        speakers(&latest, &["unpinned-image", "stale-image-pull-policy"]),
        ["unpinned-image"]
    );

    let mut without = Config::default();
    without
        .rules
        .ignore
        .push("undropped-capabilities".to_owned());
    assert!(
        findings(&bare, &without)
            .iter()
            .any(|finding| finding.rule.id == "undropped-net-raw")
    );
}

#[test]
fn what_is_off_runs_when_it_is_selected() {
    fires(
        "image-without-digest",
        "containers: [{name: a, image: 'x:1'}]",
        1,
    );
    assert_eq!(
        speakers(
            &pod("containers: [{name: a, image: 'x:1'}]"),
            &["image-without-digest"]
        ),
        [""; 0]
    );
}

#[test]
fn registries_are_judged_by_the_lists() {
    let times = |image: &str, allowed: &[&str], denied: &[&str]| {
        let mut config = only("untrusted-registry");
        config.values.allowed_registries = allowed.iter().map(|&entry| entry.to_owned()).collect();
        config.values.denied_registries = denied.iter().map(|&entry| entry.to_owned()).collect();
        findings(
            &pod(&format!("containers: [{{name: a, image: '{image}'}}]")),
            &config,
        )
        .len()
    };
    assert_eq!(times("nginx", &[], &[]), 0);
    assert_eq!(times("nginx", &["ghcr.io"], &[]), 1);
    assert_eq!(times("ghcr.io/a/b", &["ghcr.io"], &[]), 0);
    assert_eq!(times("ghcr.io/a/b", &["ghcr.io"], &["ghcr.io/a"]), 1);
    assert_eq!(times("nginx", &[], &["docker.io"]), 1);
    assert_eq!(times("$(IMAGE)", &["ghcr.io"], &[]), 0);
}

#[test]
fn frozen_registries_are_known_by_whole_names() {
    let fires = |image: &str, times| {
        fires(
            "deprecated-registry",
            &format!("containers: [{{name: a, image: '{image}'}}]"),
            times,
        );
    };
    fires("k8s.gcr.io/pause:3.9", 1);
    fires("gcr.io/google_containers/pause:3.0", 1);
    fires("bitnamilegacy/redis:7", 1);
    fires("k8s.gcr.io.example.com/pause:3.9", 0);
    fires("gcr.io/google-containers-x/pause:3.9", 0);
    fires("registry.k8s.io/pause:3.9", 0);
}

#[test]
fn tags_move_when_their_names_say_so() {
    for (image, policy, times) in [
        ("x:stable", "", 1),
        ("x:stable-alpine", "", 1),
        ("x:main", "IfNotPresent", 1),
        ("x:main", "Always", 0),
        ("x:main", "Never", 0),
        ("x:1", "", 0),
        ("x:1.2-alpine", "", 0),
        ("x:v12", "IfNotPresent", 0),
        ("x:main-4f2a9c1", "", 0),
        ("x:latest", "IfNotPresent", 1),
        ("x:latest", "", 0),
        ("x", "", 0),
    ] {
        let policy = if policy.is_empty() {
            String::new()
        } else {
            format!(", imagePullPolicy: {policy}")
        };
        fires(
            "stale-image-pull-policy",
            &format!("containers: [{{name: a, image: '{image}'{policy}}}]"),
            times,
        );
    }
}

#[test]
fn entry_points_are_read_as_a_shell_reads_them() {
    let start = |script: &str| {
        format!("containers: [{{name: a, image: x, command: [/bin/sh, -ec], args: [{script:?}]}}]")
    };
    for (script, times) in [
        ("a & b", 1),
        ("crond && exec app", 1),
        ("service nginx start && exec app", 1),
        ("exec supervisord -n", 1),
        ("a && b", 0),
        ("exec a 2>&1", 0),
        ("a & wait $!", 0),
        ("sleep infinity & wait", 0),
        ("trap 'exit 0' TERM; app & wait", 0),
        (
            "service nginx start && tail -f /var/log/nginx/access.log",
            0,
        ),
        ("crond -f", 0),
        ("while true; do sync; sleep 60; done & exec app", 0),
        ("echo 'a & b'", 0),
        ("exec /usr/sbin/sshd -D", 0),
    ] {
        fires("multiple-processes", &start(script), times);
    }
    fires(
        "multiple-processes",
        "containers: [{name: a, image: x, command: [/usr/bin/supervisord, -c, /etc/s.conf]}]",
        1,
    );
    fires(
        "multiple-processes",
        "initContainers: [{name: a, image: x, command: [sh, -c, 'a & b']}]",
        0,
    );

    for (script, times) in [
        ("apt-get update && apt-get install -y curl && app", 1),
        ("apk --no-cache add curl", 1),
        (
            "if true; then DEBIAN_FRONTEND=noninteractive apt-get -yq install curl; fi",
            1,
        ),
        ("python3 -m pip install requests", 1),
        ("npm ci; node app.js", 1),
        ("npm start", 0),
        ("echo apt-get install", 0),
        ("helm install web", 0),
        ("# apt-get install curl\napp", 0),
    ] {
        fires("package-install-at-start", &start(script), times);
    }
    fires(
        "package-install-at-start",
        "initContainers: [{name: a, image: x, command: [pip, install, requests]}]",
        1,
    );
    let hook = "lifecycle: {postStart: {exec: {command: [sh, -c, 'yum -y install curl']}}}";
    fires(
        "package-install-at-start",
        &format!("containers: [{{name: a, image: x, {hook}}}]"),
        1,
    );
}

#[test]
fn host_mounts_of_sockets_and_devices_are_no_files() {
    let mounted = |volume: &str, mount: &str| {
        format!(
            "containers: [{{name: a, image: x, volumeMounts: [{{name: v, mountPath: /v{mount}}}]}}], \
             volumes: [{{name: v, hostPath: {{path: {volume}}}}}]"
        )
    };
    fires("writable-host-path", &mounted("/srv", ""), 1);
    fires(
        "writable-host-path",
        &mounted("/srv", ", readOnly: false"),
        1,
    );
    fires(
        "writable-host-path",
        &mounted("/srv", ", readOnly: true"),
        0,
    );
    fires("writable-host-path", &mounted("/srv, type: Socket", ""), 0);
    fires(
        "writable-host-path",
        &mounted("/run/containerd/containerd.sock", ""),
        0,
    );
    fires("writable-host-path", &mounted("/dev/fuse", ""), 0);
    let bidirectional = findings(
        &pod(&mounted("/srv", ", mountPropagation: Bidirectional")),
        &only("writable-host-path"),
    );
    assert!(
        bidirectional.iter().all(|finding| finding.fix.is_none()),
        "{bidirectional:?}"
    );
}

#[test]
fn data_is_kept_by_any_volume_that_outlives_the_pod() {
    let kept = |volume: &str| {
        format!(
            "containers: [{{name: a, image: 'postgres:17', volumeMounts: [{{name: v, mountPath: /elsewhere}}]}}], \
             volumes: [{{name: v, {volume}}}]"
        )
    };
    fires("unpersisted-data", &kept("emptyDir: {}"), 1);
    fires(
        "unpersisted-data",
        &kept("persistentVolumeClaim: {claimName: c}"),
        0,
    );
    fires("unpersisted-data", &kept("nfs: {server: s, path: /}"), 0);
    fires(
        "unpersisted-data",
        "containers: [{name: a, image: 'postgres:17', command: [psql]}]",
        0,
    );
    fires(
        "unpersisted-data",
        "containers: [{name: a, image: 'example.com/postgres-exporter:1'}]",
        0,
    );
    let set = |spec: &str, container: &str| {
        let text = format!(
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: a}}\nspec: {{{spec}template: {{spec: {{containers: \
             [{{name: a, image: x{container}}}]}}}}}}\n"
        );
        findings(&text, &only("unpersisted-data")).len()
    };
    assert_eq!(set("selector: {}, serviceName: a, ", ""), 1);
    assert_eq!(set("", ""), 0);
    assert_eq!(
        set(
            "selector: {}, serviceName: a, ",
            ", securityContext: {readOnlyRootFilesystem: true}"
        ),
        0
    );
    assert_eq!(
        set(
            "selector: {}, serviceName: a, volumeClaimTemplates: [{metadata: {name: d}}], ",
            ""
        ),
        0
    );
}

#[test]
fn nothing_of_a_secret_is_shown() {
    let secret = "correct-Horse-7";
    let text = pod(&format!(
        "containers: [{{name: a, image: x, env: [{{name: DB_PASSWORD, value: {secret}}}, \
         {{name: DB, value: 'postgres://app:{secret}@db/app'}}]}}]"
    ));
    let found = findings(&text, &only("secret-in-env"));
    assert_eq!(found.len(), 2);
    for finding in found {
        assert!(!finding.message.contains(secret), "{}", finding.message);
        assert!(finding.fix.is_some_and(|fix| !fix.title.contains(secret)));
    }
}

#[test]
fn what_is_said_of_a_secret_stays() {
    let env = |value: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers:\n    - name: a\n      image: x\n      env:\n        \
             - name: TOKEN\n          {value}\n        - name: OTHER\n          value: a\n"
        )
    };
    let (_, after) = fixed_by(
        &env("value: correct-Horse-7 # from the vault"),
        "secret-in-env",
        0,
    );
    let reference = "secretKeyRef:\n              name: web-secrets\n              key: token";
    assert_eq!(
        after,
        env(&format!(
            "valueFrom: # from the vault\n            {reference}"
        ))
    );
}

/// Applies one of the fixes of the only finding.
fn fixed_by(text: &str, rule: &str, way: usize) -> (String, String) {
    let config = only(rule);
    let report = analysis::analyze(text, &config);
    let analysis = report.chunks().next().expect("a document").analysis;
    let [finding] = analysis.findings.as_slice() else {
        panic!("one finding: {:?}", analysis.findings)
    };
    let way = finding.each_fix().nth(way).expect("as many ways");
    let edits = analysis.edits(&[&way], (&config).into()).expect("edits");
    (
        way.fix.expect("a fix").title.into_owned(),
        edits.apply(text),
    )
}

#[test]
fn a_read_only_root_comes_with_room_to_write() {
    let text = "\
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
    - name: web
      image: nginx:1.29
      volumeMounts:
        - name: run
          mountPath: /var/run/
  volumes:
    - name: run
      emptyDir: {}
    - name: tmp
      emptyDir: {}
";
    let (title, after) = fixed_by(text, "writable-root-filesystem", 1);
    assert_eq!(
        title,
        "set readOnlyRootFilesystem: true and mount an emptyDir at /tmp, /var/cache/nginx"
    );
    let expected = "\
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
    - name: web
      image: nginx:1.29
      volumeMounts:
        - name: run
          mountPath: /var/run/
        - name: web-tmp
          mountPath: /tmp
        - name: var-cache-nginx
          mountPath: /var/cache/nginx
      securityContext:
        readOnlyRootFilesystem: true
  volumes:
    - name: run
      emptyDir: {}
    - name: tmp
      emptyDir: {}
    - name: web-tmp
      emptyDir: {}
    - name: var-cache-nginx
      emptyDir: {}
";
    assert_eq!(after, expected, "{after}");
    let has_tmp =
        pod("containers: [{name: a, image: x, volumeMounts: [{name: t, mountPath: /tmp}]}]");
    assert!(
        findings(&has_tmp, &only("writable-root-filesystem"))
            .iter()
            .all(|finding| finding.alternatives.is_empty())
    );
}

#[test]
fn a_namespace_is_watched_or_held_to_a_standard() {
    let text = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n";
    let (_, after) = fixed_by(text, "unlabelled-namespace", 1);
    assert_eq!(
        after,
        format!("{text}  labels:\n    pod-security.kubernetes.io/enforce: baseline\n")
    );
    for name in ["kube-system", "kube-public"] {
        let system = text.replace("shop", name);
        assert!(
            findings(&system, &only("unlabelled-namespace")).is_empty(),
            "{name}"
        );
    }
    let misspelled =
        format!("{text}  labels:\n    pod-security.kubernetes.io/enforced: baseline\n");
    let (_, after) = fixed_by(&misspelled, "unlabelled-namespace", 0);
    assert_eq!(after, misspelled.replace("enforced", "enforce"));
}

#[test]
fn configured_folders_are_sensitive_too() {
    let mut config = only("sensitive-host-path");
    config.values.sensitive_paths.push("/srv/keys/".to_owned());
    for (path, times) in [
        ("/srv/keys", 1),
        ("/srv/keys/a", 1),
        ("/srv", 1),
        ("/srv/keys-old", 0),
        ("/data", 0),
    ] {
        let text = pod(&format!(
            "containers: [{{name: a, image: x}}], volumes: [{{name: v, hostPath: {{path: {path}}}}}]"
        ));
        assert_eq!(findings(&text, &config).len(), times, "{path}");
    }
}

#[test]
fn a_secret_of_several_lines_or_behind_an_alias_is_pointed_at_where_it_is_used() {
    let key = "A1b2C3d4E5".repeat(5);
    let text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  tls.key: |\n    -----BEGIN RSA PRIVATE KEY-----\n    \
         {key}\n    -----END RSA PRIVATE KEY-----\n"
    );
    let found = findings(&text, &only("secret-in-config-map"));
    let places: Vec<&str> = found
        .iter()
        .map(|finding| &text[std::ops::Range::<usize>::from(finding.range)])
        .collect();
    assert_eq!(places, ["tls.key"]);

    let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  annotations:\n    x: &secret hunter2\nspec:\n  containers:\n    \
                - name: a\n      image: x\n      env:\n        - name: DB_PASSWORD\n          value: *secret\n";
    let found = findings(text, &only("secret-in-env"));
    let places: Vec<&str> = found
        .iter()
        .map(|finding| &text[std::ops::Range::<usize>::from(finding.range)])
        .collect();
    assert_eq!(places, ["*secret"]);
}

#[test]
fn secrets_are_found_in_the_files_of_a_config_map() {
    let secret = "Vq7Rm2xT9wLz";
    let is_found = |key: &str, lines: &[&str]| {
        let text = lines.join("\n    ").replace("SECRET", secret);
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  {key}: |\n    {text}\n"
        );
        let found = findings(&text, &only("secret-in-config-map"));
        assert!(
            found
                .iter()
                .all(|finding| !finding.message.contains(secret))
        );
        !found.is_empty()
    };
    for (key, lines) in [
        ("app.yaml", &["datasource:", "  password: SECRET"][..]),
        (
            "app.yml",
            &["---", "a: b", "---", "'db-password': \"SECRET\""],
        ),
        ("app.yaml", &["password: 20231107"]),
        ("app.yaml", &["url: {{ url }}", "password: SECRET"]),
        (
            "app.json",
            &["{\"smtp\": {\"host\": \"mail\", \"password\": \"SECRET\"}}"],
        ),
        ("app", &["env:", "- {name: API_TOKEN, value: SECRET}"]),
        ("app", &["# a comment", "CACHE_PASSWORD=SECRET"]),
    ] {
        assert!(is_found(key, lines), "{key}: {lines:?}");
    }
    for (key, lines) in [
        ("app.yaml", &["passwordFile: SECRET"][..]),
        ("app.yaml", &["# password: SECRET", "a: b"]),
        (
            "app.yaml",
            &["password:", "token: ''", "secret: {name: SECRET}"],
        ),
        ("app.yaml", &["password: ${SECRET}", "tlsSecret: web-tls"]),
        ("app.yaml", &["- {name: API_TOKEN_FILE, value: SECRET}"]),
        ("app.yaml", &["- {value: SECRET}"]),
        ("run.sh", &["PASSWORD=SECRET"]),
        ("run", &["#!/bin/sh", "PASSWORD=SECRET"]),
    ] {
        assert!(!is_found(key, lines), "{key}: {lines:?}");
    }
}

/// Returns the severity and the title of the fix of the only finding of a rule in a pod.
fn severity_and_fix(rule: &str, spec: &str) -> (&'static str, Option<String>) {
    let found = findings(&pod(spec), &Config::default());
    let mut of_rule = found.into_iter().filter(|finding| finding.rule.id == rule);
    let finding = of_rule.next().unwrap_or_else(|| panic!("{rule} in {spec}"));
    assert!(of_rule.next().is_none(), "{rule} twice in {spec}");
    let title = finding.fix.map(|fix| fix.title.into_owned());
    (finding.severity.name(), title)
}

#[test]
fn fixes_take_ids_that_the_pod_already_uses() {
    for (rule, spec, field) in [
        (
            "missing-user-id",
            "securityContext: {fsGroup: 999}, containers: [{name: a, image: x}]",
            "runAsUser: 999",
        ),
        (
            "missing-group-id",
            "securityContext: {runAsUser: 65534}, containers: [{name: a, image: x}]",
            "runAsGroup: 65534",
        ),
        (
            "missing-group-id",
            "securityContext: {runAsUser: 1000, fsGroup: 2000}, containers: [{name: a, image: x}]",
            "runAsGroup: 2000",
        ),
        (
            "missing-user-id",
            "containers: [{name: a, image: x, securityContext: {runAsUser: 70}}, {name: b, image: y}]",
            "runAsUser: 70",
        ),
        (
            "root-user",
            "securityContext: {runAsUser: 0, fsGroup: 101}, containers: [{name: a, image: x}]",
            "runAsUser: 101",
        ),
        (
            "root-group",
            "securityContext: {runAsUser: 101, fsGroup: 0}, containers: [{name: a, image: x}]",
            "fsGroup: 101",
        ),
        (
            "missing-user-id",
            "securityContext: {fsGroup: 0}, containers: [{name: a, image: x}]",
            "runAsUser: 10001",
        ),
    ] {
        let (_, title) = severity_and_fix(rule, spec);
        assert!(
            title.as_deref().is_some_and(|title| title.contains(field)),
            "{spec}: {title:?}"
        );
    }
}

#[test]
fn an_id_that_owns_the_volumes_keeps_its_low_number() {
    let own = "securityContext: {runAsUser: 999, fsGroup: 999}, containers: [{name: a, image: x}]";
    assert_eq!(severity_and_fix("low-user-id", own).1, None);
    let other = "securityContext: {runAsUser: 999}, containers: [{name: a, image: x}]";
    assert!(severity_and_fix("low-user-id", other).1.is_some());
}

#[test]
fn a_missing_id_is_a_hint_if_root_is_rejected() {
    let bare = "containers: [{name: a, image: x}]";
    let of_pod = "securityContext: {runAsNonRoot: true}, containers: [{name: a, image: x}]";
    let of_one = "containers: [{name: a, image: x, securityContext: {runAsNonRoot: true}}, {name: b, image: y}]";
    for rule in ["missing-user-id", "missing-group-id"] {
        assert_eq!(severity_and_fix(rule, bare).0, "info");
        assert_eq!(severity_and_fix(rule, of_pod).0, "hint");
        assert_eq!(severity_and_fix(rule, of_one).0, "info");
    }
}

#[test]
fn a_token_of_an_own_account_is_a_hint() {
    let rule = "mounted-service-account-token";
    let containers = "containers: [{name: a, image: x}]";
    assert_eq!(severity_and_fix(rule, containers).0, "info");
    let default = format!("serviceAccountName: default, {containers}");
    assert_eq!(severity_and_fix(rule, &default).0, "info");
    let own = format!("serviceAccountName: web, {containers}");
    assert_eq!(severity_and_fix(rule, &own).0, "hint");
    let mut config = Config::default();
    config
        .rules
        .severity
        .insert(rule.to_owned(), Some(Severity::Warning));
    let found = findings(&pod(&own), &config);
    let finding = found.iter().find(|finding| finding.rule.id == rule);
    assert_eq!(
        finding.map(|finding| finding.severity),
        Some(Severity::Warning)
    );
}

#[test]
fn where_no_user_is_root_the_message_and_the_fix_say_so() {
    let rule = "run-as-root-allowed";
    let applicability = |spec: &str| {
        let found = findings(&pod(spec), &Config::default());
        let finding = found.into_iter().find(|finding| finding.rule.id == rule);
        let finding = finding.expect("a finding");
        (
            finding.message.into_owned(),
            finding.fix.map(|fix| fix.applicability),
        )
    };
    for (spec, is_root) in [
        ("containers: [{name: a, image: x}]", true),
        (
            "securityContext: {runAsUser: 24000}, containers: [{name: a, image: x}]",
            false,
        ),
        (
            "securityContext: {runAsUser: 24000}, containers: [{name: a, image: x, securityContext: {runAsUser: 0}}]",
            true,
        ),
        (
            "containers: [{name: a, image: x, securityContext: {runAsUser: 7, runAsNonRoot: false}}]",
            false,
        ),
        (
            "containers: [{name: a, image: x, securityContext: {runAsUser: 7}}, {name: b, image: y}]",
            true,
        ),
    ] {
        let (message, applicability) = applicability(spec);
        assert_eq!(
            message.contains("may run as root"),
            is_root,
            "{spec}: {message}"
        );
        let expected = if is_root {
            Applicability::Unsafe
        } else {
            Applicability::Safe
        };
        assert_eq!(applicability, Some(expected), "{spec}");
    }
}

#[test]
fn no_fix_writes_settings_of_linux_to_a_windows_pod() {
    let affinity = |values: &str| {
        format!(
            "affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: \
             [{{matchExpressions: [{{key: kubernetes.io/os, operator: In, values: {values}}}]}}]}}}}}}"
        )
    };
    let container = "containers: [{name: a, image: x}]";
    let settings = |spec: &str| {
        let text = pod(&format!("{spec}, {container}"));
        let allowed = [Applicability::Safe, Applicability::Unsafe];
        let fixed = analysis::fix_all(&text, &Config::default(), &allowed).text;
        let has = |word: &str| fixed.contains(word);
        (
            has("os: {name: windows}"),
            has("seccompProfile"),
            has("readOnlyRootFilesystem"),
        )
    };
    for spec in [
        "nodeSelector: {kubernetes.io/os: windows}",
        "nodeSelector: {beta.kubernetes.io/os: windows}",
        &affinity("[windows]"),
        "securityContext: {windowsOptions: {runAsUserName: ContainerUser}}",
    ] {
        assert_eq!(settings(spec), (true, false, false), "{spec}");
    }
    for spec in [
        "nodeSelector: {kubernetes.io/os: linux}",
        "nodeSelector: {disk: windows}",
        &affinity("[windows, linux]"),
        "os: {name: linux}, nodeSelector: {kubernetes.io/os: windows}",
    ] {
        assert_eq!(settings(spec), (false, true, true), "{spec}");
    }
    // The API server would reject `fsGroup` next to `os.name: windows`.
    let with_group = "nodeSelector: {kubernetes.io/os: windows}, securityContext: {fsGroup: 7}";
    assert_eq!(settings(with_group), (false, false, false));
}

#[test]
fn a_field_of_containers_on_the_pod_moves_into_each_that_lacks_it() {
    let read_only = "readOnlyRootFilesystem: true";
    let fixed = |of_pod: &str, one: &str, two: &str| {
        let mut config = only("misplaced-security-field");
        config.profile = linter::config::Profile::Baseline;
        let text = pod(&format!(
            "securityContext: {{{of_pod}}}, containers: [{{name: a, image: x, securityContext: {{{one}}}}}, \
             {{name: b, image: y, securityContext: {{{two}}}}}]"
        ));
        let [found] = findings(&text, &config).try_into().expect("one finding");
        let reason = found.no_fix.map(|reason| reason.into_owned());
        let allowed = [Applicability::Safe];
        let text = analysis::fix_all(&text, &config, &allowed).text;
        (text.matches(of_pod).count(), reason)
    };
    assert_eq!(fixed(read_only, "runAsUser: 7", "runAsUser: 7"), (2, None));
    assert_eq!(fixed(read_only, read_only, "runAsUser: 7"), (2, None));
    assert_eq!(fixed(read_only, read_only, read_only), (2, None));
    // To loosen both containers is for a review.
    assert_eq!(
        fixed("privileged: true", "runAsUser: 7", "runAsUser: 7"),
        (1, None)
    );
    let reason = "the securityContext of container \"a\" has another value";
    assert_eq!(
        fixed(read_only, "readOnlyRootFilesystem: false", "runAsUser: 7"),
        (1, Some(reason.to_owned()))
    );
    let reason = "the API server would reject it in the securityContext of container \"b\"";
    assert_eq!(
        fixed(
            "allowPrivilegeEscalation: false",
            "runAsUser: 7",
            "privileged: true"
        ),
        (1, Some(reason.to_owned()))
    );
}

#[test]
fn a_list_on_the_pod_is_copied_into_each_container() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  securityContext:\n    # all of them\n    \
                capabilities:\n      drop: [ALL]\n  containers:\n    - name: a\n      image: x\n    - name: b\n      image: y\n";
    let allowed = [Applicability::Safe, Applicability::Unsafe];
    let fixed = analysis::fix_all(text, &only("misplaced-security-field"), &allowed).text;
    assert_eq!(
        fixed,
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n    - name: a\n      image: x\n      \
         securityContext:\n        # all of them\n        capabilities:\n          drop: [ALL]\n    - name: b\n      image: y\n      \
         securityContext:\n        capabilities:\n          drop: [ALL]\n"
    );
}

#[test]
fn a_value_that_a_comment_explains_stays() {
    let fixed = |privileged: &str| {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers:\n    - name: a\n      image: x\n      \
             securityContext:\n        runAsUser: 7 # ours\n{privileged}"
        );
        let config = only("privileged-container");
        analysis::fix_all(&text, &config, &[Applicability::Unsafe])
            .text
            .contains("privileged: false")
    };
    for explained in [
        "        privileged: true # reads disks\n",
        "        # reads disks\n        privileged: true\n",
        "        # kubeharden: ignore[host-pid] a reason\n        privileged: true # reads disks\n",
    ] {
        assert!(!fixed(explained), "{explained}");
    }
    for other in [
        "        privileged: true\n",
        "        # all of it\n\n        privileged: true\n",
        "      # deeper than this\n        privileged: true\n",
        "        privileged: true\n        # below\n",
        "        privileged: true # kubeharden: ignore[host-pid] a reason\n",
    ] {
        assert!(fixed(other), "{other}");
    }
}

#[test]
fn what_a_privileged_container_leaves_out_is_reported_once() {
    const RULES: [&str; 4] = [
        "privileged-container",
        "privilege-escalation",
        "undropped-capabilities",
        "undropped-net-raw",
    ];
    let found = |settings: &str, config: &Config| -> Vec<&'static str> {
        let text = pod(&format!(
            "containers: [{{name: a, image: x, securityContext: {{{settings}}}}}]"
        ));
        findings(&text, config)
            .iter()
            .map(|finding| finding.rule.id)
            .filter(|id| RULES.contains(id))
            .collect()
    };
    let all = Config::default();
    assert_eq!(found("privileged: true", &all), ["privileged-container"]);
    // What it sets is reported at its value.
    assert_eq!(
        found("privileged: true, allowPrivilegeEscalation: true", &all),
        ["privileged-container", "privilege-escalation"]
    );
    assert_eq!(
        found("privileged: true, capabilities: {drop: [MKNOD]}", &all),
        ["privileged-container", "undropped-capabilities"]
    );
    assert_eq!(
        found("privileged: false", &all),
        ["privilege-escalation", "undropped-capabilities"]
    );
    // If the rule does not run, the others report what is missing.
    let mut without = Config::default();
    without.rules.ignore.push("privileged-container".to_owned());
    assert_eq!(
        found("privileged: true", &without),
        ["privilege-escalation", "undropped-capabilities"]
    );
    let mut net_raw = Config::default();
    net_raw
        .rules
        .ignore
        .push("undropped-capabilities".to_owned());
    assert_eq!(
        found("privileged: true", &net_raw),
        ["privileged-container"]
    );
}
