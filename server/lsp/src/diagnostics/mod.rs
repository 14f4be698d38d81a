//! From findings to the diagnostics of a document, and their delivery: published after each change, or pulled by the client.

pub(crate) mod cache;
pub(crate) mod convert;
pub(crate) mod grouping;
pub(crate) mod list;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod refresh;
pub(crate) mod status;
pub(crate) mod typing;
