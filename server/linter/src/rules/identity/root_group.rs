use crate::config::Config;
use crate::rules::identity::helpers::{Id, is_exempt, proposed};
use crate::rules::{Applicability, Finding, Reporter};
use kubernetes::{Pod, Setting};
use yaml::edit::{Change, Value};
use yaml::{Node, Path};

rule! {
    /// Pods that use group 0: in `runAsGroup`, `fsGroup` or `supplementalGroups`.
    ///
    /// Group 0 is root's group. A process can be in it without being root.
    ///
    /// ## Why
    ///
    /// Files that belong to root are more often open to root's group than to everyone: log
    /// directories, sockets, keys on volumes of the node. A process in group 0 that escapes from
    /// its container, or that mounts a volume of the node, can use them.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   securityContext:
    ///     fsGroup: 0
    ///     supplementalGroups: [0, 20001]
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         runAsGroup: 0
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
    ///   securityContext:
    ///     fsGroup: 10001
    ///     supplementalGroups: [20001]
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    ///       securityContext:
    ///         runAsGroup: 10001
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
    ///   securityContext:
    ///     runAsGroup: 10001
    ///     fsGroup: 10001
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Images made for any user id and group 0, as OpenShift requires. Their files belong to root's
    /// group on purpose.
    ///
    /// ## What the fix changes
    ///
    /// It replaces 0 with an id that the pod already uses, or with the configured one (`groupId`, 10001
    /// by default), and removes 0 from
    /// `supplementalGroups`. The process loses access to files that only root's group may use. With
    /// another `fsGroup`, Kubernetes changes the group of the files on most kinds of volume when
    /// the pod starts.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version. The rule skips Windows pods
    /// (`spec.os.name: windows`), which cannot set the field. From 1.35 on, it also skips pods with
    /// `hostUsers: false`, whose ids are different on the node.
    ///
    /// ## References
    ///
    /// - Kubernetes: Configure a Security Context for a Pod or Container:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/security-context/>
    /// - NSA/CISA Kubernetes Hardening Guide, "Non-root containers and rootless container engines":
    ///   <https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF>
    id: "root-group",
    enablement: Profile(Hardened),
    severity: Warning,
    check: Check::Pod(check),
    aliases: [Trivy "KSV-0116", Kyverno "require-non-root-groups"],
    related: [KubeLinter "run-as-non-root", Kubescape "C-0013"],
    fields: ["PodSecurityContext.fsGroup", "PodSecurityContext.supplementalGroups"],
}

const GROUP: &str = "securityContext.runAsGroup";
const FS_GROUP: &str = "securityContext.fsGroup";
const SUPPLEMENTAL: &str = "securityContext.supplementalGroups";

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    if is_exempt(pod, config) {
        return;
    }
    check_pod(pod, config, report);
    check_supplemental_groups(pod, report);
    for container in &pod.containers {
        let group = container.security().run_as_group;
        if let Setting::Set { value: 0, node, .. } = container.setting(GROUP, group) {
            let message = format!("runAsGroup is 0: {container} runs in root's group");
            let mut finding = report.at(node, message).in_container(container);
            offer_other_group(
                &mut finding,
                pod,
                container.path(GROUP),
                "runAsGroup",
                config,
            );
        }
    }
}

fn check_pod(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    let security = pod.security();
    if let Setting::Set { value: 0, node, .. } = pod.setting(GROUP, security.run_as_group) {
        let message = "runAsGroup is 0: containers of the pod run in root's group";
        let mut finding = report.at(node, message);
        offer_other_group(&mut finding, pod, pod.path(GROUP), "runAsGroup", config);
    }
    if let Setting::Set { value: 0, node, .. } = pod.setting(FS_GROUP, security.fs_group) {
        let message = "fsGroup is 0: volumes belong to root's group";
        let mut finding = report.at(node, message);
        offer_other_group(&mut finding, pod, pod.path(FS_GROUP), "fsGroup", config);
    }
}

fn check_supplemental_groups(pod: &Pod<'_>, report: &mut Reporter<'_, '_>) {
    let groups = pod.security().supplemental_groups.as_ref();
    let Setting::Set { node, .. } = pod.setting(SUPPLEMENTAL, groups) else {
        return;
    };
    let is_root = |item: &Node<'_>| item.as_str() == Some("0");
    for (index, item) in node.items().enumerate().filter(|(_, item)| is_root(item)) {
        let change = Change::Remove {
            path: pod.path(SUPPLEMENTAL).index(index),
        };
        report
            .at(item, "supplementalGroups contains 0, which is root's group")
            .fix(
                Applicability::Unsafe,
                "remove group 0 from supplementalGroups (files of group 0 become inaccessible)",
                [change],
            );
    }
}

fn offer_other_group(
    finding: &mut Finding,
    pod: &Pod<'_>,
    path: Path,
    field: &str,
    config: &Config,
) {
    let id = proposed(Id::Group, pod, config);
    let change = Change::Set {
        path,
        value: Value::Integer(id),
    };
    finding.fix(
        Applicability::Unsafe,
        format!("set {field}: {id} (files of group 0 become inaccessible)"),
        [change],
    );
}
