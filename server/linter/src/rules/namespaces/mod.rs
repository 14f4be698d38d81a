//! Rules about Namespaces.

pub(crate) mod unlabelled_namespace;
