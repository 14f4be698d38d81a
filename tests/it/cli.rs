//! The command line, through the real program: what it prints, what it writes, and how it exits.

use crate::sandbox::{Sandbox, finish};
use expect_test::expect;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

/// A pod that asks for full access to its node, and for little else.
const PRIVILEGED: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: shop
spec:
  containers:
    - name: web
      image: registry.example.com/web:1.4
      securityContext:
        privileged: true
";

/// A pod that lacks one setting, which a safe fix adds.
const ESCALATING: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: shop # keep me
spec:
  containers:
  - name: web
    image: registry.example.com/web:1.4
";

const HARMLESS: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  color: blue\n";

/// The ids of findings with their paths, in the order of the output.
fn rules_at(output: &Value) -> Vec<(String, String)> {
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    output["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (text(finding, "path"), text(finding, "rule")))
        .collect()
}

fn paths(output: &Value) -> BTreeSet<String> {
    rules_at(output).into_iter().map(|(path, _)| path).collect()
}

#[test]
fn exit_code_depends_on_findings() {
    let sandbox = Sandbox::new(&[("bad.yaml", ESCALATING), ("good.yaml", HARMLESS)]);
    let code = |arguments: &str| sandbox.run(&format!("check {arguments}")).code;
    assert_eq!(code("good.yaml"), 0);
    assert_eq!(code(""), 1);
    assert_eq!(code("--select privilege-escalation bad.yaml"), 1);
    assert_eq!(
        code("--select privilege-escalation --fail-on error bad.yaml"),
        0
    );
    assert_eq!(
        code("--select privilege-escalation --fail-on warning bad.yaml"),
        1
    );
    assert_eq!(code("--exit-zero bad.yaml"), 0);
    assert_eq!(code("--profile baseline bad.yaml"), 0);
}

#[test]
fn folder_skips_hidden_and_ignored_files() {
    let sandbox = Sandbox::new(&[
        (".gitignore", "/ignored\n*.gen.yaml\n"),
        ("a.yaml", PRIVILEGED),
        ("b.YML", PRIVILEGED),
        ("deep/er/c.yml", PRIVILEGED),
        ("deep/d.gen.yaml", PRIVILEGED),
        (".hidden/e.yaml", PRIVILEGED),
        ("ignored/f.yaml", PRIVILEGED),
        ("manifest.txt", PRIVILEGED),
    ]);
    let found = |arguments: &str| Vec::from_iter(paths(&sandbox.json(arguments)));
    assert_eq!(found(""), ["a.yaml", "b.YML", "deep/er/c.yml"]);
    assert_eq!(found("deep ./a.yaml a.yaml"), ["a.yaml", "deep/er/c.yml"]);
    assert_eq!(
        found("manifest.txt ignored/f.yaml"),
        ["ignored/f.yaml", "manifest.txt"]
    );
}

#[test]
fn findings_are_sorted() {
    let names: Vec<String> = (0..40)
        .map(|n| format!("folder{}/{n}.yaml", n % 3))
        .collect();
    let sandbox = Sandbox::new(
        &names
            .iter()
            .map(|name| (name.as_str(), PRIVILEGED))
            .collect::<Vec<_>>(),
    );
    let output = sandbox.json("");
    let order = |finding: &Value| {
        let text = |key: &str| finding[key].as_str().unwrap().to_owned();
        (
            text("path"),
            finding["startByte"].as_u64(),
            finding["endByte"].as_u64(),
            text("rule"),
        )
    };
    let findings: Vec<_> = output["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(order)
        .collect();
    assert!(findings.len() >= 40);
    assert!(findings.is_sorted());
    assert_eq!(sandbox.json(""), output);
}

#[test]
fn stdin_has_a_name() {
    let sandbox = Sandbox::new(&[]);
    let first = |arguments: &str| {
        let run = sandbox.run_with(arguments, PRIVILEGED);
        assert_eq!((run.code, run.stderr.as_str()), (1, ""));
        run.stdout.lines().next().unwrap().to_owned()
    };
    let check = "check --output-format concise --select privileged-container";
    assert!(
        first(&format!("{check} -")).starts_with("<stdin>:10:21: error[privileged-container] ")
    );
    assert!(
        first(&format!("{check} --stdin-filename pod.yaml -"))
            .starts_with("pod.yaml:10:21: error[privileged-container] ")
    );
}

#[test]
fn json_keeps_its_contract() {
    let pod = |name: &str| {
        PRIVILEGED
            .replace("shop", name)
            .replace("name: web", "name: \"wéb🙂\"")
    };
    let crlf =
        format!("\u{feff}# Läden\n---\n{}---\n{}", pod("one"), pod("two")).replace('\n', "\r\n");
    let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: three, namespace: shops}, \
                spec: {containers: [{name: \"ü\", image: web, securityContext: {privileged: true}}]}}\n";
    let sandbox = Sandbox::new(&[
        ("a.yaml", &crlf),
        ("list.yaml", list),
        ("values.yaml", "web: {replicas: 2}\n---\n---\n# nothing\n"),
    ]);
    let output = sandbox.json("");

    assert_eq!(keys(&output), ["findings", "summary", "version"]);
    assert_eq!(output["version"], 1);
    let expected_keys = "apiVersion column container document endByte endColumn endLine fix kind line message name namespace path \
                         profile rule severity startByte";
    for finding in output["findings"].as_array().unwrap() {
        assert_eq!(keys(finding).join(" "), expected_keys);
        assert_types(finding);
        assert_place(finding, &sandbox.read(finding["path"].as_str().unwrap()));
    }

    let privileged: Vec<&Value> = output["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["rule"] == "privileged-container")
        .collect();
    let whose = |key: &str| {
        privileged
            .iter()
            .map(|finding| finding[key].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(whose("path"), ["a.yaml", "a.yaml", "list.yaml"]);
    assert_eq!(whose("document"), [0, 1, 0]);
    assert_eq!(whose("name"), ["one", "two", "three"]);
    assert_eq!(
        whose("namespace"),
        [Value::Null, Value::Null, "shops".into()]
    );
    assert_eq!(whose("container"), ["wéb🙂", "wéb🙂", "ü"]);
    assert_eq!(whose("line"), [12, 23, 4]);
    assert_eq!(whose("profile"), ["baseline"; 3]);

    let summary = &output["summary"];
    assert_eq!(
        keys(summary).join(" "),
        "documents errors files hints ignored infos manifests skipped warnings"
    );
    let number = |key: &str| summary[key].as_u64().unwrap();
    assert_eq!(
        ["files", "documents", "manifests", "skipped"].map(number),
        [3, 4, 3, 1]
    );
    let severities = ["errors", "warnings", "infos", "hints"].map(number);
    assert_eq!(
        severities.iter().sum::<u64>(),
        output["findings"].as_array().unwrap().len() as u64
    );
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

fn assert_types(finding: &Value) {
    let holds =
        |key: &str, is: fn(&Value) -> bool| assert!(is(&finding[key]), "{key} in {finding}");
    for key in ["rule", "message", "path", "apiVersion", "kind"] {
        holds(key, |value| {
            value.as_str().is_some_and(|text| !text.is_empty())
        });
    }
    for key in ["namespace", "name", "container"] {
        holds(key, |value| {
            value.is_null() || value.as_str().is_some_and(|text| !text.is_empty())
        });
    }
    for key in ["line", "column", "endLine", "endColumn"] {
        holds(key, |value| value.as_u64().is_some_and(|number| number > 0));
    }
    for key in ["document", "startByte", "endByte"] {
        holds(key, Value::is_u64);
    }
    holds("profile", |value| {
        ["baseline", "restricted", "hardened", "always"].contains(&value.as_str().unwrap())
    });
    holds("severity", |value| {
        ["error", "warning", "info", "hint"].contains(&value.as_str().unwrap())
    });
    if !finding["fix"].is_null() {
        assert_eq!(keys(&finding["fix"]), ["applicability", "safety", "title"]);
        let applicability = finding["fix"]["applicability"].as_str().unwrap();
        let safety = match applicability {
            "safe" => "safe",
            "unsafe" => "review",
            "placeholder" => "ask",
            other => panic!("{other}"),
        };
        assert_eq!(finding["fix"]["safety"], safety);
    }
}

/// Lines and columns, counted as slowly as the contract is written, say the same as the bytes.
fn assert_place(finding: &Value, text: &str) {
    for (byte, line, column) in [
        ("startByte", "line", "column"),
        ("endByte", "endLine", "endColumn"),
    ] {
        let before = &text[..finding[byte].as_u64().unwrap() as usize];
        let before = before
            .trim_start_matches('\u{feff}')
            .replace("\r\n", "\n")
            .replace('\r', "\n");
        let place = (
            before.matches('\n').count() + 1,
            before.rsplit('\n').next().unwrap().chars().count() + 1,
        );
        assert_eq!(
            (
                finding[line].as_u64().unwrap() as usize,
                finding[column].as_u64().unwrap() as usize
            ),
            place,
            "{finding}"
        );
    }
}

#[test]
fn full_output_shows_lines_and_summary() {
    let sandbox = Sandbox::new(&[("pod.yaml", PRIVILEGED), ("values.yaml", "a: 1\n")]);
    let run = sandbox.run("check --select privileged-container,missing-seccomp-profile");
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    expect![[r#"
        warning[missing-seccomp-profile]: pod does not set seccompProfile, so containers may make any syscall
         --> pod.yaml:5:1
          |
        5 | spec:
          | ^^^^
          |
          = help: set seccompProfile.type: RuntimeDefault on the pod

        error[privileged-container]: privileged is true: container "web" has full access to the node
          --> pod.yaml:10:21
           |
        10 |         privileged: true
           |                     ^^^^
           |
           = help: set privileged: false (no access to host devices) [--unsafe-fixes]

        Found 2 findings (1 error, 1 warning) in 1 of 2 files.
        1 can be fixed with `kubeharden fix`, 1 more with `--unsafe-fixes`.
    "#]]
    .assert_eq(&run.stdout);
}

#[test]
fn concise_output_is_one_line_each() {
    let sandbox = Sandbox::new(&[("pod.yaml", PRIVILEGED)]);
    let run = sandbox.run("check --output-format concise --profile baseline");
    expect![[r#"
        pod.yaml:10:21: error[privileged-container] privileged is true: container "web" has full access to the node
    "#]]
    .assert_eq(&run.stdout);
}

#[test]
fn summary_explains_no_findings() {
    let sandbox = Sandbox::new(&[
        ("pods/good.yaml", HARMLESS),
        ("other/values.yaml", "a: 1\n"),
        ("none/readme.md", ""),
    ]);
    assert_eq!(
        sandbox.run("check pods").stdout,
        "No findings in 1 manifest.\n"
    );
    assert_eq!(
        sandbox.run("check other").stdout,
        "No Kubernetes manifests found in 1 YAML file.\n"
    );
    let none = sandbox.run("check none");
    assert_eq!(
        (none.code, none.stderr.as_str()),
        (
            2,
            "error: none: contains no YAML files; check the path, or pass --allow-empty\n"
        )
    );
    let none = sandbox.run("check --allow-empty none");
    assert_eq!(
        (none.code, none.stdout.as_str()),
        (0, "No YAML files found.\n")
    );
    assert_eq!(sandbox.run("check --quiet").stdout, "");
    sandbox.write("latin.yaml", b"name: caf\xe9\n");
    assert_eq!(
        sandbox.run("check latin.yaml").stdout,
        "",
        "a file was found"
    );
    assert_eq!(
        sandbox.run("check latin.yaml none").stdout,
        "",
        "one of them was found"
    );
}

#[test]
fn unreadable_file_is_an_error_of_its_own() {
    let sandbox = Sandbox::new(&[("bad.yaml", PRIVILEGED)]);
    sandbox.write("latin.yaml", b"a: 1\nname: caf\xe9\n");
    sandbox.write("program", b"\x7fELF\x00\x01");
    sandbox.write("utf16.yaml", b"\xff\xfea\0:\0");
    let run = sandbox
        .run("check --output-format json missing.yaml latin.yaml program utf16.yaml bad.yaml");
    assert_eq!(run.code, 2);
    expect![[r#"
        error: missing.yaml: no such file or folder; check the path
        error: latin.yaml: is not UTF-8 in line 2 (byte 14); save it as UTF-8
        error: program: is binary, not text; leave it out, for example with a line in .gitignore
        error: utf16.yaml: is written in UTF-16; save it as UTF-8
    "#]]
    .assert_eq(&run.stderr);
    assert!(run.stdout.contains("privileged-container"), "{run:?}");
    assert_eq!(sandbox.run("check --exit-zero missing.yaml").code, 2);
    assert_eq!(sandbox.run("check -q").code, 2);
}

#[test]
fn syntax_errors_matter_in_manifests_only() {
    let broken = "  labels: {a: b\n";
    let manifest = format!("{HARMLESS}{broken}");
    let sandbox = Sandbox::new(&[("manifest.yaml", &manifest), ("other.yaml", broken)]);
    let run = sandbox.run("check --output-format concise");
    assert_eq!(run.code, 1);
    assert!(
        run.stdout.lines().count() > 0
            && run
                .stdout
                .lines()
                .all(|line| line.starts_with("manifest.yaml:")),
        "{run:?}"
    );
    assert!(run.stdout.contains(": error[syntax-error] "), "{run:?}");
    assert_eq!(sandbox.run("check --ignore syntax-error").code, 0);
}

#[test]
fn wrong_arguments_suggest_corrections() {
    let sandbox = Sandbox::new(&[("bad.yaml", PRIVILEGED)]);
    let refused = |arguments: &str, advice: &str| {
        let run = sandbox.run(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments}");
        assert!(run.stderr.contains(advice), "{arguments}: {}", run.stderr);
    };
    refused(
        "check --select priviliged-container",
        "did you mean `privileged-container`?",
    );
    refused(
        "check --ignore privilege-escalation,missing-secomp-profile",
        "did you mean `missing-seccomp-profile`?",
    );
    refused(
        "explain privilege-escalations",
        "did you mean `privilege-escalation`?",
    );
    refused("explain xyzzy", "`kubeharden rules` lists all");
    refused("check --kubernetes-version 2", "write 1.N");
    refused(
        "check --profile strict",
        "[possible values: baseline, restricted, hardened]",
    );
    refused(
        "check --output-format xml",
        "[possible values: full, concise, json]",
    );
    refused("chekc", "'check'");
}

#[test]
fn select_and_ignore_choose_rules() {
    let sandbox = Sandbox::new(&[("pod.yaml", PRIVILEGED)]);
    let rules = |arguments: &str| {
        rules_at(&sandbox.json(arguments))
            .into_iter()
            .map(|(_, rule)| rule)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        rules("--select privileged-container"),
        ["privileged-container"]
    );
    assert_eq!(
        rules("--profile baseline --select missing-seccomp-profile"),
        ["missing-seccomp-profile"]
    );
    assert!(!rules("--ignore privileged-container").contains(&"privileged-container".to_owned()));
    assert_eq!(
        rules("--select privileged-container --ignore privileged-container"),
        [""; 0]
    );
}

#[test]
fn format_option_overrides_environment() {
    let sandbox = Sandbox::new(&[("pod.yaml", PRIVILEGED)]);
    let with = |arguments: &str| {
        let mut command = sandbox.command(arguments);
        command.env("KUBEHARDEN_OUTPUT_FORMAT", "json");
        finish(command, "").stdout
    };
    assert!(with("check").starts_with('{'));
    assert!(with("check --output-format concise").starts_with("pod.yaml:"));
}

#[test]
fn colors_are_optional() {
    let sandbox = Sandbox::new(&[("pod.yaml", PRIVILEGED)]);
    let colored = |arguments: &str| sandbox.run(arguments).stdout.contains('\u{1b}');
    assert!(!colored("check") && !colored("check --color never"));
    assert!(colored("check --color always"));
    assert!(!colored("check --color always --output-format json"));
    let mut command = sandbox.command("check --color auto");
    command.env("NO_COLOR", "1");
    assert!(!finish(command, "").stdout.contains('\u{1b}'));
}

#[test]
fn closed_pipe_is_not_an_error() {
    let many = vec![PRIVILEGED; 300].join("---\n");
    let sandbox = Sandbox::new(&[("many.yaml", &many)]);
    for arguments in [
        "check",
        "check --output-format json",
        "fix --diff --unsafe-fixes",
    ] {
        let mut child = sandbox.command(arguments).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments}: {stderr}");
        assert!(
            !stderr.contains("panicked at") && !stderr.contains("error"),
            "{arguments}: {stderr}"
        );
    }
}

#[test]
fn fix_applies_only_safe_fixes() {
    let sandbox = Sandbox::new(&[("pod.yaml", ESCALATING), ("values.yaml", "a:   1\n")]);
    let run = sandbox.run("fix --select privilege-escalation");
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));
    assert_eq!(run.stderr, "Fixed 1 finding in 1 file.\n");
    let expected =
        format!("{ESCALATING}    securityContext:\n      allowPrivilegeEscalation: false\n");
    assert_eq!(sandbox.read("pod.yaml"), expected);
    assert_eq!(sandbox.read("values.yaml"), "a:   1\n");

    let before = fs::metadata(sandbox.path("pod.yaml"))
        .unwrap()
        .modified()
        .unwrap();
    let again = sandbox.run("fix --select privilege-escalation");
    assert_eq!(
        (again.code, again.stderr.as_str()),
        (0, "Nothing to fix in 2 files.\n")
    );
    assert_eq!(
        fs::metadata(sandbox.path("pod.yaml"))
            .unwrap()
            .modified()
            .unwrap(),
        before
    );
}

#[test]
fn fix_keeps_line_breaks_and_comments() {
    let before = format!("\u{feff}{ESCALATING}").replace('\n', "\r\n");
    let sandbox = Sandbox::new(&[("pod.yaml", &before)]);
    sandbox.run("fix");
    let after = sandbox.read("pod.yaml");
    assert!(
        after.starts_with("\u{feff}apiVersion: v1\r\n")
            && after.contains("name: shop # keep me\r\n"),
        "{after:?}"
    );
    assert!(
        after.contains("allowPrivilegeEscalation: false\r\n"),
        "{after:?}"
    );
    assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
}

#[test]
fn other_fixes_need_options() {
    let sandbox = Sandbox::new(&[("pod.yaml", PRIVILEGED)]);
    sandbox.run("fix --select privileged-container");
    assert_eq!(sandbox.read("pod.yaml"), PRIVILEGED);
    sandbox.run("fix --select privileged-container --unsafe-fixes");
    assert_eq!(
        sandbox.read("pod.yaml"),
        PRIVILEGED.replace("true", "false")
    );

    sandbox.run("fix --select missing-memory-limit --unsafe-fixes");
    assert!(!sandbox.read("pod.yaml").contains("memory"));
    sandbox.run("fix --select missing-memory-limit --placeholder-fixes");
    assert!(sandbox.read("pod.yaml").contains("memory: 256Mi"));
}

#[test]
fn one_run_applies_all_fixes() {
    let sandbox = Sandbox::new(&[("a.yaml", ESCALATING), ("b.yaml", PRIVILEGED)]);
    sandbox.run("fix --unsafe-fixes --placeholder-fixes");
    let (a, b) = (sandbox.read("a.yaml"), sandbox.read("b.yaml"));
    let again = sandbox.run("fix --unsafe-fixes --placeholder-fixes");
    assert!(
        again.stderr.ends_with("Nothing to fix in 2 files.\n"),
        "{again:?}"
    );
    assert_eq!((a, b), (sandbox.read("a.yaml"), sandbox.read("b.yaml")));
}

#[test]
fn diff_writes_nothing() {
    let sandbox = Sandbox::new(&[("pod.yaml", ESCALATING)]);
    let run = sandbox.run("fix --diff --select privilege-escalation");
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (1, "Would fix 1 finding in 1 file.\n")
    );
    expect![[r#"
        --- a/pod.yaml
        +++ b/pod.yaml
        @@ -6,3 +6,5 @@
           containers:
           - name: web
             image: registry.example.com/web:1.4
        +    securityContext:
        +      allowPrivilegeEscalation: false
    "#]]
    .assert_eq(&run.stdout);
    assert_eq!(sandbox.read("pod.yaml"), ESCALATING);
    sandbox.run("fix --select privilege-escalation");
    let after = sandbox.run("fix --diff --select privilege-escalation");
    assert_eq!((after.code, after.stdout.as_str()), (0, ""));
}

#[test]
fn excluded_files_are_not_searched() {
    let sandbox = Sandbox::new(&[
        (".kubeharden.yaml", "exclude: [gen/]\n"),
        (".gitattributes", "made.yaml linguist-generated\n"),
        ("pod.yaml", ESCALATING),
        ("gen/pod.yaml", ESCALATING),
        ("vendor/pod.yaml", ESCALATING),
        ("made.yaml", ESCALATING),
        ("old.yaml", ESCALATING),
    ]);
    let found = |arguments: &str| -> Vec<String> {
        let json = sandbox.json(&format!("--select privilege-escalation {arguments}"));
        let findings = json["findings"].as_array().unwrap().iter();
        findings
            .map(|finding| finding["path"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(found("."), ["old.yaml", "pod.yaml"]);
    assert_eq!(found("--exclude old.* ."), ["pod.yaml"]);
    let named = "gen/pod.yaml made.yaml vendor/pod.yaml";
    assert_eq!(found(named), named.split(' ').collect::<Vec<_>>());
    assert_eq!(
        found(&format!("--force-exclude --allow-empty {named}")),
        ["made.yaml", "vendor/pod.yaml"]
    );
    assert_eq!(found("vendor"), ["vendor/pod.yaml"]);
}

/// A formatter replaces its text by the output.
#[test]
fn excluded_stdin_is_passed_through() {
    let sandbox = Sandbox::new(&[(".kubeharden.yaml", "exclude: [gen/]\n")]);
    let fix = "fix --quiet --unsafe-fixes --force-exclude --stdin-filename";
    for (arguments, is_fixed) in [
        (format!("{fix} gen/pod.yaml -"), false),
        (format!("{fix} pod.yaml --exclude pod.* -"), false),
        (format!("{fix} pod.yaml -"), true),
    ] {
        let run = sandbox.run_with(&arguments, ESCALATING);
        assert_eq!(run.code, 0, "{run:?}");
        assert_eq!(run.stdout != ESCALATING, is_fixed, "{run:?}");
        assert!(run.stdout.starts_with("apiVersion"), "{run:?}");
    }
}

#[test]
fn arguments_that_cannot_be_meant_stop() {
    let sandbox = Sandbox::new(&[("pod.yaml", ESCALATING)]);
    for (arguments, reason) in [
        ("check --stdin-filename pod.yaml", "needs `-`"),
        (
            "check --config missing.yaml pod.yaml",
            "missing.yaml: no such file",
        ),
        ("check -", "<stdin>: is empty"),
        ("check --exclude {a pod.yaml", "not a valid pattern"),
    ] {
        let run = sandbox.run(arguments);
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (2, ""),
            "{arguments}: {run:?}"
        );
        assert!(run.stderr.contains(reason), "{arguments}: {run:?}");
    }
}

/// Names from files and of files reach every output as text, never as a command for a terminal or a CI system.
#[test]
fn hostile_words_are_inert_in_every_output() {
    for word in [
        "\u{1b}[31m",
        "a\nerror: forged",
        "\u{9b}31m",
        "\u{2028}b",
        "\u{202e}b",
        "::error file=x::forged",
        "##vso[task.setvariable variable=x]y",
    ] {
        let name = word.replace('\n', "\\n").replace('\u{1b}', "\\e");
        let text = ESCALATING.replace("name: web", &format!("name: \"{name}\""));
        let sandbox = Sandbox::new(&[(&format!("{word}.yaml"), &text)]);
        for arguments in [
            "check",
            "check --output-format concise",
            "check --output-format json",
            "check --statistics",
            "fix --unsafe-fixes --diff",
            "fix --unsafe-fixes",
        ] {
            let run = sandbox.run(arguments);
            let is_diff = arguments.contains("diff");
            // A patch has the lines of the file.
            let out = if is_diff {
                run.stdout.lines().take(2).collect()
            } else {
                run.stdout.clone()
            };
            let all = format!("{out}\n{}", run.stderr);
            let is_active =
                |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{2028}' | '\u{202e}');
            assert!(
                !all.replace('\t', "").contains(is_active),
                "{arguments} {word:?}: {all:?}"
            );
            let is_json = arguments.contains("json");
            assert!(
                is_json || !all.contains("##vso["),
                "{arguments} {word:?}: {all:?}"
            );
            let is_command = |line: &str| {
                line.trim_start().starts_with("::") || line.starts_with("error: forged")
            };
            assert!(
                !all.lines().any(is_command),
                "{arguments} {word:?}: {all:?}"
            );
        }
    }
}

#[test]
fn fix_of_stdin_goes_to_stdout() {
    let sandbox = Sandbox::new(&[]);
    let run = sandbox.run_with("fix -", ESCALATING);
    assert_eq!(run.code, 0);
    assert!(
        run.stdout
            .starts_with(ESCALATING.split("spec:").next().unwrap()),
        "{run:?}"
    );
    assert!(
        run.stdout.contains("allowPrivilegeEscalation: false"),
        "{run:?}"
    );
    assert_eq!(sandbox.run_with("fix -", HARMLESS).stdout, HARMLESS);
}

#[test]
fn refused_fix_reports_its_reason() {
    let shared = ESCALATING.replace("  - name: web\n", "  - &web\n    name: web\n") + "  - *web\n";
    let sandbox = Sandbox::new(&[("pod.yaml", &shared)]);
    let run = sandbox.run("fix --select privilege-escalation");
    assert!(
        run.stderr.contains("privilege-escalation is not fixed: "),
        "{run:?}"
    );
    assert!(
        !sandbox
            .run("fix -q --select privilege-escalation")
            .stderr
            .contains("not fixed")
    );
}

#[test]
fn refusals_are_grouped_by_cause() {
    let twice = ESCALATING.replace(
        "spec:\n",
        "spec:\n  hostNetwork: true\n  hostNetwork: true\n",
    );
    let text = format!("{HARMLESS}---\n{twice}");
    let sandbox = Sandbox::new(&[("pod.yaml", &text)]);
    let first = text
        .lines()
        .position(|line| line.contains("hostNetwork"))
        .unwrap()
        + 1;
    let lines = |stderr: &str| {
        stderr
            .lines()
            .filter(|line| line.contains("not fixed"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let told = lines(&sandbox.run("fix --unsafe-fixes").stderr);
    let [told] = told.as_slice() else {
        panic!("one line: {told:?}")
    };
    let reason = format!(
        "not fixed: hostNetwork is written twice (lines {first} and {})",
        first + 1
    );
    assert!(
        told.contains("host-network, ") && told.ends_with(&reason),
        "{told}"
    );
}

#[test]
fn unfixable_findings_are_reported() {
    let text =
        format!("{ESCALATING}  volumes:\n  - name: logs\n    hostPath: {{path: /srv/logs}}\n");
    let sandbox = Sandbox::new(&[("pod.yaml", &text)]);
    assert!(!sandbox.run("fix").stderr.contains("not fixed"));
    let told = sandbox.run("fix --unsafe-fixes").stderr;
    assert!(
        told.contains("host-path-volume is not fixed: no automatic fix available\n"),
        "{told}"
    );
    assert_eq!(told.matches("not fixed").count(), 1, "{told}");
}

#[test]
fn uneditable_finding_has_no_fix() {
    let fixable = |text: &str| {
        let sandbox = Sandbox::new(&[("pod.yaml", text)]);
        let output: serde_json::Value =
            serde_json::from_str(&sandbox.run("check --output-format json").stdout).unwrap();
        let findings = output["findings"].as_array().unwrap().clone();
        findings
            .iter()
            .filter(|finding| !finding["fix"].is_null())
            .count()
    };
    assert!(fixable(ESCALATING) > 3);
    for (what, with) in [
        ("spec:\n", "spec:\n  hostIPC: no\n  hostIPC: no\n"),
        ("spec:\n", "spec: &spec\n  hostIPC: no\n"),
        ("spec:\n", "spec:\n  hostIPC\n"),
    ] {
        let broken = ESCALATING.replace(what, with)
            + if with.contains('&') {
                "extra: *spec\n"
            } else {
                ""
            };
        assert_ne!(broken, ESCALATING);
        assert_eq!(fixable(&broken), 0, "{broken}");
    }
}

#[cfg(unix)]
#[test]
fn fix_keeps_mode_and_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let sandbox = Sandbox::new(&[("real/pod.yaml", ESCALATING)]);
    symlink("real/pod.yaml", sandbox.path("link.yaml")).unwrap();
    fs::set_permissions(
        sandbox.path("real/pod.yaml"),
        fs::Permissions::from_mode(0o640),
    )
    .unwrap();
    assert_eq!(sandbox.run("fix link.yaml").code, 0);
    assert_ne!(sandbox.read("real/pod.yaml"), ESCALATING);
    assert!(
        fs::symlink_metadata(sandbox.path("link.yaml"))
            .unwrap()
            .is_symlink()
    );
    assert_eq!(
        fs::metadata(sandbox.path("real/pod.yaml"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o640
    );
    let left: Vec<_> = fs::read_dir(sandbox.path("real")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[cfg(unix)]
#[test]
fn fix_keeps_read_only_file() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new(&[("pod.yaml", ESCALATING)]);
    fs::set_permissions(sandbox.path("pod.yaml"), fs::Permissions::from_mode(0o444)).unwrap();
    let run = sandbox.run("fix");
    assert_eq!(run.code, 2);
    assert_eq!(
        run.stderr,
        "error: pod.yaml: cannot be written: the file is read-only; allow writing it\n"
    );
    assert_eq!(sandbox.read("pod.yaml"), ESCALATING);
}

/// The program with as little room on the disk as there can be: what it writes to a file fails.
#[cfg(unix)]
#[test]
fn full_disk_leaves_files_unchanged() {
    let sandbox = Sandbox::new(&[("one.yaml", ESCALATING), ("two.yaml", ESCALATING)]);
    let mut command = Command::new("sh");
    // The limit is not a disk, but fails in the same place; its signal would end the program.
    command.args([
        "-c",
        r#"trap '' XFSZ; ulimit -f 0; exec "$0" fix"#,
        env!("CARGO_BIN_EXE_kubeharden"),
    ]);
    command
        .current_dir(sandbox.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let run = finish(command, "");
    assert_eq!(run.code, 2, "{run:?}");
    assert_eq!(
        run.stderr.matches("cannot be written").count(),
        2,
        "{run:?}"
    );
    assert_eq!(
        [sandbox.read("one.yaml"), sandbox.read("two.yaml")],
        [ESCALATING, ESCALATING]
    );
    assert_eq!(
        fs::read_dir(sandbox.path("")).unwrap().count(),
        2,
        "something is left over"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn failed_output_is_an_error() {
    let sandbox = Sandbox::new(&[("bad.yaml", PRIVILEGED)]);
    let mut command = sandbox.command("check");
    command.stdout(fs::File::create("/dev/full").unwrap());
    let run = finish(command, "");
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.starts_with("error: "), "{run:?}");
}

/// The program while the kernel refuses to open one file that was there a moment before.
#[cfg(target_os = "linux")]
#[test]
fn missing_file_does_not_stop_others() {
    for (error, told) in [
        ("ENOENT", "no such file or folder"),
        ("EACCES", "permission denied"),
        ("EIO", "cannot be read"),
    ] {
        let sandbox = Sandbox::new(&[
            ("a.yaml", PRIVILEGED),
            ("b.yaml", PRIVILEGED),
            ("c.yaml", PRIVILEGED),
        ]);
        let mut command = Command::new("strace");
        let inject = format!("inject=openat:error={error}");
        command.args([
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-P",
            "b.yaml",
            "-e",
            "trace=openat",
            "-e",
            &inject,
        ]);
        command.args([
            env!("CARGO_BIN_EXE_kubeharden"),
            "check",
            "--output-format",
            "concise",
        ]);
        command
            .current_dir(sandbox.path(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if Command::new("strace").arg("-V").output().is_err() {
            println!("skipped: no strace");
            return;
        }
        let run = finish(command, "");
        if run.stderr.contains("PTRACE") {
            println!("skipped: strace may not trace");
            return;
        }
        assert_eq!(run.code, 2, "{run:?}");
        assert!(
            run.stderr.contains("b.yaml: ") && run.stderr.contains(told),
            "{run:?}"
        );
        assert!(
            run.stdout.contains("a.yaml:") && run.stdout.contains("c.yaml:"),
            "{run:?}"
        );
    }
}

/// A repository cannot hold a pipe, but it can hold a link to anything, `/dev/zero` say.
#[cfg(unix)]
#[test]
fn special_files_are_skipped() {
    let sandbox = Sandbox::new(&[
        ("bad.yaml", PRIVILEGED),
        ("below/other.yaml", PRIVILEGED),
        ("pipe/bad.yaml", PRIVILEGED),
    ]);
    let pipe = |path: &str| {
        assert!(
            Command::new("mkfifo")
                .arg(sandbox.path(path))
                .status()
                .unwrap()
                .success()
        );
    };
    [
        "a.yaml",
        "a.json",
        ".kubeharden.yaml",
        "kustomization.yaml",
        "Chart.yaml",
        "pipe/.gitignore",
    ]
    .into_iter()
    .for_each(pipe);
    fs::File::create(sandbox.path("sparse.json"))
        .unwrap()
        .set_len(5 << 30)
        .unwrap();
    fs::File::create(sandbox.path("sparse.yaml"))
        .unwrap()
        .set_len(5 << 30)
        .unwrap();
    let run = sandbox.run("check --output-format concise");
    assert_eq!(run.code, 2, "{run:?}");
    let folder = fs::canonicalize(sandbox.path("")).unwrap();
    let stderr = run
        .stderr
        .replace(folder.to_str().unwrap(), "FOLDER")
        .replace("./pipe", "FOLDER/pipe");
    expect![[r#"
        error: .: FOLDER/pipe/.gitignore is not a regular file; its folder is skipped
        error: sparse.json: is longer than 4 GiB; split it
        error: sparse.yaml: is longer than 4 GiB; split it
    "#]]
    .assert_eq(&stderr);
    let told: BTreeSet<&str> = run
        .stdout
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(told, BTreeSet::from(["bad.yaml", "below/other.yaml"]));
    // What ignores files here ignores them below.
    pipe(".ignore");
    for path in [".", "below"] {
        let run = sandbox.run(&format!("check {path}"));
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
        assert!(
            run.stderr.contains(".ignore is not a regular file"),
            "{run:?}"
        );
    }
}

#[cfg(unix)]
#[test]
fn named_pipe_is_read() {
    let sandbox = Sandbox::new(&[
        ("bad.yaml", PRIVILEGED),
        (
            "some.yaml",
            "profile: baseline\nignore: [privileged-container]\n",
        ),
    ]);
    let mut command = Command::new("sh");
    let both = r#"mkfifo manifest config; cat bad.yaml >manifest & cat some.yaml >config & exec "$0" check --config config manifest"#;
    command.args(["-c", both, env!("CARGO_BIN_EXE_kubeharden")]);
    command
        .current_dir(sandbox.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let run = finish(command, "");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
    assert_eq!(run.stdout, "No findings in 1 manifest.\n");
}

/// Eight findings of each of a thousand containers are told in little memory: what is kept of a finding is its own.
#[cfg(target_os = "linux")]
#[test]
fn findings_of_a_large_pod_use_little_memory() {
    let containers: String = (0..1000)
        .map(|number| format!("  - name: c{number}\n    image: b\n"))
        .collect();
    let pod = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  containers:\n{containers}"
    );
    let sandbox = Sandbox::new(&[("pod.yaml", &pod)]);
    let mut command = Command::new("sh");
    let limited = r#"ulimit -v 600000; exec "$0" check --output-format concise pod.yaml"#;
    command.args(["-c", limited, env!("CARGO_BIN_EXE_kubeharden")]);
    command
        .current_dir(sandbox.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let run = finish(command, "");
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    assert!(run.stdout.lines().count() > 5000);
}

#[test]
fn rules_are_listed_and_explained() {
    let sandbox = Sandbox::new(&[]);
    let page = sandbox.run("explain privilege-escalation");
    assert_eq!(page.code, 0);
    assert!(
        page.stdout.starts_with(
            "# privilege-escalation\n\nSeverity: warning. Profiles: restricted, hardened.\n"
        ),
        "{page:?}"
    );
    assert!(
        page.stdout.contains("\n## Why\n")
            && page.stdout.contains("\n```yaml bad\napiVersion: v1\n"),
        "{page:?}"
    );

    let page: Value = serde_json::from_str(
        &sandbox
            .run("explain --output-format json privileged-container")
            .stdout,
    )
    .unwrap();
    assert_eq!(
        keys(&page),
        ["docs", "id", "profile", "severity", "url", "version"]
    );
    assert_eq!(
        (&page["id"], &page["severity"]),
        (&"privileged-container".into(), &"error".into())
    );

    let list: Value =
        serde_json::from_str(&sandbox.run("rules --output-format json").stdout).unwrap();
    let rule = |id: &str| {
        list["rules"]
            .as_array()
            .unwrap()
            .iter()
            .find(|rule| rule["id"] == id)
            .unwrap()
            .clone()
    };
    assert_eq!(rule("privilege-escalation")["fix"], "safe");
    assert_eq!(rule("privileged-container")["fix"], "review");
    assert_eq!(rule("privileged-container")["applicability"], "unsafe");
    assert_eq!(rule("missing-memory-limit")["fix"], "ask");
    let table = sandbox.run("rules").stdout;
    let row = table
        .lines()
        .find(|line| line.starts_with("sensitive-host-path "))
        .unwrap();
    assert_eq!(
        Vec::from_iter(row.split_whitespace()),
        ["sensitive-host-path", "baseline", "error", "-"]
    );
}

#[test]
fn version_and_completions_are_printed() {
    let sandbox = Sandbox::new(&[]);
    let version = sandbox.run("version").stdout;
    assert_eq!(
        version,
        format!("kubeharden {}\n", env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(sandbox.run("--version").stdout, version);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(
            sandbox
                .run(&format!("completions {shell}"))
                .stdout
                .contains("stdin-filename"),
            "{shell}"
        );
    }
}

const CONFIG: &str = ".kubeharden.yaml";

/// The ids of what is found, without repeats.
fn found(sandbox: &Sandbox, arguments: &str) -> BTreeSet<String> {
    rules_at(&sandbox.json(arguments))
        .into_iter()
        .map(|(path, rule)| format!("{path} {rule}"))
        .collect()
}

#[test]
fn nearest_configuration_applies() {
    let select = |rule: &str| format!("select: [{rule}]\n");
    let sandbox = Sandbox::new(&[
        (CONFIG, &select("unpinned-image")),
        ("a.yaml", PRIVILEGED),
        ("team/.kubeharden.yaml", &select("privileged-container")),
        ("team/deep/b.yaml", PRIVILEGED),
        ("other/.git/HEAD", "ref: refs/heads/main\n"),
        ("other/deep/c.yaml", HARMLESS),
        ("work/.git", "gitdir: elsewhere\n"),
        ("work/.kubeharden.yaml", &select("privilege-escalation")),
        ("work/deep/d.yaml", ESCALATING),
    ]);
    assert_eq!(
        Vec::from_iter(found(&sandbox, ".")),
        [
            "team/deep/b.yaml privileged-container",
            "work/deep/d.yaml privilege-escalation"
        ]
    );
    let whence = |path: &str| {
        sandbox
            .run(&format!("config {path}"))
            .stdout
            .lines()
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(whence("team/deep/b.yaml"), "# From team/.kubeharden.yaml");
    assert_eq!(whence("team/deep"), "# From team/.kubeharden.yaml");
    assert_eq!(
        whence("--profile baseline"),
        "# From .kubeharden.yaml, with command-line options applied"
    );
    assert_eq!(
        whence("other/deep"),
        "# The defaults: no .kubeharden.yaml in this folder or its parents"
    );
    assert_eq!(whence("--no-config"), "# The defaults");
    let mut below = sandbox.command("config ../..");
    below.current_dir(sandbox.path("team/deep"));
    assert!(
        finish(below, "").stdout.starts_with("# From /"),
        "a file above is named in full"
    );
}

#[test]
fn configuration_options_work() {
    let sandbox = Sandbox::new(&[
        (CONFIG, "select: [privileged-container]\n"),
        ("other.yaml", "select: [host-pid]\n"),
        ("pod.yaml", PRIVILEGED),
    ]);
    assert_eq!(
        Vec::from_iter(found(&sandbox, "pod.yaml")),
        ["pod.yaml privileged-container"]
    );
    assert!(found(&sandbox, "--config other.yaml pod.yaml").is_empty());
    assert!(found(&sandbox, "--no-config pod.yaml").len() > 5);
    assert_eq!(
        sandbox
            .run("check --no-config --config other.yaml pod.yaml")
            .code,
        2
    );
    let missing = sandbox.run("check --config missing.yaml pod.yaml");
    assert_eq!(
        (missing.code, missing.stderr.as_str()),
        (2, "error: missing.yaml: no such file; check the path\n")
    );
}

#[test]
fn workloads_from_elsewhere_are_named() {
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a}\nspec: {interval: 1m}\n";
    let application = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\nspec: {project: a}\n";
    let sandbox = Sandbox::new(&[
        ("release.yaml", &format!("{release}---\n{release}")),
        ("application.yaml", application),
    ]);
    let printed = sandbox.run("check .").stdout;
    let expected = "Not judged: 1 Application, 2 HelmRelease, whose workloads come from a chart or repository.\n";
    assert!(printed.ends_with(expected), "{printed}");
    let statistics = sandbox.run("check --statistics .").stdout;
    let expected = "  3  workloads from a chart or repository\n";
    assert!(statistics.contains(expected), "{statistics}");
}

#[test]
fn fix_says_why_there_is_no_fix() {
    let template = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  x: {{ .Values.x }}\n  hostPID: true\n";
    let other_value = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  securityContext:\n    privileged: false\n  \
                       containers:\n    - {name: a, image: x, securityContext: {privileged: true}}\n    - {name: b, image: y}\n";
    let sandbox = Sandbox::new(&[("template.yaml", template), ("pod.yaml", other_value)]);
    let told = sandbox.run("fix --unsafe-fixes template.yaml").stderr;
    let expected = "template.yaml:6:12: host-pid is not fixed: this is a template\n";
    assert!(told.contains(expected), "{told}");
    let told = sandbox.run("fix --profile baseline pod.yaml").stderr;
    let expected = "pod.yaml:6:5: misplaced-security-field is not fixed: the securityContext of container \"a\" has another value\n";
    assert!(told.contains(expected), "{told}");
}

#[test]
fn command_line_overrides_configuration() {
    let config = "profile: baseline\nfailOn: error\nignore: [privileged-container]\nseverity: {host-pid: off, unpinned-image: hint}\n";
    let sandbox = Sandbox::new(&[(CONFIG, config), ("pod.yaml", PRIVILEGED)]);
    let printed = |arguments: &str| sandbox.run(&format!("config {arguments}")).stdout;
    assert!(printed("").contains("\nprofile: baseline\nkubernetesVersion: \"1.37\"\n"));
    assert!(
        printed("--profile restricted --kubernetes-version 1.30")
            .contains("\nprofile: restricted\nkubernetesVersion: \"1.30\"\n")
    );
    assert!(printed("--ignore host-ipc").contains("\nignore: [privileged-container, host-ipc]\n"));
    let insistent = printed("--select privileged-container,host-pid");
    assert!(insistent.contains("\nselect: [privileged-container, host-pid]\nignore: []\nseverity:\n  unpinned-image: hint\n"));

    assert!(found(&sandbox, "pod.yaml").is_empty());
    assert_eq!(
        sandbox
            .run("check --select privilege-escalation pod.yaml")
            .code,
        0,
        "a warning does not fail"
    );
    assert_eq!(
        sandbox
            .run("check --select privilege-escalation --fail-on warning pod.yaml")
            .code,
        1
    );
    assert_eq!(
        sandbox
            .run("check --select privileged-container pod.yaml")
            .code,
        1
    );
}

#[test]
fn stdin_name_selects_configuration() {
    let sandbox = Sandbox::new(&[
        (CONFIG, "select: [host-pid]\n"),
        ("team/.kubeharden.yaml", "select: [privileged-container]\n"),
    ]);
    let code = |arguments: &str| {
        sandbox
            .run_with(&format!("check {arguments} -"), PRIVILEGED)
            .code
    };
    assert_eq!(code(""), 0);
    assert_eq!(code("--stdin-filename pod.yaml"), 0);
    assert_eq!(code("--stdin-filename team/pod.yaml"), 1);
    assert_eq!(code("--stdin-filename team/not/there/pod.yaml"), 1);
}

#[test]
fn configuration_error_is_shown_once() {
    let config = "profile: baselin\nselect: [privileged-container]\n";
    let sandbox = Sandbox::new(&[
        (CONFIG, config),
        ("a.yaml", PRIVILEGED),
        ("deep/b.yaml", PRIVILEGED),
    ]);
    let run = sandbox.run("check --exit-zero --output-format concise");
    assert_eq!(run.code, 2);
    assert_eq!(
        run.stdout.matches("error[privileged-container]").count(),
        2,
        "{run:?}"
    );
    expect![[r#"
        error[configuration]: unknown profile `baselin`; did you mean `baseline`?
         --> .kubeharden.yaml:1:10
          |
        1 | profile: baselin
          |          ^^^^^^^
    "#]]
    .assert_eq(&run.stderr);
    assert_eq!(sandbox.run("config").code, 2);
}

#[test]
fn fix_refuses_invalid_configuration() {
    let sandbox = Sandbox::new(&[
        ("bad/.kubeharden.yaml", "ignored: [privilege-escalation]\n"),
        ("bad/pod.yaml", ESCALATING),
        ("good/pod.yaml", ESCALATING),
    ]);
    let run = sandbox.run("fix");
    assert_eq!(run.code, 2);
    assert!(
        run.stderr
            .contains("error: bad/pod.yaml: not fixed: its configuration file has errors\n"),
        "{run:?}"
    );
    assert_eq!(sandbox.read("bad/pod.yaml"), ESCALATING);
    assert_ne!(sandbox.read("good/pod.yaml"), ESCALATING);
}

#[test]
fn fixes_write_configured_values() {
    let config = "select: [missing-user-id]\nvalues: {userId: 65532}\n";
    let sandbox = Sandbox::new(&[(CONFIG, config), ("pod.yaml", ESCALATING)]);
    // The older name of `--placeholder-fixes`.
    assert_eq!(sandbox.run("fix --ask-fixes --unsafe-fixes").code, 0);
    assert!(sandbox.read("pod.yaml").contains("runAsUser: 65532\n"));
}

#[test]
fn init_does_not_overwrite() {
    let sandbox = Sandbox::new(&[("deep/pod.yaml", PRIVILEGED)]);
    let run = sandbox.run("init");
    assert_eq!(
        (run.code, run.stdout.as_str(), run.stderr.as_str()),
        (0, "", "Wrote .kubeharden.yaml.\n")
    );
    assert_eq!(
        found(&sandbox, "."),
        found(&sandbox, "--no-config ."),
        "it says nothing but the defaults"
    );
    sandbox.write(CONFIG, "profile: baseline\n");
    let run = sandbox.run("init");
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (
            2,
            "error: .kubeharden.yaml: already exists; not overwritten\n"
        )
    );
    assert_eq!(sandbox.read(CONFIG), "profile: baseline\n");
    assert_eq!(sandbox.run("init deep").code, 0);
    assert!(
        sandbox
            .read("deep/.kubeharden.yaml")
            .contains("profile: hardened\n")
    );
}

#[test]
fn json_objects_are_read_in_folders() {
    let pod = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"hostPID": true}}"#;
    let sandbox = Sandbox::new(&[
        ("deploy/pod.json", pod),
        ("package.json", r#"{"name": "shop"}"#),
        ("odd.JSON", "\"apiVersion\""),
    ]);
    let found = sandbox.json("--select host-pid");
    assert_eq!(found["findings"][0]["path"], "deploy/pod.json");
    assert_eq!(found["summary"]["files"], 1);
    // A named file is read, whatever its type.
    assert_eq!(sandbox.json("package.json")["summary"]["files"], 1);
    let run = sandbox.run("fix --unsafe-fixes --select host-pid");
    assert_eq!(run.code, 0, "{run:?}");
    serde_json::from_str::<serde_json::Value>(&sandbox.read("deploy/pod.json")).unwrap();
}

#[test]
fn file_context_applies() {
    let patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  template:\n    spec:\n      containers:\n        - name: a\n          image: x:1\n          securityContext: {privileged: true}\n";
    let template = patch.replace("x:1", "'{{ .Values.image }}'");
    let sandbox = Sandbox::new(&[
        ("base/kustomization.yaml", "resources: [web.yaml]\n"),
        ("base/web.yaml", patch),
        (
            "prod/kustomization.yml",
            "resources: [../base]\npatches:\n  - path: ./patches/web.yaml\n",
        ),
        ("prod/patches/web.yaml", patch),
        (
            "prod/component/kustomization.yaml",
            "kind: Component\npatchesStrategicMerge: [../component/web.yaml]\n",
        ),
        ("prod/component/web.yaml", patch),
        (
            "chart/Chart.yaml",
            "apiVersion: v2\nname: a\nversion: 0.1.0\n",
        ),
        ("chart/templates/deep/web.yaml", &template),
        ("templates/web.yaml", &template),
    ]);
    let json = sandbox.json(".");
    let count = |path: &str| {
        json["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["path"] == path)
            .count()
    };
    for path in [
        "prod/patches/web.yaml",
        "prod/component/web.yaml",
        "chart/templates/deep/web.yaml",
    ] {
        assert_eq!(count(path), 1, "{path}");
    }
    for path in ["base/web.yaml", "templates/web.yaml"] {
        assert!(count(path) > 5, "{path}");
    }
    let run = sandbox.run("fix --unsafe-fixes --placeholder-fixes");
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(sandbox.read("prod/patches/web.yaml"), patch);
    assert_eq!(sandbox.read("chart/templates/deep/web.yaml"), template);
    assert_ne!(sandbox.read("base/web.yaml"), patch);
}

#[test]
fn statistics_count_kinds_rules_and_skips() {
    let sandbox = Sandbox::new(&[
        (
            "pod.yaml",
            "apiVersion: v1\nkind: Pod\nspec: {hostPID: true, hostIPC: true}\n---\n# nothing\n",
        ),
        (
            "two.yaml",
            "apiVersion: v1\nkind: Pod\nspec: {hostPID: true}\n---\napiVersion: v1\nkind: Service\n",
        ),
        ("compose.yaml", "services: {}\n"),
        ("kustomization.yaml", "patches: [{path: patch.yaml}]\n"),
        (
            "patch.yaml",
            "apiVersion: v1\nkind: Pod\nspec: {hostIPC: true}\n",
        ),
        (
            "template.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata: {{ . }}\n",
        ),
        (
            "sealed.yaml",
            "apiVersion: v1\nkind: Secret\nsops: {mac: x}\n",
        ),
    ]);
    let run = sandbox.run("check --statistics --select host-pid,host-ipc");
    assert_eq!(run.code, 1);
    expect![[r#"
        Objects by kind
          4  v1 Pod
          1  v1 Secret
          1  v1 Service

        Findings by rule
          2  host-ipc
          2  host-pid

        Documents skipped or checked in part
          2  not a manifest
          1  empty
          1  encrypted
          1  patch
          1  template
    "#]]
    .assert_eq(&run.stdout);
    let json = sandbox.json("--statistics --select host-pid");
    assert_eq!(json["statistics"]["kinds"]["v1 Pod"], 4);
    assert_eq!(json["statistics"]["rules"]["host-pid"], 2);
    assert_eq!(json["statistics"]["silence"]["not a manifest"], 2);
    assert_eq!(json["findings"].as_array().unwrap().len(), 2);
    assert!(
        sandbox
            .json("--select host-pid")
            .get("statistics")
            .is_none()
    );
}

#[test]
fn suppressed_findings_are_counted() {
    let ignored = PRIVILEGED.replace(
        "privileged: true",
        "privileged: true # kubeharden: ignore[privileged-container] it is the CNI",
    );
    let sandbox = Sandbox::new(&[("a.yaml", &ignored), ("b.yaml", PRIVILEGED)]);
    let select = "--select privileged-container";
    let count = |arguments: &str| {
        let output = sandbox.json(&format!("{select} {arguments}"));
        (
            output["findings"].as_array().unwrap().len(),
            output["summary"]["ignored"].as_u64().unwrap(),
        )
    };
    assert_eq!(count("a.yaml"), (0, 1));
    assert_eq!(count("--no-ignores a.yaml"), (1, 0));
    assert_eq!(count(""), (1, 1));
    let run = sandbox.run(&format!("check {select} a.yaml"));
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (
            0,
            "No findings in 1 manifest.\n1 more is suppressed; `--no-ignores` shows them.\n"
        )
    );
    assert_eq!(
        sandbox
            .run(&format!("check {select} --no-ignores a.yaml"))
            .code,
        1
    );

    assert_eq!(
        sandbox
            .run(&format!("fix --diff --unsafe-fixes {select} a.yaml"))
            .stdout,
        ""
    );
    let fixed = sandbox
        .run(&format!(
            "fix --diff --unsafe-fixes --no-ignores {select} a.yaml"
        ))
        .stdout;
    assert!(
        fixed.contains(
            "+        privileged: false # kubeharden: ignore[privileged-container] it is the CNI"
        ),
        "{fixed}"
    );
}

#[test]
fn exception_paths_are_relative_to_their_file() {
    let config =
        "exceptions:\n  - rules: privileged-container\n    path: deploy/*.yaml\n    reason: r\n";
    let sandbox = Sandbox::new(&[
        (".git/HEAD", ""),
        (".kubeharden.yaml", config),
        ("deploy/a.yaml", PRIVILEGED),
        ("deploy/more/b.yaml", PRIVILEGED),
        ("c.yaml", PRIVILEGED),
    ]);
    let found = |arguments: &str| {
        Vec::from_iter(paths(
            &sandbox.json(&format!("--select privileged-container {arguments}")),
        ))
    };
    assert_eq!(found(""), ["c.yaml", "deploy/more/b.yaml"]);
    assert_eq!(found("deploy/a.yaml"), [""; 0]);
    assert_eq!(found("--no-ignores deploy/a.yaml"), ["deploy/a.yaml"]);
    let stdin = |name: &str| {
        sandbox
            .run_with(
                &format!("check --select privileged-container --stdin-filename {name} -"),
                PRIVILEGED,
            )
            .code
    };
    assert_eq!((stdin("deploy/new.yaml"), stdin("new.yaml")), (0, 1));
}

#[test]
fn expired_exception_is_a_warning() {
    let config =
        |until: &str| format!("exceptions:\n  - rules: privileged-container\n    until: {until}\n");
    let sandbox = Sandbox::new(&[
        (".git/HEAD", ""),
        ("a.yaml", PRIVILEGED),
        ("good.yaml", HARMLESS),
    ]);
    sandbox.write(".kubeharden.yaml", config("2020-02-29"));
    let run = sandbox.run("check --select privileged-container a.yaml");
    assert_eq!(run.code, 1);
    assert!(
        run.stderr
            .contains("warning[configuration]: this exception expired on 2020-02-29"),
        "{}",
        run.stderr
    );
    assert_eq!(sandbox.run("check good.yaml").code, 0);
    assert_eq!(sandbox.run("fix good.yaml").code, 0);
    sandbox.write(".kubeharden.yaml", config("9999-12-31"));
    let run = sandbox.run("check --select privileged-container a.yaml");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

/// Pods with a finding and a fix each. Some make a rule panic that only the test build has.
#[cfg(debug_assertions)]
mod failing {
    use crate::sandbox::Sandbox;

    fn pod(name: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\nspec:\n  hostPID: true\n  containers:\n    - name: web\n      image: web:1.4\n"
        )
    }

    fn sandbox() -> Sandbox {
        let failing = pod("kubeharden-fails");
        Sandbox::new(&[
            ("a.yaml", &format!("{failing}---\n{failing}")),
            ("b.yaml", &pod("b")),
            ("c.yaml", &failing),
        ])
    }

    /// Returns the message about a file, if there is exactly one.
    fn told(stderr: &str, file: &str) -> String {
        let mut lines = stderr
            .lines()
            .filter(|line| line.starts_with(&format!("error: {file}:")));
        let (first, second) = (lines.next(), lines.next());
        assert!(
            first.is_some() && second.is_none() && !stderr.contains("panicked at"),
            "{file}: {stderr}"
        );
        first.unwrap_or_default().to_owned()
    }

    #[test]
    fn panicking_rule_loses_only_its_findings() {
        let sandbox = sandbox();
        let run = sandbox.run("check --output-format concise .");
        assert_eq!(run.code, 2, "{run:?}");
        assert_eq!(
            told(&run.stderr, "a.yaml"),
            format!(
                "error: a.yaml: rule failing panicked; other rules are unaffected: a bug in kubeharden (as the name asks); please report it with the file at {}/issues",
                env!("CARGO_PKG_REPOSITORY")
            )
        );
        told(&run.stderr, "c.yaml");
        for (file, count) in [("a.yaml", 2), ("b.yaml", 1), ("c.yaml", 1)] {
            let found = run
                .stdout
                .lines()
                .filter(|line| line.starts_with(file) && line.contains("host-pid"));
            assert_eq!(found.count(), count, "{run:?}");
        }
        assert_eq!(sandbox.run("check --exit-zero c.yaml").code, 2);
        // Nothing failed where the rule did not run.
        assert_eq!(sandbox.run("check --select host-pid .").code, 1);
    }

    #[test]
    fn rule_panic_in_kustomization_is_reported() {
        let patch = pod("kubeharden-fails")
            .lines()
            .map(|line| format!("      {line}\n"))
            .collect::<String>();
        let head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\npatches:\n  - patch: |\n";
        let sandbox = Sandbox::new(&[("kustomization.yaml", &format!("{head}{patch}"))]);
        let run = sandbox.run("check --output-format concise .");
        assert_eq!(
            (run.code, run.stdout.contains("host-pid")),
            (2, true),
            "{run:?}"
        );
        told(&run.stderr, "kustomization.yaml");
    }

    #[test]
    fn panicking_rule_does_not_stop_fixes() {
        let sandbox = sandbox();
        let diff = sandbox.run("fix --unsafe-fixes --diff .");
        for file in ["a.yaml", "b.yaml", "c.yaml"] {
            assert!(diff.stdout.contains(&format!("+++ b/{file}")), "{diff:?}");
            assert!(sandbox.read(file).contains("hostPID"));
        }
        assert_eq!(
            diff.stdout.matches("-  hostPID: true").count(),
            4,
            "{diff:?}"
        );
        let run = sandbox.run("fix --unsafe-fixes .");
        for run in [diff, run] {
            assert_eq!(run.code, 2, "{run:?}");
            [told(&run.stderr, "a.yaml"), told(&run.stderr, "c.yaml")]
                .iter()
                .for_each(|told| assert!(told.contains("failing")));
        }
        for file in ["a.yaml", "b.yaml", "c.yaml"] {
            let text = sandbox.read(file);
            assert!(
                !text.contains("hostPID") && text.contains("runAsNonRoot"),
                "{text}"
            );
        }
        let fixed = sandbox.run_with("fix --unsafe-fixes -", &pod("kubeharden-fails"));
        assert_eq!(
            (fixed.code, fixed.stdout.contains("hostPID")),
            (2, false),
            "{fixed:?}"
        );
    }

    #[test]
    fn fix_that_makes_a_rule_panic_is_refused() {
        let text = pod("kubeharden-fails-when-mended");
        let sandbox = Sandbox::new(&[("a.yaml", &text)]);
        let run = sandbox.run("fix --unsafe-fixes a.yaml");
        assert!(sandbox.read("a.yaml").contains("hostPID: true"), "{run:?}");
        assert!(
            sandbox.read("a.yaml").contains("runAsNonRoot"),
            "other findings are fixed: {run:?}"
        );
        assert!(
            run.stderr.contains(
                "host-pid is not fixed: failing panics on the result, which is a bug in kubeharden"
            ),
            "{run:?}"
        );
    }

    #[test]
    fn suppression_of_panicked_rule_is_not_unused() {
        let ignored = pod("kubeharden-fails")
            .replace("true", "true # kubeharden: ignore[host-network] a reason");
        let sandbox = Sandbox::new(&[
            ("a.yaml", &ignored),
            ("b.yaml", &ignored.replace("-fails", "")),
        ]);
        let run = sandbox.run("check --output-format concise .");
        let unused = |file: &str| {
            run.stdout
                .lines()
                .any(|line| line.starts_with(file) && line.contains("unused-ignore"))
        };
        assert_eq!(
            (unused("a.yaml"), unused("b.yaml")),
            (false, true),
            "{run:?}"
        );
    }
}
