//! Tests of the linter: its rules, its configuration, suppressions, analysis, and fixes.

#![allow(
    clippy::print_stdout,
    reason = "tests print their figures and what they skip"
)]

mod always;
mod anchors;
mod config;
mod corpus;
mod custom;
mod emptied;
mod exemptions;
mod fields;
mod fixes;
mod fixtures;
mod foreign;
mod growth;
mod hardened;
mod ignores;
mod json;
mod reanalyze;
mod refused;
mod removed;
mod rules;
mod sight;
mod templates;
mod verdicts;
