//! Rules about what a container runs.

pub(crate) mod shell;

pub(crate) mod multiple_processes;
pub(crate) mod package_install_at_start;
pub(crate) mod shared_process_namespace;
