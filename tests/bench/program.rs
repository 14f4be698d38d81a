//! Measures what users wait for in an editor and in a terminal. Prints tables for docs/performance.md.
//!
//! `cargo bench --bench program -- yaml-language-server ruff checkov` compares with these programs and installs them from npm or PyPI
//! to `.cache/bench`. yaml-language-server downloads its schema, unless a script loaded through `NODE_OPTIONS` provides it.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its figures are what it is for"
)]

#[allow(dead_code, reason = "the soak test uses more of it")]
mod client;
#[allow(dead_code, reason = "the other benchmark uses more of it")]
mod generate;
#[allow(dead_code, reason = "the other benchmark uses more of it")]
mod measure;

use client::{Client, Typing};
use measure::{in_turns, median, millis, ratio};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// The binary that is measured.
const PROGRAM: &str = env!("CARGO_BIN_EXE_kubeharden");

fn main() {
    let others: Vec<String> = env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let beside = |name: &str| others.iter().any(|other| other == name);
    start_up();
    let ours = typing();
    if beside("yaml-language-server") {
        typing_beside("yaml-language-server", &yaml_language_server(), &ours);
    }
    if beside("ruff") {
        typing_beside("ruff", &ruff(), &ours);
    }
    checks(beside("checkov"));
}

fn start_up() {
    let size = fs::metadata(PROGRAM).expect("the program is a file").len();
    let version = in_turns(
        50,
        &mut [Box::new(|| run(Command::new(PROGRAM).arg("--version")))],
    )[0];
    let greetings: Vec<(Duration, Duration)> = (0..30)
        .map(|_| {
            let (client, since_start, since_question) =
                Client::start(Command::new(PROGRAM).arg("server"), Value::Null);
            client.leave();
            (since_start, since_question)
        })
        .collect();
    let [since_start, since_question] = [
        median(greetings.iter().map(|greeting| greeting.0).collect()),
        median(greetings.iter().map(|greeting| greeting.1).collect()),
    ];
    println!(
        "\n| start | |\n| --- | --- |\n| size of the binary | {:.1} MB |",
        size as f64 / 1e6
    );
    println!("| `kubeharden --version` | {:.1} ms |", millis(version));
    println!(
        "| time to answer `initialize` | {:.2} ms |",
        millis(since_question)
    );
    println!(
        "| the same, from the process start | {:.1} ms |",
        millis(since_start)
    );
}

/// A file to type in.
struct File {
    name: String,
    uri: String,
    text: String,
    /// Where to type.
    place: usize,
}

const TINY: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: tiny}\n";

/// 20 KB and 2 MB of Deployments.
fn files() -> [File; 2] {
    [20_000, 2_000_000].map(|bytes| {
        let each = generate::documents(100).len() / 100;
        let text = generate::documents(bytes / each);
        let from = text.find("-0\n").expect("the Deployment in the middle");
        let from = from + text[from..].find("image: ").expect("a container");
        let place = from + text[from..].find('\n').expect("the end of a line");
        let uri = format!("file:///bench/deployments-{}.yaml", bytes / 1000);
        File {
            name: format!("{} KB, {} Deployments", text.len() / 1000, bytes / each),
            uri,
            text,
            place,
        }
    })
}

/// Returns the median time from a keystroke to its diagnostics, for each of [`files`].
fn typing() -> Vec<Duration> {
    println!(
        "\n| one file open | open, ms | keystroke, ms | in three lines, ms | relative to three lines | KB of diagnostics | after a burst, ms | \
         peak memory, MB | relative to 10 times the text plus 15 MB |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    );
    let mut keystrokes = Vec::new();
    for file in files() {
        let (mut client, _, _) = Client::start(Command::new(PROGRAM).arg("server"), Value::Null);
        let opened = client.open(&file.uri, "yaml", &file.text);
        let mut typed = Typing::new(&file.uri, &file.text, file.place);
        let (tiny, in_file) = keystroke_times(&mut client, &mut typed, "yaml", TINY, 200);
        let after: Vec<Duration> = (0..7).map(|_| burst(&mut client, &mut typed)).collect();
        let memory = client.peak_memory();
        let published = client
            .last(&file.uri)
            .map_or(0, |published| published.to_string().len());
        client.leave();
        println!(
            "| {} | {:.1} | {:.2} | {:.2} | {:.2} | {:.0} | {:.2} | {:.0} | {:.2} |",
            file.name,
            millis(opened),
            millis(in_file),
            millis(tiny),
            ratio(in_file, tiny),
            published as f64 / 1e3,
            millis(median(after)),
            memory as f64 / 1e6,
            memory as f64 / (10.0 * file.text.len() as f64 + 15e6)
        );
        keystrokes.push(in_file);
    }
    keystrokes
}

/// Returns the median times from a keystroke to its diagnostics in a document of three lines and in a file, measured in turns.
fn keystroke_times(
    client: &mut Client,
    typed: &mut Typing,
    language: &str,
    tiny: &str,
    rounds: usize,
) -> (Duration, Duration) {
    let uri = format!(
        "file:///bench/tiny.{}",
        if language == "yaml" { "yaml" } else { "py" }
    );
    client.open(&uri, language, tiny);
    let mut in_tiny = Typing::new(&uri, tiny, tiny.find('\n').expect("a line"));
    let (mut floor, mut times) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        floor.push(in_tiny.keystroke(client));
        times.push(typed.keystroke(client));
    }
    (median(floor), median(times))
}

const BURST: usize = 30;
const PACE: Duration = Duration::from_millis(10);

/// Types thirty characters, a hundred per second. Returns the time from the last one to its diagnostics.
#[expect(
    clippy::disallowed_methods,
    reason = "keys are pressed at a pace, whatever the server does"
)]
fn burst(client: &mut Client, typed: &mut Typing) -> Duration {
    let start = Instant::now();
    let mut last = start;
    for key in 0..BURST as u32 {
        thread::sleep((start + key * PACE).saturating_duration_since(Instant::now()));
        last = typed.press(client);
    }
    let after = client.published(typed.uri(), typed.version()) - last;
    typed.erase(client);
    client.published(typed.uri(), typed.version());
    after
}

/// Another language server, and what to type in.
struct Other {
    command: Vec<String>,
    language: &'static str,
    settings: Value,
    tiny: &'static str,
    files: Vec<File>,
    rounds: usize,
}

fn yaml_language_server() -> Other {
    let folder = cache("yaml-language-server");
    let script = folder.join("node_modules/yaml-language-server/bin/yaml-language-server");
    if !script.exists() {
        install(
            Command::new("npm")
                .args(["install", "--no-audit", "--no-fund", "--prefix"])
                .arg(&folder)
                .arg("yaml-language-server"),
        );
    }
    let settings = json!({"yaml": {"schemas": {"kubernetes": "*.yaml"}}});
    let command = vec![
        "node".to_owned(),
        script.display().to_string(),
        "--stdio".to_owned(),
    ];
    Other {
        command,
        language: "yaml",
        settings,
        tiny: TINY,
        files: files().into(),
        rounds: 5,
    }
}

/// A fast server for another language, with files of the same size.
fn ruff() -> Other {
    let program = python_package("ruff").join("bin/ruff");
    let function = "\n\ndef handle_{n}(request, retries=3):\n    for attempt in range(retries):\n        if attempt == None:\n            \
                    import os\n        result = request.send(\"value\", timeout=attempt)\n        if result.ok:\n            return \
                    result.json()\n    return {{}}\n";
    let files = files().map(|file| {
        let mut text = String::from("import sys\n");
        for number in 0.. {
            if text.len() >= file.text.len() {
                break;
            }
            text += &function
                .replace("{n}", &number.to_string())
                .replace("{{}}", "{}");
        }
        let middle = text.len() / 2;
        let place = middle + text[middle..].find("\"value\"").expect("a call") + 6;
        File {
            name: format!("{} KB of Python", text.len() / 1000),
            uri: file.uri.replace(".yaml", ".py"),
            text,
            place,
        }
    });
    let command = vec![program.display().to_string(), "server".to_owned()];
    Other {
        command,
        language: "python",
        settings: json!({}),
        tiny: "import sys\nx = 1\ny = x\n",
        files: files.into(),
        rounds: 20,
    }
}

fn typing_beside(name: &str, other: &Other, ours: &[Duration]) {
    println!(
        "\n| {name} | open, ms | keystroke, ms | in three lines, ms | peak memory, MB | kubeharden's keystroke is faster by |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for (file, ours) in other.files.iter().zip(ours) {
        let mut command = Command::new(&other.command[0]);
        let (mut client, _, _) =
            Client::start(command.args(&other.command[1..]), other.settings.clone());
        let opened = client.open(&file.uri, other.language, &file.text);
        let mut typed = Typing::new(&file.uri, &file.text, file.place);
        let (tiny, in_file) = keystroke_times(
            &mut client,
            &mut typed,
            other.language,
            other.tiny,
            other.rounds,
        );
        println!(
            "| {} | {:.0} | {:.1} | {:.1} | {:.0} | {:.0} times |",
            file.name,
            millis(opened),
            millis(in_file),
            millis(tiny),
            client.peak_memory() as f64 / 1e6,
            ratio(in_file, *ours)
        );
    }
}

/// `check` of a folder: the real manifests if they exist, else generated ones.
fn checks(with_checkov: bool) {
    // checkov finds nothing below a path with `..` in it.
    let corpus = generate::shared("corpus");
    let corpus = fs::canonicalize(&corpus).unwrap_or(corpus);
    let generated = cache("tree");
    let tree = if corpus.is_dir() { &corpus } else { &generated };
    for file in 0..400 {
        fs::write(
            generated.join(format!("{file}.yaml")),
            generate::documents(1 + file % 5),
        )
        .expect("the cache can be written");
    }
    println!("\n| `check` | files | ms | processors in use |\n| --- | --- | --- | --- |");
    let mut ours = Duration::ZERO;
    for folder in [tree, &generated] {
        let check = || {
            run(Command::new(PROGRAM)
                .args(["check", "--output-format", "concise"])
                .arg(folder));
        };
        let (before, start, rounds) = (children_time(), Instant::now(), 20);
        let time = in_turns(rounds, &mut [Box::new(check)])[0];
        let busy = (children_time() - before).as_secs_f64() / start.elapsed().as_secs_f64();
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let name = if folder == &generated {
            "generated files"
        } else {
            "real manifests"
        };
        println!(
            "| {name} | {} | {:.0} | {busy:.2} of {processors} |",
            count_files(folder),
            millis(time)
        );
        if folder == tree {
            ours = time;
        }
    }
    if with_checkov {
        let program = python_package("checkov").join("bin/checkov");
        let start = Instant::now();
        run(Command::new(program)
            .args([
                "--skip-download",
                "--framework",
                "kubernetes",
                "--quiet",
                "--compact",
                "--directory",
            ])
            .arg(tree));
        let theirs = start.elapsed();
        println!(
            "| checkov, real manifests | | {:.0} | {:.0} times slower |",
            millis(theirs),
            ratio(theirs, ours)
        );
    }
}

fn count_files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    entries
        .map(|path| {
            if path.is_dir() {
                count_files(&path)
            } else {
                usize::from(is_yaml(&path))
            }
        })
        .sum()
}

fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// Returns the processor time of all finished child processes.
fn children_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in brackets may contain spaces. After it, the 14th and 15th fields are the children's user and system time.
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let hundredths: u64 = fields
        .skip(13)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(hundredths * 10)
}

/// Returns a folder in the cache.
fn cache(name: &str) -> PathBuf {
    let cache = env::var_os("KUBEHARDEN_CACHE").map_or_else(
        || Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(".cache"),
        PathBuf::from,
    );
    let folder = cache.join("bench").join(name);
    fs::create_dir_all(&folder).expect("the cache can be written");
    folder
}

/// Installs a Python package in its own virtual environment, and returns the folder.
fn python_package(name: &str) -> PathBuf {
    let folder = cache(name);
    if !folder.join("bin").join(name).exists() {
        install(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        install(Command::new(folder.join("bin/python")).args(["-m", "pip", "install", "-q", name]));
    }
    folder
}

fn install(command: &mut Command) {
    eprintln!("{command:?}");
    assert!(
        command.status().is_ok_and(|status| status.success()),
        "{command:?} failed"
    );
}

/// Runs a command to its end and ignores its exit status.
fn run(command: &mut Command) {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("a command that can be run");
}
