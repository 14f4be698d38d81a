use crate::config::Config;
use crate::rules::Reporter;
use crate::rules::host::host_path::{Target, volumes};
use kubernetes::Pod;

rule! {
    /// `hostPath` volumes that reach a container runtime's socket.
    ///
    /// The sockets of Docker, containerd, CRI-O, cri-dockerd, Podman and BuildKit are meant, under `/run` as under
    /// `/var/run`, and folders that hold one.
    ///
    /// ## Why
    ///
    /// Who may write to the socket gives the runtime orders as root of the node: start a privileged container with the node's
    /// disk mounted and walk in, or read the environment of every other container. Mounting the socket read-only does not
    /// help, because connecting to it is not writing to the file.
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
    /// Good: images are built without the node, here by a BuildKit of its own in the cluster.
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
    /// Agents that watch the containers of a node for security or monitoring may need the runtime's socket. Treat them as
    /// part of the node: a namespace of their own, and nobody else's code in them.
    ///
    /// ## What the fix changes
    ///
    /// There is no fix, because what the pod wants from the runtime decides what takes its place: a builder without a daemon,
    /// the Kubernetes API, or metrics of the kubelet.
    ///
    /// ## Applies to
    ///
    /// Profile `baseline`, which allows no `hostPath` at all, in every Kubernetes version and on every operating system.
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

fn check(pod: &Pod<'_>, config: &Config, found: &mut Reporter<'_, '_>) {
    for volume in volumes(pod, config) {
        let path = volume.path.as_deref().unwrap_or_default();
        let message = match volume.target {
            Target::Socket => format!("hostPath is {path}, the socket of a container runtime"),
            Target::Sockets => {
                format!("hostPath is {path}, where sockets of container runtimes are")
            }
            _ => continue,
        };
        volume.relate(&mut found.at(volume.node, message), pod);
    }
}
