//! Compares the table of security context fields with Kubernetes' types and with the findings of the rules.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets what it does not expect should stop there"
)]

use kubernetes::{self, Version};
use linter::analysis::{self, Report};
use linter::config::{Config, Profile};
use linter::rules::{Enablement, FIELDS, Field, FieldValue, Rule, field_of, fields_of};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A pod that meets `restricted`, with more in its pod's context and in its container's.
fn pod(in_pod: &str, in_container: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  securityContext: {{{in_pod}}}\n  containers:\n    - name: web\n      \
         image: registry.example.com/web:1.4\n      securityContext: {{{in_container}}}\n"
    )
}

const MEETS_POD: &str = "runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}";
const MEETS_CONTAINER: &str = "allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}";

/// Where each type of a security context stands: an item of it in flow style, with `?` for its entries.
const PLACES: [(&str, bool, &str); 8] = [
    ("PodSecurityContext", true, "?"),
    ("SecurityContext", false, "?"),
    ("Capabilities", false, "capabilities: {?}"),
    ("SeccompProfile", true, "seccompProfile: {?}"),
    ("AppArmorProfile", true, "appArmorProfile: {?}"),
    ("SELinuxOptions", true, "seLinuxOptions: {?}"),
    ("Sysctl", true, "sysctls: [{?}]"),
    ("WindowsSecurityContextOptions", true, "windowsOptions: {?}"),
];

#[test]
fn table_has_all_fields() {
    for (type_name, is_of_pod, way) in PLACES {
        let entry = way.replace('?', "nobodyHasThis: 1");
        let text = if is_of_pod {
            pod(&entry, "")
        } else {
            pod("", &entry)
        };
        let yaml = yaml::parse(&text);
        let objects = kubernetes::objects(&yaml);
        let [unknown] = objects[0].reading.unknown.as_slice() else {
            panic!("one unknown field in {text}")
        };
        assert_eq!(unknown.type_name, type_name);
        let names: BTreeSet<&str> = fields_of(type_name).map(|field| field.name).collect();
        assert_eq!(
            names,
            unknown.fields.iter().copied().collect(),
            "{type_name}"
        );
        assert_eq!(
            fields_of(type_name).count(),
            names.len(),
            "{type_name} has a field twice"
        );
    }
    let types: BTreeSet<&str> = FIELDS
        .iter()
        .flat_map(|field| field.types)
        .copied()
        .collect();
    assert_eq!(
        types,
        PLACES
            .map(|(type_name, ..)| type_name)
            .into_iter()
            .collect()
    );
}

#[test]
fn field_values_match_types() {
    for (type_name, is_of_pod, way) in PLACES {
        for field in fields_of(type_name) {
            let entry = way.replace('?', &format!("{}: [{{}}]", field.name));
            let text = if is_of_pod {
                pod(&entry, "")
            } else {
                pod("", &entry)
            };
            let yaml = yaml::parse(&text);
            let objects = kubernetes::objects(&yaml);
            let wanted = objects[0]
                .reading
                .wrong
                .first()
                .and_then(|wrong| wrong.expected);
            let fits = match field.value {
                FieldValue::Flag(_) => wanted == Some(kubernetes::Expected::Bool),
                FieldValue::OneOf(_) | FieldValue::Known(_) => {
                    wanted == Some(kubernetes::Expected::Text)
                }
                FieldValue::Any => matches!(
                    wanted,
                    Some(kubernetes::Expected::Text | kubernetes::Expected::Integer)
                ),
                // An empty mapping is an item of some, and of the others it is the item that is wrong.
                FieldValue::ListOf(_) => wanted == Some(kubernetes::Expected::Text),
                FieldValue::List => {
                    wanted.is_none() || wanted == Some(kubernetes::Expected::Integer)
                }
                FieldValue::Mapping => wanted == Some(kubernetes::Expected::Mapping),
            };
            assert!(
                fits,
                "{type_name}.{} holds {:?} and wants {wanted:?}",
                field.name, field.value
            );
        }
    }
}

/// The standards that refuse a value of a field, at a version.
fn refused_by(type_name: &str, field: &Field, word: &str, version: Version) -> Vec<Profile> {
    let (_, is_of_pod, way) = PLACES
        .into_iter()
        .find(|place| place.0 == type_name)
        .unwrap();
    let value = if matches!(field.value, FieldValue::ListOf(_)) {
        format!("[{word}]")
    } else {
        word.to_owned()
    };
    let more = match (type_name, field.name, word) {
        ("SeccompProfile" | "AppArmorProfile", "type", "Localhost") => ", localhostProfile: a",
        ("Sysctl", "name", _) => ", value: \"1\"",
        ("Capabilities", "add", _) => ", drop: [ALL]",
        _ => "",
    };
    let entry = way.replace('?', &format!("{}: {value}{more}", field.name));
    // The item replaces the existing text.
    let without = |meets: &str| match entry.split(':').next().unwrap() {
        "runAsNonRoot" => meets.replace("runAsNonRoot: true, ", ""),
        "seccompProfile" => meets.replace(", seccompProfile: {type: RuntimeDefault}", ""),
        "allowPrivilegeEscalation" => meets.replace("allowPrivilegeEscalation: false, ", ""),
        "capabilities" => meets.replace(", capabilities: {drop: [ALL]}", ""),
        _ => meets.to_owned(),
    };
    let text = match is_of_pod {
        true => pod(&format!("{}, {entry}", without(MEETS_POD)), MEETS_CONTAINER),
        false => pod(MEETS_POD, &format!("{}, {entry}", without(MEETS_CONTAINER))),
    };
    let config = Config {
        profile: Profile::Restricted,
        kubernetes_version: version,
        ..Config::default()
    };
    let report = analysis::analyze(&text, &config);
    let mut profiles = Vec::new();
    for (_, finding) in report.findings() {
        match finding.rule.enablement {
            Enablement::Profile(profile) => profiles.push(profile),
            // The worse of two excludes other fields or needs them, and so does what says so.
            _ if finding.rule.reports_rejections
                && !matches!(field.value, FieldValue::Flag(_))
                && word != "Unmasked" =>
            {
                panic!(
                    "{type_name}.{}: {word} is refused: {}",
                    field.name, finding.message
                )
            }
            _ => {}
        }
    }
    profiles.sort();
    profiles.dedup();
    profiles
}

#[test]
fn table_words_match_rules() {
    let mut counted = 0;
    for version in [Version::new(30), Version::NEWEST] {
        for (type_name, ..) in PLACES {
            for field in fields_of(type_name).filter(|field| field.is_in(version)) {
                for (place, word) in field.value.words(version).into_iter().enumerate() {
                    let refused = refused_by(type_name, field, word.word, version);
                    let says = |profile: Profile, what: &str| {
                        word.about.contains(&format!("`{}` {what}", profile.name()))
                    };
                    let name = format!("{type_name}.{}: {} at {version}", field.name, word.word);
                    // The safest value comes first. A value that baseline rejects says so, except the worse of two.
                    assert!(place > 0 || refused.is_empty(), "{name}: {refused:?}");
                    let is_flag = matches!(field.value, FieldValue::Flag(_));
                    assert_eq!(
                        says(Profile::Baseline, "forbids it"),
                        refused.contains(&Profile::Baseline) && !is_flag,
                        "{name}"
                    );
                    assert!(
                        !says(Profile::Baseline, "allows it")
                            || !refused.contains(&Profile::Baseline),
                        "{name}"
                    );
                    assert!(
                        !says(Profile::Restricted, "allows it") || refused.is_empty(),
                        "{name}"
                    );
                    // Who asks for something is in the list of who asks.
                    for profile in refused.iter().filter(|_| field.name != "drop") {
                        let asks = field
                            .requirements
                            .iter()
                            .any(|(asking, _)| asking <= profile);
                        assert!(asks, "{name}: {profile:?} refuses it and asks for nothing");
                    }
                    counted += 1;
                }
            }
        }
    }
    assert!(counted > 100, "{counted}");
}

#[test]
fn field_pages_mention_fields() {
    for field in FIELDS {
        let names = |rule: &Rule| rule.docs.contains(field.name);
        assert!(
            field.rule().is_none_or(names),
            "{} is not on the page of {}",
            field.name,
            field.rule().unwrap().id
        );
        for text in [field.about, field.default] {
            assert!(
                !text.contains("  ") && !text.is_empty(),
                "{}: {text}",
                field.name
            );
        }
    }
    assert!(field_of("SecurityContext", "fsGroup").is_none());
    assert!(field_of("PodSpec", "hostUsers").is_none());
}

/// The manifests of this repository, and where there is one every fifteenth of a corpus of real ones.
fn manifests() -> Vec<(PathBuf, String)> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let shared =
        std::env::var_os("KUBEHARDEN_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let mut folders = vec![root.join("fixtures"), shared.join("corpus")];
    let mut manifests = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "yaml" || extension == "yml")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                if text.contains("securityContext") && text.len() < 20_000 {
                    manifests.push((path, text));
                }
            }
        }
    }
    let is_taken = |place: usize, path: &Path| path.starts_with(root) || place.is_multiple_of(15);
    manifests
        .into_iter()
        .enumerate()
        .filter(|(place, (path, _))| is_taken(*place, path))
        .map(|(_, it)| it)
        .collect()
}

/// How many syntax errors a text has.
fn errors(report: &Report) -> usize {
    report
        .chunks()
        .map(|part| part.analysis.yaml().errors().len())
        .sum()
}

/// The completion items in a text, with the text after each is accepted, the range of the choice, and its field.
fn taken(
    text: &str,
    report: &Report,
    at: usize,
    config: &Config,
) -> Vec<(String, usize, &'static Field)> {
    let mut taken = Vec::new();
    for part in report.chunks() {
        let Some(completion) = part
            .within(at)
            .and_then(|at| part.analysis.completion(at, config.into()))
        else {
            continue;
        };
        let place = part.place(completion.replaced);
        assert!(
            place.start <= at
                && at <= place.end
                && !text[place.clone()].contains(['\n', '\r', ' '])
        );
        for choice in completion.choices {
            let after = format!(
                "{}{}{}",
                &text[..place.start],
                choice.insert,
                &text[place.end..]
            );
            taken.push((
                after,
                place.start + choice.insert.find(choice.label).unwrap(),
                choice.field,
            ));
        }
    }
    taken
}

#[test]
fn completion_offers_real_fields() {
    let config = Config::default();
    let (mut places, mut offered) = (0, 0);
    for (path, text) in manifests() {
        let before = analysis::analyze(&text, &config);
        let lines = text.split_inclusive('\n').scan(0, |start, line| {
            let at = *start;
            *start += line.len();
            Some((at, line.trim_end_matches(['\n', '\r'])))
        });
        // Behind the last word of a line, and where it begins to say something. Every line would take
        // minutes; a step that no indentation repeats visits all kinds of lines.
        for at in lines.step_by(5).flat_map(|(start, line)| {
            [
                start + line.len() - line.trim_start().len(),
                start + line.trim_end().len(),
            ]
        }) {
            places += 1;
            // The first and the last represent those between.
            let choices = taken(&text, &before, at, &config);
            for (after, place, field) in choices.first().into_iter().chain(choices.last()) {
                offered += 1;
                let report = analysis::analyze(after, &config);
                let name = format!("{}: {} at {at}", path.display(), field.name);
                assert!(
                    errors(&report) <= errors(&before),
                    "{name} breaks the text:\n{after}"
                );
                let written = report.chunks().find_map(|part| {
                    part.analysis
                        .field_at(part.within(*place)?, (&config).into())
                });
                assert_eq!(
                    written.map(|written| written.field.name),
                    Some(field.name),
                    "{name} is read otherwise:\n{after}"
                );
            }
        }
    }
    println!("{offered} choices at {places} places");
    assert!(offered > 100, "{offered} choices at {places} places");
}

#[test]
fn every_typing_state_is_answered() {
    let config = Config::default();
    let text = pod(MEETS_POD, MEETS_CONTAINER)
        + "    - name: é𝄞\r\n      image: a:1\r\n      securityContext:\r\n        capabilities:\r\n          drop:\r\n            - ALL\r\n\
           \u{20}       seccompProfile:\r\n          type: \"RuntimeDefault\"\r\n        runAsNonRoot: true\r\n";
    let mut offered = 0;
    for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
        let typed = &text[..at];
        let report = analysis::analyze(typed, &config);
        offered += taken(typed, &report, at, &config).len();
        for part in report.chunks() {
            part.analysis.inherited((&config).into());
            let end = part.within(at).unwrap();
            part.analysis.field_at(end, (&config).into());
            part.analysis.pod_security_level(0..1, (&config).into());
        }
    }
    assert!(offered > 500, "{offered}");
}
