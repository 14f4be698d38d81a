//! Tests of the YAML crate: parsing, ranges, recovery, and edits.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it does not expect, and prints its figures"
)]

mod corpus;
mod data;
mod edits;
mod examples;
mod garbage;
mod go_yaml;
mod promises;
mod scalars;
mod show;
mod suite;
mod typing;
