use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::host::host_path::{Target, volumes};
use kubernetes::Pod;

rule! {
    /// `hostPath` volumes.
    ///
    /// The volume is a directory or file of the node that the pod happens to run on. Two other
    /// rules report the most dangerous paths: `sensitive-host-path` and `container-runtime-socket`.
    ///
    /// ## Why
    ///
    /// Every later pod with the same path reads what one pod wrote there: an attacker leaves a
    /// program or a link and waits. A user who may create pods with one `hostPath` may choose any
    /// other path too, so that a namespace that allows one allows all. The data also stays behind
    /// on the node when the pod moves.
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
    ///       hostPath:
    ///         path: /srv/app
    /// ```
    ///
    /// Good: a PersistentVolumeClaim for data that outlives the pod.
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
    /// Agents that belong to the node need it, such as log shippers and storage plugins. Mount
    /// exactly the directory they need, read-only if possible.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: the replacement depends on what the pod uses the directory for. It can be a
    /// PersistentVolumeClaim for data, a ConfigMap or Secret for settings, or an `emptyDir` for
    /// temporary files.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, every operating system.
    ///
    /// ## References
    ///
    /// - Pod Security Standards: HostPath Volumes:
    ///   <https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline>
    /// - [Kubernetes: hostPath](https://kubernetes.io/docs/concepts/storage/volumes/#hostpath)
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.2.12
    /// - NSA/CISA Kubernetes Hardening Guide, "Pod security enforcement":
    ///   <https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF>
    id: "host-path-volume",
    enablement: Profile(Baseline),
    severity: Error,
    check: Check::Pod(check),
    aliases: [Trivy "KSV-0023", Polaris "hostPathSet", Kubescape "C-0203"],
    related: [Kubescape "C-0048", Kyverno "disallow-host-path"],
}

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    for volume in volumes(pod, config).filter(|volume| volume.target == Target::Other) {
        let message = match &volume.path {
            Some(path) => format!("hostPath {path} exposes files of the node"),
            None => format!(
                "volume {:?} is a hostPath, which exposes files of the node",
                volume.volume
            ),
        };
        volume.relate_mounts(
            &mut report
                .at(volume.node, message)
                .as_missing_if(volume.has_no_path),
            pod,
        );
    }
}
