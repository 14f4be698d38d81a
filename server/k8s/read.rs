//! placeholder
use crate::yaml::Node;

/// What reading an object into its Kubernetes type found beside its values.
#[derive(Debug, Clone, Default)]
pub struct Reading<'y> {
    /// Keys that the type has no field for.
    pub unknown: Vec<Unknown<'y>>,
    /// Values that do not fit the type of their field.
    pub wrong: Vec<WrongShape<'y>>,
    /// The type that each mapping was read as.
    pub types: Vec<(Node<'y>, &'static str)>,
}

/// A key that its mapping's Kubernetes type does not have; the API server drops it.
#[derive(Debug, Clone)]
pub struct Unknown<'y> {
    pub key: Node<'y>,
    pub value: Node<'y>,
    /// The type's name in Kubernetes: `SecurityContext`.
    pub type_name: &'static str,
    /// The fields that the type has.
    pub fields: &'static [&'static str],
}

/// A value that the API server would reject.
#[derive(Debug, Clone)]
pub struct WrongShape<'y> {
    pub node: Node<'y>,
    pub message: String,
}
