//! The Language Server Protocol without any meaning: transport, the main loop, the client, and conversions of types.
//!
//! Depends on no other folder of this crate.

pub(crate) mod capabilities;
pub(crate) mod client;
pub(crate) mod frames;
pub(crate) mod from_proto;
pub(crate) mod guard;
pub(crate) mod lifecycle;
pub(crate) mod main_loop;
pub(crate) mod output;
pub(crate) mod parent;
pub(crate) mod to_proto;
pub(crate) mod uri;
