//! What the rules about requests and limits share: which containers lack one, and the value that a fix may write.

use crate::config::Config;
use crate::rules::{Applicability, Finding, NewFinding, Reporter};
use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kubernetes::{Container, ContainerKind, Pod, Setting, Version, parse_quantity};
use yaml::edit::{Change, Value};

/// The Kubernetes version from which on a pod's own `resources` count without a feature gate.
const POD_LEVEL_RESOURCES: Version = Version::new(34);

/// The two halves of `resources`.
#[derive(Clone, Copy)]
enum Part {
    Requests,
    Limits,
}

/// What a container can be promised, and held to.
#[derive(Clone, Copy)]
pub(crate) enum Resource {
    Cpu,
    Memory,
}

impl Resource {
    fn name(self) -> &'static str {
        match self {
            Resource::Cpu => "cpu",
            Resource::Memory => "memory",
        }
    }
}

impl Part {
    /// The way of keys to a resource, the same from a container as from a pod's spec.
    fn way(self, resource: Resource) -> &'static str {
        match (self, resource) {
            (Part::Requests, Resource::Cpu) => "resources.requests.cpu",
            (Part::Requests, Resource::Memory) => "resources.requests.memory",
            (Part::Limits, Resource::Cpu) => "resources.limits.cpu",
            (Part::Limits, Resource::Memory) => "resources.limits.memory",
        }
    }

    fn quantity(
        self,
        resources: Option<&ResourceRequirements>,
        resource: Resource,
    ) -> Option<&Quantity> {
        let quantities = match self {
            Part::Requests => resources?.requests.as_ref(),
            Part::Limits => resources?.limits.as_ref(),
        };
        quantities?.get(resource.name())
    }
}

/// Finds the containers without a request. A limit stands for the request that is not written.
pub(crate) fn missing_request(
    resource: Resource,
    assumed: &str,
    pod: &Pod<'_>,
    config: &Config,
    found: &mut Reporter<'_, '_>,
) {
    let any = [Part::Requests, Part::Limits];
    for container in lacking(pod, config, &any, resource) {
        let mut finding = report(Part::Requests, resource, container, found);
        assume(&mut finding, Part::Requests, resource, container, assumed);
    }
}

/// Finds the containers without a limit. What the fix writes is never below the request, which the API server would refuse.
pub(crate) fn missing_limit(
    resource: Resource,
    assumed: &str,
    pod: &Pod<'_>,
    config: &Config,
    found: &mut Reporter<'_, '_>,
) {
    for container in lacking(pod, config, &[Part::Limits], resource) {
        let mut finding = report(Part::Limits, resource, container, found);
        let value = match of_container(Part::Requests, resource, container) {
            Setting::Unset => Some(assumed.to_owned()),
            Setting::Unreadable(_) => None,
            Setting::Set {
                value: Quantity(request),
                ..
            } => greater(assumed, request).map(str::to_owned),
        };
        if let Some(value) = value {
            assume(&mut finding, Part::Limits, resource, container, &value);
        }
    }
}

/// The complete containers that set none of the parts, unless the pod sets one for all of them. The API server refuses
/// resources of ephemeral containers.
fn lacking<'p, 'y>(
    pod: &'p Pod<'y>,
    config: &Config,
    parts: &'p [Part],
    resource: Resource,
) -> impl Iterator<Item = &'p Container<'y>> {
    let on_pod = |part: &Part| {
        let value = part.quantity(pod.spec.resources.as_ref(), resource);
        !pod.setting(part.way(resource), value).is_unset()
    };
    let settled = config.kubernetes_version >= POD_LEVEL_RESOURCES && parts.iter().any(on_pod);
    pod.finished_containers().filter(move |container| {
        !settled
            && container.kind != ContainerKind::Ephemeral
            && parts
                .iter()
                .all(|&part| of_container(part, resource, container).is_unset())
    })
}

fn of_container<'c, 'y>(
    part: Part,
    resource: Resource,
    container: &'c Container<'y>,
) -> Setting<'y, &'c Quantity> {
    container.setting(
        part.way(resource),
        part.quantity(container.spec.resources.as_ref(), resource),
    )
}

fn report<'a>(
    part: Part,
    resource: Resource,
    container: &Container<'_>,
    found: &'a mut Reporter<'_, '_>,
) -> NewFinding<'a, 'static> {
    let way = part.way(resource);
    found
        .missing(way, format!("{container} does not set {way}"))
        .in_container(container)
}

fn assume(
    finding: &mut Finding,
    part: Part,
    resource: Resource,
    container: &Container<'_>,
    value: &str,
) {
    let way = part.way(resource);
    finding.fix(
        Applicability::Placeholder,
        format!("set {way}: {value} (an assumption: measure what the container uses)"),
        [Change::Set {
            path: container.path(way),
            value: Value::Text(value.to_owned()),
        }],
    );
}

/// The greater of two quantities as it is written; `None` where one of them is none.
fn greater<'t>(a: &'t str, b: &'t str) -> Option<&'t str> {
    Some(if parse_quantity(a)? >= parse_quantity(b)? {
        a
    } else {
        b
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_compare_across_their_suffixes() {
        for (less, more) in [
            ("999m", "1"),
            ("128M", "128Mi"),
            ("1Gi", "2e9"),
            ("1500Mi", "1.5Gi"),
            ("0.5", "501m"),
            ("1E3", "1E"),
        ] {
            assert_eq!(greater(less, more), Some(more), "{less} against {more}");
            assert_eq!(greater(more, less), Some(more), "{more} against {less}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_not_compared() {
        for text in ["", "lots", "1 Gi", "1gb", "{{ .memory }}", "--1"] {
            assert_eq!(greater("1", text), None, "{text:?}");
        }
    }
}
