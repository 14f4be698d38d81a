use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::images::reference as image;
use k8s_openapi::api::core::v1::Volume;
use kubernetes::{Container, ContainerKind, Object, Pod};
use yaml::{Node, NodeKind};

rule! {
    /// Databases and queues whose data is lost with the pod, and StatefulSets without storage.
    ///
    /// The rule recognizes a database by the name of its image (`postgres`, `mysql`, `mongo`,
    /// `rabbitmq` and others). Its data survives if the container mounts a volume that outlives the
    /// pod, such as a PersistentVolumeClaim. An `emptyDir` is deleted with the pod, and a
    /// `hostPath` stays behind when the pod moves to another node.
    ///
    /// ## Why
    ///
    /// A pod is replaced when its node is drained, its image changes, or it uses too much memory.
    /// An attacker who can delete a pod, or make it use too much memory, deletes the data with it,
    /// including traces of the attack that only the database had. Data on a `hostPath` also stays
    /// on the node, where the next pod that mounts it can read it.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: apps/v1
    /// kind: Deployment
    /// metadata:
    ///   name: db
    /// spec:
    ///   selector:
    ///     matchLabels:
    ///       app: db
    ///   template:
    ///     metadata:
    ///       labels:
    ///         app: db
    ///     spec:
    ///       containers:
    ///         - name: postgres
    ///           image: postgres:17.2
    ///           volumeMounts:
    ///             - name: data
    ///               mountPath: /var/lib/postgresql/data
    ///       volumes:
    ///         - name: data
    ///           emptyDir: {}
    /// ```
    ///
    /// ```yaml bad
    /// apiVersion: apps/v1
    /// kind: Deployment
    /// metadata:
    ///   name: queue
    /// spec:
    ///   selector:
    ///     matchLabels:
    ///       app: queue
    ///   template:
    ///     metadata:
    ///       labels:
    ///         app: queue
    ///     spec:
    ///       containers:
    ///         - name: rabbitmq
    ///           image: rabbitmq:4.0
    /// ```
    ///
    /// Good: a claim.
    ///
    /// ```yaml good
    /// apiVersion: apps/v1
    /// kind: Deployment
    /// metadata:
    ///   name: db
    /// spec:
    ///   selector:
    ///     matchLabels:
    ///       app: db
    ///   template:
    ///     metadata:
    ///       labels:
    ///         app: db
    ///     spec:
    ///       containers:
    ///         - name: postgres
    ///           image: postgres:17.2
    ///           volumeMounts:
    ///             - name: data
    ///               mountPath: /var/lib/postgresql/data
    ///       volumes:
    ///         - name: data
    ///           persistentVolumeClaim:
    ///             claimName: db
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Databases for tests and demonstrations, caches, and programs that continuously replicate
    /// their data. StatefulSets that are used only for their stable names.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: you have to choose size, storage class and backup. Use a
    /// PersistentVolumeClaim as in the last example, or `volumeClaimTemplates` in a StatefulSet.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version. The rule skips Jobs and CronJobs, containers
    /// with a `command`, which may be database clients, and StatefulSets whose containers all have
    /// a read-only root file system.
    ///
    /// ## References
    ///
    /// - [Kubernetes: Persistent Volumes](https://kubernetes.io/docs/concepts/storage/persistent-volumes/)
    /// - [Kubernetes: StatefulSets](https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/)
    id: "unpersisted-data",
    enablement: Profile(Hardened),
    severity: Hint,
    check: Check::Object(check),
}

/// Databases, by the names of their images, with their data directories.
const DATABASES: [(&str, &[&str]); 21] = [
    ("cassandra", &["/var/lib/cassandra"]),
    ("clickhouse-server", &["/var/lib/clickhouse"]),
    ("cockroach", &["/cockroach/cockroach-data"]),
    ("couchdb", &["/opt/couchdb/data"]),
    ("elasticsearch", &["/usr/share/elasticsearch/data"]),
    ("etcd", &["/var/lib/etcd", "/etcd-data", "/default.etcd"]),
    ("influxdb", &["/var/lib/influxdb2", "/var/lib/influxdb"]),
    (
        "kafka",
        &["/var/lib/kafka/data", "/tmp/kraft-combined-logs"],
    ),
    ("mariadb", &["/var/lib/mysql", "/bitnami/mariadb"]),
    ("minio", &["/data"]),
    ("mongo", &["/data/db"]),
    ("mongodb", &["/bitnami/mongodb", "/data/db"]),
    ("mysql", &["/var/lib/mysql", "/bitnami/mysql"]),
    ("neo4j", &["/data"]),
    ("opensearch", &["/usr/share/opensearch/data"]),
    ("percona", &["/var/lib/mysql"]),
    ("postgis", &["/var/lib/postgresql"]),
    ("postgres", &["/var/lib/postgresql"]),
    (
        "postgresql",
        &["/bitnami/postgresql", "/var/lib/postgresql"],
    ),
    ("rabbitmq", &["/var/lib/rabbitmq"]),
    ("zookeeper", &["/data", "/bitnami/zookeeper"]),
];

fn check(object: &Object<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    // A database image in a Job is usually a client.
    let Some(pod) = object
        .pod
        .as_ref()
        .filter(|_| !matches!(object.kind, "Job" | "CronJob"))
    else {
        return;
    };
    let databases: Vec<_> = pod
        .finished_containers()
        .filter_map(|container| Some((container, folders(container)?)))
        .collect();
    for (container, folders) in &databases {
        check_data(pod, container, folders, report);
    }
    if object.kind == "StatefulSet" && databases.is_empty() && is_without_storage(object, pod) {
        report
            .at(
                report.object_token(),
                "StatefulSet has neither volumeClaimTemplates nor a persistent volume",
            )
            .as_missing();
    }
}

/// Returns the data directories of a database container. A container with a command may be a
/// client.
fn folders(container: &Container<'_>) -> Option<&'static [&'static str]> {
    if container.kind != ContainerKind::Ordinary || container.spec.command.is_some() {
        return None;
    }
    let name = image::short_name(image::written(container)?.0)?;
    DATABASES
        .iter()
        .find(|(database, _)| *database == name)
        .map(|(_, folders)| *folders)
}

/// Reports a container without a volume that outlives its pod. One such volume is enough, because
/// it is hard to know which one has the data.
fn check_data(
    pod: &Pod<'_>,
    container: &Container<'_>,
    folders: &[&str],
    report: &mut Reporter<'_, '_>,
) {
    let mounts = container.spec.volume_mounts.iter().flatten();
    if mounts.clone().any(|mount| outlives_pod(pod, &mount.name)) {
        return;
    }
    let (Some(first), Some((_, image))) = (folders.first(), image::written(container)) else {
        return;
    };
    let holds_data = |path: &str| {
        folders
            .iter()
            .any(|folder| is_within(path, folder) || is_within(folder, path))
    };
    let place = |path: &str| {
        let items = container.lookup("volumeMounts")?.items();
        items
            .filter_map(|item| item.get("mountPath"))
            .find(|node| node.as_str() == Some(path) && node.kind() != NodeKind::Alias)
    };
    let on_volume = mounts.clone().filter(|mount| holds_data(&mount.mount_path));
    match on_volume
        .filter_map(|mount| Some((kind(pod, &mount.name)?, place(&mount.mount_path)?)))
        .next()
    {
        Some((kind, node)) => {
            let path = node.as_str().unwrap_or_default();
            report
                .at(node, format!("{path} of {container} is on {kind}"))
                .in_container(container);
        }
        None => {
            report
                .at(image, format!("{first} of {container} is not on a volume"))
                .in_container(container)
                .as_missing();
        }
    }
}

/// Whether a volume outlives the pod. A volume that the pod does not list comes from a claim
/// template.
fn outlives_pod(pod: &Pod<'_>, name: &str) -> bool {
    volume(pod, name).is_none_or(is_lasting)
}

fn volume<'p>(pod: &'p Pod<'_>, name: &str) -> Option<&'p Volume> {
    pod.spec
        .volumes
        .iter()
        .flatten()
        .find(|volume| volume.name == name)
}

fn is_lasting(volume: &Volume) -> bool {
    let is_passing = volume.empty_dir.is_some()
        || volume.host_path.is_some()
        || volume.config_map.is_some()
        || volume.secret.is_some()
        || volume.projected.is_some()
        || volume.downward_api.is_some()
        || volume.ephemeral.is_some()
        || volume.image.is_some();
    !is_passing
}

/// Returns how messages name a volume that does not outlive the pod or the node.
fn kind(pod: &Pod<'_>, name: &str) -> Option<&'static str> {
    let volume = volume(pod, name)?;
    match (&volume.empty_dir, &volume.host_path) {
        (Some(_), _) => Some("an emptyDir"),
        (_, Some(_)) => Some("a hostPath"),
        _ => None,
    }
}

/// Whether a complete StatefulSet has no storage at all. Without a `selector`, it is a patch. With
/// read-only root file systems, the author knows what the program writes.
fn is_without_storage(object: &Object<'_>, pod: &Pod<'_>) -> bool {
    let spec = object.node.get("spec");
    let has = |key| {
        spec.and_then(|spec: Node<'_>| spec.get(key))
            .is_some_and(|node| !node.is_null())
    };
    has("selector")
        && !has("volumeClaimTemplates")
        && !pod.has_unfinished_container()
        && !pod.spec.volumes.iter().flatten().any(is_lasting)
        && !pod
            .containers
            .iter()
            .all(|container| container.security().read_only_root_filesystem == Some(true))
}

fn is_within(path: &str, folder: &str) -> bool {
    let rest = path
        .trim_end_matches('/')
        .strip_prefix(folder.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
