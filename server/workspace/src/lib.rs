//! The files around a text: charts, kustomizations, and the objects that other files declare.
//!
//! Reading is bounded: no file, link, or pipe in a repository can make it wait or use more memory than the caller allows.

pub mod bounded_fs;
pub mod cross_references;
pub mod exclude;
mod file_context;
pub mod kustomize;
pub mod paths;
pub mod project;
pub mod provenance;
pub mod walk;

pub use file_context::{FileContext, FileRole, WorkspaceView};
