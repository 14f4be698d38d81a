//! Rules about ServiceAccounts and their tokens.

pub(crate) mod default_service_account;
pub(crate) mod deprecated_service_account_field;
pub(crate) mod mounted_service_account_token;
