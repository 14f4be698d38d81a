//! The command line: checks and mends files, explains rules.
//!
//! Knows arguments, files, terminals and output formats. Must not know how a finding comes about: it asks [`linter::analysis`].
//! Promise: results go to stdout and everything else to stderr, in the same order on every run; the exit code is 0 where all
//! is well, 1 where something was found, 2 where the question itself could not be answered in full.

mod args;
mod check;
mod concise;
mod configured;
mod console;
mod explain;
mod files;
mod fix;
mod full;
mod init;
mod json;
mod lines;
mod problem;
mod read;
mod rendered;
mod rules;
#[cfg(test)]
mod sample;
mod show_config;
mod statistics;

use args::{Arguments, Command};
use clap::{CommandFactory, Parser};
use console::{Console, Verdict};
use linter::analysis;
use std::env;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

/// Runs the program for the arguments that it was started with. `serve` is the language server, which has the terminal for
/// itself.
pub fn run(serve: impl FnOnce() -> ExitCode) -> ExitCode {
    let arguments = Arguments::parse();
    let mut console = Console::new(arguments.color, arguments.quiet);
    if let Command::Server(_) = &arguments.command {
        return serve();
    }
    if env::var_os("RUST_BACKTRACE").is_none_or(|value| value == "0") {
        // Who catches a panic tells of it once, with the file; where it was, those are told who look for it.
        panic::set_hook(Box::new(|_| ()));
    }
    let outcome = or_bug(&mut console, |console| obey(&arguments.command, console));
    console.close(outcome)
}

fn obey(command: &Command, console: &mut Console) -> io::Result<Verdict> {
    match command {
        // It has the process for itself, and was begun before.
        Command::Server(_) => Ok(Verdict::Clean),
        Command::Check(arguments) => check::run(arguments, console),
        Command::Fix(arguments) => fix::run(arguments, console),
        Command::Explain(arguments) => explain::run(arguments, console),
        Command::Rules(arguments) => rules::run(arguments, console),
        Command::Config(arguments) => show_config::run(arguments, console),
        Command::Init(arguments) => init::run(arguments, console),
        Command::Completions { shell } => completions(*shell, console),
        Command::Version => version(console),
    }
}

/// What comes of a command; a mistake of ours that nobody caught before is told as well.
fn or_bug(
    console: &mut Console,
    work: impl FnOnce(&mut Console) -> io::Result<Verdict>,
) -> io::Result<Verdict> {
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| work(console)));
    outcome.unwrap_or_else(|panic| {
        console.complain(check::bug(&analysis::panic_message(&*panic)));
        Ok(Verdict::Trouble)
    })
}

fn version(console: &mut Console) -> io::Result<Verdict> {
    writeln!(
        console,
        "{} {}",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_VERSION")
    )?;
    Ok(Verdict::Clean)
}

fn completions(shell: clap_complete::Shell, console: &mut Console) -> io::Result<Verdict> {
    // The generator panics where it cannot write, and it can always write here.
    let mut script = Vec::new();
    clap_complete::generate(
        shell,
        &mut Arguments::command(),
        env!("CARGO_PKG_NAME"),
        &mut script,
    );
    console.write_all(&script)?;
    Ok(Verdict::Clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_of_ours_that_nobody_caught_is_trouble() {
        let mut console = Console::new(args::Color::Never, true);
        assert_eq!(
            or_bug(&mut console, |_| Ok(Verdict::Found)).unwrap(),
            Verdict::Found
        );
        assert_eq!(
            or_bug(&mut console, |_| panic!("no words")).unwrap(),
            Verdict::Trouble
        );
    }
}
