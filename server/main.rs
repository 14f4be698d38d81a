use kubeharden::{cli, lsp};
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(lsp::run)
}
