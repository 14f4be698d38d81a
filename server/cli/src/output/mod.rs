//! The result of `check`, and the formats that print it.

pub(crate) mod concise;
pub(crate) mod full;
pub(crate) mod json;
pub(crate) mod lines;
pub(crate) mod patch_name;
pub(crate) mod report;
#[cfg(test)]
mod sample;
pub(crate) mod statistics;
pub(crate) mod text;
