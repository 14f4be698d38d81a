//! What the commands read: files, their configuration, and what files say about each other.

pub(crate) mod configured;
pub(crate) mod files;
pub(crate) mod panics;
pub(crate) mod read;
