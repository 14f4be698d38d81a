//! The analysis of texts: findings, and verified edits that fix them.
//!
//! The result depends only on the text and its inputs, so that editors and the command line agree.

mod chunk_context;
mod completion;
mod cross_references;
mod document_kind;
mod failure;
mod fix;
mod inline_patches;
mod lazy_tree;
mod model;
mod pod_security_level;
mod references;
mod report;
mod run;
mod suppress;
mod template;

pub use crate::suppressions::{FileSuppressions, SuppressionScope};
pub use chunk_context::ChunkContext;
pub use completion::{Completion, CompletionItem, Effect, FieldInfo, Inherited};
pub use cross_references::{Enforced, facts};
pub use document_kind::DocumentKind;
pub use failure::{ISSUES, RulePanic, panic_message};
pub use fix::{FixOutcome, FixedText, RejectedFix, Remaining, UnfixedFinding, fix_all};
pub use model::{Analysis, ContainerInfo, ObjectInfo};
pub use pod_security_level::PodSecurityLevel;
pub use references::{Declaration, ReferenceAt, declarations};
pub use report::{Chunk, Report};
pub use run::{analyze, analyze_chunk, analyze_document};
pub use yaml::chunks::ChunkKind;
pub use yaml::edit::{Edit, EditError, Edits};
pub use yaml::{Offset, Range};
