//! Kubernetes: the objects of a document, read into Kubernetes' own types, each value with the node it was read from.
//!
//! Knows Kubernetes' types, where its kinds keep their pods, and how a container inherits from its pod. Must not know what
//! is good or bad. Promise: what a view says is what the API server would read from the same text.

mod custom;
mod kinds;
mod patch;
mod pod;
mod quantity;
mod read;
mod version;

pub use kinds::{ListOf, items, objects, objects_by};
pub use patch::{Patch, Target};
pub use pod::{Container, ContainerKind, Extent, Level, Object, Pod, Setting};
pub use quantity::amount;
pub use read::{Reading, Unknown, Wanted, WrongShape};
pub use version::Version;
