//! Rules about suppressions.

pub(crate) mod unused_ignore;
