use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::resources::helpers as resources;
use kubernetes::Pod;

rule! {
    /// Containers without a CPU limit.
    ///
    /// `resources.limits.cpu` is the maximum CPU time of a container, even if more is idle.
    ///
    /// ## Why
    ///
    /// A container that an attacker uses to mine cryptocurrency or crack passwords takes every core
    /// of the node that is not reserved. A limit makes this unprofitable, and makes the abuse
    /// visible as throttling.
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
    ///           cpu: 100m
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
    ///           cpu: 100m
    ///         limits:
    ///           cpu: 500m
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
    ///           cpu: 250m
    ///         limits:
    ///           cpu: "1"
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
    ///           cpu: 1500m
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
    ///           cpu: 1500m
    ///         limits:
    ///           cpu: 1500m
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Many clusters have no CPU limits on purpose: requests alone share a busy CPU fairly, and a
    /// limit slows a program down while cores are idle. Ignore this rule there; requests and memory
    /// limits matter more. A LimitRange of the namespace can also set the limit, which this rule
    /// does not see.
    ///
    /// ## What the fix changes
    ///
    /// It sets the configured value (`cpuLimit`, `500m` by default), or the request if that is
    /// higher. This is an example value: a container that needs more is slowed down. Measure the
    /// real usage and adjust the value.
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
    id: "missing-cpu-limit",
    enablement: Profile(Hardened),
    severity: Info,
    check: Check::Pod(check),
    aliases: [Trivy "KSV-0011", Checkov "CKV_K8S_11", Polaris "cpuLimitsMissing", Kubescape "C-0270",
        Kubeaudit "LimitsCPUNotSet", Kubesec "LimitsCPU", Kyverno "require-cpu-limits",
    ],
    related: [KubeScore "container-resources"],
    part_of: [KubeScore "container-resources"],
}

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    resources::missing_limit(
        resources::Resource::Cpu,
        &config.values.cpu_limit,
        pod,
        config,
        report,
    );
}
