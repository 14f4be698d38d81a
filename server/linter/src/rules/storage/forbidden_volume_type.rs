use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::pod_security::{has_allowed_source, source};
use kubernetes::Pod;
use yaml::Node;

rule! {
    /// Volumes of a type that the `restricted` standard does not allow.
    ///
    /// `restricted` allows `configMap`, `csi`, `downwardAPI`, `emptyDir`, `ephemeral`, `image`,
    /// `persistentVolumeClaim`, `projected` and `secret`. Other rules report `hostPath`.
    ///
    /// ## Why
    ///
    /// The other types name a server or a disk in the manifest itself. A user who may create a pod
    /// then chooses what the node mounts: another team's NFS export, or a file system image on the
    /// attacker's server, which the node's kernel reads as root. With `gitRepo` and `flexVolume`,
    /// the user chooses a program that runs on the node. A claim leaves that choice to the
    /// administrators of the cluster.
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
    /// Good: a PersistentVolume names the server, and the pod names a claim.
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
    /// If the people who write pods also administer the storage, a claim adds a step and little
    /// else. Kubernetes removes the volume types of clouds and old storage systems one after the
    /// other, in favor of `csi`.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: the PersistentVolume and the claim that replace the volume are separate
    /// objects.
    ///
    /// ## Applies to
    ///
    /// Profiles `restricted` and `hardened`, every Kubernetes version, every operating system.
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

/// The types that are not allowed, except `hostPath`. The API server reads a volume without a type
/// as an `emptyDir`.
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

fn check(pod: &Pod<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
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
            report.at(
                entry.key,
                format!("volume {name:?} has type {kind}, which restricted does not allow"),
            );
        }
    }
}
