use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::host::host_path::{Target, volumes};
use kubernetes::Pod;

rule! {
    /// `hostPath` volumes that expose a container runtime's socket.
    ///
    /// The rule knows the sockets of Docker, containerd, CRI-O, cri-dockerd, Podman and BuildKit,
    /// below `/run` and `/var/run`, and the directories that contain one.
    ///
    /// ## Why
    ///
    /// A process that can connect to the socket gives the runtime orders as root of the node: start
    /// a privileged container with the node's disk mounted, or read the environment of every other
    /// container. Mounting the socket read-only does not help, because connecting to it is not
    /// writing to the file.
    ///
    /// ## Example
    ///
    /// ```yaml bad
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: build
    /// spec:
    ///   containers:
    ///     - name: build
    ///       image: registry.example.com/build:3.2
    ///       volumeMounts:
    ///         - name: docker
    ///           mountPath: /var/run/docker.sock
    ///   volumes:
    ///     - name: docker
    ///       hostPath:
    ///         path: /var/run/docker.sock
    ///         type: Socket
    /// ```
    ///
    /// Good: a BuildKit service in the cluster builds the images, without access to the node.
    ///
    /// ```yaml good
    /// apiVersion: v1
    /// kind: Pod
    /// metadata:
    ///   name: build
    /// spec:
    ///   containers:
    ///     - name: build
    ///       image: registry.example.com/build:3.2
    ///       env:
    ///         - name: BUILDKIT_HOST
    ///           value: tcp://buildkit.build.svc:1234
    /// ```
    ///
    /// ## When not to follow it
    ///
    /// Agents that watch the containers of a node for security or monitoring may need the socket.
    /// Treat them as part of the node: put them in their own namespace, and run no other code in
    /// them.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix: the replacement depends on what the pod does with the runtime. It can be a
    /// builder without a daemon, the Kubernetes API, or metrics of the kubelet.
    ///
    /// ## Applies to
    ///
    /// Every profile, every Kubernetes version, every operating system. `baseline` allows no
    /// `hostPath` at all.
    ///
    /// ## References
    ///
    /// - Pod Security Standards: HostPath Volumes:
    ///   <https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline>
    /// - Docker: Protect the Docker daemon socket:
    ///   <https://docs.docker.com/engine/security/protect-access/>
    /// - [Kubernetes: hostPath](https://kubernetes.io/docs/concepts/storage/volumes/#hostpath)
    /// - [CIS Kubernetes Benchmark](https://www.cisecurity.org/benchmark/kubernetes) 5.2.12
    id: "container-runtime-socket",
    enablement: Profile(Baseline),
    severity: Error,
    check: Check::Pod(check),
    aliases: [
        Trivy "KSV-0006", Checkov "CKV_K8S_27", KubeLinter "docker-sock", Kubescape "C-0074",
        Kubesec "DockerSock", Kyverno "disallow-container-sock-mounts",
    ],
    related: [Kubeaudit "SensitivePathsMounted"],
}

fn check(pod: &Pod<'_>, config: &Config, report: &mut Reporter<'_, '_>) {
    for volume in volumes(pod, config) {
        let path = volume.path.as_deref().unwrap_or_default();
        let message = match volume.target {
            Target::Socket => format!("hostPath {path} is a container runtime socket"),
            Target::SocketDirectory => {
                format!("hostPath {path} contains container runtime sockets")
            }
            _ => continue,
        };
        volume.relate_mounts(&mut report.at(volume.node, message), pod);
    }
}
