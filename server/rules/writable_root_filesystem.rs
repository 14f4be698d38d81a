use super::{Findings, Safety};
use crate::config::Config;
use crate::k8s::{Pod, Setting};
use crate::yaml::edit::{Change, Value};

rule! {
    /// Containers that do not set `readOnlyRootFilesystem: true`.
    ///
    /// With it, a process can write only to the volumes that the manifest mounts writably; everything that came with the
    /// image stays as it was built.
    ///
    /// ## Why
    ///
    /// The first thing that an attacker does with a foothold is to write: a web shell beside the served files, a miner under
    /// `/tmp`, a changed library that survives until the pod is replaced. On a read-only file system each of these fails, and
    /// the running container stays the image that was scanned and signed.
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
    /// Good: what has to be written has a volume.
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
    /// Programs that keep state all over their file system, such as build agents and desktop images. A debugging container
    /// that lives for minutes gains little by it.
    ///
    /// ## What the fix changes
    ///
    /// It writes `readOnlyRootFilesystem: true`. A program that writes outside its volumes, most often to `/tmp`, `/var/run`
    /// or a cache folder, fails with "Read-only file system"; mount an `emptyDir` there.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version. Not pods for Windows (`spec.os.name`), which cannot have the field.
    ///
    /// ## References
    ///
    /// - Kubernetes: Configure a Security Context for a Pod or Container:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/security-context/>
    /// - [Kubernetes: emptyDir](https://kubernetes.io/docs/concepts/storage/volumes/#emptydir)
    /// - NSA/CISA Kubernetes Hardening Guide, "Immutable container file systems":
    ///   <https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF>
    ///
    /// ## Other names
    ///
    /// Trivy `KSV-0014`; Checkov `CKV_K8S_22`; kube-linter `no-read-only-root-fs`; Polaris `notReadOnlyRootFilesystem`;
    /// Kubescape `C-0017`; kubeaudit `ReadOnlyRootFilesystemNil`, `ReadOnlyRootFilesystemFalse`; kube-score
    /// `container-security-context-readonlyrootfilesystem`; kubesec `ReadOnlyRootFilesystem`; Kyverno `require-ro-rootfs`.
    "writable-root-filesystem", From(Hardened), Info, Check::Pod(check),
}

const FIELD: &str = "securityContext.readOnlyRootFilesystem";

fn check(pod: &Pod<'_>, _config: &Config, found: &mut Findings<'_, '_>) {
    if pod.is_windows() {
        return;
    }
    for container in &pod.containers {
        let finding = match container.setting(FIELD, container.security().read_only_root_filesystem) {
            Setting::Set { value: false, node, .. } => {
                found.wrong_in(container, node, format!("readOnlyRootFilesystem is false: {container} can overwrite its files"))
            }
            Setting::Unset if !container.is_unfinished() => {
                found.absent_in(container, FIELD, format!("{container} does not set readOnlyRootFilesystem"))
            }
            _ => continue,
        };
        finding.fix(
            Safety::Review,
            "set readOnlyRootFilesystem: true (programs that write outside volumes fail)",
            [Change::Set { path: container.path(FIELD), value: Value::Bool(true) }],
        );
    }
}
