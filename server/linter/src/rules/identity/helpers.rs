//! The checks of user and group ids, which are the same for both.

use crate::config::Config;
use crate::rules::pod_security::exempts_user_namespaces;
use crate::rules::{Applicability, Finding, Reporter};
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

/// Whether the ids of a pod are not used on its node: Windows has none, and a user namespace maps
/// them to others.
pub(crate) fn is_exempt(pod: &Pod<'_>, config: &Config) -> bool {
    pod.is_windows() || exempts_user_namespaces(pod, config)
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
        offer_higher_id(
            &mut report.at(node, message),
            id,
            value,
            pod.path(id.field_path()),
            config,
        );
    }
    for container in &pod.containers {
        if let Setting::Set { value, node, .. } = id.of_container(container)
            && is_low(value)
        {
            let message = format!("{name} {value} of {container} may be a {noun} of the node");
            offer_higher_id(
                &mut report.at(node, message).in_container(container),
                id,
                value,
                container.path(id.field_path()),
                config,
            );
        }
    }
}

fn offer_higher_id(finding: &mut Finding, id: Id, old: i64, path: Path, config: &Config) {
    let (name, noun, new) = (id.name(), id.noun(), id.configured(config));
    let title = format!("set {name}: {new} (files of {noun} {old} may become inaccessible)");
    finding.fix(
        Applicability::Unsafe,
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
    let (name, noun, new) = (id.name(), id.noun(), id.configured(config));
    report
        .missing(
            id.field_path(),
            format!("pod does not set {name}, so the image decides which {noun} is used"),
        )
        .fix(
            Applicability::Unsafe,
            format!("set {name}: {new} on the pod (image's own files may become unreadable)"),
            [Change::Set {
                path: pod.path(id.field_path()),
                value: Value::Integer(new),
            }],
        );
}
