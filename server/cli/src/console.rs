//! The terminal: the only way to stdout and stderr, and to the exit code.
//!
//! Knows colours, closed pipes and who reads which stream. Must not know what is printed. Promise: nothing panics because
//! nobody reads; what was complained about shows in the exit code.

use super::args::Color;
use anstyle::{AnsiColor, Style};
use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::process::ExitCode;

/// What a command has to say in one number. The greater, the graver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Clean,
    Found,
    Trouble,
}

pub(super) struct Console {
    out: BufWriter<Stdout>,
    /// Whether stdout takes escape sequences.
    pub colored: bool,
    quiet: bool,
    complained: bool,
}

impl Console {
    pub(super) fn new(color: Color, quiet: bool) -> Self {
        Console {
            out: BufWriter::new(io::stdout()),
            colored: is_colored(color),
            quiet,
            complained: false,
        }
    }

    /// The style, where stdout shows styles.
    pub(super) fn style(&self, style: Style) -> Style {
        if self.colored { style } else { Style::new() }
    }

    /// Whether only results and errors are wanted.
    pub(super) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Says on stderr what is no result, unless only results are wanted.
    pub(super) fn note(&self, message: impl Display) {
        if !self.quiet {
            say(message);
        }
    }

    /// Says on stderr why a result is missing.
    pub(super) fn complain(&mut self, trouble: impl Display) {
        self.complained = true;
        say(format_args!("error: {trouble}"));
    }

    /// Shows on stderr why a result may be wrong: a text over several lines that says itself how grave it is.
    pub(super) fn exhibit(&mut self, drawing: impl Display) {
        self.complained = true;
        say(drawing);
    }

    /// Ends the output. Where it could not be written, somebody has to be told.
    pub(super) fn close(mut self, outcome: io::Result<Verdict>) -> ExitCode {
        let outcome = outcome.and_then(|verdict| self.flush().map(|()| verdict));
        let verdict = outcome.unwrap_or_else(|error| {
            self.complain(format_args!("the output cannot be written: {error}"));
            Verdict::Trouble
        });
        match if self.complained {
            Verdict::Trouble
        } else {
            verdict
        } {
            Verdict::Clean => ExitCode::SUCCESS,
            Verdict::Found => ExitCode::from(1),
            Verdict::Trouble => ExitCode::from(2),
        }
    }
}

/// Writes to stdout. Where its reader went away (`| head`), what is left goes nowhere, and that is no error.
impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        unless_closed(self.out.write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        unless_closed(self.out.flush(), ())
    }
}

fn unless_closed<T>(result: io::Result<T>, otherwise: T) -> io::Result<T> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(otherwise),
        result => result,
    }
}

/// A line on stderr; where that is closed, there is nobody left to tell.
fn say(message: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{message}");
}

fn is_colored(color: Color) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            io::stdout().is_terminal() && !anstyle_query::no_color() && terminal_takes_escapes()
        }
    }
}

/// Consoles of Windows take escape sequences once they are asked to.
fn terminal_takes_escapes() -> bool {
    anstyle_query::term_supports_color()
        && anstyle_query::windows::enable_ansi_colors().unwrap_or(true)
}

/// A heading, or what is most important of a line.
pub(super) const STRONG: Style = Style::new().bold();
/// A line that a fix adds.
pub(super) const ADDED: Style = AnsiColor::Green.on_default();
/// A line that a fix takes away.
pub(super) const REMOVED: Style = AnsiColor::Red.on_default();
