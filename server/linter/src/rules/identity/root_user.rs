use crate::config::Config;
use crate::rules::identity::helpers::{Id, proposed};
use crate::rules::pod_security::exempts_user_namespaces;
use crate::rules::{Applicability, Finding, Reporter};
use kubernetes::{Pod, Setting, Version};
use yaml::Path;
use yaml::edit::{Change, Value};

rule! {
    /// Pods and containers with `runAsUser: 0`.
    ///
    /// User 0 is root, whatever user the image was built for. A value on the pod applies to every
    /// container without its own value. The rule reports it even if all containers have one.
    ///
    /// ## Why
    ///
    /// The manifest gives the attacker the user that every escape needs. For root in the container,
    /// a writable `hostPath`, a mounted disk, or one bug in the runtime (such as CVE-2019-5736,
    /// which overwrote `runc` on the node) leads to root on the node.
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
    /// Good: the image's user, unless it is root.
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
    /// An init container that changes the owner of a volume needs root, but `fsGroup` on the pod
    /// does the same for most volumes. On Kubernetes 1.35 and later, set `hostUsers: false`: root
    /// in the container is then an ordinary user of the node, and this rule is silent.
    ///
    /// ## What the fix changes
    ///
    /// It sets an id that the pod already uses (`fsGroup`, another container), or the configured one
    /// (`userId`, 10001 by default). On a Windows pod, where the API
    /// server rejects the field, it removes the field. A program that writes to files of root,
    /// installs packages, or changes owners stops working. `fsGroup` opens volumes to the new user.
    ///
    /// ## Applies to
    ///
    /// Profiles `restricted` and `hardened`, Kubernetes 1.23 and later. From 1.35 on, the rule
    /// skips pods with `hostUsers: false`.
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

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    if config.kubernetes_version < Version::new(23) || exempts_user_namespaces(pod, config) {
        return;
    }
    if let Setting::Set { value: 0, node, .. } = pod.setting(FIELD, pod.security().run_as_user) {
        let mut finding = report.at(node, "runAsUser is 0: containers of the pod run as root");
        offer_other_user(&mut finding, pod, pod.path(FIELD), config);
    }
    for container in &pod.containers {
        if let Setting::Set { value: 0, node, .. } =
            container.setting(FIELD, container.security().run_as_user)
        {
            let mut finding = report
                .at(node, format!("runAsUser is 0: {container} runs as root"))
                .in_container(container);
            offer_other_user(&mut finding, pod, container.path(FIELD), config);
            if let Setting::Set {
                value: 1.., node, ..
            } = pod.setting(FIELD, pod.security().run_as_user)
            {
                finding.related(node, "the pod sets another user here");
            }
        }
    }
}

/// Adds a fix that sets another user. On Windows, it removes the field, which the API server
/// rejects there.
fn offer_other_user(finding: &mut Finding, pod: &Pod<'_>, path: Path, config: &Config) {
    if pod.is_windows() {
        finding.fix(
            Applicability::Unsafe,
            "remove runAsUser (not allowed on Windows)",
            [Change::Remove { path }],
        );
        return;
    }
    let id = proposed(Id::User, pod, config);
    finding.fix(
        Applicability::Unsafe,
        format!("set runAsUser: {id} (files owned by root become inaccessible)"),
        [Change::Set {
            path,
            value: Value::Integer(id),
        }],
    );
}
