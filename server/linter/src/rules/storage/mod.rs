//! Rules about file systems and volumes.

pub(crate) mod forbidden_volume_type;
pub(crate) mod unpersisted_data;
pub(crate) mod writable_root_filesystem;
