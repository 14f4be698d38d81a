//! Which `apiVersion` has a built-in kind.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Each kind, and every `apiVersion` that ever had it, the preferred one first. `tests/oracle/removed`
/// writes it from Kubernetes' sources.
static VERSIONS: LazyLock<HashMap<&str, Vec<&str>>> = LazyLock::new(|| {
    let words = |line: &'static str| {
        let mut words = line.split(' ');
        Some((words.next()?, words.collect()))
    };
    include_str!("versions.txt")
        .lines()
        .filter_map(words)
        .collect()
});

/// What an object probably means whose `apiVersion` never had its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meant {
    pub api_version: &'static str,
    pub kind: &'static str,
}

/// Returns what an object probably means, if its group is one of Kubernetes' own and never had its
/// kind, or has it only in other stable versions. Kinds are compared without regard to case.
///
/// `None` for an alpha or beta version in the right group: not every release was read.
pub fn meant(api_version: &str, kind: &str) -> Option<Meant> {
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    if group.contains('.') && !group.ends_with(".k8s.io") {
        return None;
    }
    let (kind_meant, versions) = match VERSIONS.get_key_value(kind) {
        Some(row) => row,
        None => VERSIONS
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(kind))?,
    };
    let is_version = version
        .strip_prefix('v')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if !is_version || !is_own(group) {
        return None;
    }
    let is_right = versions.contains(&api_version);
    let is_unread = group_of_any(versions, group) && version.contains(['a', 'b']);
    if *kind_meant == kind && (is_right || is_unread) {
        return None;
    }
    let kept = versions.iter().find(|known| **known == api_version);
    Some(Meant {
        api_version: kept.or(versions.first())?,
        kind: kind_meant,
    })
}

/// Whether a group is one of Kubernetes' own. People write `core`, its name in Kubernetes' sources.
fn is_own(group: &str) -> bool {
    group == "core"
        || VERSIONS
            .values()
            .any(|versions| group_of_any(versions, group))
}

fn group_of_any(versions: &[&str], group: &str) -> bool {
    versions
        .iter()
        .any(|known| known.rsplit_once('/').map_or("", |(group, _)| group) == group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_their_versions() {
        for (api_version, kind, expected) in [
            ("v1", "Deployment", Some("apps/v1 Deployment")),
            ("apps/v2", "Deployment", Some("apps/v1 Deployment")),
            ("batch/v1", "Pod", Some("v1 Pod")),
            ("v1", "deployment", Some("apps/v1 Deployment")),
            ("apps/v1", "deployment", Some("apps/v1 Deployment")),
            (
                "apps/v1beta1",
                "statefulset",
                Some("apps/v1beta1 StatefulSet"),
            ),
            (
                "extensions/v1",
                "Ingress",
                Some("networking.k8s.io/v1 Ingress"),
            ),
            ("core/v1", "Pod", Some("v1 Pod")),
            ("v2", "Pod", Some("v1 Pod")),
            (
                "autoscaling/v3",
                "HorizontalPodAutoscaler",
                Some("autoscaling/v2 HorizontalPodAutoscaler"),
            ),
            ("apps/v1", "Deployment", None),
            ("extensions/v1beta1", "Deployment", None),
            ("apps/v1beta3", "Deployment", None),
            ("serving.knative.dev/v1", "Service", None),
            ("v1", "DeploymentConfig", None),
            ("apps/latest", "Deployment", None),
            ("skaffold/v2beta29", "Config", None),
        ] {
            let found =
                meant(api_version, kind).map(|it| format!("{} {}", it.api_version, it.kind));
            assert_eq!(found.as_deref(), expected, "{api_version} {kind}");
        }
    }
}
