use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::host::host_path::{Reach, Target, volumes};
use kubernetes::Pod;

rule! {
    /// `hostPath` volumes that expose a sensitive directory of the node.
    ///
    /// The rule reports paths at, below or above such a directory. Among them are `/`, `/etc`,
    /// `/root`, `/home`, `/proc`, `/sys`, `/dev`, `/boot`, `/usr`, `/var/log`, and the directories
    /// of the kubelet, the container runtime and the control plane below `/var/lib` and
    /// `/etc/kubernetes`. Double slashes, `.` and a trailing slash make no difference. Add your own
    /// directories with `sensitivePaths` in the configuration.
    ///
    /// ## Why
    ///
    /// If `/etc` is writable, one line in `/etc/cron.d` runs as root on the node a minute later. If
    /// `/var/lib/kubelet` is readable, so are the tokens and Secrets of every pod on the node. In
    /// `/var/log`, a symbolic link instead of a log file makes the kubelet read any file of the
    /// node for the attacker. A read-only mount prevents the first of these attacks, but not the
    /// others.
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
    /// Good: a PersistentVolumeClaim for data, a ConfigMap for settings.
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
    /// Agents that watch or run the node itself need one such directory each: log shippers, node
    /// exporters, network and storage plugins. Mount exactly that directory, read-only if possible,
    /// in a separate namespace.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: the replacement depends on what the pod uses the directory for. It can be a
    /// PersistentVolumeClaim for data, a ConfigMap or Secret for settings, or an `emptyDir` for
    /// temporary files.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, every operating system. `baseline` allows no
    /// `hostPath` at all.
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

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    for volume in volumes(pod, config) {
        let path = volume.path.as_deref().unwrap_or_default();
        let message = match volume.target {
            Target::Sensitive(Reach::All(what)) => {
                format!("hostPath {path} exposes {what}")
            }
            Target::Sensitive(Reach::Part(what)) => {
                format!("hostPath {path} exposes part of {what}")
            }
            _ => continue,
        };
        volume.relate_mounts(&mut report.at(volume.node, message), pod);
    }
}
