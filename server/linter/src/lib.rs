//! The linter: a text and a configuration in, findings and fixes out.
//!
//! The result depends only on the text, the configuration, and what is known about other files.

pub mod config;
pub mod engine;
pub mod ignores;
pub mod rules;
