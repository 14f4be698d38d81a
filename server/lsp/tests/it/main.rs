//! Tests of the language server through its protocol.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets what it does not expect should stop there"
)]

mod actions;
mod beyond;
mod configuration;
mod definition;
mod diagnostics;
mod fields;
mod greeting;
mod harness;
mod hints;
mod hover;
mod ignores;
mod leaving;
mod lens;
mod neighbours;
mod panics;
mod pull;
mod settings;
mod symbols;
mod sync;
mod typing;
mod vscode;
mod workspace;
