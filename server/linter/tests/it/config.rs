//! Reads configuration files: settings, errors and warnings.

use expect_test::expect;
use kubernetes::Version;
use linter::analysis;
use linter::config::keys::{KEYS, Key, Kind};
use linter::config::{self, Config, Profile, Reading, Severity, Values};
use linter::rules::Rule;

/// The day on which the tests read.
const TODAY: &str = "2026-06-15";

fn read(text: &str) -> Reading {
    config::read(text, &Rule::names(), TODAY.parse().expect("a day"))
}

/// What a text says that has no mistakes.
#[track_caller]
fn right(text: &str) -> Config {
    let Reading {
        config, problems, ..
    } = read(text);
    assert_eq!(problems, [], "in:\n{text}");
    config
}

/// The mistakes of a text: line, column, what is marked, and the message.
fn mistakes(text: &str) -> String {
    let line = |problem: &config::ConfigError| {
        let before = &text[..problem.range.start];
        let (line, column) = (
            before.matches('\n').count() + 1,
            before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1,
        );
        format!(
            "{line}:{column} {:?} {}\n",
            &text[problem.range.clone()],
            problem.message
        )
    };
    read(text).problems.iter().map(line).collect()
}

#[test]
fn every_key_is_read() {
    let config = right(
        "profile: restricted
kubernetesVersion: 1.30
select: [host-pid, host-ipc]
ignore:
  - missing-cpu-limit
  - syntax-error
severity:
  host-pid: info
  host-ipc: off
failOn: error
detectPodTemplates: no
values:
  userId: 20001
  groupId: 20002
  minUserId: 20000
  minGroupId: 1000
  allowedRegistries: [ghcr.io, \"*.example.com\", docker.io/library]
  deniedRegistries: [docker.io]
  secretNames: [geheimnis]
  sensitivePaths: [/srv/keys]
  cpuRequest: 1
  memoryRequest: 1Gi
  cpuLimit: 1500m
  memoryLimit: 1.5Gi
",
    );
    let words = |words: &[&str]| {
        words
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(config.profile, Profile::Restricted);
    assert_eq!(config.kubernetes_version, Version::new(30));
    assert_eq!(config.rules.select, ["host-pid", "host-ipc"]);
    assert_eq!(config.rules.ignore, ["missing-cpu-limit", "syntax-error"]);
    let severity = [
        ("host-ipc".to_owned(), None),
        ("host-pid".to_owned(), Some(Severity::Info)),
    ];
    assert_eq!(config.rules.severity, severity.into());
    assert_eq!(config.fail_on, Severity::Error);
    assert!(!config.detect_pod_templates);
    assert_eq!(
        config.values,
        Values {
            user_id: 20001,
            group_id: 20002,
            min_user_id: 20000,
            min_group_id: 1000,
            allowed_registries: words(&["ghcr.io", "*.example.com", "docker.io/library"]),
            denied_registries: words(&["docker.io"]),
            secret_names: words(&["geheimnis"]),
            sensitive_paths: words(&["/srv/keys"]),
            cpu_request: "1".into(),
            memory_request: "1Gi".into(),
            cpu_limit: "1500m".into(),
            memory_limit: "1.5Gi".into(),
        }
    );
    assert_eq!(
        right(&config::yaml(&config)),
        config,
        "what is printed reads back"
    );
}

#[test]
fn missing_keys_have_defaults() {
    for text in [
        "# nothing yet\n",
        "\u{feff}# nothing\r\n",
        "values:\n  # userId: 1\n",
        "select: []",
        "severity:\nignore:\n",
    ] {
        assert_eq!(right(text), Config::default(), "{text:?}");
    }
    assert_eq!(right(&config::yaml(&Config::default())), Config::default());
}

#[test]
fn errors_have_ranges_and_suggestions() {
    let text = "profil: baseline
kubernetes-version: \"1.30\"
profile: strict
kubernetesVersion: newest
userId: 7
select: host-pid
ignore: [privileged-containers, [], 5]
failOn: fatal
severity:
  host-pdi: error
  host-ipc: warn
values:
  userID: 10001
  ignore: []
  groupId: 0
  minUserId: \"many\"
  allowedRegistries: [https://ghcr.io, ghcr.io, 'a b']
  secretNames: [API_KEY]
  sensitivePaths: [keys]
  cpuRequest: lots
  memoryLimit: -1Gi
";
    expect![[r#"
        1:1 "profil" unknown key `profil`; did you mean `profile`?
        2:1 "kubernetes-version" unknown key `kubernetes-version`; did you mean `kubernetesVersion`?
        3:10 "strict" unknown profile `strict`; did you mean `restricted`?
        4:20 "newest" "newest" is not a Kubernetes version: write 1.N, for example 1.37
        5:1 "userId" `userId` belongs below `values`
        6:9 "host-pid" `select` must be a list: start each item with `- `, or write all in `[ ]`
        7:10 "privileged-containers" unknown rule `privileged-containers`; did you mean `privileged-container`?
        7:33 "[]" `ignore` takes a single value here
        7:37 "5" unknown rule `5`; `kubeharden rules` lists all rules
        8:9 "fatal" unknown severity `fatal`; expected `error`, `warning`, `info` or `hint`
        10:3 "host-pdi" unknown rule `host-pdi`; did you mean `host-pid`?
        11:13 "warn" unknown severity `warn`; did you mean `warning`?
        13:3 "userID" unknown key `userID`; did you mean `userId`?
        14:3 "ignore" `ignore` belongs at the top of the file
        15:12 "0" `groupId` must be a whole number from 1 to 2147483647
        16:14 "\"many\"" `minUserId` must be a whole number from 0 to 2147483647
        17:23 "https://ghcr.io" write it without `https://`: `ghcr.io`
        17:49 "'a b'" write a registry such as `ghcr.io` or `*.example.com`, or a repository such as `docker.io/library`
        18:17 "API_KEY" write it in lower case, with `_` between words, such as `api_key`
        19:20 "keys" write an absolute path, such as `/srv/keys`
        20:15 "lots" `lots` is not a positive quantity, such as `100m`
        21:16 "-1Gi" `-1Gi` is not a positive quantity, such as `256Mi`
    "#]]
    .assert_eq(&mistakes(text));
    let mut expected = Config::default();
    expected.values.allowed_registries.push("ghcr.io".into());
    assert_eq!(read(text).config, expected, "what is wrong is left out");
}

#[test]
fn exceptions_are_read_and_printed() {
    let config = right(
        "requireReason: true
exceptions:
  - rules: host-pid
    reason: \"it watches: everything\"
  - rules: [host-pid, host-ipc]
    path: [deploy/**, \"*.yml\"]
    kind: DaemonSet
    namespace: kube-*
    name: [a, b]
    container: web
    image: ghcr.io/acme/*
    reason: r
    until: 2026-06-15
",
    );
    assert!(config.require_reason);
    let [first, second] = config.exceptions.as_slice() else {
        panic!("{:?}", config.exceptions)
    };
    assert_eq!(
        (first.rules.as_slice(), first.reason.as_deref()),
        (&["host-pid".to_owned()][..], Some("it watches: everything"))
    );
    assert_eq!(
        (second.path.len(), second.name.len(), second.expired),
        (2, 2, false)
    );
    assert_eq!(right(&config::yaml(&config)), config);
}

#[test]
fn invalid_exception_is_dropped() {
    let text = "exceptions:
  - rules: [host-pdi, host-ipc]
  - rule: host-pid
  - rules: host-pid
    contaner: web
  - rules: host-pid
    path: /deploy
  - rules: host-pid
    name: \"[a\"
  - rules: host-pid
    until: tomorrow
  - rules: host-pid
    kind:
  - host-pid
  - rules: []
    name: a
";
    expect![[r#"
        2:13 "host-pdi" unknown rule `host-pdi`; did you mean `host-pid`?
        3:5 "rule" unknown key `rule` in an exception; did you mean `rules`?
        3:5 "rule" an exception must list its `rules`
        5:5 "contaner" unknown key `contaner` in an exception; did you mean `container`?
        7:11 "/deploy" write a path relative to the folder of this file, such as `deploy/**`
        9:11 "\"[a\"" `[a` is not a valid pattern, such as `web-*`
        11:12 "tomorrow" invalid date `tomorrow`; expected YYYY-MM-DD
        13:10 "" `kind` has no value; write one or remove the key
        14:5 "host-pid" an exception must consist of `key: value` lines
    "#]]
    .assert_eq(&mistakes(text));
    let rules: Vec<_> = read(text)
        .config
        .exceptions
        .into_iter()
        .map(|exception| exception.rules)
        .collect();
    assert_eq!(rules, [["host-ipc"]]);
    assert_eq!(
        mistakes("exceptions: host-pid"),
        "1:13 \"host-pid\" `exceptions` must be a list: start each exception with `- `\n"
    );
    let groundless = "requireReason: true\nexceptions: [{rules: host-pid}]";
    assert_eq!(
        mistakes(groundless),
        "2:15 \"rules\" this exception has no `reason` (required by `requireReason`)\n"
    );
    assert_eq!(
        mistakes("requireReason: often"),
        "1:16 \"often\" `requireReason` must be `true` or `false`\n"
    );
}

#[test]
fn expired_exception_is_a_warning() {
    let ended = |until: &str| {
        let reading = read(&format!(
            "exceptions:\n  - rules: host-pid\n    until: {until}\n"
        ));
        assert!(reading.is_valid());
        let told = reading
            .problems
            .iter()
            .map(|problem| (problem.severity, problem.message.clone()))
            .collect::<Vec<_>>();
        assert_eq!(reading.config.exceptions[0].expired, !told.is_empty());
        told
    };
    assert_eq!(ended("2026-06-15"), []);
    let message =
        "this exception expired on 2026-06-14 and no longer applies; renew or remove it".to_owned();
    assert_eq!(ended("2026-06-14"), [(Severity::Warning, message)]);
}

#[test]
fn exception_is_added_to_any_configuration() {
    let exception =
        right("exceptions: [{rules: host-pid, path: 'a b/**', name: shop, until: 2026-07-01}]")
            .exceptions
            .remove(0);
    let today = TODAY.parse().expect("a day");
    for (text, expected) in [
        ("", true),
        ("# only a comment", true),
        ("# nothing\r\n# yet\r\n", true),
        ("profile: baseline\nvalues:\n  userId: 20000\n", true),
        (
            "exceptions:\n- rules: [host-ipc]\n  reason: x # why\n# end\n",
            true,
        ),
        ("exceptions: []\nprofile: baseline", true),
        ("exceptions: [{rules: host-ipc}]\n", true),
        ("exceptions:\n  # none yet\n", true),
        ("--- # ours\nprofile: baseline\n", true),
        ("profil: baseline\n", false),
        ("profile: [\n", false),
    ] {
        let edits = config::insert_exception(text, &exception, &Rule::names(), today);
        assert_eq!(edits.is_ok(), expected, "{text:?}: {edits:?}");
        let mut after = text.to_owned();
        edits
            .into_iter()
            .flatten()
            .rev()
            .for_each(|(range, insert)| after.replace_range(range, &insert));
        assert_eq!(
            read(&after).config.exceptions.last() == Some(&exception),
            expected,
            "{after}"
        );
        assert!(
            text.lines()
                .all(|line| after.contains(line.trim_end_matches(['[', ']', '}', ' ']))),
            "{after}"
        );
    }
}

#[test]
fn invalid_value_is_dropped_alone() {
    let config = read("profile: strict\nfailOn: info\nignore: [nonsense, host-pid]\n").config;
    assert_eq!(
        (config.profile, config.fail_on),
        (Profile::Hardened, Severity::Info)
    );
    assert_eq!(config.rules.ignore, ["host-pid"]);
}

#[test]
fn contradicting_values_are_dropped() {
    for (text, expected) in [
        (
            "values: {cpuRequest: 2, cpuLimit: 1500m}",
            "1:22 \"2\" `cpuRequest` 2 is above `cpuLimit` 1500m\n",
        ),
        (
            "values: {memoryLimit: 64Mi}",
            "1:23 \"64Mi\" `memoryRequest` 128Mi (the default) is above `memoryLimit` 64Mi\n",
        ),
        (
            "values: {minUserId: 20000}",
            "1:21 \"20000\" `minUserId` 20000 is above `userId` 10001 (the default)\n",
        ),
    ] {
        assert_eq!(mistakes(text), expected);
        assert_eq!(read(text).config, Config::default(), "{text}");
    }
}

#[test]
fn non_mappings_have_messages() {
    for (text, expected) in [
        (
            "",
            "1:1 \"\" the file is empty; write a setting such as `profile: hardened`, or remove the file\n",
        ),
        (
            "~\n",
            "1:1 \"~\" the document is empty; write a setting such as `profile: hardened`\n",
        ),
        (
            "- profile\n",
            "1:1 \"- profile\" a configuration file must consist of `key: value` lines\n",
        ),
        (
            "hardened",
            "1:1 \"hardened\" a configuration file must consist of `key: value` lines\n",
        ),
        (
            "profile: {{ .Values.profile }}\n",
            "1:10 \"{{\" template syntax is not supported in this file; write the values\n",
        ),
        (
            "failOn: info\n---\nfailOn: hint\n",
            "3:1 \"failOn: hint\" only the first document is read; move everything into it\n",
        ),
        (
            "profile:\nfailOn: ~\n",
            "1:9 \"\" `profile` has no value; write one or remove the key\n2:9 \"~\" `failOn` has no value; write one or remove the key\n",
        ),
        (
            "failOn: info\nfailOn: hint\n",
            "2:1 \"failOn\" duplicate key `failOn`; this one is used, remove the other\n",
        ),
    ] {
        assert_eq!(mistakes(text), expected, "{text:?}");
    }
}

#[test]
fn syntax_error_keeps_other_settings() {
    let Reading {
        config, problems, ..
    } = read("# ä\n---\nprofile: baseline\nselect: [host-pid\nfailOn: info\n");
    assert!(!problems.is_empty());
    assert!(
        problems.iter().all(|problem| problem.range.start > 5),
        "places count from the start of the text: {problems:?}"
    );
    assert_eq!(config.profile, Profile::Baseline);
}

#[test]
fn no_text_panics() {
    let text = right_and_wrong();
    for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
        for problem in read(&text[..at]).problems {
            assert!(text.get(problem.range.clone()).is_some(), "{problem:?}");
        }
    }
}

fn right_and_wrong() -> String {
    let all = config::yaml(&Config::default());
    format!(
        "# ö\nx: &a [1, {{b: *a}}]\n{all}<<: *a\n? [k]\n: v\nseverity: *a\nselect: !!str {{}}\n---\n{{{{ a }}}}\n"
    )
}

#[test]
fn starter_file_sets_nothing_until_uncommented() {
    let template = config::template("https://example.com/schema.json");
    assert_eq!(
        right(&template),
        Config {
            profile_is_chosen: true,
            ..Config::default()
        }
    );
    let uncommented: String = template
        .lines()
        .skip(1)
        .map(|line| line.strip_prefix("# ").unwrap_or(line))
        .fold(String::new(), |text, line| {
            match line.trim_start().split_once(':') {
                Some((word, _)) if KEYS.iter().chain(values()).any(|key| key.name == word) => {
                    text + line + "\n"
                }
                _ => text,
            }
        });
    assert_eq!(
        right(&uncommented),
        Config {
            profile_is_chosen: true,
            ..Config::default()
        }
    );
    assert_eq!(uncommented.lines().count(), KEYS.len() + values().len());
}

fn values() -> &'static [Key] {
    KEYS.iter()
        .find_map(|key| {
            if let Kind::Group(keys) = key.kind {
                Some(keys)
            } else {
                None
            }
        })
        .unwrap_or_default()
}

const POD: &str = "apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  hostPID: true
  containers: [{name: web, image: ghcr.io/acme/web:1.4}]
";

/// The severity of a rule's findings in a pod; nothing where it has none.
fn severity(rule: &str, text: &str) -> Option<Severity> {
    let report = analysis::analyze(POD, &right(text));
    let findings = report.findings().map(|(_, finding)| finding);
    findings
        .filter(|finding| finding.rule.id == rule)
        .map(|finding| finding.severity)
        .next()
}

#[test]
fn severity_overrides_rule() {
    assert_eq!(
        severity("host-pid", "profile: baseline"),
        Some(Severity::Error)
    );
    assert_eq!(
        severity("host-pid", "severity: {host-pid: hint}"),
        Some(Severity::Hint)
    );
    assert_eq!(severity("host-pid", "severity: {host-pid: off}"), None);
    assert_eq!(
        severity("host-pid", "severity: {host-pid: off}\nselect: [host-pid]"),
        None
    );
    assert_eq!(
        severity("host-pid", "severity: {host-pid: hint}\nignore: [host-pid]"),
        None
    );
}

#[test]
fn severity_enables_opt_in_rule() {
    assert_eq!(severity("image-without-digest", "profile: hardened"), None);
    assert_eq!(
        severity(
            "image-without-digest",
            "severity: {image-without-digest: warning}"
        ),
        Some(Severity::Warning)
    );
    assert_eq!(
        severity(
            "image-without-digest",
            "severity: {image-without-digest: off}"
        ),
        None
    );
    assert_eq!(
        severity(
            "image-without-digest",
            "severity: {image-without-digest: info}\nselect: [host-pid]"
        ),
        None
    );
    // A profile is what it is: a severity does not add what the profile leaves out.
    assert_eq!(
        severity(
            "root-group",
            "profile: baseline\nseverity: {root-group: error}"
        ),
        None
    );
}

#[test]
fn registries_apply_to_every_profile() {
    let allowed = "profile: baseline\nvalues: {allowedRegistries: [registry.example.com]}";
    assert_eq!(
        severity("untrusted-registry", allowed),
        Some(Severity::Error)
    );
    assert_eq!(severity("untrusted-registry", "profile: baseline"), None);
}

#[test]
fn manual_has_every_key_and_default() {
    let manual = include_str!("../../../../docs/configuration.md");
    let defaults = config::yaml(&Config::default());
    for key in KEYS.iter().chain(values()) {
        let heading = format!("### `{}`\n\n{}\n", key.name, key.about);
        assert!(
            manual.contains(&heading),
            "docs/configuration.md lacks {heading}"
        );
    }
    for line in defaults.lines() {
        assert!(
            manual.contains(line.trim_start_matches('#').trim()),
            "docs/configuration.md lacks the default {line}"
        );
    }
    for block in manual
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
    {
        right(block);
    }
}
