use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::host::host_path::{Reach, Target, volumes};
use kubernetes::Pod;

rule! {
    /// `hostPath` volumes at, under, or above a folder that hands over the node.
    ///
    /// Among them are `/`, `/etc`, `/root`, `/home`, `/proc`, `/sys`, `/dev`, `/boot`, `/usr`, `/var/log`, and what the
    /// kubelet, the container runtime and the control plane keep under `/var/lib` and `/etc/kubernetes`. Double slashes, `.`
    /// and a slash at the end make no difference. `sensitivePaths` in the configuration adds folders of one's own.
    ///
    /// ## Why
    ///
    /// With `/etc` writable, one line in `/etc/cron.d` runs as root on the node a minute later. With `/var/lib/kubelet`
    /// readable, the tokens and Secrets of every pod on the node are. With `/var/log`, a symbolic link in place of a log file
    /// has the kubelet read any file of the node for the attacker. Mounting such a folder read-only keeps the first of these
    /// away, not the others.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: backup
    /// spec:
    ///   containers:
    ///     - name: backup
    ///       image: registry.example.com/backup:2.0
    ///       volumeMounts:
    ///         - name: settings
    ///           mountPath: /backup/etc
    ///           readOnly: true
    ///   volumes:
    ///     - name: settings
    ///       hostPath:
    ///         path: /etc/
    /// ```
    ///
    /// Good: what the pod keeps is in a claim, what it reads in a ConfigMap.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: backup
    /// spec:
    ///   containers:
    ///     - name: backup
    ///       image: registry.example.com/backup:2.0
    ///       volumeMounts:
    ///         - name: data
    ///           mountPath: /backup
    ///         - name: settings
    ///           mountPath: /etc/backup
    ///   volumes:
    ///     - name: data
    ///       persistentVolumeClaim:
    ///         claimName: backup
    ///     - name: settings
    ///       configMap:
    ///         name: backup
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Agents that watch or run the node itself, such as log shippers, node exporters, and network and storage plug-ins, need
    /// one such folder each. Mount exactly that folder, read-only where it will do, in a namespace of its own.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix, because what the pod wants from the folder decides what takes its place: a PersistentVolumeClaim for
    /// data, a ConfigMap or Secret for settings, an `emptyDir` for scratch files.
    ///
    /// ## Applies to
    ///
    /// Profile `baseline`, which allows no `hostPath` at all, in every Kubernetes version and on every operating system.
    ///
    /// ## References
    ///
    /// - Pod Security Standards: HostPath Volumes:
    ///   <https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline>
    /// - [Kubernetes: hostPath](https://kubernetes.io/docs/concepts/storage/volumes/#hostpath)
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.2.12
    /// - NSA/CISA Kubernetes Hardening Guide, "Pod security enforcement":
    ///   <https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF>
    id: "sensitive-host-path",
    enablement: Profile(Baseline),
    severity: Error,
    check: Check::Pod(check),
    aliases: [Trivy "KSV-0121", KubeLinter "sensitive-host-mounts"],
    related: [Kubescape "C-0048", Kubeaudit "SensitivePathsMounted", Kyverno "disallow-host-path"],
}

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    for volume in volumes(pod, config) {
        let path = volume.path.as_deref().unwrap_or_default();
        let message = match volume.target {
            Target::Sensitive(Reach::All(what)) => {
                format!("hostPath is {path}: the pod reaches {what}")
            }
            Target::Sensitive(Reach::Part(what)) => format!("hostPath is {path}, a part of {what}"),
            _ => continue,
        };
        volume.relate(&mut found.at(volume.node, message), pod);
    }
}
