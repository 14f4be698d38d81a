use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::resources::helpers as resources;
use kubernetes::Pod;

rule! {
    /// Containers without a memory limit.
    ///
    /// `resources.limits.memory` is the most that a container can hold; a process that asks for more is ended. Without it,
    /// the node's memory is the limit.
    ///
    /// ## Why
    ///
    /// One leak, or one request that an attacker makes expensive on purpose, can take all the memory of the node. The kernel
    /// then ends processes of whichever pod it picks, and the kubelet evicts others: the damage is done to the neighbours.
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
    /// A request above the configured limit is taken as the limit, because the API server refuses a limit below its request:
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
    /// A LimitRange of the namespace can set the limit for every container that has none; this rule cannot see it.
    ///
    /// ## What the fix changes
    ///
    /// It writes the configured value, `256Mi` unless configured otherwise, or the request where that is more. It is an
    /// assumption: a container that needs more is ended with `OOMKilled`. Measure first, and confirm the value.
    ///
    /// ## Applies to
    ///
    /// Profile `hardened`, every Kubernetes version, every operating system. Not ephemeral containers, which cannot have
    /// resources. From 1.34 on, `resources` on the pod itself count for its containers.
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
    aliases: [
        Trivy "KSV-0018", Checkov "CKV_K8S_13", Polaris "memoryLimitsMissing", Kubescape "C-0271",
        Kubeaudit "LimitsMemoryNotSet", Kubesec "LimitsMemory",
    ],
    related: [
        KubeLinter "unset-memory-requirements", KubeScore "container-resources",
        Kyverno "require-requests-limits",
    ],
}

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    resources::missing_limit(
        resources::Resource::Memory,
        &config.values.memory_limit,
        pod,
        config,
        found,
    );
}
