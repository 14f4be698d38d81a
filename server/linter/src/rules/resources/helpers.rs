//! The checks of missing requests and limits, and the example value that a fix writes.

use crate::config::Config;
use crate::rules::{Applicability, Finding, NewFinding, Reporter};
use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kubernetes::{Container, ContainerKind, Pod, Setting, Version, parse_quantity};
use yaml::edit::{Change, Value};

/// The first Kubernetes version in which a pod's own `resources` count without a feature gate.
const POD_LEVEL_RESOURCES: Version = Version::new(34);

/// The two halves of `resources`.
#[derive(Clone, Copy)]
enum Part {
    Requests,
    Limits,
}

/// A resource with requests and limits.
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
    /// Returns the dotted path of a resource, from a container or from a pod's spec.
    fn field_path(self, resource: Resource) -> &'static str {
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

/// Reports the containers without a request. If only a limit is set, it is also the request.
pub(crate) fn missing_request(
    resource: Resource,
    example: &str,
    pod: &Pod<'_>,
    config: &Config,
    report: &mut Reporter<'_, '_>,
) {
    let any = [Part::Requests, Part::Limits];
    for container in containers_without(pod, config, &any, resource) {
        let mut finding = report_missing(Part::Requests, resource, container, report);
        offer_example(&mut finding, Part::Requests, resource, container, example);
    }
}

/// Reports the containers without a limit. The fix never writes less than the request, which the
/// API server would reject.
pub(crate) fn missing_limit(
    resource: Resource,
    example: &str,
    pod: &Pod<'_>,
    config: &Config,
    report: &mut Reporter<'_, '_>,
) {
    for container in containers_without(pod, config, &[Part::Limits], resource) {
        let mut finding = report_missing(Part::Limits, resource, container, report);
        let value = match of_container(Part::Requests, resource, container) {
            Setting::Unset => Some(example.to_owned()),
            Setting::Unreadable(_) => None,
            Setting::Set {
                value: Quantity(request),
                ..
            } => greater(example, request).map(str::to_owned),
        };
        if let Some(value) = value {
            offer_example(&mut finding, Part::Limits, resource, container, &value);
        }
    }
}

/// Returns the containers that set none of the parts, unless the pod sets one for all of them.
/// Ephemeral containers are skipped: the API server rejects resources there.
fn containers_without<'p, 'y>(
    pod: &'p Pod<'y>,
    config: &Config,
    parts: &'p [Part],
    resource: Resource,
) -> impl Iterator<Item = &'p Container<'y>> {
    let on_pod = |part: &Part| {
        let value = part.quantity(pod.spec.resources.as_ref(), resource);
        !pod.setting(part.field_path(resource), value).is_unset()
    };
    let is_set_on_pod =
        config.kubernetes_version >= POD_LEVEL_RESOURCES && parts.iter().any(on_pod);
    pod.finished_containers().filter(move |container| {
        !is_set_on_pod
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
        part.field_path(resource),
        part.quantity(container.spec.resources.as_ref(), resource),
    )
}

fn report_missing<'a>(
    part: Part,
    resource: Resource,
    container: &Container<'_>,
    report: &'a mut Reporter<'_, '_>,
) -> NewFinding<'a, 'static> {
    let field_path = part.field_path(resource);
    report
        .missing(field_path, format!("{container} does not set {field_path}"))
        .in_container(container)
}

fn offer_example(
    finding: &mut Finding,
    part: Part,
    resource: Resource,
    container: &Container<'_>,
    value: &str,
) {
    let field_path = part.field_path(resource);
    finding.fix(
        Applicability::Placeholder,
        format!("set {field_path}: {value} (example value)"),
        [Change::Set {
            path: container.path(field_path),
            value: Value::Text(value.to_owned()),
        }],
    );
}

/// Returns the greater of two quantities as written. `None` if one of them is not a quantity.
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
    fn quantities_compare_across_suffixes() {
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
    fn invalid_quantities_are_not_compared() {
        for text in ["", "lots", "1 Gi", "1gb", "{{ .memory }}", "--1"] {
            assert_eq!(greater("1", text), None, "{text:?}");
        }
    }
}
