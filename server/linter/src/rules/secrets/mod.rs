//! Rules about secrets in plain text.

pub(crate) mod detector;

pub(crate) mod secret_in_config_map;
pub(crate) mod secret_in_env;
