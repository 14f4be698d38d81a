use crate::config::Config;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Pod, Setting};
use yaml::edit::Change;

rule! {
    /// Pods whose containers share one process namespace (`shareProcessNamespace: true`).
    ///
    /// ## Why
    ///
    /// A process sees those of the other containers: their command lines and, as the same user or
    /// as root, their environment variables, their memory and, through `/proc/PID/root`, their
    /// files. A compromised sidecar exposes the secrets of the main program.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   shareProcessNamespace: true
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///     - name: proxy
    ///       image: registry.example.com/proxy:2.1
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
    ///     - name: proxy
    ///       image: registry.example.com/proxy:2.1
    /// ```
    ///
    /// Good:
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
    ///     - name: proxy
    ///       image: registry.example.com/proxy:2.1
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// If a sidecar has to signal the program, for example to reload its configuration, or if a
    /// debugging container has to see it. For debugging, `kubectl debug --target` works without the
    /// field.
    ///
    /// ## What the fix changes
    ///
    /// It removes the field. Each container gets its own process namespace, in which its entry
    /// point is process 1. Sidecars that look for or signal the processes of another container stop
    /// working, and a program that does not reap its children as process 1 leaves zombies behind.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version. The rule skips Windows pods
    /// (`spec.os.name: windows`), which cannot set the field.
    ///
    /// ## References
    ///
    /// - Kubernetes: Share Process Namespace between Containers in a Pod:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/share-process-namespace/>
    id: "shared-process-namespace",
    enablement: Profile(Hardened),
    severity: Hint,
    check: Check::Pod(check),
}

const FIELD: &str = "shareProcessNamespace";

fn check(pod: &Pod<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    if pod.runs_on_windows() {
        return;
    }
    if let Setting::Set {
        value: true, node, ..
    } = pod.setting(FIELD, pod.spec.share_process_namespace)
    {
        report
            .at(
                node,
                "shareProcessNamespace is true: containers see each other's processes",
            )
            .fix(
                Applicability::Unsafe,
                "remove shareProcessNamespace (containers cannot signal each other)",
                [Change::Remove {
                    path: pod.path(FIELD),
                }],
            );
    }
}
