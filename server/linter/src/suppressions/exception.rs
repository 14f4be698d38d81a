//! Matches findings with the exceptions of the configuration.
//!
//! A pattern matches only if the finding has that property; a property without a pattern can be anything.

use crate::config::{Exception, Pattern};
use crate::rules::Finding;
use kubernetes::Object;

/// Whether an exception matches a finding. Its path was already matched when the configuration for the file was made.
pub(super) fn covers(exception: &Exception, finding: &Finding, objects: &[Object<'_>]) -> bool {
    if exception.expired || !exception.rules.iter().any(|id| id == finding.rule.id) {
        return false;
    }
    let object = finding.target.object.and_then(|index| objects.get(index));
    let container = finding.target.container.as_deref();
    meets(&exception.kind, object.map(|object| object.kind))
        && meets(
            &exception.namespace,
            object.and_then(|object| object.namespace),
        )
        && meets(&exception.name, object.and_then(|object| object.name))
        && meets(&exception.container, container)
        && (exception.image.is_empty()
            || meets(
                &exception.image,
                object.and_then(|object| image(object, finding)).as_deref(),
            ))
}

fn meets(patterns: &[Pattern], word: Option<&str>) -> bool {
    patterns.is_empty()
        || word.is_some_and(|word| patterns.iter().any(|pattern| pattern.meets(word)))
}

/// Returns the image of the container that a finding is about.
fn image(object: &Object<'_>, finding: &Finding) -> Option<String> {
    let name = finding.target.container.as_deref()?;
    let mut containers = object
        .pod
        .as_ref()?
        .containers
        .iter()
        .filter(|container| container.name() == name);
    let around = object
        .pod
        .as_ref()?
        .containers
        .iter()
        .find(|container| container.range() == finding.target.range);
    around.or(containers.next())?.spec.image.clone()
}
