//! The effect of an incomplete line on the rest of its document.

use super::data;
use std::collections::HashMap;
use yaml::{self, NodeKind, Range, Yaml};
use yaml_rust2::parser::{Event, EventReceiver, Parser};

/// The number of states; `KUBEHARDEN_STATES` sets another one.
const STATES: usize = 4000;
const FILES: usize = 16;

#[test]
fn typing_a_line_keeps_the_others() {
    let wanted = std::env::var("KUBEHARDEN_STATES")
        .ok()
        .and_then(|states| states.parse().ok())
        .unwrap_or(STATES);
    let documents = documents();
    if documents.is_empty() {
        return;
    }
    let mut states: Vec<(usize, usize, usize)> = Vec::new();
    for (number, document) in documents.iter().enumerate() {
        for (line, range) in lines(document).into_iter().enumerate() {
            let text = document[range].trim_end();
            states.extend(
                text.char_indices()
                    .map(|(length, _)| (number, line, length)),
            );
        }
    }
    let step = (states.len() / wanted).max(1);
    let (mut tried, mut kept, mut with_errors, mut kept_with_errors, mut otherwise) =
        (0, 0, 0, 0, 0);
    let whole: Vec<_> = documents
        .iter()
        .map(|document| yaml::parse(document))
        .collect();
    for (number, line, length) in states.into_iter().step_by(step) {
        let document = &documents[number];
        let range = lines(document)[line].clone();
        let typed = format!(
            "{}{}",
            &document[..range.start + length],
            &document[range.end..]
        );
        let state = yaml::parse(&typed);
        let lost = lost(&whole[number], &state, range.clone(), length);
        tried += 1;
        kept += usize::from(lost.is_empty());
        with_errors += usize::from(!state.errors().is_empty());
        kept_with_errors += usize::from(!state.errors().is_empty() && lost.is_empty());
        otherwise += usize::from(!lost.is_empty() && is_yaml_with_values(&typed, &state));
        if !lost.is_empty() && std::env::var_os("KUBEHARDEN_STATES").is_some() {
            println!(
                "--- {number}:{line} {:?} loses {}: {:?}",
                &typed[range.start..range.start + length],
                lost.len(),
                lost[0]
            );
        }
    }
    let percent = |part: usize, of: usize| 100.0 * part as f64 / of as f64;
    let share = percent(kept, tried);
    let share_with_errors = percent(kept_with_errors, with_errors);
    let share_or_said = percent(kept + otherwise, tried);
    println!(
        "{tried} states of {} documents, {with_errors} with syntax errors",
        documents.len()
    );
    println!(
        "every scalar outside the line kept in {share:.2} % ({share_with_errors:.2} % of those with syntax errors)"
    );
    println!(
        "{otherwise} of the others are YAML that says something else: kept, or truly changed, {share_or_said:.2} %"
    );
    assert!(share >= 99.0 && share_with_errors >= 99.8 && share_or_said >= 99.9);
}

/// Whether a text is valid YAML with the values that were read. Then a cluster would see the effect
/// of the line too: `image: nginx` above an unfinished `  po` is the image "nginx po".
fn is_yaml_with_values(text: &str, read: &Yaml) -> bool {
    let mut said = Scalars(Vec::new());
    let is_yaml = Parser::new_from_str(text).load(&mut said, true).is_ok();
    is_yaml
        && read.errors().is_empty()
        && scalars(read)
            .map(|(_, value)| value)
            .eq(said.0.iter().map(String::as_str))
}

/// The scalars of a text according to yaml-rust2.
struct Scalars(Vec<String>);

impl EventReceiver for Scalars {
    fn on_event(&mut self, event: Event) {
        if let Event::Scalar(value, ..) = event {
            self.0.push(value);
        }
    }
}

/// Documents of the usual size of a manifest.
fn documents() -> Vec<String> {
    let workload = |text: &str| {
        let kinds = [
            "Deployment",
            "StatefulSet",
            "DaemonSet",
            "CronJob",
            "Job",
            "Pod",
        ];
        // Files of values name kinds too.
        let is_manifest = text.lines().any(|line| line.starts_with("apiVersion:"));
        is_manifest
            && (1000..6000).contains(&text.len())
            && kinds
                .iter()
                .any(|kind| text.contains(&format!("\nkind: {kind}\n")))
    };
    let texts = data::manifests().into_iter().map(|(_, text)| text);
    let documents = texts.flat_map(|text| {
        yaml::chunks::documents(&text)
            .into_iter()
            .map(|range| text[range].to_owned())
            .collect::<Vec<_>>()
    });
    let documents: Vec<_> = documents
        .filter(|text| workload(text) && yaml::parse(text).errors().is_empty())
        .collect();
    let step = (documents.len() / FILES).max(1);
    documents.into_iter().step_by(step).collect()
}

/// The lines of a text without their line breaks.
fn lines(text: &str) -> Vec<std::ops::Range<usize>> {
    let starts = text.split_inclusive('\n').scan(0, |at, line| {
        *at += line.len();
        Some(*at - line.len()..*at - line.len() + line.trim_end_matches(['\r', '\n']).len())
    });
    starts.collect()
}

/// The scalars outside a line that are missing or different once the line is cut.
fn lost(whole: &Yaml, state: &Yaml, line: std::ops::Range<usize>, length: usize) -> Vec<String> {
    let missing = line.len() - length;
    let line = Range::new((line.start as u32).into(), (line.end as u32).into());
    let there: HashMap<Range, &str> = scalars(state).collect();
    let outside = scalars(whole)
        .filter(|(range, _)| range.end() <= line.start() || line.end() <= range.start());
    let lost = outside.filter(|(range, value)| {
        let moved = if range.start() >= line.end() {
            *range - yaml::Offset::new(missing as u32)
        } else {
            *range
        };
        there.get(&moved) != Some(value)
    });
    lost.map(|(_, value)| value.to_owned()).collect()
}

fn scalars(yaml: &Yaml) -> impl Iterator<Item = (Range, &str)> {
    yaml.nodes()
        .filter(|node| matches!(node.kind(), NodeKind::Scalar(_)))
        .map(|node| (node.range(), node.as_str().unwrap()))
}
