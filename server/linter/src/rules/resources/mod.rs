//! Rules about requests and limits.

pub(crate) mod helpers;

pub(crate) mod missing_cpu_limit;
pub(crate) mod missing_cpu_request;
pub(crate) mod missing_memory_limit;
pub(crate) mod missing_memory_request;
