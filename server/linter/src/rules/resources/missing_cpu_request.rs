use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::resources::helpers as resources;
use kubernetes::Pod;

rule! {
    /// Containers without a CPU request.
    ///
    /// `resources.requests.cpu` is the share of the CPU that the scheduler reserves for a container
    /// and that the kernel gives it when the node is busy. If only a CPU limit is set, it is also
    /// the request.
    ///
    /// ## Why
    ///
    /// A container without a request is scheduled as if it needed nothing, onto nodes that are
    /// already full, and gets almost no CPU time when other pods are busy. One pod that computes
    /// for an attacker is then enough to stop the others on its node from answering: a denial of
    /// service that needs no privilege.
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
    ///           cpu: 100m
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
    ///           memory: 128Mi
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// A LimitRange of the namespace can set the request for every container without one, which
    /// this rule does not see. Batch jobs that may use whatever is left over do not need one.
    ///
    /// ## What the fix changes
    ///
    /// It sets the configured value (`cpuRequest`, `100m` by default). This is an example value:
    /// with too much, the pod fits on no node; with too little, it starves on a busy one. Measure
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
    id: "missing-cpu-request",
    enablement: Profile(Hardened),
    severity: Info,
    check: Check::Pod(check),
    aliases: [Trivy "KSV-0015", Checkov "CKV_K8S_10", KubeLinter "unset-cpu-requirements",
        Polaris "cpuRequestsMissing", Kubescape "C-0268", Kubesec "RequestsCPU",
    ],
    related: [Kyverno "require-requests-limits"],
    part_of: [KubeScore "container-resources"],
}

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    resources::missing_request(
        resources::Resource::Cpu,
        &config.values.cpu_request,
        pod,
        config,
        report,
    );
}
