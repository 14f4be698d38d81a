use crate::config::Config;
use crate::rules::pod_security::exempts_windows;
use crate::rules::privileges::privileged_container;
use crate::rules::{Applicability, NewFinding, Reporter};
use kubernetes::{Container, Pod, Setting, Version};
use yaml::Node;
use yaml::edit::{Change, Value};

rule! {
    /// Containers that do not drop `ALL` capabilities.
    ///
    /// A container runtime gives every container more than a dozen capabilities, which are parts of
    /// root's power, unless `capabilities.drop` removes them. The list must contain `ALL`, in
    /// capitals. List the capabilities that the container needs in `add`.
    ///
    /// ## Why
    ///
    /// The default set contains what attackers use. `NET_RAW` forges packets on the pod network and
    /// answers for other pods' addresses. `DAC_OVERRIDE` reads any file. `SETUID` and `SETFCAP`
    /// make a foothold last. `MKNOD` creates device files. Programs that serve requests need none
    /// of them.
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
    ///         capabilities:
    ///           add:
    ///             - NET_BIND_SERVICE
    ///           drop:
    ///             - MKNOD
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
    ///         capabilities:
    ///           add:
    ///             - NET_BIND_SERVICE
    ///           drop:
    ///             - MKNOD
    ///             - ALL
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
    ///       securityContext:
    ///         capabilities:
    ///           drop: [ALL]
    /// ```
    ///
    /// Without a list, the fix creates it:
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
    ///         capabilities:
    ///           drop:
    ///             - ALL
    /// ```
    ///
    /// The standard compares `ALL` exactly, so the fix corrects other spellings:
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
    ///         capabilities: { drop: [all] }
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
    ///         capabilities: { drop: [ALL] }
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Follow it even if the container needs capabilities: drop `ALL` and add the ones it needs. A
    /// container that really needs the default set is rare; explain it in an ignore comment.
    ///
    /// ## What the fix changes
    ///
    /// It adds `ALL` to `capabilities.drop` and leaves `add` as it is. Images that start as root
    /// and then change owners (`CHOWN`), switch users (`SETUID`, `SETGID`) or listen on a port
    /// below 1024 (`NET_BIND_SERVICE`) stop working until those capabilities are added. The
    /// official images of nginx and PostgreSQL are among them.
    ///
    /// ## Applies to
    ///
    /// Profiles `restricted` and `hardened`, Kubernetes 1.22 and later. From 1.25 on, the rule
    /// skips Windows pods (`spec.os.name: windows`), which cannot set the field. If a container is
    /// privileged and drops nothing, only `privileged-container` reports it.
    ///
    /// ## References
    ///
    /// - Pod Security Standards: Capabilities:
    ///   <https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted>
    /// - Kubernetes: Set capabilities for a Container:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#set-capabilities-for-a-container>
    /// - [Linux: capabilities(7)](https://man7.org/linux/man-pages/man7/capabilities.7.html)
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.2.10
    /// - NSA/CISA Kubernetes Hardening Guide, "Hardening container environments":
    ///   <https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF>
    id: "undropped-capabilities",
    enablement: Profile(Restricted),
    severity: Warning,
    check: Check::Pod(check),
    aliases: [
        Trivy "KSV-0003", Checkov "CKV_K8S_37", Polaris "insecureCapabilities",
        Kubeaudit "CapabilityShouldDropAll", Kubesec "CapDropAll",
        Kyverno "drop-all-capabilities",
    ],
    related: [
        Trivy "KSV-0004", Trivy "KSV-0106", Kubescape "C-0201",
        Kyverno "disallow-capabilities-strict",
    ],
    fields: ["SecurityContext.capabilities", "Capabilities.drop"],
}

const DROP: &str = "securityContext.capabilities.drop";
/// The missing item as if it were a key, so that the finding is at the list if there is one.
const ITEM: &str = "securityContext.capabilities.drop.ALL";
const TITLE: &str = "drop ALL capabilities (may break some images)";

/// Whether this rule checks a pod with a configuration.
pub(crate) fn applies_to(pod: &Pod<'_>, config: &Config) -> bool {
    RULE.runs(config) && !is_exempt(pod, config)
}

fn is_exempt(pod: &Pod<'_>, config: &Config) -> bool {
    config.kubernetes_version < Version::new(22) || exempts_windows(pod, config)
}

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    if is_exempt(pod, config) {
        return;
    }
    for container in &pod.containers {
        let dropped = container
            .security()
            .capabilities
            .as_ref()
            .and_then(|lists| lists.drop.as_ref());
        let mut finding = match container.setting(DROP, dropped) {
            Setting::Set { value, .. } if value.iter().any(|name| name == "ALL") => continue,
            Setting::Set { node, .. } => match near_all(node) {
                Some((place, item)) => misspelled(report, container, place, item),
                None => undropped(report, container),
            },
            Setting::Unset
                if !container.is_unfinished()
                    && !privileged_container::explains(container, config) =>
            {
                undropped(report, container)
            }
            _ => continue,
        };
        // Even if the standard does not exempt Windows pods, the API server rejects the field
        // there.
        if pod.is_windows() {
            finding.fix = None;
        }
    }
}

fn undropped<'a>(
    report: &'a mut Reporter<'_, '_>,
    container: &Container<'_>,
) -> NewFinding<'a, 'static> {
    let change = Change::Append {
        path: container.path(DROP),
        value: all(),
    };
    let message = format!("{container} does not drop ALL capabilities");
    let mut finding = report.missing(ITEM, message).in_container(container);
    finding.fix(Applicability::Unsafe, TITLE, [change]);
    finding
}

fn misspelled<'a>(
    report: &'a mut Reporter<'_, '_>,
    container: &Container<'_>,
    place: usize,
    item: Node<'a>,
) -> NewFinding<'a, 'a> {
    let path = container.path(DROP).index(place);
    let message = format!(
        "{container} drops {:?}, which is not ALL",
        item.as_str().unwrap_or_default()
    );
    let change = Change::Set { path, value: all() };
    let mut finding = report.at(item, message).in_container(container);
    finding.fix(Applicability::Unsafe, TITLE, [change]);
    finding
}

/// Returns the item of the list that means `ALL` in another spelling.
fn near_all(list: Node<'_>) -> Option<(usize, Node<'_>)> {
    let means_all = |item: Node<'_>| {
        let name = item
            .as_str()
            .unwrap_or_default()
            .trim()
            .to_ascii_uppercase();
        name.trim_start_matches("CAP_") == "ALL"
    };
    list.items().enumerate().find(|&(_, item)| means_all(item))
}

fn all() -> Value {
    Value::Text("ALL".into())
}
