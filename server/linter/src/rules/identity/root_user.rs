use crate::config::Config;
use crate::rules::pod_security::spares_user_namespace;
use crate::rules::{Applicability, Finding, Reporter};
use kubernetes::{Pod, Setting, Version};
use yaml::Path;
use yaml::edit::{Change, Value};

rule! {
    /// Pods and containers with `runAsUser: 0`.
    ///
    /// User 0 is root, whatever user the image was built for. A value on the pod holds for every container that has none of
    /// its own, and counts even where all containers have one.
    ///
    /// ## Why
    ///
    /// The manifest hands the attacker the user that every escape asks for. As root in the container, a writable `hostPath`,
    /// a mounted disk or one bug in the runtime (such as CVE-2019-5736, which overwrote `runc` on the node) is root on the
    /// node.
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
    ///         runAsUser: 0
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
    ///         runAsUser: 10001
    /// ```
    ///
    /// Good: the user of the image, as long as it is not root.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   securityContext:
    ///     runAsNonRoot: true
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// An init container that changes the owner of a volume needs root, but is seldom needed itself: `fsGroup` on the pod
    /// does the same for most volumes. On Kubernetes 1.35 and later, `hostUsers: false` makes root in the container an
    /// ordinary user of the node, and this rule is silent.
    ///
    /// ## What the fix changes
    ///
    /// It writes the configured user id, 10001 unless configured otherwise; on a pod for Windows, where the field is refused
    /// altogether, it removes the field. A program that writes to files of root, installs packages or changes owners stops
    /// working; `fsGroup` opens volumes to the new user.
    ///
    /// ## Applies to
    ///
    /// Profile `restricted`, Kubernetes 1.23 and later. From 1.35 on not pods with `hostUsers: false`.
    ///
    /// ## References
    ///
    /// - Pod Security Standards: Running as Non-root user:
    ///   <https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted>
    /// - Kubernetes: Configure a Security Context for a Pod or Container:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/security-context/>
    /// - [Kubernetes: User Namespaces](https://kubernetes.io/docs/concepts/workloads/pods/user-namespaces/)
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.2.7
    /// - NSA/CISA Kubernetes Hardening Guide, "Non-root containers and rootless container engines":
    ///   <https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF>
    id: "root-user",
    enablement: Profile(Restricted),
    severity: Error,
    check: Check::Pod(check),
    aliases: [Trivy "KSV-0105", Kyverno "require-run-as-non-root-user"],
    related: [
        Checkov "CKV_K8S_23", KubeLinter "run-as-non-root", Kubeaudit "RunAsUserCSCRoot",
        Kubeaudit "RunAsUserPSCRoot",
    ],
}

const FIELD: &str = "securityContext.runAsUser";

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    if config.kubernetes_version < Version::new(23) || spares_user_namespace(pod, config) {
        return;
    }
    if let Setting::Set { value: 0, node, .. } = pod.setting(FIELD, pod.security().run_as_user) {
        let mut finding = found.at(node, "runAsUser is 0: containers of the pod run as root");
        become_ordinary(&mut finding, pod, pod.path(FIELD), config);
    }
    for container in &pod.containers {
        if let Setting::Set { value: 0, node, .. } =
            container.setting(FIELD, container.security().run_as_user)
        {
            let mut finding = found
                .at(node, format!("runAsUser is 0: {container} runs as root"))
                .in_container(container);
            become_ordinary(&mut finding, pod, container.path(FIELD), config);
            if let Setting::Set {
                value: 1.., node, ..
            } = pod.setting(FIELD, pod.security().run_as_user)
            {
                finding.related(node, "the pod has another user");
            }
        }
    }
}

/// Another user; none on Windows, where the API server refuses the field whatever its value.
fn become_ordinary(finding: &mut Finding, pod: &Pod<'_>, path: Path, config: &Config) {
    if pod.is_windows() {
        finding.fix(
            Applicability::Unsafe,
            "remove runAsUser (Windows pods cannot have it)",
            [Change::Remove { path }],
        );
        return;
    }
    let id = config.values.user_id;
    finding.fix(
        Applicability::Unsafe,
        format!("set runAsUser: {id} (files of root are out of reach)"),
        [Change::Set {
            path,
            value: Value::Integer(id),
        }],
    );
}
