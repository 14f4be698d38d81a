//! The checks of user and group ids, which are the same for both.

use crate::config::Config;
use crate::rules::pod_security::exempts_user_namespaces;
use crate::rules::{Applicability, Finding, Reporter, Severity};
use kubernetes::{Container, Pod, Setting};
use yaml::Path;
use yaml::edit::{Change, Value};

#[derive(Clone, Copy)]
pub(crate) enum Id {
    User,
    Group,
}

impl Id {
    fn name(self) -> &'static str {
        match self {
            Id::User => "runAsUser",
            Id::Group => "runAsGroup",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Id::User => "user",
            Id::Group => "group",
        }
    }

    /// Returns its dotted path, from a container or from a pod's spec.
    fn field_path(self) -> &'static str {
        match self {
            Id::User => "securityContext.runAsUser",
            Id::Group => "securityContext.runAsGroup",
        }
    }

    fn of_pod<'y>(self, pod: &Pod<'y>) -> Setting<'y, i64> {
        let security = pod.security();
        let value = match self {
            Id::User => security.run_as_user,
            Id::Group => security.run_as_group,
        };
        pod.setting(self.field_path(), value)
    }

    fn of_container<'y>(self, container: &Container<'y>) -> Setting<'y, i64> {
        let security = container.security();
        let value = match self {
            Id::User => security.run_as_user,
            Id::Group => security.run_as_group,
        };
        container.setting(self.field_path(), value)
    }

    fn minimum(self, config: &Config) -> i64 {
        match self {
            Id::User => config.values.min_user_id,
            Id::Group => config.values.min_group_id,
        }
    }

    fn configured(self, config: &Config) -> i64 {
        match self {
            Id::User => config.values.user_id,
            Id::Group => config.values.group_id,
        }
    }
}

/// Returns the id that fixes write: one that the pod already has for another field or container,
/// else the configured one.
///
/// The result must not depend on which fixes were applied before. So an id that only fixes write
/// does not become an id of the other kind.
pub(crate) fn proposed(id: Id, pod: &Pod<'_>, config: &Config) -> i64 {
    let other = match id {
        Id::User => Id::Group,
        Id::Group => Id::User,
    };
    let of_other_kind = ids(other, pod).find(|known| *known != other.configured(config));
    ids(id, pod)
        .next()
        .or(of_other_kind)
        .unwrap_or_else(|| id.configured(config))
}

/// Returns the valid ids of a pod except 0, the pod's own first. `fsGroup` is a group.
fn ids<'p>(id: Id, pod: &'p Pod<'_>) -> impl Iterator<Item = i64> + 'p {
    let fs_group = match id {
        Id::User => None,
        Id::Group => pod.security().fs_group,
    };
    let of_containers = pod
        .containers
        .iter()
        .filter_map(move |container| id.of_container(container).value());
    let of_pod = [id.of_pod(pod).value(), fs_group].into_iter().flatten();
    of_pod
        .chain(of_containers)
        .filter(|id| (1..=i64::from(i32::MAX)).contains(id))
}

/// Whether the pod's `fsGroup` is this id, so that the data of its volumes belongs to it.
fn owns_volumes(pod: &Pod<'_>, id: i64) -> bool {
    pod.security().fs_group == Some(id)
}

/// Whether the ids of a pod are not used on its node: Windows has none, and a user namespace maps
/// them to others.
pub(crate) fn is_exempt(pod: &Pod<'_>, config: &Config) -> bool {
    pod.runs_on_windows() || exempts_user_namespaces(pod, config)
}

/// Reports the ids that take effect and are below the minimum. Other rules report 0.
pub(crate) fn check_low(id: Id, pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    if is_exempt(pod, config) {
        return;
    }
    let is_low = |value: i64| (1..id.minimum(config)).contains(&value);
    let (name, noun) = (id.name(), id.noun());
    let is_inherited = pod
        .containers
        .iter()
        .any(|container| id.of_container(container).is_unset());
    if let Setting::Set { value, node, .. } = id.of_pod(pod)
        && is_low(value)
        && is_inherited
    {
        let message = format!("{name} {value} may be a {noun} of the node");
        let finding = &mut report.at(node, message);
        offer_higher_id(finding, id, value, pod, pod.path(id.field_path()), config);
    }
    for container in &pod.containers {
        if let Setting::Set { value, node, .. } = id.of_container(container)
            && is_low(value)
        {
            let message = format!("{name} {value} of {container} may be a {noun} of the node");
            let finding = &mut report.at(node, message).in_container(container);
            let path = container.path(id.field_path());
            offer_higher_id(finding, id, value, pod, path, config);
        }
    }
}

/// Offers the configured id as an example. The user chose the old one, perhaps because the image
/// needs it.
fn offer_higher_id(
    finding: &mut Finding,
    id: Id,
    old: i64,
    pod: &Pod<'_>,
    path: Path,
    config: &Config,
) {
    if owns_volumes(pod, old) {
        return;
    }
    let (name, noun, new) = (id.name(), id.noun(), id.configured(config));
    let title = format!("set {name}: {new} (files of {noun} {old} may become inaccessible)");
    finding.fix(
        Applicability::Placeholder,
        title,
        [Change::Set {
            path,
            value: Value::Integer(new),
        }],
    );
}

/// Reports a pod with containers that have no id, once: one setting on the pod covers all of them.
pub(crate) fn check_missing(id: Id, pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    let lacks = |container: &Container<'_>| id.of_container(container).is_unset();
    if is_exempt(pod, config) || !id.of_pod(pod).is_unset() || !pod.finished_containers().any(lacks)
    {
        return;
    }
    let (name, noun, new) = (id.name(), id.noun(), proposed(id, pod, config));
    let mut finding = report.missing(
        id.field_path(),
        format!("pod does not set {name}, so the image decides which {noun} is used"),
    );
    let of_pod = pod.security().run_as_non_root;
    let is_not_root =
        |container: &Container<'_>| container.security().run_as_non_root.or(of_pod) == Some(true);
    let mut lacking = pod.containers.iter().filter(|container| lacks(container));
    if lacking.all(is_not_root) {
        finding.lowered(Severity::Hint);
    }
    finding.fix(
        Applicability::Unsafe,
        format!("set {name}: {new} on the pod (image's own files may become unreadable)"),
        [Change::Set {
            path: pod.path(id.field_path()),
            value: Value::Integer(new),
        }],
    );
}
