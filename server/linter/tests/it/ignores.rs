//! Suppressions: each form at each place, unused and invalid ones, and properties over real manifests.

use linter::analysis::{self, Analysis, DocumentKind, SuppressionScope};
use linter::config::{self, Config, Profile};
use linter::rules::{Applicability, Finding, Rule};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use yaml::edit::{self, Change};

/// What is found in a text, as `line rule` for people to read.
fn found(text: &str, config: &Config) -> Vec<String> {
    let report = analysis::analyze(text, config);
    let mut found = Vec::new();
    for document in report.chunks() {
        for finding in &document.analysis.findings {
            let start = document.place(finding.range).start;
            let line = text[..start]
                .replace("\r\n", "\n")
                .replace('\r', "\n")
                .matches('\n')
                .count()
                + 1;
            let container = finding
                .target
                .container
                .as_ref()
                .map(|name| format!(" in {name}"))
                .unwrap_or_default();
            found.push(format!("{line} {}{container}", finding.rule.id));
        }
    }
    found
}

/// Two rules of containers, two of pods, and the one about ignores.
fn config() -> Config {
    let mut config = Config::default();
    let rules = [
        "writable-root-filesystem",
        "privileged-container",
        "host-pid",
        "missing-seccomp-profile",
        "unused-ignore",
    ];
    config.rules.select = rules.map(str::to_owned).to_vec();
    config
}

const POD: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  template:
    metadata:
      labels: {app: shop}
    spec:
      hostPID: true
      containers:
        - name: web
          image: registry.example.com/web:1.4
          securityContext:
            privileged: true
        - name: log
          image: registry.example.com/log:1.4
          args: [a]
";

const ALL: [&str; 5] = [
    "9 missing-seccomp-profile",
    "10 host-pid",
    "14 writable-root-filesystem in web",
    "15 privileged-container in web",
    "16 writable-root-filesystem in log",
];

/// The text with something behind a line or, where the line is said to be above, before it; in each kind of line break.
fn with(line: usize, comment: &str) -> [String; 3] {
    let mut lines: Vec<String> = POD.lines().map(str::to_owned).collect();
    lines[line - 1] += &format!(" {comment}");
    let text = lines.join("\n") + "\n";
    [
        text.clone(),
        text.replace('\n', "\r\n"),
        text.replace('\n', "\r"),
    ]
}

fn above(line: usize, comment: &str) -> String {
    let mut lines: Vec<&str> = POD.lines().collect();
    lines.insert(line - 1, comment);
    lines.join("\n") + "\n"
}

/// The findings that are missing from all findings, regardless of lines.
fn missing(found: &[String]) -> Vec<&'static str> {
    let of = |line: &str| {
        line.split_once(' ')
            .map(|(_, what)| what.to_owned())
            .unwrap_or_default()
    };
    let there: BTreeSet<String> = found.iter().map(|line| of(line)).collect();
    ALL.into_iter()
        .filter(|line| !there.contains(&of(line)))
        .collect()
}

fn unused(found: &[String]) -> usize {
    found
        .iter()
        .filter(|line| line.contains("unused-ignore"))
        .count()
}

#[track_caller]
fn ignores(text: &str, expected: &[&str]) {
    let found = found(text, &config());
    assert_eq!(
        (missing(&found), unused(&found)),
        (expected.to_vec(), usize::from(expected.is_empty())),
        "{text}\n{found:#?}"
    );
}

#[test]
fn everything_is_found_without_suppression() {
    assert_eq!(found(POD, &config()), ALL);
}

#[test]
fn trailing_comment_covers_line_and_container() {
    let (web, log) = (
        "14 writable-root-filesystem in web",
        "16 writable-root-filesystem in log",
    );
    for (line, rule, expected) in [
        (10, "host-pid", &["10 host-pid"][..]),
        (9, "host-pid", &[]),
        (11, "host-pid", &[]),
        (
            15,
            "privileged-container",
            &["15 privileged-container in web"],
        ),
        (14, "privileged-container", &[]),
        // The line where the container starts.
        (
            12,
            "privileged-container",
            &["15 privileged-container in web"],
        ),
        (11, "writable-root-filesystem", &[]),
        (12, "writable-root-filesystem", &[web]),
        (13, "writable-root-filesystem", &[web]),
        (15, "writable-root-filesystem", &[web]),
        (16, "writable-root-filesystem", &[log]),
        (18, "writable-root-filesystem", &[log]),
        (9, "writable-root-filesystem", &[]),
    ] {
        for text in with(line, &format!("# kubeharden: ignore[{rule}] why")) {
            ignores(&text, expected);
        }
    }
}

#[test]
fn missing_pod_field_is_suppressed_on_its_keys() {
    for line in [1, 2, 3, 4, 5, 6, 9, 10, 11] {
        ignores(
            &with(line, "# kubeharden: ignore[missing-seccomp-profile]")[0],
            &["9 missing-seccomp-profile"],
        );
    }
    for line in [7, 8, 12, 14, 16] {
        ignores(
            &with(line, "# kubeharden: ignore[missing-seccomp-profile]")[0],
            &[],
        );
    }
}

#[test]
fn own_line_comment_covers_next_or_indented() {
    let (web, log) = (
        "14 writable-root-filesystem in web",
        "16 writable-root-filesystem in log",
    );
    for (line, indentation, expected) in [
        (12, 8, &[web][..]),
        (12, 10, &[web]),
        (12, 0, &[web]),
        (13, 10, &[web]),
        (13, 2, &[web]),
        // Between the two: with the keys of the first, or with the dash of the second.
        (16, 12, &[web]),
        (16, 10, &[web]),
        (16, 8, &[log]),
        (16, 0, &[log]),
        (18, 10, &[log]),
        // At the end.
        (19, 10, &[log]),
        (19, 8, &[]),
        (19, 0, &[]),
    ] {
        let comment = format!(
            "{}# kubeharden: ignore[writable-root-filesystem]",
            " ".repeat(indentation)
        );
        ignores(&above(line, &comment), expected);
    }
    ignores(
        &above(10, "# kubeharden: ignore[host-pid]"),
        &["10 host-pid"],
    );
    ignores(
        &above(
            10,
            "# kubeharden: ignore[host-pid]\n# and another\n  # kubeharden: see there",
        ),
        &["10 host-pid"],
    );
    ignores(&above(10, "# kubeharden: ignore[host-pid]\n"), &[]);
    ignores(&above(9, "# kubeharden: ignore[host-pid]"), &[]);
}

#[test]
fn ignore_file_covers_its_document() {
    let head = "# A shop.\n# kubeharden: ignore-file[writable-root-filesystem, host-pid] for a reason\n---\n# more\n";
    let found = found(&format!("{head}{POD}---\n{POD}"), &config());
    assert_eq!(
        found
            .iter()
            .filter(|line| line.contains("writable-root-filesystem"))
            .count(),
        2,
        "{found:#?}"
    );
    assert_eq!((missing(&found), unused(&found)), (vec![], 0));
    ignores(
        &format!("--- # kubeharden: ignore-file[host-pid]\n{POD}"),
        &["10 host-pid"],
    );
    ignores(&with(2, "# kubeharden: ignore-file[host-pid]")[0], &[]);
    ignores(
        &format!("\u{feff}# kubeharden: ignore-file[host-pid]\n{POD}"),
        &["10 host-pid"],
    );
}

#[test]
fn ignore_file_covers_list_items() {
    let item = "- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n  spec:\n    hostPID: true\n    containers: [{name: a, image: a}]\n";
    let first = "# kubeharden: ignore-file[host-pid]\n";
    let config = config();
    let whole = format!("{first}apiVersion: v1\nkind: List\nitems:\n{item}{item}");
    assert!(
        !found(&whole, &config)
            .iter()
            .any(|line| line.contains("host-pid") || line.contains("unused"))
    );
    let report = analysis::analyze(&whole, &config);
    assert_eq!(
        report
            .chunks()
            .map(|part| part.analysis.suppressed.len())
            .collect::<Vec<_>>(),
        [0, 1, 1]
    );
    // Who writes below the items that nothing is ignored any more has them judged again.
    assert!(
        found(&whole.replacen("host-pid", "host-ipc", 1), &config)
            .iter()
            .any(|line| line.contains("host-pid"))
    );
}

#[test]
fn annotation_covers_object_or_pod() {
    let object = |value: &str| {
        POD.replacen(
            "  name: shop\n",
            &format!("  name: shop\n  annotations:\n    {value}\n"),
            1,
        )
    };
    let template = |value: &str| {
        POD.replacen(
            "      labels:",
            &format!("      annotations:\n        {value}\n      labels:"),
            1,
        )
    };
    let escalation = [
        "14 writable-root-filesystem in web",
        "16 writable-root-filesystem in log",
    ];
    for place in [object, template] {
        ignores(
            &place("kubeharden.dev/ignore: \"writable-root-filesystem: why; \""),
            &escalation,
        );
        ignores(
            &place("kubeharden.dev/ignore: WRITABLE-root-filesystem"),
            &escalation,
        );
        ignores(
            &place(
                "kubeharden.dev/ignore: 'Host-PID, missing-seccomp-profile: it; KSV-0017: \"x: y\"'",
            ),
            &[
                "9 missing-seccomp-profile",
                "10 host-pid",
                "15 privileged-container in web",
            ],
        );
        ignores(
            &place(
                "kubeharden.dev/ignore: |\n            host-pid: why\n            privileged-container: why",
            ),
            &["10 host-pid", "15 privileged-container in web"],
        );
        ignores(&place("kubeharden.dev/ignore: \"\""), &[]);
        ignores(&place("kubeharden.dev/ignroe: host-pid"), &[]);
        ignores(&place("kubeharden.dev/ignore: host-ipc"), &[]);
    }
}

#[test]
fn other_tools_suppressions_work() {
    let object = |value: &str| {
        POD.replacen(
            "  name: shop\n",
            &format!("  name: shop\n  annotations:\n    {value}\n"),
            1,
        )
    };
    let escalation = [
        "14 writable-root-filesystem in web",
        "16 writable-root-filesystem in log",
    ];
    ignores(&object("checkov.io/skip1: CKV_K8S_22=why"), &escalation);
    ignores(
        &object("bridgecrew.io/skip12: CKV_K8S_17"),
        &["10 host-pid"],
    );
    ignores(
        &object("ignore-check.kube-linter.io/host-pid: why"),
        &["10 host-pid"],
    );
    ignores(
        &object("polaris.fairwinds.com/hostPIDSet-exempt: \"true\""),
        &["10 host-pid"],
    );
    ignores(
        &object("kube-score/ignore: pod-probes,container-security-context-privileged"),
        &["15 privileged-container in web"],
    );
    ignores(&with(10, "#trivy:ignore:AVD-KSV-0010")[0], &["10 host-pid"]);
    ignores(
        &with(12, "# checkov:skip=CKV_K8S_22:why")[0],
        &escalation[..1],
    );
    ignores(
        &with(10, "# kubeharden: ignore[CKV_K8S_17] why")[0],
        &["10 host-pid"],
    );
    // What does not apply here, or means more than one rule, is for its tool; nothing is said of it.
    for other in [
        object("checkov.io/skip1: CKV_K8S_9999=why"),
        object("checkov.io/skip1: CKV_K8S_18"),
        object("polaris.fairwinds.com/hostPIDSet-exempt: \"false\""),
        object("ignore-check.kube-linter.io/run-as-non-root: why"),
        with(12, "#trivy:ignore:KSV-0106")[0].clone(),
        with(12, "#trivy:ignore:KSV-0009")[0].clone(),
    ] {
        assert_eq!(found(&other, &config()).len(), ALL.len(), "{other}");
    }
}

/// The findings of `unused-ignore`: the marked text, the message, and the fixes.
fn complaints(text: &str, config: &Config) -> Vec<String> {
    let report = analysis::analyze(text, config);
    let of = |document: analysis::Chunk<'_>, finding: &Finding| {
        let ways: Vec<String> = finding
            .each_fix()
            .filter_map(|way| way.fix)
            .map(|fix| format!(" [{}: {}]", fix.applicability.name(), fix.title))
            .collect();
        format!(
            "{:?} {}{}",
            &text[document.place(finding.range)],
            finding.message,
            ways.concat()
        )
    };
    let documents = report.chunks();
    documents
        .flat_map(|document| {
            document
                .analysis
                .findings
                .iter()
                .map(move |finding| (document, finding))
        })
        .filter(|(_, finding)| finding.rule.id == "unused-ignore")
        .map(|(document, finding)| of(document, finding))
        .collect()
}

#[test]
fn invalid_suppressions_have_fixes() {
    let at = |comment: &str| complaints(&with(10, comment)[0], &config());
    let remove = "[safe: remove the ignore comment]";
    for (comment, expected) in [
        (
            "# kubeharden: ignore[host-ipc] why",
            format!("\"# kubeharden: ignore[host-ipc] why\" unused suppression: host-ipc reports nothing here {remove}"),
        ),
        (
            "# kubeharden: ignore[host-pid, host-ipc]",
            "\"host-ipc\" unused suppression: host-ipc reports nothing here [safe: remove host-ipc from the list]".to_owned(),
        ),
        (
            "# kubeharden: ignore[host-pid, HOST-PID]",
            "\"HOST-PID\" unused suppression: HOST-PID reports nothing here [safe: remove HOST-PID from the list]".to_owned(),
        ),
        (
            "# kubeharden: ignore[host-ipc, host-network]",
            format!(
                "\"# kubeharden: ignore[host-ipc, host-network]\" unused suppression: 2 of these rules report nothing here {remove}"
            ),
        ),
        (
            "# kubeharden: ignore[host-pdi]",
            "\"host-pdi\" unknown rule host-pdi; did you mean host-pid? [unsafe: write host-pid] [unsafe: remove host-pdi]"
                .to_owned(),
        ),
        (
            "# kubeharden: ignore[zzz]",
            "\"zzz\" unknown rule zzz; `kubeharden rules` lists all rules [unsafe: remove zzz]".to_owned(),
        ),
        (
            "# kubeharden: ignore[run-as-non-root]",
            "\"run-as-non-root\" run-as-non-root matches several rules: run-as-root-allowed, root-user, root-group \
             [unsafe: remove run-as-non-root]"
                .to_owned(),
        ),
        ("# kubeharden: ignore", "\"ignore\" an ignore comment must name its rules: ignore[rule] [unsafe: remove the comment]".to_owned()),
        (
            "# kubeharden: ignroe[host-pid] why",
            "\"ignroe\" unknown comment \"kubeharden: ignroe\"; did you mean ignore? [unsafe: write ignore] \
             [unsafe: remove the comment]"
                .to_owned(),
        ),
        (
            "# kubeharden: ignore[host-pid why",
            "\"ignore\" missing ] after the list of rules [unsafe: add the missing ]] [unsafe: remove the comment]".to_owned(),
        ),
    ] {
        assert_eq!(at(comment), [expected], "{comment}");
    }
}

/// The texts after each fix of the only finding, the usual one first.
fn fixed(text: &str) -> Vec<String> {
    let analysis = analysis::analyze_document(text, &config());
    let of = |finding: &&Finding| finding.rule.id == "unused-ignore";
    let complaints: Vec<&Finding> = analysis.findings.iter().filter(of).collect();
    let [complaint] = complaints.as_slice() else {
        panic!("{} complaints: {text}", complaints.len())
    };
    let apply = |way: Finding| {
        analysis
            .edits(&[&way], (&config()).into())
            .map(|edits| edits.apply(text))
    };
    complaint
        .each_fix()
        .map(|way| apply(way).unwrap_or_else(|reason| panic!("{reason}: {text}")))
        .collect()
}

#[test]
fn mistakes_are_corrected_or_removed() {
    for (line, mistake, meant) in [
        (
            10,
            "# kubeharden: Ignroe[host-pid] The Reason",
            "# kubeharden: ignore[host-pid] The Reason",
        ),
        (
            10,
            "# ours # kubeharden: ignore[ Host-PID why",
            "# ours # kubeharden: ignore[ Host-PID] why",
        ),
        (
            10,
            "# kubeharden: ignore-file[host-pid] é",
            "# kubeharden: ignore[host-pid] é",
        ),
    ] {
        let removed = with(
            line,
            if mistake.starts_with("# ours") {
                "# ours"
            } else {
                ""
            },
        );
        for ((text, meant), removed) in with(line, mistake)
            .iter()
            .zip(with(line, meant))
            .zip(removed)
        {
            assert_eq!(
                fixed(text),
                [
                    meant,
                    removed
                        .replace("true \n", "true\n")
                        .replace("true \r", "true\r")
                ],
                "{mistake}"
            );
        }
    }
    for nothing in ["# kubeharden: ignore", "# kubeharden: ignore[ ] why"] {
        assert_eq!(fixed(&with(10, nothing)[0]), [POD], "{nothing}");
    }
    let annotated = |value: &str| {
        POD.replacen(
            "  name: shop\n",
            &format!("  name: shop\n  annotations:\n    {value}\n"),
            1,
        )
    };
    let (wrong, right) = (
        annotated("kubeharden.dev/ignroe: host-pid"),
        annotated("kubeharden.dev/ignore: host-pid"),
    );
    assert_eq!(fixed(&wrong), [right.as_str(), POD]);
    assert_eq!(fixed(&annotated("kubeharden.dev/hardening: strict")), [POD]);
    assert_eq!(fixed(&annotated("kubeharden.dev/ignore: ''")), [POD]);
}

#[test]
fn unused_is_independent_of_profile() {
    let text = &with(
        12,
        "# kubeharden: ignore[writable-root-filesystem, undropped-net-raw, missing-cpu-limit, low-user-id]",
    )[0];
    for profile in Profile::ALL {
        let mut config = Config {
            profile,
            ..Config::default()
        };
        let expected = [
            "\"low-user-id\" unused suppression: low-user-id reports nothing here [safe: remove low-user-id from the list]",
        ];
        assert_eq!(complaints(text, &config), expected, "{profile:?}");
        config.rules.ignore = vec!["missing-cpu-limit".to_owned()];
        assert_eq!(complaints(text, &config), expected);
    }
}

#[test]
fn partial_documents_have_no_unused() {
    let comment = "# kubeharden: ignore[host-ipc]";
    let clean = &with(10, comment)[0];
    assert_eq!(complaints(clean, &config()).len(), 1);
    for (what, with) in [
        ("args: [a]", "args: {{ .Values.args }}"),
        ("args: [a]", "args: [a"),
        ("image: registry.example.com/log:1.4\n", "\n"),
    ] {
        assert_eq!(
            complaints(&clean.replacen(what, with, 1), &config()),
            [""; 0],
            "{with}"
        );
    }
    assert_eq!(
        complaints(
            &clean
                .replace("[host-ipc]", "[zzz]")
                .replace("args: [a]", "args: {{ a }}"),
            &config()
        )
        .len(),
        1
    );
    assert_eq!(
        found(
            &format!("{comment}\nreplicas: 1 {comment}\n"),
            &Config::default()
        ),
        [""; 0]
    );
}

#[test]
fn required_reason_is_reported() {
    let config = Config {
        require_reason: true,
        ..config()
    };
    let told = |comment: &str| complaints(&with(10, comment)[0], &config).len();
    assert_eq!(told("# kubeharden: ignore[host-pid] why"), 0);
    assert_eq!(told("# kubeharden: ignore[host-pid]"), 1);
    assert_eq!(told("# kubeharden: ignore[host-pid] --"), 1);
    assert!(
        !found(&with(10, "# kubeharden: ignore[host-pid]")[0], &config)
            .contains(&"10 host-pid".to_owned()),
        "it counts nevertheless"
    );
    let annotated = |value: &str| {
        POD.replacen(
            "  name: shop\n",
            &format!("  name: shop\n  annotations:\n    kubeharden.dev/ignore: \"{value}\"\n"),
            1,
        )
    };
    assert_eq!(
        complaints(
            &annotated("host-pid: why; privileged-container: why"),
            &config
        )
        .len(),
        0
    );
    assert_eq!(
        complaints(&annotated("host-pid: why; privileged-container"), &config).len(),
        1
    );
}

#[test]
fn unused_ignore_can_be_suppressed() {
    let text = &with(
        10,
        "# kubeharden: ignore[host-ipc, unused-ignore] in a variant",
    )[0];
    assert_eq!(found(text, &config()), ALL);
}

#[test]
fn no_suppressions_option_works() {
    let text = format!(
        "# kubeharden: ignore-file[host-pid]\n{}",
        with(12, "# kubeharden: ignore[writable-root-filesystem]")[0]
    );
    let mut config = Config {
        no_suppressions: true,
        ..config()
    };
    config.exceptions = exceptions("exceptions: [{rules: privileged-container}]");
    assert_eq!(found(&text, &config).len(), ALL.len());
    config.no_suppressions = false;
    assert_eq!(found(&text, &config).len(), ALL.len() - 3);
    let ignored: usize = analysis::analyze(&text, &config)
        .chunks()
        .map(|document| document.analysis.suppressed.len())
        .sum();
    assert_eq!(ignored, 3);
}

/// The exceptions of a configuration, read in June 2026.
fn exceptions(text: &str) -> Vec<config::Exception> {
    let reading = config::read(text, &Rule::names(), "2026-06-15".parse().expect("a day"));
    assert!(reading.is_valid(), "{:?}", reading.problems);
    reading.config.exceptions
}

#[test]
fn exception_needs_every_pattern() {
    let web = "14 writable-root-filesystem in web";
    let both = [web, "16 writable-root-filesystem in log"];
    for (what, expected) in [
        ("", &both[..]),
        ("kind: Deployment", &both),
        ("kind: [Job, Deploy*]", &both),
        ("kind: DaemonSet", &[]),
        ("name: sh?p", &both),
        ("name: web", &[]),
        ("namespace: shops", &[]),
        ("namespace: '*'", &[]),
        ("container: web", &[web]),
        ("image: registry.example.com/web:*", &[web]),
        ("image: '*', container: log", &both[1..]),
        ("image: '*web*', container: log", &[]),
        ("until: 2026-06-15", &both),
        ("until: 2026-06-14", &[]),
        ("path: deploy/**", &both),
        ("path: [other/, '*.yml']", &[]),
    ] {
        let mut config = config();
        config.exceptions = exceptions(&format!(
            "exceptions: [{{rules: writable-root-filesystem, reason: r, {what}}}]"
        ));
        let narrowed = config.for_file(Some(Path::new("deploy/prod/shop.yaml")));
        let found = found(POD, narrowed.as_ref().unwrap_or(&config));
        assert_eq!(
            (missing(&found), unused(&found)),
            (expected.to_vec(), 0),
            "{what}"
        );
    }
}

#[test]
fn path_exceptions_need_a_file() {
    let mut config = config();
    config.exceptions = exceptions("exceptions: [{rules: host-pid, path: '**'}]");
    assert!(
        found(POD, &config.for_file(None).expect("a narrower one"))
            .contains(&"10 host-pid".to_owned())
    );
}

// --- what holds for every manifest ---

fn files() -> Vec<(PathBuf, String)> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let shared =
        std::env::var_os("KUBEHARDEN_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let mut files = Vec::new();
    for folder in [root.join("fixtures"), shared.join("corpus")] {
        match folder.is_dir() {
            true => collect(&folder, &mut files),
            false => println!("skipped: {} is not there", folder.display()),
        }
    }
    files
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml")
        {
            let text = fs::read_to_string(&path).expect("text");
            files.push((path, text));
        }
    }
}

fn told(finding: &Finding) -> (Option<usize>, Option<Box<str>>, &'static str, String) {
    let subject = &finding.target;
    (
        subject.object,
        subject.container.clone(),
        finding.rule.id,
        finding.message.to_string(),
    )
}

/// The lines that are in a list and no more in another one.
fn gone<T: PartialEq + Clone>(before: &[T], after: &[T]) -> Result<Vec<T>, T> {
    let mut gone = before.to_vec();
    for line in after {
        let place = gone
            .iter()
            .position(|other| other == line)
            .ok_or_else(|| line.clone())?;
        gone.remove(place);
    }
    Ok(gone)
}

#[test]
fn written_comment_can_be_removed_again() {
    let config = Config::default();
    let (mut written, mut refused, mut documents) = (0, 0, 0);
    // Everything takes minutes; long documents are like short ones.
    let longest = if std::env::var_os("KUBEHARDEN_THOROUGH").is_some() {
        usize::MAX
    } else {
        12_000
    };
    for (place, (path, text)) in files().iter().enumerate() {
        let lf = text.replace("\r\n", "\n");
        let crlf = (place % 4 == 0).then(|| lf.replace('\n', "\r\n"));
        for text in crlf.into_iter().chain([lf]) {
            for document in analysis::analyze(&text, &config).chunks() {
                let analysis = document.analysis;
                if analysis.text().len() > longest {
                    continue;
                }
                let mut seen = BTreeSet::new();
                documents += usize::from(analysis.is_manifest());
                for finding in &analysis.findings {
                    // One of each rule for each container: the others alike have the same places.
                    if !seen.insert((
                        finding.rule.id,
                        finding.target.container.is_some(),
                        finding.target.absent,
                    )) {
                        continue;
                    }
                    for scope in [SuppressionScope::Place, SuppressionScope::Document] {
                        match analysis.suppress(&[finding], scope, (&config).into()) {
                            Ok(edits) => {
                                written += 1;
                                check(
                                    &format!("{}: {} {scope:?}", path.display(), finding.rule.id),
                                    analysis,
                                    finding,
                                    scope,
                                    &edits,
                                );
                            }
                            Err(reason) => {
                                refused += 1;
                                if analysis.kind != DocumentKind::Template
                                    && analysis.yaml().errors().is_empty()
                                {
                                    println!(
                                        "{}: {} {scope:?}: {reason}",
                                        path.display(),
                                        finding.rule.id
                                    );
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    println!("{documents} manifests, {written} ignores written, {refused} refused");
    assert!(written > 0);
}

fn check(
    place: &str,
    analysis: &Analysis,
    finding: &Finding,
    scope: SuppressionScope,
    edits: &edit::Edits,
) {
    let config = Config::default();
    let text = edits.apply(analysis.text());
    let after = analysis.with_text(&text, (&config).into());
    let of = |findings: &[Finding]| findings.iter().map(told).collect::<Vec<_>>();
    let before = of(&analysis.findings);
    let gone = gone(&before, &of(&after.findings))
        .unwrap_or_else(|new| panic!("{place}: new {new:?}\n{text}"));
    assert!(
        gone.contains(&told(finding)),
        "{place}: still there\n{text}"
    );
    let is_meant = |it: &&(Option<usize>, Option<Box<str>>, &str, String)| {
        it.2 == finding.rule.id
            && (scope == SuppressionScope::Document
                || (it.0 == finding.target.object && it.1 == finding.target.container))
    };
    assert!(
        gone.iter().all(|it| is_meant(&it)),
        "{place}: {gone:?}\n{text}"
    );
    if scope == SuppressionScope::Document {
        assert!(
            after
                .findings
                .iter()
                .all(|it| it.rule.id != finding.rule.id),
            "{place}"
        );
    }
    // What takes it away once it is unused: the same comment, with a rule that finds nothing there.
    let idle = Rule::ids().into_iter().find(|id| {
        !analysis.findings.iter().any(|it| it.rule.id == *id)
            && !analysis.suppressed.iter().any(|it| it.rule.id == *id)
    });
    let Some(idle) = idle.filter(|_| {
        text.matches(finding.rule.id).count()
            == analysis.text().matches(finding.rule.id).count() + 1
    }) else {
        return;
    };
    let at = edits.as_slice()[0].range.start();
    let behind = usize::from(at)
        + text[usize::from(at)..]
            .find(finding.rule.id)
            .expect("the rule is named");
    let mut swapped = text.clone();
    swapped.replace_range(behind..behind + finding.rule.id.len(), "zzz");
    let swapped = analysis.with_text(&swapped, (&config).into());
    let unknown = swapped
        .findings
        .iter()
        .find(|it| it.rule.id == "unused-ignore" && it.message.contains("zzz"));
    let changes: Vec<Change> = unknown
        .and_then(|it| it.fix.clone())
        .map(|fix| fix.changes)
        .unwrap_or_default();
    assert!(!changes.is_empty(), "{place}: {idle}");
    let back = swapped
        .edits(&[unknown.expect("it is there")], (&config).into())
        .unwrap_or_else(|reason| panic!("{place}: {reason}"));
    assert_eq!(back.apply(swapped.text()), analysis.text(), "{place}");
}

#[test]
fn safe_fixes_remove_unused_suppressions() {
    let text = &with(10, "# kubeharden: ignore[host-ipc, host-network] why")[0];
    let text = text.replacen(
        "        - name: log\n",
        "        # kubeharden: ignore[host-pid]\n        - name: log\n",
        1,
    );
    for brk in ["\n", "\r\n", "\r"] {
        let mut config = config();
        config.rules.select = vec!["unused-ignore".to_owned()];
        let fixed = analysis::fix_all(&text.replace('\n', brk), &config, &[Applicability::Safe]);
        assert_eq!((fixed.text, fixed.applied), (POD.replace('\n', brk), 2));
    }
}

#[test]
fn manual_examples_work() {
    let manual = include_str!("../../../../docs/ignores.md");
    let blocks = manual
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let manifests: Vec<&str> = blocks
        .filter(|block| block.starts_with("apiVersion"))
        .collect();
    assert_eq!(manifests.len(), 1);
    let found = found(manifests[0], &Config::default());
    for gone in [
        "host-network",
        "missing-memory-limit",
        "missing-cpu-limit",
        "unused-ignore",
    ] {
        assert!(!found.iter().any(|line| line.contains(gone)), "{found:#?}");
    }
    for tool in [
        "checkov.io/skip1",
        "trivy:ignore",
        "ignore-check.kube-linter.io/",
        "kube-score/ignore",
        "-exempt",
    ] {
        assert!(manual.contains(tool), "{tool}");
    }
}

#[test]
fn list_frame_is_read_without_items() {
    use linter::suppressions::{ChunkRole, Suppressions};
    let yaml = yaml::parse(
        "# kubeharden: ignore-file[host-pid, zzz]\napiVersion: v1\nkind: List\nitems:\n",
    );
    let config = Config::default();
    let rule = Rule::named("unused-ignore").expect("the rule");
    let complaints = |standing: ChunkRole<'_>| {
        let mut found = Vec::new();
        let ignores = Suppressions::of(&yaml, &[], &config, standing);
        ignores.judge(
            &[],
            Some(&|_| Vec::new()),
            &mut linter::rules::Reporter::in_document(rule, &[], &mut found),
        );
        found
            .into_iter()
            .map(|finding| finding.message)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        complaints(ChunkRole::Frame),
        ["unknown rule zzz; `kubeharden rules` lists all rules"]
    );
    assert_eq!(
        complaints(ChunkRole::Document),
        [""; 0],
        "it is not a manifest"
    );
}
