//! Tests of the language server through its protocol.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

mod actions;
mod configuration;
mod definition;
mod diagnostics;
mod exit;
mod extensions;
mod fields;
mod file_contexts;
mod harness;
mod hints;
mod hostile;
mod hover;
mod ignores;
mod initialize;
mod lens;
mod panics;
mod pull;
mod settings;
mod symbols;
mod sync;
mod typing;
mod vscode;
mod workspace;
