//! The Kubernetes objects of a document, read into Kubernetes' own types, each value with its node.
//! A view shows what the API server would read from the same text.

mod custom_resources;
mod deserialize;
mod json_patch_target;
mod kinds;
mod pod;
mod quantity;
mod version;
mod versions;

pub use custom_resources::makes_workloads_elsewhere;
pub use deserialize::{Expected, Reading, UnknownField, WrongShape};
pub use json_patch_target::{JsonPatch, PatchTarget};
pub use kinds::{ListKind, list_items, objects, objects_with};
pub use pod::{
    Container, ContainerKind, Extent, Level, Object, Pod, PodSecurityLevel, Setting, WindowsSign,
    pod_fields,
};
pub use quantity::parse_quantity;
pub use version::Version;
pub use versions::{Meant, meant};
