//! Rules about Linux capabilities.

pub(crate) mod helpers;
pub(crate) mod names;

pub(crate) mod added_capability;
pub(crate) mod conflicting_capabilities;
pub(crate) mod dangerous_capability;
pub(crate) mod invalid_capability;
pub(crate) mod undropped_capabilities;
pub(crate) mod undropped_net_raw;
