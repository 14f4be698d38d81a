//! Rules about what the API server would reject, drop, or read differently.

pub(crate) mod unknown_fields;

pub(crate) mod api_server_warning;
pub(crate) mod conflicting_security_context;
pub(crate) mod duplicate_key;
pub(crate) mod misplaced_security_field;
pub(crate) mod missing_os_name;
pub(crate) mod misspelled_security_field;
pub(crate) mod refused_value;
pub(crate) mod removed_api;
pub(crate) mod syntax_error;
pub(crate) mod unknown_api_version;
pub(crate) mod unknown_field;
pub(crate) mod weakened_override;
pub(crate) mod wrong_os_field;
pub(crate) mod wrong_type;
