//! `removed-api` says of each kind at each version what Kubernetes' own sources say: `data/removed.json`, made by
//! `oracle/removed`.

use kubernetes::Version;
use linter::analysis;
use linter::config::Config;
use linter::rules::Applicability;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Deserialize)]
struct Removed {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    removed: u16,
    #[serde(default)]
    replacement: String,
}

/// Kinds that no manifest contains: requests to the API server, and what it sends to webhooks.
const MESSAGES: [&str; 7] = [
    "APIGroupDiscovery",
    "AdmissionReview",
    "ConversionReview",
    "DeploymentRollback",
    "Eviction",
    "JobTemplate",
    "Scale",
];

fn removed() -> Vec<Removed> {
    let rows: Vec<Removed> =
        serde_json::from_str(include_str!("../../../../tests/data/removed.json")).expect("rows");
    let is_kept = |row: &Removed| {
        let kind = row.kind.as_str();
        !MESSAGES.contains(&kind) && !kind.ends_with("List") && !kind.ends_with("Options")
    };
    rows.into_iter().filter(is_kept).collect()
}

fn config(minor: u16) -> Config {
    let mut config = Config {
        kubernetes_version: Version::new(minor),
        ..Config::default()
    };
    config.rules.select.push("removed-api".into());
    config
}

fn manifest(api_version: &str, kind: &str) -> String {
    format!(
        "apiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: it\nspec:\n  selector:\n    matchLabels: {{app: it}}\n"
    )
}

fn is_found(text: &str, minor: u16) -> bool {
    let report = analysis::analyze(text, &config(minor));
    report
        .chunks()
        .any(|document| !document.analysis.findings.is_empty())
}

#[test]
fn every_kind_is_removed_when_kubernetes_removed_it_and_no_other() {
    let rows = removed();
    let since: BTreeMap<_, _> = rows
        .iter()
        .map(|row| ((row.api_version.as_str(), row.kind.as_str()), row.removed))
        .collect();
    let versions: BTreeSet<&str> = rows
        .iter()
        .flat_map(|row| [row.api_version.as_str(), row.replacement.as_str()])
        .collect();
    let kinds: BTreeSet<&str> = rows.iter().map(|row| row.kind.as_str()).collect();
    let mut wrong = Vec::new();
    for api_version in versions.iter().filter(|version| !version.is_empty()) {
        for kind in &kinds {
            let text = manifest(api_version, kind);
            let since = since.get(&(*api_version, *kind)).copied();
            for minor in since.map_or(vec![Version::NEWEST.minor], |since| {
                vec![since - 1, since, Version::NEWEST.minor]
            }) {
                let expected = since.is_some_and(|since| minor >= since);
                if minor <= Version::NEWEST.minor && is_found(&text, minor) != expected {
                    wrong.push(format!(
                        "{api_version} {kind} at 1.{minor}: removed there: {expected}"
                    ));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    println!("{} kinds", rows.len());
}

#[test]
fn the_fix_writes_the_successor_that_kubernetes_names() {
    let mut fixed = 0;
    for row in removed()
        .iter()
        .filter(|row| row.removed <= Version::NEWEST.minor)
    {
        let text = manifest(&row.api_version, &row.kind);
        let after = analysis::fix_all(&text, &config(row.removed), &[Applicability::Unsafe]).text;
        let written = after
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("apiVersion: "))
            .expect("its first line");
        let (api_version, kind) = (&row.api_version, &row.kind);
        if written == api_version {
            continue;
        }
        fixed += 1;
        // The sources name the next version, which may have been removed since, and for some none.
        let is_removed = |version: &str| is_found(&manifest(version, kind), Version::NEWEST.minor);
        let is_theirs = row.replacement == written
            || row.replacement.is_empty()
            || is_removed(&row.replacement);
        assert!(
            is_theirs,
            "{api_version} {kind}: {written} here, {} there",
            row.replacement
        );
        let group = |version: &str| version.split('/').next().unwrap_or_default().to_owned();
        let is_moved = group(api_version) == "extensions" || group(written) == group(api_version);
        assert!(is_moved, "{api_version} {kind}: {written} is another group");
        assert!(
            !is_found(&after, Version::NEWEST.minor),
            "{written} {kind} is removed too"
        );
    }
    assert!(fixed > 30, "only {fixed} have a fix");
}

#[test]
fn no_successor_is_written_before_it_was_there() {
    let text = manifest("flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema");
    let fixed = |minor| analysis::fix_all(&text, &config(minor), &[Applicability::Unsafe]).text;
    assert_eq!(fixed(28), text);
    assert_eq!(
        fixed(29),
        manifest("flowcontrol.apiserver.k8s.io/v1", "FlowSchema")
    );
}
