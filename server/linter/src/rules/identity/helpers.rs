//! What the rules about user and group ids share: which of the two it is, where it is set, and where it is missing.

use crate::config::Config;
use crate::rules::pod_security::spares_user_namespace;
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

    /// The way of keys to it, the same from a container as from a pod's spec.
    fn way(self) -> &'static str {
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
        pod.setting(self.way(), value)
    }

    fn of_container<'y>(self, container: &Container<'y>) -> Setting<'y, i64> {
        let security = container.security();
        let value = match self {
            Id::User => security.run_as_user,
            Id::Group => security.run_as_group,
        };
        container.setting(self.way(), value)
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

/// Whether the ids of a pod mean nothing to its node: Windows has none, and a user namespace gives them other ones there.
pub(crate) fn are_of_no_account(pod: &Pod<'_>, config: &Config) -> bool {
    pod.is_windows() || spares_user_namespace(pod, config)
}

/// Finds the ids that take effect and are below the minimum. 0 is root's, which other rules are about.
pub(crate) fn low(id: Id, pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    if are_of_no_account(pod, config) {
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
        let message = format!("{name} is {value}: the node may have a {noun} with that id");
        raise(
            &mut found.at(node, message),
            id,
            value,
            pod.path(id.way()),
            config,
        );
    }
    for container in &pod.containers {
        if let Setting::Set { value, node, .. } = id.of_container(container)
            && is_low(value)
        {
            let message =
                format!("{name} of {container} is {value}: the node may have that {noun}");
            raise(
                &mut found.at(node, message).in_container(container),
                id,
                value,
                container.path(id.way()),
                config,
            );
        }
    }
}

fn raise(finding: &mut Finding, id: Id, old: i64, path: Path, config: &Config) {
    let (name, noun, new) = (id.name(), id.noun(), id.configured(config));
    let title =
        format!("set {name}: {new} (files that only {noun} {old} may use are out of reach)");
    finding.fix(
        Applicability::Unsafe,
        title,
        [Change::Set {
            path,
            value: Value::Integer(new),
        }],
    );
}

/// Finds the pods with containers that have no id: one setting of the pod gives it to all of them.
pub(crate) fn missing(id: Id, pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    let lacks = |container: &Container<'_>| id.of_container(container).is_unset();
    if are_of_no_account(pod, config)
        || !id.of_pod(pod).is_unset()
        || !pod.finished_containers().any(lacks)
    {
        return;
    }
    let (name, noun, new) = (id.name(), id.noun(), id.configured(config));
    found
        .missing(
            id.way(),
            format!("pod does not set {name}, so images choose their {noun}"),
        )
        .fix(
            Applicability::Unsafe,
            format!(
                "set {name}: {new} on the pod (files of an image's own {noun} are out of reach)"
            ),
            [Change::Set {
                path: pod.path(id.way()),
                value: Value::Integer(new),
            }],
        );
}
