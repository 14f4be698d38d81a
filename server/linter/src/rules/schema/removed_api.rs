use crate::config::Config;
use crate::rules::describe::shortened;
use crate::rules::{Applicability, Reporter, Tag};
use kubernetes::{Object, Version};
use yaml::Node;
use yaml::edit::{Change, Value};

rule! {
    /// Objects of an API version that the cluster no longer serves.
    ///
    /// Kubernetes serves a beta version of an API for a few releases after its successor and then
    /// removes it. From then on, the API server does not know the kind in that version, and rejects
    /// the object.
    ///
    /// ## Why
    ///
    /// The object has no effect: a NetworkPolicy does not restrict traffic, a PodSecurityPolicy
    /// does not constrain pods. After an upgrade of the cluster, every deployment whose manifests
    /// still use the old version fails.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: rbac.authorization.k8s.io/v1beta1
    /// kind: Role
    /// metadata:
    ///   name: reader
    /// rules:
    ///   - apiGroups: [""]
    ///     resources: [configmaps]
    ///     verbs: [get]
    /// ```
    ///
    /// Fixed:
    ///
    /// ```yaml fixed
    /// apiVersion: rbac.authorization.k8s.io/v1
    /// kind: Role
    /// metadata:
    ///   name: reader
    /// rules:
    ///   - apiGroups: [""]
    ///     resources: [configmaps]
    ///     verbs: [get]
    /// ```
    ///
    /// If the kind was removed, or its successor has other fields, there is no fix:
    ///
    /// ```yaml bad
    /// apiVersion: policy/v1beta1
    /// kind: PodSecurityPolicy
    /// metadata:
    ///   name: restricted
    /// spec:
    ///   privileged: false
    /// ```
    ///
    /// Good:
    ///
    /// ```yaml good
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata:
    ///   name: web
    /// spec:
    ///   podSelector: {}
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// A manifest for older clusters: set that version with `--kubernetes-version`.
    ///
    /// ## What the fix changes
    ///
    /// It writes the successor's version if the object has the same meaning there. A Deployment of
    /// `extensions/v1beta1` needs a `selector` for this, a PodDisruptionBudget a selector that is
    /// not empty. Some defaults differ between the versions, such as the update strategy of a
    /// DaemonSet. There is no fix if the target version does not serve the successor yet.
    ///
    /// ## Applies to
    ///
    /// Every profile, from the Kubernetes version on that no longer serves the kind, according to
    /// the lifecycle markers in Kubernetes' sources. They agree with the deprecation guide, and
    /// also cover alpha versions.
    ///
    /// ## References
    ///
    /// - [Kubernetes: Deprecated API Migration Guide](https://kubernetes.io/docs/reference/using-api/deprecation-guide/)
    /// - The Pod Security Standards, the CIS Benchmark and the NSA/CISA guide have no section about it.
    id: "removed-api",
    enablement: Always,
    severity: Warning,
    check: Check::Object(check),
    aliases: [Kubeaudit "DeprecatedAPIUsed"],
    related: [KubeLinter "no-extensions-v1beta", KubeScore "stable-version"],
    skips_versioned_blocks: true,
}

/// An API version of some kinds that is no longer served.
struct Removed {
    api_version: &'static str,
    kinds: &'static [&'static str],
    since: Version,
    successor: Successor,
}

#[derive(Clone, Copy)]
enum Successor {
    /// No version replaces it, or the replacement has other fields.
    Other,
    /// It accepts the object unchanged.
    Same(&'static str),
    /// It accepts the object if the condition is true.
    If(fn(&Object<'_>) -> bool, &'static str),
}

const fn removed(
    minor: u16,
    api_version: &'static str,
    kinds: &'static [&'static str],
    successor: Successor,
) -> Removed {
    Removed {
        api_version,
        kinds,
        since: Version::new(minor),
        successor,
    }
}

/// The removals, from the lifecycle markers in Kubernetes' sources. `tests/it/removed.rs` compares
/// the table with them.
const REMOVED: &[Removed] = {
    use Successor::{If, Other, Same};
    &[
        removed(
            16,
            "extensions/v1beta1",
            &["Deployment", "DaemonSet", "ReplicaSet"],
            If(has_selector, "apps/v1"),
        ),
        removed(
            16,
            "extensions/v1beta1",
            &["NetworkPolicy"],
            Same("networking.k8s.io/v1"),
        ),
        removed(16, "extensions/v1beta1", &["PodSecurityPolicy"], Other),
        removed(
            16,
            "apps/v1beta1",
            &["Deployment", "StatefulSet"],
            If(has_selector, "apps/v1"),
        ),
        removed(16, "apps/v1beta1", &["ControllerRevision"], Same("apps/v1")),
        removed(
            16,
            "apps/v1beta2",
            &["Deployment", "DaemonSet", "ReplicaSet", "StatefulSet"],
            If(has_selector, "apps/v1"),
        ),
        removed(16, "apps/v1beta2", &["ControllerRevision"], Same("apps/v1")),
        removed(20, "settings.k8s.io/v1alpha1", &["PodPreset"], Other),
        removed(21, "batch/v2alpha1", &["CronJob"], Same("batch/v1")),
        removed(21, "discovery.k8s.io/v1alpha1", &["EndpointSlice"], Other),
        removed(
            21,
            "flowcontrol.apiserver.k8s.io/v1alpha1",
            &["FlowSchema", "PriorityLevelConfiguration"],
            Other,
        ),
        removed(22, "extensions/v1beta1", &["Ingress"], Other),
        removed(22, "networking.k8s.io/v1beta1", &["Ingress"], Other),
        removed(
            22,
            "networking.k8s.io/v1beta1",
            &["IngressClass"],
            Same("networking.k8s.io/v1"),
        ),
        removed(
            22,
            "apiextensions.k8s.io/v1beta1",
            &["CustomResourceDefinition"],
            Other,
        ),
        removed(
            22,
            "apiregistration.k8s.io/v1beta1",
            &["APIService"],
            Same("apiregistration.k8s.io/v1"),
        ),
        removed(
            22,
            "admissionregistration.k8s.io/v1beta1",
            &["MutatingWebhookConfiguration"],
            Other,
        ),
        removed(
            22,
            "admissionregistration.k8s.io/v1beta1",
            &["ValidatingWebhookConfiguration"],
            Other,
        ),
        removed(
            22,
            "authentication.k8s.io/v1beta1",
            &["TokenReview"],
            Same("authentication.k8s.io/v1"),
        ),
        removed(
            22,
            "authorization.k8s.io/v1beta1",
            &["LocalSubjectAccessReview", "SubjectAccessReview"],
            Other,
        ),
        removed(
            22,
            "authorization.k8s.io/v1beta1",
            &["SelfSubjectAccessReview"],
            Same("authorization.k8s.io/v1"),
        ),
        removed(
            22,
            "authorization.k8s.io/v1beta1",
            &["SelfSubjectRulesReview"],
            Same("authorization.k8s.io/v1"),
        ),
        removed(
            22,
            "certificates.k8s.io/v1beta1",
            &["CertificateSigningRequest"],
            Other,
        ),
        removed(
            22,
            "coordination.k8s.io/v1beta1",
            &["Lease"],
            Same("coordination.k8s.io/v1"),
        ),
        removed(
            22,
            "rbac.authorization.k8s.io/v1beta1",
            &["ClusterRole", "Role"],
            Same("rbac.authorization.k8s.io/v1"),
        ),
        removed(
            22,
            "rbac.authorization.k8s.io/v1beta1",
            &["ClusterRoleBinding"],
            Same("rbac.authorization.k8s.io/v1"),
        ),
        removed(
            22,
            "rbac.authorization.k8s.io/v1beta1",
            &["RoleBinding"],
            Same("rbac.authorization.k8s.io/v1"),
        ),
        removed(
            22,
            "scheduling.k8s.io/v1beta1",
            &["PriorityClass"],
            Same("scheduling.k8s.io/v1"),
        ),
        removed(
            22,
            "storage.k8s.io/v1beta1",
            &["CSIDriver", "CSINode"],
            Same("storage.k8s.io/v1"),
        ),
        removed(
            22,
            "storage.k8s.io/v1beta1",
            &["StorageClass", "VolumeAttachment"],
            Same("storage.k8s.io/v1"),
        ),
        removed(
            24,
            "storage.k8s.io/v1alpha1",
            &["CSIStorageCapacity", "VolumeAttachment"],
            Same("storage.k8s.io/v1"),
        ),
        removed(25, "batch/v1beta1", &["CronJob"], Same("batch/v1")),
        removed(25, "discovery.k8s.io/v1beta1", &["EndpointSlice"], Other),
        removed(25, "events.k8s.io/v1beta1", &["Event"], Other),
        removed(
            25,
            "autoscaling/v2beta1",
            &["HorizontalPodAutoscaler"],
            Other,
        ),
        removed(
            25,
            "policy/v1beta1",
            &["PodDisruptionBudget"],
            If(selects_some, "policy/v1"),
        ),
        removed(25, "policy/v1beta1", &["PodSecurityPolicy"], Other),
        removed(
            25,
            "node.k8s.io/v1beta1",
            &["RuntimeClass"],
            Same("node.k8s.io/v1"),
        ),
        removed(
            26,
            "autoscaling/v2beta2",
            &["HorizontalPodAutoscaler"],
            Same("autoscaling/v2"),
        ),
        removed(26, FLOW[0], &["FlowSchema"], Same(FLOW[3])),
        removed(
            26,
            FLOW[0],
            &["PriorityLevelConfiguration"],
            If(lacks_shares, FLOW[3]),
        ),
        removed(
            27,
            "storage.k8s.io/v1beta1",
            &["CSIStorageCapacity"],
            Same("storage.k8s.io/v1"),
        ),
        removed(29, FLOW[1], &["FlowSchema"], Same(FLOW[3])),
        removed(
            29,
            FLOW[1],
            &["PriorityLevelConfiguration"],
            If(lacks_shares, FLOW[3]),
        ),
        removed(31, "networking.k8s.io/v1alpha1", &["ClusterCIDR"], Other),
        removed(
            32,
            "admissionregistration.k8s.io/v1alpha1",
            &ADMISSION,
            Other,
        ),
        removed(
            32,
            "authentication.k8s.io/v1alpha1",
            &["SelfSubjectReview"],
            Same("authentication.k8s.io/v1"),
        ),
        removed(32, FLOW[2], &["FlowSchema"], Same(FLOW[3])),
        removed(32, FLOW[2], &["PriorityLevelConfiguration"], Same(FLOW[3])),
        removed(
            33,
            "authentication.k8s.io/v1beta1",
            &["SelfSubjectReview"],
            Same("authentication.k8s.io/v1"),
        ),
        removed(
            33,
            "networking.k8s.io/v1alpha1",
            &["IPAddress", "ServiceCIDR"],
            Other,
        ),
        removed(
            34,
            "admissionregistration.k8s.io/v1beta1",
            &ADMISSION,
            Same("admissionregistration.k8s.io/v1"),
        ),
        removed(
            35,
            "storage.k8s.io/v1alpha1",
            &["VolumeAttributesClass"],
            Same("storage.k8s.io/v1"),
        ),
        removed(
            36,
            "storagemigration.k8s.io/v1alpha1",
            &["StorageVersionMigration"],
            Other,
        ),
        removed(
            37,
            "certificates.k8s.io/v1alpha1",
            &["ClusterTrustBundle"],
            Other,
        ),
        removed(
            37,
            "networking.k8s.io/v1beta1",
            &["IPAddress", "ServiceCIDR"],
            Same("networking.k8s.io/v1"),
        ),
        removed(
            37,
            "storage.k8s.io/v1beta1",
            &["VolumeAttributesClass"],
            Same("storage.k8s.io/v1"),
        ),
    ]
};

const ADMISSION: [&str; 2] = [
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
];

const FLOW: [&str; 4] = [
    "flowcontrol.apiserver.k8s.io/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1beta2",
    "flowcontrol.apiserver.k8s.io/v1beta3",
    "flowcontrol.apiserver.k8s.io/v1",
];

fn check(object: &Object<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    let is_match =
        |row: &&Removed| row.api_version == object.api_version && row.kinds.contains(&object.kind);
    let gone = REMOVED
        .iter()
        .find(is_match)
        .filter(|row| config.kubernetes_version >= row.since);
    let (Some(row), Some(node)) = (gone, object.node.get("apiVersion")) else {
        return;
    };
    let what = if object.kind == "PodSecurityPolicy" {
        ""
    } else {
        "this version of "
    };
    let mut finding = report.at(
        node,
        format!(
            "Kubernetes {} removed {what}{}",
            row.since,
            shortened(object.kind)
        ),
    );
    finding.tagged(Tag::Deprecated);
    let (successor, title) = match row.successor {
        Successor::Same(successor) => (
            successor,
            format!("replace with {successor} (older clusters reject it)"),
        ),
        Successor::If(holds, successor) if holds(object) => (
            successor,
            format!("replace with {successor} (some defaults differ)"),
        ),
        Successor::If(..) | Successor::Other => return,
    };
    // All other successors are served before the old version is removed.
    if successor == FLOW[3] && config.kubernetes_version < Version::new(29) {
        return;
    }
    let change = Change::Set {
        path: object.node.path().keys("apiVersion"),
        value: Value::Text(successor.into()),
    };
    finding.fix(Applicability::Unsafe, title, [change]);
}

fn field<'y>(object: &Object<'y>, field_path: &[&str]) -> Option<Node<'y>> {
    field_path
        .iter()
        .try_fold(object.node, |node, key| node.get(key))
        .filter(|node| !node.is_null())
}

/// `apps/v1` requires a selector, and has no `rollbackTo` and `templateGeneration`.
fn has_selector(object: &Object<'_>) -> bool {
    let has = |key| field(object, &["spec", key]).is_some();
    has("selector") && !has("rollbackTo") && !has("templateGeneration")
}

/// An empty selector selects no pod in `policy/v1beta1` and every pod in `policy/v1`.
fn selects_some(object: &Object<'_>) -> bool {
    field(object, &["spec", "selector"]).is_some_and(|selector| selector.entries().len() > 0)
}

/// `v1beta3` renamed `assuredConcurrencyShares`.
fn lacks_shares(object: &Object<'_>) -> bool {
    field(object, &["spec", "limited", "assuredConcurrencyShares"]).is_none()
}
