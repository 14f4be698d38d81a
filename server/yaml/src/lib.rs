//! YAML: one document as a tree that knows where everything stands, and edits of that document as intents.
//!
//! Knows the YAML 1.2 syntax (with the scalars that Kubernetes' reader takes from YAML 1.1). Must not know Kubernetes, LSP,
//! files or ropes. Promise: [`parse`] never fails, every range is exact, and an edit that [`edit::plan`] gives was proved by
//! reading its result again.
//!
//! Every offset is a number of bytes from the start of the document, not of the file: a document that moves stays as it is.

pub mod chunks;
pub mod edit;
mod event_parser;
mod fast_parser;
pub mod json_patch;
mod prefilter;
mod recovery;
mod recovery_strategies;
pub mod scalar;
mod source;
mod template;
mod tree;

pub use prefilter::Prefilter;
pub use recovery::{MAX_BYTES, parse};
pub use scalar::Resolved;
pub use template::{Template, parse_template};
pub use text_size::{TextRange as Range, TextSize as Offset};
pub use tree::{Entry, Node, NodeId, NodeKind, Path, ScalarStyle, Step, SyntaxError, Yaml};
