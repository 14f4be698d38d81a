//! kubeharden reads Kubernetes YAML as it is typed, tells what an attacker could use, and writes the missing lines.
//!
//! The modules in reading order, each allowed to know only those above it:
//!
//! 1. [`text`]: a rope and the positions that editors speak in.
//!    [`disk`]: bytes of files, of which none keeps its reader waiting.
//! 2. [`yaml`]: one document as a tree with exact byte ranges, and edits of it as intents.
//! 3. [`k8s`]: the Kubernetes types of that tree; pods and containers as the kubelet would see them.
//! 4. [`index`]: what objects say of others, in whichever file they stand.
//! 5. [`config`]: what a user chose, and the file that says so.
//! 6. [`project`]: what the files around a text say of it: charts, kustomizations.
//! 7. [`rules`]: one file a rule.
//! 8. [`ignores`]: which findings are as they should be, and who says so.
//! 9. [`engine`]: a text in, findings and fixes out; the one thing that the two front ends share.
//! 10. [`trace`]: from what Helm and kustomize rendered back to its sources.
//! 11. [`cli`] and [`lsp`]: the two front ends.
//!
//! `tests/layers.rs` reads the `use` lines and holds these directions.

pub mod text;
pub mod disk;
pub mod yaml;
pub mod k8s;
pub mod index;
pub mod config;
pub mod project;
pub mod rules;
pub mod ignores;
pub mod engine;
pub mod trace;
pub mod cli;
pub mod lsp;
