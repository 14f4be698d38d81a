use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::host::host_path::{Target, volumes};
use kubernetes::Pod;

rule! {
    /// `hostPath` volumes.
    ///
    /// The volume is a folder or file of whatever node the pod happens to run on. Paths that hand over the node, and sockets
    /// of container runtimes, have rules of their own: `sensitive-host-path` and `container-runtime-socket`.
    ///
    /// ## Why
    ///
    /// What one pod writes into the folder, every later pod with the same path reads: an attacker leaves a program or a link
    /// there and waits. Whoever may create pods with a `hostPath` may write any other path into it, too, so that a namespace
    /// that allows one allows all. And the data stays behind on the node when the pod moves.
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
    /// Good: data that outlives the pod is in a claim.
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
    /// Agents that belong to the node, such as log shippers and storage plug-ins, need it. Mount exactly the folder they
    /// need, read-only where it will do.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix, because what the pod wants from the folder decides what takes its place: a PersistentVolumeClaim for
    /// data, a ConfigMap or Secret for settings, an `emptyDir` for scratch files.
    ///
    /// ## Applies to
    ///
    /// Profile `baseline`, every Kubernetes version, every operating system.
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

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    for volume in volumes(pod, config).filter(|volume| volume.target == Target::Other) {
        let message = match &volume.path {
            Some(path) => format!("hostPath is {path}: the pod reaches files of the node"),
            None => format!(
                "volume {:?} is a hostPath: the pod reaches files of the node",
                volume.volume
            ),
        };
        volume.relate(
            &mut found
                .at(volume.node, message)
                .as_missing_if(volume.is_nowhere),
            pod,
        );
    }
}
