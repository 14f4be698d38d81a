//! The command line: checks and fixes files, and explains rules.
//!
//! Results go to stdout and everything else to stderr, in the same order on every run. The exit code is 0 for success, 1 for
//! findings, and 2 if the arguments are wrong or something could not be read.

mod args;
mod commands;
mod console;
mod inputs;
mod output;

use args::{Arguments, Command};
use clap::{CommandFactory, Parser};
use commands::{check, config, explain, fix, init, rules};
use console::{Console, ExitStatus};
use inputs::panics::bug;
use linter::analysis;
use std::env;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

/// Runs the program with its command-line arguments. `serve` runs the language server, which uses stdin and stdout itself.
pub fn run(serve: impl FnOnce() -> ExitCode) -> ExitCode {
    let arguments = Arguments::parse();
    let mut console = Console::new(arguments.color, arguments.quiet);
    if let Command::Server(_) = &arguments.command {
        return serve();
    }
    if env::var_os("RUST_BACKTRACE").is_none_or(|value| value == "0") {
        // A caught panic is reported once, with its file. Its location is printed only with RUST_BACKTRACE.
        panic::set_hook(Box::new(|_| ()));
    }
    let outcome = catch_panic(&mut console, |console| {
        run_command(&arguments.command, console)
    });
    console.close(outcome)
}

fn run_command(command: &Command, console: &mut Console) -> io::Result<ExitStatus> {
    match command {
        // Handled before.
        Command::Server(_) => Ok(ExitStatus::Success),
        Command::Check(arguments) => check::run(arguments, console),
        Command::Fix(arguments) => fix::run(arguments, console),
        Command::Explain(arguments) => explain::run(arguments, console),
        Command::Rules(arguments) => rules::run(arguments, console),
        Command::Config(arguments) => config::run(arguments, console),
        Command::Init(arguments) => init::run(arguments, console),
        Command::Completions { shell } => completions(*shell, console),
        Command::Version => version(console),
    }
}

/// Runs the work, and reports a panic that was not caught before as a bug.
fn catch_panic(
    console: &mut Console,
    work: impl FnOnce(&mut Console) -> io::Result<ExitStatus>,
) -> io::Result<ExitStatus> {
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| work(console)));
    outcome.unwrap_or_else(|panic| {
        console.error(bug(&analysis::panic_message(&*panic)));
        Ok(ExitStatus::Error)
    })
}

fn version(console: &mut Console) -> io::Result<ExitStatus> {
    writeln!(
        console,
        "{} {}",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_VERSION")
    )?;
    Ok(ExitStatus::Success)
}

fn completions(shell: clap_complete::Shell, console: &mut Console) -> io::Result<ExitStatus> {
    // The generator panics if it cannot write; writing to a vector cannot fail.
    let mut script = Vec::new();
    clap_complete::generate(
        shell,
        &mut Arguments::command(),
        env!("CARGO_PKG_NAME"),
        &mut script,
    );
    console.write_all(&script)?;
    Ok(ExitStatus::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uncaught_panic_is_an_error() {
        let mut console = Console::new(args::Color::Never, true);
        assert_eq!(
            catch_panic(&mut console, |_| Ok(ExitStatus::Findings)).unwrap(),
            ExitStatus::Findings
        );
        assert_eq!(
            catch_panic(&mut console, |_| panic!("no words")).unwrap(),
            ExitStatus::Error
        );
    }
}
