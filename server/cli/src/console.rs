//! The terminal: all output to stdout and stderr, and the exit status.
//!
//! A closed pipe never panics. After any reported error the exit code is 2.

use crate::args::Color;
use crate::output::text::shown_path;
use anstyle::{AnsiColor, Style};
use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::path::Path;
use std::process::ExitCode;

/// Exit status; higher is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ExitStatus {
    Success,
    Findings,
    Error,
}

pub(crate) struct Console {
    out: BufWriter<Stdout>,
    /// Whether to write escape sequences to stdout.
    pub colored: bool,
    quiet: bool,
    has_errors: bool,
}

impl Console {
    pub(crate) fn new(color: Color, quiet: bool) -> Self {
        Console {
            out: BufWriter::new(io::stdout()),
            colored: is_colored(color),
            quiet,
            has_errors: false,
        }
    }

    /// Returns the style, or an empty one if the output is not colored.
    pub(crate) fn style(&self, style: Style) -> Style {
        if self.colored { style } else { Style::new() }
    }

    /// Whether to print only results and errors.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Prints a note on stderr, except with `--quiet`.
    pub(crate) fn note(&self, message: impl Display) {
        if !self.quiet {
            print_error_line(safe(message));
        }
    }

    /// Prints a note of several lines on stderr, except with `--quiet`.
    pub(crate) fn note_text(&self, text: impl Display) {
        if !self.quiet {
            print_error_line(text);
        }
    }

    /// Reports an error on stderr.
    pub(crate) fn error(&mut self, error: impl Display) {
        self.has_errors = true;
        print_error_line(format_args!("error: {}", safe(error)));
    }

    /// Reports an error on stderr as a text of several lines that contains its own severity.
    pub(crate) fn error_text(&mut self, text: impl Display) {
        self.has_errors = true;
        print_error_line(text);
    }

    /// Flushes the output, and returns the exit code. A failed write is an error.
    pub(crate) fn close(mut self, outcome: io::Result<ExitStatus>) -> ExitCode {
        let outcome = outcome.and_then(|status| self.flush().map(|()| status));
        let status = outcome.unwrap_or_else(|error| {
            self.error(format_args!("the output cannot be written: {error}"));
            ExitStatus::Error
        });
        let status = if self.has_errors {
            ExitStatus::Error
        } else {
            status
        };
        match status {
            ExitStatus::Success => ExitCode::SUCCESS,
            ExitStatus::Findings => ExitCode::from(1),
            ExitStatus::Error => ExitCode::from(2),
        }
    }
}

/// Writes to stdout. If the reader is gone (`| head`), the rest is dropped without an error.
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

/// Returns a message as one line that neither a terminal nor a CI system acts on. Messages name files.
fn safe(message: impl Display) -> String {
    shown_path(Path::new(&message.to_string()))
}

/// Prints a line on stderr; a closed stderr is ignored.
fn print_error_line(message: impl Display) {
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

/// Windows consoles accept escape sequences only after they are enabled.
fn terminal_takes_escapes() -> bool {
    anstyle_query::term_supports_color()
        && anstyle_query::windows::enable_ansi_colors().unwrap_or(true)
}

/// A heading, or the most important part of a line.
pub(crate) const STRONG: Style = Style::new().bold();
/// A line that a fix adds.
pub(crate) const ADDED: Style = AnsiColor::Green.on_default();
/// A line that a fix removes.
pub(crate) const REMOVED: Style = AnsiColor::Red.on_default();
