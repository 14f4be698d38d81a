//! The `hostPath` volumes of a pod, their mounts, and the sensitive directories of a node.

use crate::config::Config;
use crate::rules::Finding;
use crate::rules::pod_security::{has_allowed_source, overrides_baseline, source};
use crate::rules::security_context::{text, token};
use kubernetes::{Container, Pod};
use yaml::Node;

/// A `hostPath` volume of a pod.
pub(crate) struct HostPath<'y> {
    /// The volume's name; empty if it has none.
    pub(crate) volume: &'y str,
    /// The node to report: the path, else the volume's `hostPath`.
    pub(crate) node: Node<'y>,
    /// The normalized path, if the volume has an absolute one.
    pub(crate) path: Option<String>,
    /// Whether the volume has no path at all.
    pub(crate) has_no_path: bool,
    pub(crate) target: Target,
}

/// What a `hostPath` exposes. Exactly one rule reports each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// The socket of a container runtime.
    Socket,
    /// A directory with sockets of container runtimes.
    SocketDirectory,
    Sensitive(Reach),
    Other,
}

/// Returns the `hostPath` volumes of a pod.
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
            let path = host_path.get("path").and_then(text).and_then(normalized);
            let target = path.as_deref().map_or(Target::Other, |path| {
                target(path, &config.values.sensitive_paths)
            });
            let has_no_path = host_path.get("path").is_none();
            Some(HostPath {
                volume,
                node,
                path,
                has_no_path,
                target,
            })
        })
}

impl HostPath<'_> {
    /// Relates a finding to the places where containers mount the volume.
    pub(crate) fn relate_mounts(&self, finding: &mut Finding, pod: &Pod<'_>) {
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

/// Returns the `mountPath` of each mount of a volume, with its container.
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

/// Normalizes an absolute path: `//etc/./cron.d/` is `/etc/cron.d`. `None` for a relative path.
fn normalized(path: &str) -> Option<String> {
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

/// Directories that give access to the node or to other pods, and what they contain.
const SENSITIVE: [(&str, &str); 27] = [
    ("/", "the whole node"),
    ("/bin", "the node's programs"),
    ("/boot", "the kernel that the node boots"),
    ("/dev", "the node's disks and devices"),
    ("/dev/log", "the socket of the node's system log"),
    ("/dev/shm", "the memory that the node's processes share"),
    ("/etc", "the node's accounts and settings"),
    ("/etc/kubernetes", "credentials of the cluster"),
    ("/home", "home directories and their keys"),
    ("/lib", "the node's programs"),
    ("/lib64", "the node's programs"),
    ("/opt/cni", "programs that the kubelet runs as root"),
    ("/proc", "every process of the node"),
    ("/root", "root's home directory and its keys"),
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
    ("/var/log", "the node's logs, and more through symlinks"),
    ("/var/spool/cron", "jobs that the node runs as root"),
    ("/var/spool/at", "jobs that the node runs as root"),
];

/// How much of a sensitive directory a path exposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All of it: the path is a sensitive directory, or contains one.
    All(&'static str),
    /// A part: the path is inside a sensitive directory.
    Part(&'static str),
}

/// Returns what a normalized path exposes if it is at, below or above a sensitive directory.
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

/// The sockets of container runtimes on a node. `/var/run` is written as `/run`.
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

/// Returns what a normalized path exposes if it is at, below or above a directory of
/// `sensitivePaths`.
fn reached_by_configuration(configured: &[String], path: &str) -> Option<Reach> {
    const WHAT: &str = "a directory configured as sensitive";
    let folders = || {
        configured
            .iter()
            .filter_map(|folder| normalized(folder))
            .map(|folder| without_var_run(&folder).to_owned())
    };
    if folders().any(|folder| is_within(&folder, path)) {
        Some(Reach::All(WHAT))
    } else {
        folders()
            .any(|folder| is_within(path, &folder))
            .then_some(Reach::Part(WHAT))
    }
}

/// Replaces `/var/run` with `/run`, to which it is a link on every node.
fn without_var_run(path: &str) -> &str {
    match path.strip_prefix("/var") {
        Some(run) if is_within(run, "/run") => run,
        _ => path,
    }
}

/// Returns what a normalized path exposes. A socket is more specific than its directory; a
/// sensitive directory is more specific than one that contains sockets.
fn target(path: &str, configured: &[String]) -> Target {
    let path = without_var_run(path);
    let name = |path: &'static str| path.rsplit('/').next();
    if SOCKETS
        .iter()
        .any(|socket| path.rsplit('/').next() == name(socket))
    {
        return Target::Socket;
    }
    match reached(path).or_else(|| reached_by_configuration(configured, path)) {
        Some(reach) => Target::Sensitive(reach),
        None if SOCKETS.iter().any(|socket| is_within(socket, path)) => Target::SocketDirectory,
        None => Target::Other,
    }
}

/// Whether a path is a directory or below it.
fn is_within(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalized() {
        for (path, expected) in [
            ("/", "/"),
            ("//", "/"),
            ("/etc/", "/etc"),
            ("//etc//cron.d/.", "/etc/cron.d"),
            ("/srv/../etc", "/etc"),
            ("/../..", "/"),
        ] {
            assert_eq!(normalized(path).as_deref(), Some(expected), "{path}");
        }
        assert_eq!(normalized("data"), None);
        assert_eq!(normalized(""), None);
    }

    #[test]
    fn sensitive_at_below_and_above() {
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
    fn sockets_and_their_directories() {
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
            assert_eq!(target(path, &[]), Target::SocketDirectory, "{path}");
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
    fn configured_directories_are_sensitive() {
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
