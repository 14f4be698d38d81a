//! Rules about seccomp, AppArmor, and SELinux.

pub(crate) mod annotations;

pub(crate) mod custom_selinux_options;
pub(crate) mod dead_seccomp_annotation;
pub(crate) mod deprecated_apparmor_annotation;
pub(crate) mod invalid_profile_type;
pub(crate) mod missing_seccomp_profile;
pub(crate) mod unconfined_apparmor;
pub(crate) mod unconfined_seccomp;
