//! kubeharden reads Kubernetes YAML as it is typed, tells what an attacker could use, and writes the missing lines.
//!
//! The modules in reading order, each allowed to know only those above it:
//!
//! 1. [`text`]: a rope and the positions that editors speak in.
//! 2. [`yaml`]: one document as a tree with exact byte ranges, and edits of it as intents.
//! 3. [`k8s`]: the Kubernetes types of that tree; pods and containers as the kubelet would see them.
//! 4. [`config`]: what a user chose, and the file that says so.
//! 5. [`rules`]: one file a rule.
//! 6. [`ignores`]: which findings are as they should be, and who says so.
//! 7. [`engine`]: a text in, findings and fixes out; the one thing that the two front ends share.
//! 8. [`cli`] and [`lsp`]: the two front ends.
//!
//! `tests/layers.rs` reads the `use` lines and holds these directions.

pub mod text;
pub mod yaml;
pub mod k8s;
pub mod config;
pub mod rules;
pub mod ignores;
pub mod engine;
pub mod cli;
pub mod lsp;
