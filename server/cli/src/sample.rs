//! Results made by hand, for the tests of the formats.

use super::check::{CheckedFile, Results, Summary};
use super::lines::{Lines, Span};
use super::problem::{Object, Problem, Related, Remedy};
use linter::rules::{Applicability, Severity};
use std::ops::Range;

const TEXT: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: shop}
spec:
  securityContext:
    runAsNonRoot: true
  containers:
    - name: wéb
      image: nginx:1.27
      securityContext:
        privileged: true
        runAsNonRoot: false
";

/// A file with one problem of each kind.
pub(super) fn results() -> Results {
    let remedy = |title: &str, safety| {
        Some(Remedy {
            title: title.into(),
            safety,
        })
    };
    let mut problems = vec![
        problem(
            TEXT,
            "wéb",
            Severity::Hint,
            "odd-name",
            "container \"wéb\" has an odd name",
        ),
        problem(
            TEXT,
            "nginx:1.27",
            Severity::Info,
            "image-without-digest",
            "image nginx:1.27\u{1b}[31m has no digest",
        ),
        problem(
            TEXT,
            "true\n        run",
            Severity::Error,
            "privileged-container",
            "privileged is true: full access to the node",
        ),
        problem(
            TEXT,
            "false",
            Severity::Warning,
            "weakened-override",
            "container \"wéb\" overrides the pod's runAsNonRoot",
        ),
    ];
    problems[0].fix = remedy("name it otherwise", Applicability::Placeholder);
    problems[2].span.end = Lines::new(TEXT).place(problems[2].span.start.byte + 4);
    problems[2].fix = remedy("set privileged: false", Applicability::Unsafe);
    problems[3].fix = remedy("remove runAsNonRoot", Applicability::Safe);
    problems[3].related = vec![Related {
        span: find(TEXT, "true"),
        message: "the pod sets it here".into(),
    }];
    let summary = Summary {
        files: 3,
        unread: 0,
        documents: 5,
        manifests: 2,
        templates: 0,
        errors: 1,
        warnings: 1,
        infos: 1,
        hints: 1,
        ignored: 2,
    };
    Results {
        files: vec![file(TEXT, problems)],
        summary,
        ..Results::default()
    }
}

/// A file with a problem at one string, and another one that has to do with it.
pub(super) fn with_text(text: &str, places: &[(&str, &str)]) -> Results {
    let problems = places.iter().map(|(at, related)| {
        let mut problem = problem(text, at, Severity::Warning, "a-rule", "a message");
        problem.related = vec![Related {
            span: find(text, related),
            message: "and this".into(),
        }];
        problem
    });
    let summary = Summary {
        files: 1,
        warnings: places.len(),
        ..Summary::default()
    };
    Results {
        files: vec![file(text, problems.collect())],
        summary,
        ..Results::default()
    }
}

/// A file with a problem in a range of bytes, in characters or between.
pub(super) fn at(text: &str, range: Range<usize>) -> Results {
    let mut problem = problem(text, "", Severity::Warning, "a-rule", "a message");
    problem.span = Lines::new(text).span(range);
    problem.related = vec![Related {
        span: problem.span,
        message: "itself".into(),
    }];
    Results {
        files: vec![file(text, vec![problem])],
        summary: Summary {
            files: 1,
            warnings: 1,
            ..Summary::default()
        },
        ..Results::default()
    }
}

fn file(text: &str, problems: Vec<Problem>) -> CheckedFile {
    CheckedFile {
        path: "deploy/shop.yaml".into(),
        text: text.into(),
        problems,
        fail_on: Severity::Warning,
        failures: Vec::new(),
    }
}

fn problem(text: &str, at: &str, severity: Severity, rule: &'static str, message: &str) -> Problem {
    Problem {
        rule,
        profile: "hardened",
        severity,
        message: message.into(),
        span: find(text, at),
        related: Vec::new(),
        document: 0,
        object: Some(Object {
            api_version: "v1".into(),
            kind: "Pod".into(),
            namespace: None,
            name: Some("shop".into()),
        }),
        container: Some("wéb".into()),
        fix: None,
    }
}

fn find(text: &str, needle: &str) -> Span {
    let start = text.find(needle).expect("the sample holds it");
    Lines::new(text).span(start..start + needle.len())
}
