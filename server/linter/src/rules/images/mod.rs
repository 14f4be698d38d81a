//! Rules about image references and registries.

pub(crate) mod reference;

pub(crate) mod deprecated_registry;
pub(crate) mod image_without_digest;
pub(crate) mod invalid_image_reference;
pub(crate) mod stale_image_pull_policy;
pub(crate) mod unpinned_image;
pub(crate) mod untrusted_registry;
