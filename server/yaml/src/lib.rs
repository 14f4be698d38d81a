//! YAML documents as trees with exact byte ranges, and verified edits of them. [`parse`] never
//! fails. Edits of [`edit::plan`] were verified by reading the result again.
//!
//! The syntax is YAML 1.2, with scalars as the API server reads them (YAML 1.1). Offsets are bytes
//! from the start of the document, not of the file, so a document that moves keeps its tree.

pub mod chunks;
mod conditions;
pub mod edit;
mod event_parser;
mod fast_parser;
mod go_yaml;
pub mod json_patch;
mod parser_messages;
mod prefilter;
mod recovery;
mod recovery_strategies;
pub mod scalar;
mod source;
mod template;
mod tree;

pub use prefilter::Prefilter;
pub use recovery::{MAX_BYTES, parse};
pub use scalar::{Resolved, ScalarStyle};
pub use template::{ActionKind, OptionalRange, Template, parse_template};
pub use text_size::{TextRange as Range, TextSize as Offset};
pub use tree::{Entry, Node, NodeId, NodeKind, Path, Step, SyntaxError, Yaml};
