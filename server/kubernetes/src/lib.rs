//! Kubernetes: the objects of a document, read into Kubernetes' own types, each value with the node it was read from.
//!
//! Knows Kubernetes' types, where its kinds keep their pods, and how a container inherits from its pod. Must not know what
//! is good or bad. Promise: what a view says is what the API server would read from the same text.

mod custom_resources;
mod deserialize;
mod json_patch_target;
mod kinds;
mod pod;
mod quantity;
mod version;

pub use deserialize::{Expected, Reading, UnknownField, WrongShape};
pub use json_patch_target::{JsonPatch, PatchTarget};
pub use kinds::{ListKind, list_items, objects, objects_with};
pub use pod::{Container, ContainerKind, Extent, Level, Object, Pod, Setting};
pub use quantity::parse_quantity;
pub use version::Version;
