//! What the server knows: settings, documents, configuration files, file contexts, the workspace index, and the analysis of texts.
//!
//! Each store is a type of its own. Depends on `protocol` only.

pub(crate) mod analysis;
pub(crate) mod configurations;
pub(crate) mod documents;
pub(crate) mod dynamic_features;
pub(crate) mod file_contexts;
pub(crate) mod run_again;
pub(crate) mod settings;
pub(crate) mod settings_store;
pub(crate) mod workers;
pub(crate) mod workspace;
pub(crate) mod workspace_scan;
