//! What the rules about `hostPath` volumes share: the volumes with their normalised paths, the containers that mount them, and
//! which folders of a node are sensitive.

use crate::config::Config;
use crate::rules::Finding;
use crate::rules::pod_security::{has_allowed_source, overrides_baseline, source};
use crate::rules::security_context::{text, token};
use kubernetes::{Container, Pod};
use yaml::Node;

/// A `hostPath` volume of a pod.
pub(crate) struct HostPath<'y> {
    /// The volume's name; empty where none is written.
    pub(crate) volume: &'y str,
    /// What to point at: the path, else the volume's `hostPath`.
    pub(crate) node: Node<'y>,
    /// The path without what makes no difference to it, where one is written that starts at the root.
    pub(crate) path: Option<String>,
    /// Whether no path is written at all.
    pub(crate) is_nowhere: bool,
    pub(crate) target: Target,
}

/// What a `hostPath` leads to. Each kind has its rule, so that every such volume is found by exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// The socket of a container runtime.
    Socket,
    /// A folder with sockets of container runtimes.
    Sockets,
    Sensitive(Reach),
    Other,
}

/// The `hostPath` volumes of a pod.
pub(crate) fn volumes<'y>(pod: &Pod<'y>, config: &Config) -> impl Iterator<Item = HostPath<'y>> {
    let items = pod.lookup("volumes").map(|list| list.items());
    let counts = |item: &Node<'y>| !(overrides_baseline(config) && has_allowed_source(*item));
    items
        .into_iter()
        .flatten()
        .filter(counts)
        .filter_map(|item| {
            let host_path = source(item, "hostPath")?;
            let node = token(host_path.get("path").unwrap_or(host_path));
            let volume = item.get("name").and_then(Node::as_str).unwrap_or_default();
            let path = host_path.get("path").and_then(text).and_then(normalised);
            let target = path.as_deref().map_or(Target::Other, |path| {
                target(path, &config.values.sensitive_paths)
            });
            let is_nowhere = host_path.get("path").is_none();
            Some(HostPath {
                volume,
                node,
                path,
                is_nowhere,
                target,
            })
        })
}

impl HostPath<'_> {
    /// Points from a finding to where containers mount the volume.
    pub(crate) fn relate(&self, finding: &mut Finding, pod: &Pod<'_>) {
        for (container, place) in mounts(pod, self.volume) {
            finding.related(
                place,
                format!(
                    "{container} mounts it at {}",
                    place.as_str().unwrap_or_default()
                ),
            );
        }
    }
}

/// Where the containers of a pod mount a volume: each mount's `mountPath`.
fn mounts<'p, 'y>(
    pod: &'p Pod<'y>,
    volume: &'p str,
) -> impl Iterator<Item = (&'p Container<'y>, Node<'y>)> {
    pod.containers.iter().flat_map(move |container| {
        let items = container.lookup("volumeMounts").map(|list| list.items());
        let is_of_volume =
            move |item: &Node<'y>| item.get("name").and_then(Node::as_str) == Some(volume);
        let mounted = items
            .into_iter()
            .flatten()
            .filter(is_of_volume)
            .filter_map(|item| item.get("mountPath"));
        mounted.map(move |place| (container, place))
    })
}

/// An absolute path as the kernel walks it: `//etc/./cron.d/` is `/etc/cron.d`. `None` for a path that starts nowhere.
fn normalised(path: &str) -> Option<String> {
    let mut steps: Vec<&str> = Vec::new();
    for step in path.strip_prefix('/')?.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    Some(format!("/{}", steps.join("/")))
}

/// Folders of a node that hand over the node or other pods, and what lies in them.
const SENSITIVE: [(&str, &str); 25] = [
    ("/", "the whole node"),
    ("/bin", "the node's programs"),
    ("/boot", "the kernel that the node boots"),
    ("/dev", "the node's disks and devices"),
    ("/etc", "the node's accounts and settings"),
    ("/etc/kubernetes", "credentials of the cluster"),
    ("/home", "home folders and their keys"),
    ("/lib", "the node's programs"),
    ("/lib64", "the node's programs"),
    ("/opt/cni", "programs that the kubelet runs as root"),
    ("/proc", "every process of the node"),
    ("/root", "root's home folder and its keys"),
    ("/sbin", "the node's programs"),
    ("/sys", "the node's kernel settings"),
    ("/usr", "the node's programs"),
    ("/var/lib/containerd", "the files of every container"),
    ("/var/lib/containers", "the files of every container"),
    ("/var/lib/crio", "the files of every container"),
    ("/var/lib/docker", "the files of every container"),
    ("/var/lib/etcd", "the cluster's database"),
    ("/var/lib/kubelet", "the secrets of the node's pods"),
    ("/var/lib/rancher", "credentials of the cluster"),
    ("/var/log", "the node's logs, and more through links"),
    ("/var/spool/cron", "jobs that the node runs as root"),
    ("/var/spool/at", "jobs that the node runs as root"),
];

/// What a pod gets by a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All of this: the path is a sensitive folder, or holds one.
    All(&'static str),
    /// Some of this: the path is inside a sensitive folder.
    Part(&'static str),
}

/// What a pod reaches by a normalised path that is at, under or above a sensitive folder.
fn reached(path: &str) -> Option<Reach> {
    let at_or_above = SENSITIVE.iter().find(|(folder, _)| is_within(folder, path));
    let under = || {
        let around = SENSITIVE
            .iter()
            .filter(|(folder, _)| *folder != "/" && is_within(path, folder));
        around.max_by_key(|(folder, _)| folder.len())
    };
    match at_or_above {
        Some(&(_, what)) => Some(Reach::All(what)),
        None => under().map(|&(_, what)| Reach::Part(what)),
    }
}

/// Where the sockets of container runtimes are on a node, `/var/run` being `/run`.
const SOCKETS: [&str; 10] = [
    "/run/buildkit/buildkitd.sock",
    "/run/containerd/containerd.sock",
    "/run/cri-dockerd.sock",
    "/run/crio/crio.sock",
    "/run/docker.sock",
    "/run/docker/containerd/containerd.sock",
    "/run/dockershim.sock",
    "/run/k3s/containerd/containerd.sock",
    "/run/podman/podman.sock",
    "/var/snap/microk8s/common/run/containerd.sock",
];

/// What a pod reaches by a normalised path that is at, under or above a folder that a user calls sensitive.
fn reached_of(configured: &[String], path: &str) -> Option<Reach> {
    /// What there is to say of it.
    const WHAT: &str = "a folder that is configured as sensitive";
    let folders = || {
        configured
            .iter()
            .filter_map(|folder| normalised(folder))
            .map(|folder| without_var(&folder).to_owned())
    };
    if folders().any(|folder| is_within(&folder, path)) {
        Some(Reach::All(WHAT))
    } else {
        folders()
            .any(|folder| is_within(path, &folder))
            .then_some(Reach::Part(WHAT))
    }
}

/// `/run` in the place of `/var/run`, which is a link to it on every node.
fn without_var(path: &str) -> &str {
    match path.strip_prefix("/var") {
        Some(run) if is_within(run, "/run") => run,
        _ => path,
    }
}

/// What a normalised path leads to. A socket says more than the folder around it; of a folder above many things, the most
/// telling is what is sensitive in it.
fn target(path: &str, configured: &[String]) -> Target {
    let path = without_var(path);
    let name = |path: &'static str| path.rsplit('/').next();
    if SOCKETS
        .iter()
        .any(|socket| path.rsplit('/').next() == name(socket))
    {
        return Target::Socket;
    }
    match reached(path).or_else(|| reached_of(configured, path)) {
        Some(reach) => Target::Sensitive(reach),
        None if SOCKETS.iter().any(|socket| is_within(socket, path)) => Target::Sockets,
        None => Target::Other,
    }
}

/// Whether a path is a folder or lies under it.
fn is_within(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_what_makes_no_difference() {
        for (path, expected) in [
            ("/", "/"),
            ("//", "/"),
            ("/etc/", "/etc"),
            ("//etc//cron.d/.", "/etc/cron.d"),
            ("/srv/../etc", "/etc"),
            ("/../..", "/"),
        ] {
            assert_eq!(normalised(path).as_deref(), Some(expected), "{path}");
        }
        assert_eq!(normalised("data"), None);
        assert_eq!(normalised(""), None);
    }

    #[test]
    fn folders_are_sensitive_at_under_and_above() {
        for (path, expected) in [
            ("/", Reach::All("the whole node")),
            ("/etc", Reach::All("the node's accounts and settings")),
            (
                "/etc/cron.d",
                Reach::Part("the node's accounts and settings"),
            ),
            (
                "/etc/kubernetes/pki",
                Reach::Part("credentials of the cluster"),
            ),
            ("/var", Reach::All("the files of every container")),
            ("/var/lib", Reach::All("the files of every container")),
            ("/dev/sda", Reach::Part("the node's disks and devices")),
        ] {
            assert_eq!(reached(path), Some(expected), "{path}");
        }
        for path in [
            "/etcetera",
            "/srv",
            "/mnt/etc",
            "/var/lib/mine",
            "/Etc",
            "/data",
        ] {
            assert_eq!(reached(path), None, "{path}");
        }
    }

    #[test]
    fn sockets_are_found_by_any_way_to_them() {
        for path in [
            "/var/run/docker.sock",
            "/run/docker.sock",
            "/run/crio/crio.sock",
            "/home/a/.docker/run/docker.sock",
        ] {
            assert_eq!(target(path, &[]), Target::Socket, "{path}");
        }
        for path in [
            "/var/run",
            "/run",
            "/run/containerd",
            "/var/run/k3s/containerd",
            "/var/snap",
        ] {
            assert_eq!(target(path, &[]), Target::Sockets, "{path}");
        }
        for path in [
            "/var/runner",
            "/run/secrets",
            "/srv/docker.sock.d",
            "/run/dbus/system_bus_socket",
        ] {
            assert_eq!(target(path, &[]), Target::Other, "{path}");
        }
        for path in ["/", "/var", "/var/lib/docker"] {
            assert!(matches!(target(path, &[]), Target::Sensitive(_)), "{path}");
        }
    }

    #[test]
    fn configured_folders_are_sensitive_like_the_others() {
        let configured = ["/srv/keys/".to_owned(), "/var/run/vault".to_owned()];
        let target = |path| target(path, &configured);
        for path in ["/srv/keys", "/srv", "/run/vault"] {
            assert!(
                matches!(target(path), Target::Sensitive(Reach::All(_))),
                "{path}"
            );
        }
        assert!(matches!(
            target("/srv/keys/tls"),
            Target::Sensitive(Reach::Part(_))
        ));
        assert_eq!(target("/srv/keyring"), Target::Other);
        assert_eq!(
            target("/etc"),
            Target::Sensitive(Reach::All("the node's accounts and settings"))
        );
    }
}
