use crate::config::Config;
use crate::rules::{Applicability, Reporter, Severity};
use kubernetes::{Pod, Setting};
use workspace::cross_references::DEFAULT_ACCOUNT;
use yaml::edit::{Change, Value};

rule! {
    /// Pods that mount an API token without requesting one.
    ///
    /// Kubernetes mounts a token of the pod's ServiceAccount into each container unless
    /// `automountServiceAccountToken` is `false`. The pod's value overrides the ServiceAccount's.
    /// The rule is silent if the pod sets the field, to `true` or `false`, or if its ServiceAccount,
    /// in the same file, folder or workspace, sets `false` or is bound to a role. If the pod names a
    /// ServiceAccount other than `default`, the finding is a hint.
    ///
    /// ## Why
    ///
    /// The token is below `/var/run/secrets/kubernetes.io/serviceaccount`, readable by any attacker
    /// who can make the program read a file: a path traversal is enough. With it, the attacker
    /// talks to the API server as the pod, from wherever the API server is reachable, with every
    /// permission that was ever granted to that ServiceAccount.
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
    ///   automountServiceAccountToken: false
    /// ```
    ///
    /// Good: only the container that talks to the API mounts a token, and the token expires soon.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: operator
    /// spec:
    ///   serviceAccountName: operator
    ///   automountServiceAccountToken: false
    ///   containers:
    ///     - name: operator
    ///       image: registry.example.com/operator:0.9
    ///       volumeMounts:
    ///         - name: token
    ///           mountPath: /var/run/secrets/tokens
    ///   volumes:
    ///     - name: token
    ///       projected:
    ///         sources:
    ///           - serviceAccountToken:
    ///               path: token
    ///               expirationSeconds: 3600
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Operators, controllers and other clients of the Kubernetes API need the token. Give them
    /// their own ServiceAccount with only the permissions they use.
    ///
    /// ## What the fix changes
    ///
    /// It sets `automountServiceAccountToken: false` on the pod. A program that uses the Kubernetes
    /// API loses access, including programs that use it through a library, for example to find
    /// peers or to elect a leader.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version, every operating system.
    ///
    /// ## References
    ///
    /// - Kubernetes: Opt out of API credential automounting:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/>
    /// - [Kubernetes: RBAC Good Practices](https://kubernetes.io/docs/concepts/security/rbac-good-practices/)
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.1.6
    /// - NSA/CISA Kubernetes Hardening Guide, "Protecting Pod service account tokens":
    ///   <https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF>
    id: "mounted-service-account-token",
    enablement: Profile(Hardened),
    severity: Info,
    check: Check::Pod(check),
    aliases: [
        Trivy "KSV-0036", Checkov "CKV_K8S_38", Polaris "automountServiceAccountToken",
        Kubescape "C-0034", Kubesec "AutomountServiceAccountToken",
        Kyverno "restrict-automount-sa-token",
    ],
    related: [Kubeaudit "AutomountServiceAccountTokenTrueAndDefaultSA"],
}

const FIELD: &str = "automountServiceAccountToken";

fn check(pod: &Pod<'_>, _config: &Config, report: &mut Reporter<'_, '_>) {
    let setting = pod.setting(FIELD, pod.spec.automount_service_account_token);
    if !setting.is_unset()
        || pod.has_unfinished_container()
        || pod.token_is_disabled
        || pod.account_is_bound
    {
        return;
    }
    let message = "pod does not set automountServiceAccountToken, so it gets an API token";
    let mut finding = report.missing(FIELD, message);
    if names_own_account(pod) {
        finding.lowered(Severity::Hint);
    }
    finding.fix(
        Applicability::Unsafe,
        "set automountServiceAccountToken: false (clients of the Kubernetes API lose access)",
        [Change::Set {
            path: pod.path(FIELD),
            value: Value::Bool(false),
        }],
    );
}

/// Whether the pod names an account other than `default`. Such a pod probably uses the API.
fn names_own_account(pod: &Pod<'_>) -> bool {
    matches!(pod.service_account_name(), Setting::Set { value, .. } if value != DEFAULT_ACCOUNT)
}
