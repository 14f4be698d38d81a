use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::resources::helpers as resources;
use kubernetes::Pod;

rule! {
    /// Containers without a memory limit.
    ///
    /// `resources.limits.memory` is the maximum memory of a container; a process that allocates
    /// more is killed. Without it, the node's memory is the limit.
    ///
    /// ## Why
    ///
    /// One leak, or one request that an attacker makes expensive on purpose, can use all the memory
    /// of the node. The kernel then kills processes of any pod, and the kubelet evicts others, so
    /// that other pods suffer the damage.
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
    ///       resources:
    ///         requests:
    ///           memory: 128Mi
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
    ///       resources:
    ///         requests:
    ///           memory: 128Mi
    ///         limits:
    ///           memory: 256Mi
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
    ///       resources:
    ///         requests:
    ///           memory: 256Mi
    ///         limits:
    ///           memory: 256Mi
    /// ```
    ///
    /// If the request is above the configured limit, the fix uses the request, because the API
    /// server rejects a limit below its request:
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
    ///       resources:
    ///         requests:
    ///           memory: 2Gi
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
    ///       resources:
    ///         requests:
    ///           memory: 2Gi
    ///         limits:
    ///           memory: 2Gi
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// A LimitRange of the namespace can set the limit for every container without one, which this
    /// rule does not see.
    ///
    /// ## What the fix changes
    ///
    /// It sets the configured value (`memoryLimit`, `256Mi` by default), or the request if that is
    /// higher. This is an example value: a container that needs more is killed (`OOMKilled`).
    /// Measure the real usage and adjust the value.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version, every operating system. The rule skips
    /// ephemeral containers, which cannot have resources. From 1.34 on, `resources` on the pod
    /// count for its containers.
    ///
    /// ## References
    ///
    /// - Kubernetes: Resource Management for Pods and Containers:
    ///   <https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/>
    /// - [Kubernetes: Limit Ranges](https://kubernetes.io/docs/concepts/policy/limit-range/)
    /// - NSA/CISA Kubernetes Hardening Guide, "Resource policies":
    ///   <https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF>
    id: "missing-memory-limit",
    enablement: Profile(Hardened),
    severity: Info,
    check: Check::Pod(check),
    aliases: [Trivy "KSV-0018", Checkov "CKV_K8S_13", Polaris "memoryLimitsMissing", Kubescape "C-0271",
        Kubeaudit "LimitsMemoryNotSet", Kubesec "LimitsMemory",
    ],
    related: [
        KubeLinter "unset-memory-requirements", Kyverno "require-requests-limits",
    ],
    part_of: [KubeScore "container-resources"],
}

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    resources::missing_limit(
        resources::Resource::Memory,
        &config.values.memory_limit,
        pod,
        config,
        report,
    );
}
