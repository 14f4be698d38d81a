//! The commands, one module each.

pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod explain;
pub(crate) mod fix;
pub(crate) mod init;
pub(crate) mod rules;

mod rendered;
mod replace;
