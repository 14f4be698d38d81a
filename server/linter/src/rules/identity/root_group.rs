use crate::config::Config;
use crate::rules::identity::helpers::are_of_no_account;
use crate::rules::{Applicability, Reporter};
use kubernetes::{Pod, Setting};
use yaml::Path;
use yaml::edit::{Change, Value};

rule! {
    /// Pods that ask for group 0: as `runAsGroup`, as `fsGroup`, or in `supplementalGroups`.
    ///
    /// Group 0 is root's group. A process can be in it without being root.
    ///
    /// ## Why
    ///
    /// Files that belong to root are open to root's group more often than to everybody: log folders, sockets, keys on volumes
    /// of the node. A process in group 0 that breaks out of its container, or that has a volume of the node, may use them as
    /// another user could not.
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
    /// With images that are made for any user id and group 0, as OpenShift asks for: their files belong to root's group on
    /// purpose.
    ///
    /// ## What the fix changes
    ///
    /// It writes the configured group id, 10001 unless another one is configured, in the place of 0, and takes 0 out of
    /// `supplementalGroups`. The process loses access to files that only root's group may use. With another `fsGroup`,
    /// Kubernetes changes the group of the files on most kinds of volume when the pod starts.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version. Not pods for Windows (`spec.os.name`), which cannot have the field, nor,
    /// from 1.35 on, pods with `hostUsers: false`, whose ids are other ones on the node.
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
}

const GROUP: &str = "securityContext.runAsGroup";
const FS_GROUP: &str = "securityContext.fsGroup";
const SUPPLEMENTAL: &str = "securityContext.supplementalGroups";

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    if are_of_no_account(pod, config) {
        return;
    }
    let security = pod.security();
    let other = |name: &str, path: Path| {
        let id = config.values.group_id;
        let title = format!("set {name}: {id} (files of group 0 are out of reach)");
        (
            title,
            Change::Set {
                path,
                value: Value::Integer(id),
            },
        )
    };
    if let Setting::Set { value: 0, node, .. } = pod.setting(GROUP, security.run_as_group) {
        let (title, change) = other("runAsGroup", pod.path(GROUP));
        found
            .at(
                node,
                "runAsGroup is 0: containers of the pod run in root's group",
            )
            .fix(Applicability::Unsafe, title, [change]);
    }
    if let Setting::Set { value: 0, node, .. } = pod.setting(FS_GROUP, security.fs_group) {
        let (title, change) = other("fsGroup", pod.path(FS_GROUP));
        found
            .at(node, "fsGroup is 0: volumes belong to root's group")
            .fix(Applicability::Unsafe, title, [change]);
    }
    if let Setting::Set { node, .. } =
        pod.setting(SUPPLEMENTAL, security.supplemental_groups.as_ref())
    {
        for (place, item) in node
            .items()
            .enumerate()
            .filter(|(_, item)| item.as_str() == Some("0"))
        {
            let change = Change::Remove {
                path: pod.path(SUPPLEMENTAL).index(place),
            };
            let title =
                "remove group 0 from supplementalGroups (files of group 0 are out of reach)";
            found
                .at(item, "supplementalGroups has 0, which is root's group")
                .fix(Applicability::Unsafe, title, [change]);
        }
    }
    for container in &pod.containers {
        if let Setting::Set { value: 0, node, .. } =
            container.setting(GROUP, container.security().run_as_group)
        {
            let (title, change) = other("runAsGroup", container.path(GROUP));
            let message = format!("runAsGroup is 0: {container} runs in root's group");
            found.at(node, message).in_container(container).fix(
                Applicability::Unsafe,
                title,
                [change],
            );
        }
    }
}
