use crate::config::Config;
use crate::rules::images::reference as image;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Container, ContainerKind, Pod, Setting};
use yaml::edit::{Change, Value};

rule! {
    /// Containers that do not set `readOnlyRootFilesystem: true`.
    ///
    /// With it, a process can write only to volumes that are mounted writable. The files of the
    /// image cannot change.
    ///
    /// ## Why
    ///
    /// The first thing that an attacker with a foothold does is write: a web shell next to the
    /// served files, a miner in `/tmp`, a changed library that survives until the pod is replaced.
    /// On a read-only file system each of these fails, and the running container stays the image
    /// that was scanned and signed.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         allowPrivilegeEscalation: false
    /// ```
    ///
    /// Fixed:
    ///
    /// ```yaml fixed
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         allowPrivilegeEscalation: false
    ///         readOnlyRootFilesystem: true
    /// ```
    ///
    /// Good: a volume for the files that the program writes.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         readOnlyRootFilesystem: true
    ///       volumeMounts:
    ///         - name: scratch
    ///           mountPath: /tmp
    ///   volumes:
    ///     - name: scratch
    ///       emptyDir:
    ///         sizeLimit: 64Mi
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Programs that keep state all over their file system, such as build agents and desktop
    /// images. A debugging container that lives for minutes gains little from it.
    ///
    /// ## What the fix changes
    ///
    /// It sets `readOnlyRootFilesystem: true`. A program that writes outside its volumes, most
    /// often to `/tmp`, `/var/run` or a cache directory, fails with "Read-only file system". Mount
    /// an `emptyDir` there. A second action does both: it also mounts an `emptyDir` at `/tmp`, and,
    /// for the images of nginx, httpd, PostgreSQL, MySQL and MariaDB, at the directories that they
    /// write to.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version. The rule skips Windows pods
    /// (`spec.os.name: windows`), which cannot set the field.
    ///
    /// ## References
    ///
    /// - Kubernetes: Configure a Security Context for a Pod or Container:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/security-context/>
    /// - [Kubernetes: emptyDir](https://kubernetes.io/docs/concepts/storage/volumes/#emptydir)
    /// - NSA/CISA Kubernetes Hardening Guide, "Immutable container file systems":
    ///   <https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF>
    id: "writable-root-filesystem",
    enablement: Profile(Hardened),
    severity: Info,
    check: Check::Pod(check),
    aliases: [
        Trivy "KSV-0014", Checkov "CKV_K8S_22", KubeLinter "no-read-only-root-fs",
        Polaris "notReadOnlyRootFilesystem", Kubescape "C-0017",
        KubeScore "container-security-context-readonlyrootfilesystem",
        Kubesec "ReadOnlyRootFilesystem", Kyverno "require-ro-rootfs",
    ],
    related: [Kubeaudit "ReadOnlyRootFilesystemNil", Kubeaudit "ReadOnlyRootFilesystemFalse"],
    fields: ["SecurityContext.readOnlyRootFilesystem"],
}

const FIELD: &str = "securityContext.readOnlyRootFilesystem";

fn check(pod: &Pod<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    if pod.runs_on_windows() {
        return;
    }
    for container in &pod.containers {
        let mut finding = match container
            .setting(FIELD, container.security().read_only_root_filesystem)
        {
            Setting::Set {
                value: false, node, ..
            } => report
                .at(
                    node,
                    format!("readOnlyRootFilesystem is false: {container} can overwrite its files"),
                )
                .in_container(container),
            Setting::Unset if !container.is_unfinished() => report
                .missing(
                    FIELD,
                    format!("{container} does not set readOnlyRootFilesystem"),
                )
                .in_container(container),
            _ => continue,
        };
        let read_only = Change::Set {
            path: container.path(FIELD),
            value: Value::Bool(true),
        };
        let title = "set readOnlyRootFilesystem: true (programs that write outside volumes fail)";
        finding.fix(Applicability::Unsafe, title, [read_only.clone()]);
        if let Some((folders, mounts)) = scratch_volumes(pod, container) {
            let title =
                format!("set readOnlyRootFilesystem: true and mount an emptyDir at {folders}");
            finding.alternative(
                Applicability::Unsafe,
                title,
                std::iter::once(read_only).chain(mounts),
            );
        }
    }
}

/// The directory that most programs write to, and those that some images need.
const EVERYWHERE: &str = "/tmp";
const KNOWN: [(&str, &[&str]); 5] = [
    ("nginx", &["/var/cache/nginx", "/var/run"]),
    ("httpd", &["/usr/local/apache2/logs"]),
    ("postgres", &["/var/run/postgresql"]),
    ("mysql", &["/var/run/mysqld"]),
    ("mariadb", &["/run/mysqld"]),
];

/// Returns the directories that a container probably writes to, as the title lists them, and the
/// changes that mount volumes there. `None` if all of them are volumes already, or for an ephemeral
/// container.
fn scratch_volumes(pod: &Pod<'_>, container: &Container<'_>) -> Option<(String, Vec<Change>)> {
    if container.kind == ContainerKind::Ephemeral {
        return None;
    }
    let name = image::written(container).and_then(|(image, _)| image::short_name(image));
    let more = KNOWN
        .iter()
        .find(|(known, _)| Some(*known) == name.as_deref())
        .map_or(&[][..], |(_, folders)| *folders);
    let mounted = |folder: &str| {
        let mut mounts = container.spec.volume_mounts.iter().flatten();
        mounts.any(|mount| mount.mount_path.trim_end_matches('/') == folder)
    };
    let folders: Vec<&str> = std::iter::once(EVERYWHERE)
        .chain(more.iter().copied())
        .filter(|folder| !mounted(folder))
        .collect();
    let mounts = folders
        .iter()
        .flat_map(|folder| mount(pod, container, folder))
        .collect();
    (!folders.is_empty()).then(|| (folders.join(", "), mounts))
}

fn mount(pod: &Pod<'_>, container: &Container<'_>, folder: &str) -> [Change; 2] {
    let volume = Value::Text(free_name(pod, container, folder));
    let mapping = |entries: [(&str, Value); 2]| {
        Value::Mapping(entries.map(|(key, value)| (key.to_owned(), value)).into())
    };
    let at = mapping([
        ("name", volume.clone()),
        ("mountPath", Value::Text(folder.to_owned())),
    ]);
    let made = mapping([("name", volume), ("emptyDir", Value::Mapping(Vec::new()))]);
    [
        Change::Append {
            path: container.path("volumeMounts"),
            value: at,
        },
        Change::Append {
            path: pod.path("volumes"),
            value: made,
        },
    ]
}

/// Returns a volume name that is free in the pod, from the directory, the container, and a number
/// if necessary.
fn free_name(pod: &Pod<'_>, container: &Container<'_>, folder: &str) -> String {
    let plain = folder.trim_start_matches('/').replace('/', "-");
    let numbered = (2..).map(|number| format!("{plain}-{number}"));
    let mut names = [plain.clone(), format!("{}-{plain}", container.name())]
        .into_iter()
        .chain(numbered);
    let is_free = |name: &String| {
        !pod.spec
            .volumes
            .iter()
            .flatten()
            .any(|volume| volume.name == *name)
            && name.len() <= 63
    };
    names.find(is_free).unwrap_or(plain)
}
