//! End-to-end tests: the program, its server, and the files of this repository.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect, and prints what it skips"
)]

#[allow(dead_code, reason = "the tests of the server use all of it")]
#[path = "../../server/lsp/tests/it/harness.rs"]
mod harness;
#[path = "cli/sandbox.rs"]
mod sandbox;

mod cli;
mod fuzz;
mod habits;
mod module_cycles;
mod offline;
mod others;
mod patches;
mod rendered;
mod server_leaving;
mod server_offered;
mod server_soak;
