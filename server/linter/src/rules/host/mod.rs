//! Rules about the node's namespaces, ports, and files.

pub(crate) mod host_path;

pub(crate) mod container_runtime_socket;
pub(crate) mod host_ipc;
pub(crate) mod host_network;
pub(crate) mod host_path_volume;
pub(crate) mod host_pid;
pub(crate) mod host_port;
pub(crate) mod probe_host;
pub(crate) mod sensitive_host_path;
pub(crate) mod writable_host_path;
