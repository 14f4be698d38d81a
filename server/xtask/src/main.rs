//! Tasks for people who work on kubeharden. `cargo xtask generate` writes every generated file.

mod generate;

use std::env;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask generate [--check]

Writes the generated parts of the repository: the rule pages, the tables of rules, the schema of
the configuration file, and the settings of the VS Code extension. With --check it writes nothing
and exits with 1 if one of them is out of date.";

#[expect(clippy::print_stderr, reason = "it reports to a terminal")]
fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["generate"] => generate::write(),
        ["generate", "--check"] => generate::check(),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
