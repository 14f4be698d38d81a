use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::images::reference as image;
use k8s_openapi::api::core::v1::Volume;
use kubernetes::{Container, ContainerKind, Object, Pod};
use yaml::{Node, NodeKind};

rule! {
    /// Databases and queues whose data ends with their pod, and StatefulSets without any storage.
    ///
    /// A database is known by the name of its image (`postgres`, `mysql`, `mongo`, `rabbitmq` and others). Its data is kept if
    /// the container mounts a volume that outlives the pod, such as a PersistentVolumeClaim; an `emptyDir` ends with the pod,
    /// and a `hostPath` stays behind when the pod moves to another node.
    ///
    /// ## Why
    ///
    /// A pod is replaced whenever its node is drained, its image changes or it uses too much memory. Whoever can delete a pod,
    /// or make it use too much memory, then deletes the data with it, and traces of an attack that only the database held. Data
    /// on a `hostPath` moreover stays on the node for the next pod that mounts it to read.
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
    /// Databases of tests and demonstrations, caches, and programs that copy their data to another place all the time.
    /// StatefulSets that are used for their stable names alone.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: how much storage, of which class, and who backs it up, somebody has to decide. A PersistentVolumeClaim
    /// as in the last example, or `volumeClaimTemplates` in a StatefulSet, is what it comes to.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version. Not Jobs and CronJobs, nor containers with a `command`, which may be
    /// clients of a database, nor StatefulSets whose containers all have a read-only root file system.
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

/// Images of programs that keep data, by their names, with the folders that they keep it in.
const KEEPERS: [(&str, &[&str]); 21] = [
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

fn check(object: &Object<'_>, _config: &Config, found: &mut Reporter<'_, '_>) {
    // A task comes to an end, and so do its clients of a database.
    let Some(pod) = object
        .pod
        .as_ref()
        .filter(|_| !matches!(object.kind, "Job" | "CronJob"))
    else {
        return;
    };
    let keepers: Vec<_> = pod
        .finished_containers()
        .filter_map(|container| Some((container, folders(container)?)))
        .collect();
    for (container, folders) in &keepers {
        report(pod, container, folders, found);
    }
    if object.kind == "StatefulSet" && keepers.is_empty() && is_without_storage(object, pod) {
        found
            .at(
                found.object_token(),
                "StatefulSet has neither volumeClaimTemplates nor a volume that outlives a pod",
            )
            .as_missing();
    }
}

/// Where a container keeps data, if its image is known to. With a command of its own it may be a client.
fn folders(container: &Container<'_>) -> Option<&'static [&'static str]> {
    if container.kind != ContainerKind::Ordinary || container.spec.command.is_some() {
        return None;
    }
    let name = image::short_name(image::written(container)?.0)?;
    KEEPERS
        .iter()
        .find(|(keeper, _)| *keeper == name)
        .map(|(_, folders)| *folders)
}

/// Finds a container that mounts nothing that outlives its pod. Which of its volumes has the data is hard to tell: one that
/// stays is enough.
fn report(
    pod: &Pod<'_>,
    container: &Container<'_>,
    folders: &[&str],
    found: &mut Reporter<'_, '_>,
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
            found
                .at(node, format!("{path} of {container} is on {kind}"))
                .in_container(container);
        }
        None => {
            found
                .at(image, format!("{first} of {container} is on no volume"))
                .in_container(container)
                .as_missing();
        }
    }
}

/// Whether the data of a volume stays when the pod goes. A volume that the pod does not list comes from a claim template.
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

/// A volume that is made for data and loses it, as messages call it.
fn kind(pod: &Pod<'_>, name: &str) -> Option<&'static str> {
    let volume = volume(pod, name)?;
    match (&volume.empty_dir, &volume.host_path) {
        (Some(_), _) => Some("an emptyDir"),
        (_, Some(_)) => Some("a hostPath"),
        _ => None,
    }
}

/// Whether a complete StatefulSet asks for no storage at all. `selector` is required: without it this is a patch. Somebody who
/// made the root file systems read-only has looked at what the program writes.
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
