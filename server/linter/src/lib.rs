//! The linter: a text and a configuration in, findings and fixes out.
//!
//! The result depends only on the text, the configuration, and what is known about other files.

pub mod analysis;
pub mod config;
pub mod rules;
pub mod suggest;
pub mod suppressions;

mod inputs;

pub use inputs::{Inputs, OwnedInputs};
