use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::service_accounts::mounted_service_account_token;
use kubernetes::{Pod, Setting};

rule! {
    /// Pods that use the API token of the ServiceAccount `default`.
    ///
    /// Every namespace has that ServiceAccount, and every pod that names no other one uses it. Its
    /// token is mounted unless `automountServiceAccountToken` is `false`. If a pod sets neither
    /// field, `mounted-service-account-token` reports the token, and this rule is silent.
    ///
    /// ## Why
    ///
    /// Permissions granted to `default` for one program apply to every pod of the namespace that
    /// names no ServiceAccount, including future ones. An attacker who breaks into the weakest of
    /// them has the permissions meant for the most trusted, and the audit log shows the same name
    /// for all of them.
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
    /// Good: the pod has its own account.
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
    /// If the ServiceAccount `default` itself sets `automountServiceAccountToken: false`. The rule
    /// notices this if the account is in the same file, folder or workspace. Otherwise, set the
    /// field on the pod as well.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: only you know whether the pod needs a token, and with which permissions. If
    /// it needs none, `mounted-service-account-token` has the fix.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version, every operating system. The rule skips pods
    /// with `automountServiceAccountToken: false` and pods that `mounted-service-account-token`
    /// reports, because disabling the token resolves both.
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
const MESSAGE: &str = "pod uses the API token of the default ServiceAccount";

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    let is_enabled = match pod.setting(
        "automountServiceAccountToken",
        pod.spec.automount_service_account_token,
    ) {
        Setting::Set { value: true, .. } => true,
        Setting::Unset if !pod.token_is_disabled => false,
        _ => return,
    };
    match pod.service_account_name() {
        Setting::Set { value, node, .. } if value == DEFAULT && is_enabled => {
            report.at(node, MESSAGE);
        }
        Setting::Set { value, node, .. } if value == DEFAULT => {
            report.at(node, MESSAGE).as_missing();
        }
        Setting::Unset
            if !pod.has_unfinished_container() && (is_enabled || !token_rule_runs(config)) =>
        {
            report.missing("serviceAccountName", MESSAGE);
        }
        _ => {}
    }
}

/// Whether the rule about mounted tokens runs, which reports pods that set neither field.
fn token_rule_runs(config: &Config) -> bool {
    mounted_service_account_token::RULE.runs(config)
}
