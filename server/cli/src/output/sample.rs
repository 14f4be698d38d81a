//! Handwritten results for the tests of the formats.

use crate::output::lines::{Lines, Span};
use crate::output::report::{CheckedFile, Finding, Fix, Object, Related, Results, Summary};
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

/// A file with one finding of each kind.
pub(crate) fn results() -> Results {
    let fix = |title: &str, applicability| {
        Some(Fix {
            title: title.into(),
            applicability,
        })
    };
    let mut findings = vec![
        finding(
            TEXT,
            "wéb",
            Severity::Hint,
            "odd-name",
            "container \"wéb\" has an odd name",
        ),
        finding(
            TEXT,
            "nginx:1.27",
            Severity::Info,
            "image-without-digest",
            "image nginx:1.27\u{1b}[31m has no digest",
        ),
        finding(
            TEXT,
            "true\n        run",
            Severity::Error,
            "privileged-container",
            "privileged is true: full access to the node",
        ),
        finding(
            TEXT,
            "false",
            Severity::Warning,
            "weakened-override",
            "container \"wéb\" overrides the pod's runAsNonRoot",
        ),
    ];
    findings[0].fix = fix("name it otherwise", Applicability::Placeholder);
    findings[2].span.end = Lines::new(TEXT).place(findings[2].span.start.byte + 4);
    findings[2].fix = fix("set privileged: false", Applicability::Unsafe);
    findings[3].fix = fix("remove runAsNonRoot", Applicability::Safe);
    findings[3].related = vec![Related {
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
        suppressed: 2,
        unjudged: [("HelmRelease".to_owned(), 1)].into(),
    };
    Results {
        files: vec![file(TEXT, findings)],
        summary,
        ..Results::default()
    }
}

/// A file with a finding at one string, and a related place.
pub(crate) fn with_text(text: &str, places: &[(&str, &str)]) -> Results {
    let findings = places.iter().map(|(at, related)| {
        let mut finding = finding(text, at, Severity::Warning, "a-rule", "a message");
        finding.related = vec![Related {
            span: find(text, related),
            message: "and this".into(),
        }];
        finding
    });
    let summary = Summary {
        files: 1,
        warnings: places.len(),
        ..Summary::default()
    };
    Results {
        files: vec![file(text, findings.collect())],
        summary,
        ..Results::default()
    }
}

/// A file with a finding in a range of bytes, which may be inside characters.
pub(crate) fn at(text: &str, range: Range<usize>) -> Results {
    let mut finding = finding(text, "", Severity::Warning, "a-rule", "a message");
    finding.span = Lines::new(text).span(range);
    finding.related = vec![Related {
        span: finding.span,
        message: "itself".into(),
    }];
    Results {
        files: vec![file(text, vec![finding])],
        summary: Summary {
            files: 1,
            warnings: 1,
            ..Summary::default()
        },
        ..Results::default()
    }
}

fn file(text: &str, findings: Vec<Finding>) -> CheckedFile {
    CheckedFile {
        path: "deploy/shop.yaml".into(),
        text: text.into(),
        findings,
        fail_on: Severity::Warning,
        rule_panics: Vec::new(),
    }
}

fn finding(text: &str, at: &str, severity: Severity, rule: &'static str, message: &str) -> Finding {
    Finding {
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
