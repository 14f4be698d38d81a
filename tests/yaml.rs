//! The YAML layer: what it reads, where, and what it makes of a text that is not YAML just now.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test stops at what it does not expect, and prints its figures")]

mod yaml {
    mod corpus;
    mod data;
    mod examples;
    mod garbage;
    mod promises;
    mod show;
    mod suite;
    mod typing;
}
