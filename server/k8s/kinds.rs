//! placeholder
use super::Object;
use crate::yaml::Yaml;

/// The Kubernetes objects of a document; the items of a `List`, each on its own.
pub fn objects(_yaml: &Yaml) -> Vec<Object<'_>> {
    Vec::new()
}
