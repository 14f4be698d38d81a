//! Requests and limits: unknown names, invalid amounts, and requests above their limits.

use crate::rules::describe::shortened;
use crate::rules::describe::token;
use crate::rules::{Applicability, Reporter};
use crate::suggest::closest;
use kubernetes::{Container, Object, parse_quantity};
use yaml::edit::Change;
use yaml::{Entry, Node, Resolved};

/// The resources without a `/` in their names, besides `hugepages-<size>`.
const STANDARD: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

pub(crate) fn check(resources: Node<'_>, object: &Object<'_>, report: &mut Reporter<'_, '_>) {
    let container = object.container_around(resources);
    let (requests, limits) = (resources.get("requests"), resources.get("limits"));
    for entry in [requests, limits]
        .into_iter()
        .flatten()
        .flat_map(Node::entries)
    {
        let Some(name) = entry
            .key
            .as_str()
            .filter(|name| !name.contains("{{") && !entry.is_merge())
        else {
            continue;
        };
        check_name(name, entry, container, report);
        check_amount(name, entry.value, container, report);
    }
    let Some(requests) = requests else { return };
    for entry in requests.entries() {
        let Some(name) = entry.key.as_str() else {
            continue;
        };
        let limit = limits
            .and_then(|limits| limits.get(name))
            .filter(|limit| !limit.is_null());
        compare(name, entry.value, limit, container, report);
    }
}

fn check_name(
    name: &str,
    entry: Entry<'_>,
    container: Option<&Container<'_>>,
    report: &mut Reporter<'_, '_>,
) {
    if name.contains('/') || STANDARD.contains(&name) || name.starts_with("hugepages-") {
        return;
    }
    let message = format!("{} is not a known resource", shortened(name));
    let mut finding = report.at(entry.key, message).in_container(container);
    let is_free = |other: &&str| {
        entry
            .key
            .parent()
            .is_none_or(|mapping| mapping.get(other).is_none())
    };
    let free = || STANDARD.into_iter().filter(is_free);
    let shortened = || free().find(|other| name.len() > 2 && other.starts_with(name));
    if let Some(right) = closest(name, free()).or_else(shortened) {
        let change = Change::Rename {
            path: entry.value.path(),
            key: right.into(),
        };
        finding.fix(
            Applicability::Unsafe,
            format!("rename to {right}"),
            [change],
        );
    }
}

fn check_amount(
    name: &str,
    value: Node<'_>,
    container: Option<&Container<'_>>,
    report: &mut Reporter<'_, '_>,
) {
    let Some(much) = amount_of(value) else { return };
    if much < 0 {
        report
            .at(
                value,
                format!(
                    "{} is {}: must not be below 0",
                    shortened(name),
                    shortened(value.source())
                ),
            )
            .in_container(container);
    } else if is_extended(name) && much % 1_000_000_000 != 0 {
        report
            .at(
                value,
                format!(
                    "{} is {}: must be a whole number",
                    shortened(name),
                    shortened(value.source())
                ),
            )
            .in_container(container);
    }
}

fn compare(
    name: &str,
    request: Node<'_>,
    limit: Option<Node<'_>>,
    container: Option<&Container<'_>>,
    report: &mut Reporter<'_, '_>,
) {
    let exact = is_extended(name) || name.starts_with("hugepages-");
    let Some(requested) = amount_of(request) else {
        return;
    };
    let Some(limit) = limit else {
        if exact {
            report
                .at(
                    token(request),
                    format!(
                        "{} has a request but no limit, which is required",
                        shortened(name)
                    ),
                )
                .in_container(container)
                .as_missing();
        }
        return;
    };
    let Some(limited) = amount_of(limit) else {
        return;
    };
    let message = match () {
        () if exact && requested != limited => {
            format!("the request of {} must equal its limit", shortened(name))
        }
        () if requested > limited => {
            format!("the request of {} is above its limit", shortened(name))
        }
        () => return,
    };
    report
        .at(request, message)
        .in_container(container)
        .related(limit, "the limit is set here");
}

/// Whether a device plugin provides the resource. The names of Kubernetes' own resources contain
/// `kubernetes.io/`.
fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/")
}

/// Returns an amount in billionths; `None` if it is not a quantity.
pub(crate) fn amount_of(value: Node<'_>) -> Option<i128> {
    match value.resolved()? {
        Resolved::Str(text) => parse_quantity(text.trim()),
        Resolved::Int(whole) => Some(i128::from(whole) * 1_000_000_000),
        Resolved::Float(_) => parse_quantity(value.resolve()?.source()),
        Resolved::Null | Resolved::Bool(_) => None,
    }
}
