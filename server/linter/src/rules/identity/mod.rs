//! Rules about users and groups.

pub(crate) mod helpers;

pub(crate) mod low_group_id;
pub(crate) mod low_user_id;
pub(crate) mod missing_group_id;
pub(crate) mod missing_user_id;
pub(crate) mod root_group;
pub(crate) mod root_user;
pub(crate) mod run_as_root_allowed;
