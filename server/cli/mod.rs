//! The command line: checks and mends files, explains rules.
//!
//! Knows arguments, files, terminals and output formats. Must not know how a finding comes about: it asks [`crate::engine`].
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
mod show_config;
mod statistics;
#[cfg(test)]
mod sample;

use args::{Arguments, Command};
use clap::{CommandFactory, Parser};
use console::{Console, Verdict};
use std::io::{self, Write};
use std::process::ExitCode;

/// Runs the program for the arguments that it was started with. `serve` is the language server, which has the terminal for
/// itself.
pub fn run(serve: impl FnOnce() -> ExitCode) -> ExitCode {
    let arguments = Arguments::parse();
    let mut console = Console::new(arguments.color, arguments.quiet);
    let outcome = match &arguments.command {
        Command::Server(_) => return serve(),
        Command::Check(arguments) => check::run(arguments, &mut console),
        Command::Fix(arguments) => fix::run(arguments, &mut console),
        Command::Explain(arguments) => explain::run(arguments, &mut console),
        Command::Rules(arguments) => rules::run(arguments, &mut console),
        Command::Config(arguments) => show_config::run(arguments, &mut console),
        Command::Init(arguments) => init::run(arguments, &mut console),
        Command::Completions { shell } => completions(*shell, &mut console),
        Command::Version => version(&mut console),
    };
    console.close(outcome)
}

fn version(console: &mut Console) -> io::Result<Verdict> {
    writeln!(console, "{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))?;
    Ok(Verdict::Clean)
}

fn completions(shell: clap_complete::Shell, console: &mut Console) -> io::Result<Verdict> {
    // The generator panics where it cannot write, and it can always write here.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), env!("CARGO_PKG_NAME"), &mut script);
    console.write_all(&script)?;
    Ok(Verdict::Clean)
}
