use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::resources::helpers as resources;
use kubernetes::Pod;

rule! {
    /// Containers without a CPU limit.
    ///
    /// `resources.limits.cpu` is the most CPU time that a container gets, even where more of it is idle.
    ///
    /// ## Why
    ///
    /// A container that an attacker has taken over to mine or to crack passwords uses every core of the node that nobody else
    /// has reserved. A limit makes it pay little, and makes the abuse show as throttling.
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
    /// Many clusters do without CPU limits on purpose: requests alone share a busy CPU fairly, and a limit slows a program
    /// down while cores stand idle. Ignore this rule there; requests and memory limits matter more. A LimitRange of the
    /// namespace can also set the limit; this rule cannot see it.
    ///
    /// ## What the fix changes
    ///
    /// It writes the configured value, `500m` unless configured otherwise, or the request where that is more. It is an
    /// assumption: a container that needs more is slowed down. Measure first, and confirm the value.
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
    id: "missing-cpu-limit",
    enablement: Profile(Hardened),
    severity: Info,
    check: Check::Pod(check),
    aliases: [
        Trivy "KSV-0011", Checkov "CKV_K8S_11", Polaris "cpuLimitsMissing", Kubescape "C-0270",
        Kubeaudit "LimitsCPUNotSet", Kubesec "LimitsCPU", Kyverno "require-cpu-limits",
    ],
    related: [KubeScore "container-resources"],
}

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    resources::missing_limit(
        resources::Resource::Cpu,
        &config.values.cpu_limit,
        pod,
        config,
        found,
    );
}
