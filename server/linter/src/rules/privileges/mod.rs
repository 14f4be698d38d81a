//! Rules about what a container may do on its node.

pub(crate) mod privilege_escalation;
pub(crate) mod privileged_container;
pub(crate) mod unmasked_proc_mount;
pub(crate) mod unsafe_sysctl;
pub(crate) mod windows_host_process;
