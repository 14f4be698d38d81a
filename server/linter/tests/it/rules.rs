//! The page of a rule is its test: the examples are found, fixed, or clean, as the page says.

use linter::analysis::{self, Report};
use linter::config::Config;
use linter::rules::{self, Applicability, Rule};

/// The parts that a rule's page has, in this order.
const SECTIONS: [&str; 7] = [
    "## Why",
    "## Example",
    "## When not to follow it",
    "## What the fix changes",
    "## Applies to",
    "## References",
    "## Other names",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Bad,
    Fixed,
    Good,
}

/// The YAML blocks of a page, each with the word behind its fence.
fn examples(docs: &str) -> Vec<(Role, String)> {
    let mut examples = Vec::new();
    let mut open: Option<(Role, String)> = None;
    for line in docs
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
    {
        match (&mut open, line) {
            (None, "```yaml bad") => open = Some((Role::Bad, String::new())),
            (None, "```yaml fixed") => open = Some((Role::Fixed, String::new())),
            (None, "```yaml good") => open = Some((Role::Good, String::new())),
            (None, line) => assert!(
                !line.starts_with("```yaml"),
                "a block without a role: {line}"
            ),
            (Some(_), "```") => examples.extend(open.take()),
            (Some((_, text)), line) => text.extend([line, "\n"]),
        }
    }
    assert!(open.is_none(), "an unclosed block");
    examples
}

/// The configuration that pages are written for: the rule alone, with one registry allowed.
fn config(rule: &Rule) -> Config {
    let mut config = Config::default();
    config.rules.select.push(rule.id.to_owned());
    config
        .values
        .allowed_registries
        .push("registry.example.com".to_owned());
    config
}

/// Where a rule fires in a text, as `line: message` for people to read.
fn fired(rule: &Rule, text: &str) -> Vec<String> {
    let report = analysis::analyze(text, &config(rule));
    let mut fired = Vec::new();
    for document in report.chunks() {
        let is_yaml = document.analysis.yaml().errors().is_empty();
        assert!(
            is_yaml || rule.id == "syntax-error",
            "{}: an example is not valid YAML:\n{text}",
            rule.id
        );
        for finding in document
            .analysis
            .findings
            .iter()
            .filter(|finding| finding.rule.id == rule.id)
        {
            let start = document.start + usize::from(finding.range.start());
            fired.push(format!(
                "{}: {}",
                text[..start].lines().count(),
                finding.message
            ));
        }
    }
    fired
}

/// The text after all of one rule's fixes.
fn fixed(rule: &Rule, text: &str) -> String {
    let all = [
        Applicability::Safe,
        Applicability::Unsafe,
        Applicability::Placeholder,
    ];
    analysis::fix_all(text, &config(rule), &all).text
}

#[test]
fn examples_are_flagged_mended_and_left_alone_as_the_page_says() {
    let mut checked = 0;
    for rule in rules::ALL {
        let examples = examples(rule.docs);
        let has = |role| examples.iter().any(|(it, _)| *it == role);
        assert!(
            has(Role::Bad) && has(Role::Good),
            "{}: the page needs a bad and a good example",
            rule.id
        );
        for (place, (role, text)) in examples.iter().enumerate() {
            checked += 1;
            let fired_here = fired(rule, text);
            if *role != Role::Bad {
                assert_eq!(
                    fired_here, [""; 0],
                    "{}: flagged, but called {role:?}:\n{text}",
                    rule.id
                );
                continue;
            }
            assert!(!fired_here.is_empty(), "{}: not flagged:\n{text}", rule.id);
            let expected = examples
                .get(place + 1)
                .filter(|(role, _)| *role == Role::Fixed)
                .map_or(text, |(_, text)| text);
            let fixed_text = fixed(rule, text);
            assert_eq!(
                &fixed_text, expected,
                "{}: the fix gives\n{fixed_text}\ninstead of\n{expected}",
                rule.id
            );
        }
    }
    println!("{} rules, {checked} examples", rules::ALL.len());
}

#[test]
fn every_page_has_its_parts() {
    for rule in rules::ALL {
        let page = rule.markdown();
        let headings: Vec<&str> = page
            .lines()
            .map(str::trim)
            .filter(|line| line.starts_with("## "))
            .collect();
        assert_eq!(headings, SECTIONS, "{}", rule.id);
        assert!(
            page.lines().all(|line| line.len() <= 130),
            "{}: lines too long for a terminal",
            rule.id
        );
    }
}

#[test]
fn messages_keep_to_the_wording() {
    for rule in rules::ALL {
        for (_, text) in examples(rule.docs) {
            let reports = [
                analysis::analyze(&text, &Config::default()),
                analysis::analyze(&text, &config(rule)),
            ];
            for document in reports.iter().flat_map(Report::chunks) {
                for finding in &document.analysis.findings {
                    let message = &finding.message;
                    assert!(
                        message.chars().count() <= 80,
                        "{}: longer than 80 columns: {message}",
                        finding.rule.id
                    );
                    assert!(
                        !message.ends_with('.') && !message.contains("should"),
                        "{}: {message}",
                        finding.rule.id
                    );
                    for fix in finding.fix.iter().chain(&finding.alternatives) {
                        let title = &fix.title;
                        assert!(
                            !title.ends_with('.') && !title.starts_with(char::is_uppercase),
                            "{}: {title}",
                            finding.rule.id
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn ids_are_unique() {
    let mut ids: Vec<&str> = rules::ALL.iter().map(|rule| rule.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), rules::ALL.len());
}

#[test]
fn no_name_stands_for_two_rules() {
    for rule in rules::ALL {
        for name in rule.aliases {
            let id = name.id;
            for other in rules::ALL.iter().filter(|other| other.id != rule.id) {
                assert!(
                    other.id != id,
                    "{}: {id} is the id of another rule",
                    rule.id
                );
                let has = |names: &[rules::ForeignId]| {
                    names.iter().any(|other| other.is(id) || name.is(other.id))
                };
                assert!(
                    !has(other.aliases) && !has(other.related),
                    "{id} means {} and {}",
                    rule.id,
                    other.id
                );
            }
            assert!(
                matches!(rules::meaning(id), rules::Meaning::Rule(meant) if meant.id == rule.id),
                "{id}"
            );
            let of_the_tool = rule
                .aliases
                .iter()
                .chain(rule.related)
                .filter(|other| other.tool == name.tool && other.id == id);
            assert_eq!(of_the_tool.count(), 1, "{}: {id} is there twice", rule.id);
        }
    }
}

#[test]
fn names_are_known_however_they_are_written() {
    let meant = |word: &str| match rules::meaning(word) {
        rules::Meaning::Rule(rule) => rule.id,
        rules::Meaning::Related(rules) => rules.first().map_or("", |rule| rule.id),
        rules::Meaning::Unknown => "unknown",
    };
    for word in [
        "privileged-container",
        "Privileged-Container",
        "KSV017",
        "KSV-0017",
        "avd-ksv-0017",
        "CKV_K8S_16",
        "ckv_k8s_16",
    ] {
        assert_eq!(meant(word), "privileged-container", "{word}");
    }
    for (word, rule) in [
        ("KSV-1", "privilege-escalation"),
        ("KSV", "unknown"),
        ("KSV-", "unknown"),
        ("", "unknown"),
        ("run-as-non-root", "run-as-root-allowed"),
    ] {
        assert_eq!(meant(word), rule, "{word}");
    }
}
