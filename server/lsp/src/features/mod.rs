//! The requests of a client about a document, one feature per file.

pub(crate) mod code_action;
pub(crate) mod commands;
pub(crate) mod completion;
pub(crate) mod deferred;
pub(crate) mod definition;
mod edit;
pub(crate) mod fields;
mod fixes;
pub(crate) mod harden;
pub(crate) mod hints;
pub(crate) mod hover;
pub(crate) mod lens;
mod suppress;
pub(crate) mod symbols;
