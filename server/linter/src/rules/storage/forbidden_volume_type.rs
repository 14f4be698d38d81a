use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::pod_security::{has_allowed_source, source};
use kubernetes::Pod;
use yaml::Node;

rule! {
    /// Volumes of a type that the standard `restricted` does not allow.
    ///
    /// It allows `configMap`, `csi`, `downwardAPI`, `emptyDir`, `ephemeral`, `image`, `persistentVolumeClaim`, `projected`
    /// and `secret`. `hostPath` has rules of its own.
    ///
    /// ## Why
    ///
    /// The other types name a server or a disk in the manifest itself. Whoever may write a pod then chooses what the node
    /// mounts: another team's NFS export, a server of the attacker whose file system image goes straight into the node's
    /// kernel as root, or with `gitRepo` and `flexVolume` a program that runs on the node. A claim leaves that choice to
    /// whoever runs the cluster.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: app
    /// spec:
    ///   containers:
    ///     - name: app
    ///       image: registry.example.com/app:1.4
    ///       volumeMounts:
    ///         - name: data
    ///           mountPath: /data
    ///   volumes:
    ///     - name: data
    ///       nfs:
    ///         server: nfs.example.com
    ///         path: /exports/app
    /// ```
    ///
    /// Good: the server is named in a PersistentVolume, the pod names a claim.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: app
    /// spec:
    ///   containers:
    ///     - name: app
    ///       image: registry.example.com/app:1.4
    ///       volumeMounts:
    ///         - name: data
    ///           mountPath: /data
    ///   volumes:
    ///     - name: data
    ///       persistentVolumeClaim:
    ///         claimName: app
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Where the people who write pods also run the storage, a claim adds a step and little else. The types for clouds and
    /// old storage systems are removed from Kubernetes one after the other, in favour of `csi`.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: the PersistentVolume and the claim that take the volume's place are objects of their own.
    ///
    /// ## Applies to
    ///
    /// Profile `restricted`, every Kubernetes version, every operating system.
    ///
    /// ## References
    ///
    /// - Pod Security Standards: Volume Types:
    ///   <https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted>
    /// - [Kubernetes: Volumes](https://kubernetes.io/docs/concepts/storage/volumes/)
    id: "forbidden-volume-type",
    enablement: Profile(Restricted),
    severity: Warning,
    check: Check::Pod(check),
    aliases: [Trivy "KSV-0028", Kyverno "restrict-volume-types"],
}

/// The types that are not allowed, but for `hostPath`. A volume of no type known is an `emptyDir` to the API server.
const FORBIDDEN: [&str; 20] = [
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "gitRepo",
    "glusterfs",
    "iscsi",
    "nfs",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
    "vsphereVolume",
];

fn check(pod: &Pod<'_>, _config: &Config, found: &mut Reporter<'_, '_>) {
    let items = pod.lookup("volumes").map(|list| list.items());
    for item in items
        .into_iter()
        .flatten()
        .filter(|item| !has_allowed_source(*item))
    {
        let name = item.get("name").and_then(Node::as_str).unwrap_or_default();
        for kind in FORBIDDEN.iter().filter(|kind| source(item, kind).is_some()) {
            let Some(entry) = item.entry(kind) else {
                continue;
            };
            found.at(
                entry.key,
                format!("volume {name:?} has the forbidden type {kind}"),
            );
        }
    }
}
