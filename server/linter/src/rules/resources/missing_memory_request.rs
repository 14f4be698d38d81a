use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::resources::helpers as resources;
use kubernetes::Pod;

rule! {
    /// Containers without a memory request.
    ///
    /// `resources.requests.memory` is what the scheduler reserves for a container, and what the
    /// kubelet compares its usage with when the node runs out of memory. If only a memory limit is
    /// set, it is also the request.
    ///
    /// ## Why
    ///
    /// A container without a request is placed as if it needed no memory. When the node runs short,
    /// the kubelet first evicts the pods that use more than they requested, which includes all pods
    /// without a request. An attacker who makes one pod grow drives the others out.
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
    ///           memory: 128Mi
    /// ```
    ///
    /// Good: the limit is also the request.
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
    ///         limits:
    ///           memory: 256Mi
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// A LimitRange of the namespace can set the request for every container without one, which
    /// this rule does not see.
    ///
    /// ## What the fix changes
    ///
    /// It sets the configured value (`memoryRequest`, `128Mi` by default). This is an example
    /// value: with too much, the pod fits on no node; with too little, it is evicted early. Measure
    /// the real usage and adjust the value.
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
    id: "missing-memory-request",
    enablement: Profile(Hardened),
    severity: Info,
    check: Check::Pod(check),
    aliases: [Trivy "KSV-0016", Checkov "CKV_K8S_12", Polaris "memoryRequestsMissing",
        Kubescape "C-0269", Kubesec "RequestsMemory",
    ],
    related: [
        KubeLinter "unset-memory-requirements", Kyverno "require-requests-limits",
    ],
    part_of: [KubeScore "container-resources"],
}

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    resources::missing_request(
        resources::Resource::Memory,
        &config.values.memory_request,
        pod,
        config,
        report,
    );
}
