//! The profiles `baseline` and `restricted` give Kubernetes' own verdict about every pod, at every version.
//!
//! Three sources say what that is: the manifests that the admission itself is tested with, looked for beside the repository or
//! where `KUBEHARDEN_SHARED` says; `data/verdicts.jsonl`, answers of Kubernetes' library about random pods; and as many fresh
//! ones as `KUBEHARDEN_ORACLE` says, which takes Go: `KUBEHARDEN_ORACLE=200000 cargo test --test verdicts`, or `200000@7` for
//! another seed. `oracle/pss` makes both.

use kubernetes::{self, Object, Version};
use linter::analysis;
use linter::config::{Config, Profile};
use linter::rules::{self, Check, Enablement, Reporter, Rule};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the library says about a pod.
#[derive(Deserialize)]
struct Answer {
    pod: Value,
    /// Hexadecimal; bit N from the right says that the pod passes at 1.N, the one behind the newest version's is `latest`.
    baseline: String,
    restricted: String,
}

impl Answer {
    fn passes(&self, level: Profile, version: Version) -> bool {
        let bits = if level == Profile::Baseline {
            &self.baseline
        } else {
            &self.restricted
        };
        let bits = u64::from_str_radix(bits, 16).expect("hexadecimal");
        let bit = |minor: u16| bits >> minor & 1 == 1;
        let latest = Version::NEWEST.minor;
        assert_eq!(
            bit(latest),
            bit(latest + 1),
            "the library knows a newer version: raise Version::NEWEST"
        );
        bit(version.minor)
    }
}

fn levels_and_versions() -> impl Iterator<Item = (Profile, Version)> {
    let versions = || (0..=Version::NEWEST.minor).map(Version::new);
    [Profile::Baseline, Profile::Restricted]
        .into_iter()
        .flat_map(move |level| versions().map(move |version| (level, version)))
}

fn config(level: Profile, version: Version) -> Config {
    Config {
        profile: level,
        kubernetes_version: version,
        ..Config::default()
    }
}

/// The rules that refuse what a text holds, as a user gets them.
fn refusing(text: &str, level: Profile, version: Version) -> Vec<&'static str> {
    let report = analysis::analyze(text, &config(level, version));
    let findings = report.findings().map(|(_, finding)| finding);
    findings
        .filter(|finding| finding.rule.enablement != Enablement::Always)
        .map(|finding| finding.rule.id)
        .collect()
}

/// Like [`refusing`], of an object that is read already: reading is what takes the time. A rule works when it is asked for.
fn refusing_object<'a>(
    object: &'a Object<'_>,
    level: Profile,
    version: Version,
) -> impl Iterator<Item = &'static str> + 'a {
    let config = config(level, version);
    let refuses = move |rule: &&'static Rule| {
        let mut findings = Vec::new();
        let mut found = Reporter::in_object(rule, std::slice::from_ref(object), 0, &mut findings);
        match (rule.check, &object.pod) {
            (Check::Pod(check), Some(pod)) => check(pod, &config, &mut found),
            (Check::Object(check), _) => check(object, &config, &mut found),
            (Check::Document(_) | Check::Suppressions, _) => {}
            (Check::Pod(_), None) => panic!("no pod in {:?}", object.node),
        }
        !findings.is_empty()
    };
    standards(level).filter(refuses).map(|rule| rule.id)
}

/// The rules of a level.
fn standards(level: Profile) -> impl Iterator<Item = &'static Rule> {
    rules::ALL.iter().copied().filter(move |rule| {
        rule.enablement != Enablement::Always && rule.enablement.includes(level)
    })
}

/// The pod in the ways that people write one, each as a document with one pod in it.
fn writings(pod: &Value) -> [String; 4] {
    let template = |pod: &Value| match pod.get("metadata") {
        Some(metadata) => json!({"metadata": metadata, "spec": pod["spec"]}),
        None => json!({"spec": pod["spec"]}),
    };
    // The annotations of a workload are not those of its pods.
    let metadata = json!({"name": "web", "annotations": {
        "container.apparmor.security.beta.kubernetes.io/c0": "unconfined",
        "seccomp.security.alpha.kubernetes.io/pod": "unconfined",
    }});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
        "spec": {"selector": {}, "template": template(pod)}});
    let cron_job = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata,
        "spec": {"schedule": "0 4 * * *", "jobTemplate": {"metadata": metadata, "spec": {"template": template(pod)}}}});
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [pod]});
    [pod, &deployment, &cron_job, &list].map(Value::to_string)
}

/// Collects what we and Kubernetes say differently.
#[derive(Default)]
struct Comparison {
    pods: usize,
    verdicts: usize,
    disagreements: Vec<String>,
}

impl Comparison {
    fn compare(
        &mut self,
        text: &str,
        level: Profile,
        version: Version,
        passes: bool,
        refusing: &[&str],
    ) {
        self.verdicts += 1;
        if passes != refusing.is_empty() {
            let theirs = if passes { "passes" } else { "is refused" };
            self.disagreements.push(format!(
                "{} {version}: {theirs} there, {refusing:?} here:\n{text}",
                level.name()
            ));
        }
    }

    /// Compares the verdicts about one writing of a pod at both levels and the versions that are chosen by their minor number.
    fn compare_at(&mut self, answer: &Answer, text: &str, chosen: impl Fn(usize) -> bool) {
        let yaml = yaml::parse(text);
        let objects = kubernetes::objects(&yaml);
        let [object] = objects.as_slice() else {
            panic!("not one object in {text}")
        };
        self.pods += 1;
        for (level, version) in
            levels_and_versions().filter(|(_, version)| chosen(version.minor.into()))
        {
            // One rule is enough to refuse.
            let refusing: Vec<_> = refusing_object(object, level, version).take(1).collect();
            self.compare(
                text,
                level,
                version,
                answer.passes(level, version),
                &refusing,
            );
        }
    }

    /// Compares one verdict as a user gets it, another one for each number.
    fn compare_as_a_user(&mut self, answer: &Answer, text: &str, number: usize) {
        let count = levels_and_versions().count();
        let (level, version) = levels_and_versions()
            .nth(number % count)
            .expect("below the count");
        let refusing = refusing(text, level, version);
        self.compare(
            text,
            level,
            version,
            answer.passes(level, version),
            &refusing,
        );
    }

    /// The figures, where there are no disagreements.
    fn conclude(&self) -> String {
        let (verdicts, disagreements) = (self.verdicts, self.disagreements.len());
        let first: Vec<&str> = self
            .disagreements
            .iter()
            .take(10)
            .map(String::as_str)
            .collect();
        assert!(
            first.is_empty(),
            "{disagreements} of {verdicts} disagree:\n{}",
            first.join("\n")
        );
        format!("{} pods, {verdicts} verdicts, no disagreement", self.pods)
    }
}

#[test]
fn the_admissions_own_manifests_get_its_verdict() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let shared =
        std::env::var_os("KUBEHARDEN_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let folder = shared.join("conformance");
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return;
    }
    let mut comparison = Comparison::default();
    for level in [Profile::Baseline, Profile::Restricted] {
        for versions in entries(&folder.join(level.name())) {
            let version = file_name(&versions)
                .parse()
                .expect("a folder named after a version");
            for (verdict, passes) in [("pass", true), ("fail", false)] {
                for path in entries(&versions.join(verdict)) {
                    let text = fs::read_to_string(&path).expect("text");
                    comparison.pods += 1;
                    comparison.compare(
                        &text,
                        level,
                        version,
                        passes,
                        &refusing(&text, level, version),
                    );
                }
            }
        }
    }
    assert!(comparison.pods > 0);
    println!("the admission's own manifests: {}", comparison.conclude());
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths
}

fn file_name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .expect("a name in utf-8")
}

fn sample() -> impl Iterator<Item = Answer> {
    include_str!("../../../../tests/data/verdicts.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("an answer"))
}

#[test]
fn random_pods_get_the_librarys_verdict_however_they_are_written() {
    let mut comparison = Comparison::default();
    for (number, answer) in sample().enumerate() {
        for (place, text) in writings(&answer.pod).iter().enumerate() {
            // Every version for a bare pod. In a workload, each pod is checked at a fifth of the versions.
            comparison.compare_at(&answer, text, |minor| {
                place == 0 || (minor + number) % 5 == 0
            });
            comparison.compare_as_a_user(&answer, text, number);
        }
    }
    println!(
        "the sample, each pod written in four ways: {}",
        comparison.conclude()
    );
}

#[test]
fn every_rule_decides_about_a_pod_of_the_sample_alone() {
    let mut idle: Vec<&str> = standards(Profile::Restricted).map(|rule| rule.id).collect();
    for answer in sample() {
        let text = answer.pod.to_string();
        let yaml = yaml::parse(&text);
        let objects = kubernetes::objects(&yaml);
        let [object] = objects.as_slice() else {
            panic!("not one object in {text}")
        };
        for level in [Profile::Baseline, Profile::Restricted] {
            let refusing: Vec<_> = refusing_object(object, level, Version::NEWEST)
                .take(2)
                .collect();
            if let [rule] = refusing.as_slice() {
                idle.retain(|id| id != rule);
            }
        }
    }
    assert_eq!(idle, [""; 0], "the sample would not miss these rules");
}

#[test]
fn fresh_random_pods_get_the_librarys_verdict() {
    let Some((count, seed)) = wanted() else {
        println!("skipped: KUBEHARDEN_ORACLE does not say how many");
        return;
    };
    let oracle = build_oracle();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let compare = |thread: usize| {
        let share = count
            .div_ceil(threads)
            .min(count.saturating_sub(thread * count.div_ceil(threads)));
        compare_fresh(&oracle, seed + thread, share)
    };
    let total = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || compare(thread)))
            .collect();
        let mut total = Comparison::default();
        for worker in workers {
            let part = worker.join().expect("a comparison that ends");
            total.pods += part.pods;
            total.verdicts += part.verdicts;
            total.disagreements.extend(part.disagreements);
        }
        total
    });
    println!("fresh random pods: {}", total.conclude());
}

/// How many fresh pods are wanted, and from which seed.
fn wanted() -> Option<(usize, usize)> {
    let wanted = std::env::var("KUBEHARDEN_ORACLE").ok()?;
    let (count, seed) = wanted.split_once('@').unwrap_or((&wanted, "1000"));
    Some((
        count.parse().expect("KUBEHARDEN_ORACLE is a number"),
        seed.parse().expect("its seed is a number"),
    ))
}

fn build_oracle() -> PathBuf {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pss-oracle");
    let source = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("tests/oracle/pss");
    let status = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(source)
        .status();
    assert!(
        status.expect("go runs").success(),
        "the oracle does not build"
    );
    program
}

/// Compares pods as the oracle makes them; each is written in one of the ways.
fn compare_fresh(oracle: &Path, seed: usize, count: usize) -> Comparison {
    let arguments = ["generate".to_owned(), seed.to_string(), count.to_string()];
    let mut child = Command::new(oracle)
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the oracle runs");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut comparison = Comparison::default();
    for (number, line) in lines.enumerate() {
        let answer: Answer = serde_json::from_str(&line.expect("utf-8")).expect("an answer");
        let writings = writings(&answer.pod);
        let text = &writings[number % writings.len()];
        comparison.compare_at(&answer, text, |_| true);
        comparison.compare_as_a_user(&answer, text, number);
    }
    assert!(
        child.wait().expect("the oracle ends").success(),
        "the oracle fails"
    );
    assert_eq!(comparison.pods, count);
    comparison
}
