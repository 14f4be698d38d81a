use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::service_accounts::mounted_service_account_token;
use kubernetes::{Pod, Setting};

rule! {
    /// Pods that get a token of the ServiceAccount `default`.
    ///
    /// Every namespace has that ServiceAccount, and every pod that names no other one shares it. Its token is mounted unless
    /// `automountServiceAccountToken` is `false`. Where a pod says nothing of either, `mounted-service-account-token` asks
    /// first whether it needs a token.
    ///
    /// ## Why
    ///
    /// Rights that are given to `default`, so that one program works, are given to every pod of the namespace that names no
    /// ServiceAccount, those of tomorrow included. Whoever breaks into the least of them has the rights that were meant for the
    /// most trusted, and the audit log shows one name for them all.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: operator
    /// spec:
    ///   automountServiceAccountToken: true
    ///   containers:
    ///     - name: operator
    ///       image: registry.example.com/operator:0.9
    /// ```
    ///
    /// Good: an account of its own.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: operator
    /// spec:
    ///   serviceAccountName: operator
    ///   automountServiceAccountToken: true
    ///   containers:
    ///     - name: operator
    ///       image: registry.example.com/operator:0.9
    /// ```
    ///
    /// Good: no token at all.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: web
    /// spec:
    ///   automountServiceAccountToken: false
    ///   containers:
    ///     - name: web
    ///       image: registry.example.com/web:1.4
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Where the ServiceAccount `default` itself says `automountServiceAccountToken: false`. If it stands beside the pod, that is
    /// seen; where it does not, saying it on the pod as well settles it.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: whether the pod needs a token, and which rights, somebody has to know. Where it needs none,
    /// `mounted-service-account-token` has the fix.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version, every operating system. Not pods that set `automountServiceAccountToken:
    /// false`. Nor where `mounted-service-account-token` speaks of the same pod: turning the token off settles both, and one line says
    /// it better than two.
    ///
    /// ## References
    ///
    /// - Kubernetes: Configure Service Accounts for Pods:
    ///   <https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/>
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.1.5
    id: "default-service-account",
    enablement: Profile(Hardened),
    severity: Hint,
    check: Check::Pod(check),
    aliases: [KubeLinter "default-service-account"],
    related: [
        Checkov "CKV_K8S_41", Kubescape "C-0189",
        Kubeaudit "AutomountServiceAccountTokenTrueAndDefaultSA", Kubesec "ServiceAccountName",
    ],
}

const DEFAULT: &str = "default";
const MESSAGE: &str = "pod gets the API token of the default ServiceAccount";

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    let is_asked_for = match pod.setting(
        "automountServiceAccountToken",
        pod.spec.automount_service_account_token,
    ) {
        Setting::Set { value: true, .. } => true,
        Setting::Unset if !pod.token_is_disabled => false,
        _ => return,
    };
    match pod.service_account_name() {
        Setting::Set { value, node, .. } if value == DEFAULT && is_asked_for => {
            found.at(node, MESSAGE);
        }
        Setting::Set { value, node, .. } if value == DEFAULT => {
            found.at(node, MESSAGE).as_missing();
        }
        Setting::Unset
            if !pod.has_unfinished_container() && (is_asked_for || !is_asked_about(config)) =>
        {
            found.missing("serviceAccountName", MESSAGE);
        }
        _ => {}
    }
}

/// Whether another rule asks, of a pod that says nothing at all, whether it needs a token: that comes first.
fn is_asked_about(config: &Config) -> bool {
    mounted_service_account_token::RULE.runs(config)
}
