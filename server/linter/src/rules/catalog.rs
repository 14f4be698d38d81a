//! The list of all rules, and how to find one.

use super::aliases::{ForeignId, Tool};
use super::diagnostic_group::MISSING_HARDENING;
use super::docs::Page;
use super::rule::Rule;
use super::security_context_fields::Field;
use super::{
    capabilities, host, identity, images, namespaces, privileges, processes, profiles, resources,
    schema, secrets, service_accounts, storage, suppressions,
};
use crate::config::RuleNames;

/// Every rule, in the order of the catalog.
pub static ALL: &[&Rule] = &[
    &privileges::privileged_container::RULE,
    &host::host_network::RULE,
    &host::host_pid::RULE,
    &host::host_ipc::RULE,
    &host::host_path_volume::RULE,
    &host::sensitive_host_path::RULE,
    &host::container_runtime_socket::RULE,
    &host::host_port::RULE,
    &host::probe_host::RULE,
    &capabilities::dangerous_capability::RULE,
    &privileges::unmasked_proc_mount::RULE,
    &profiles::custom_selinux_options::RULE,
    &profiles::unconfined_seccomp::RULE,
    &profiles::unconfined_apparmor::RULE,
    &privileges::unsafe_sysctl::RULE,
    &privileges::windows_host_process::RULE,
    &privileges::privilege_escalation::RULE,
    &capabilities::undropped_capabilities::RULE,
    &capabilities::added_capability::RULE,
    &identity::run_as_root_allowed::RULE,
    &identity::root_user::RULE,
    &profiles::missing_seccomp_profile::RULE,
    &storage::forbidden_volume_type::RULE,
    &storage::writable_root_filesystem::RULE,
    &service_accounts::mounted_service_account_token::RULE,
    &service_accounts::default_service_account::RULE,
    &identity::low_user_id::RULE,
    &identity::low_group_id::RULE,
    &identity::missing_user_id::RULE,
    &identity::missing_group_id::RULE,
    &identity::root_group::RULE,
    &capabilities::undropped_net_raw::RULE,
    &resources::missing_cpu_request::RULE,
    &resources::missing_memory_request::RULE,
    &resources::missing_memory_limit::RULE,
    &resources::missing_cpu_limit::RULE,
    &images::invalid_image_reference::RULE,
    &images::unpinned_image::RULE,
    &images::image_without_digest::RULE,
    &images::untrusted_registry::RULE,
    &images::deprecated_registry::RULE,
    &images::stale_image_pull_policy::RULE,
    &secrets::secret_in_env::RULE,
    &secrets::secret_in_config_map::RULE,
    &host::writable_host_path::RULE,
    &storage::unpersisted_data::RULE,
    &processes::multiple_processes::RULE,
    &processes::package_install_at_start::RULE,
    &processes::shared_process_namespace::RULE,
    &namespaces::unlabelled_namespace::RULE,
    &schema::misplaced_security_field::RULE,
    &schema::misspelled_security_field::RULE,
    &schema::unknown_field::RULE,
    &schema::wrong_type::RULE,
    &schema::refused_value::RULE,
    &schema::api_server_warning::RULE,
    &profiles::invalid_profile_type::RULE,
    &capabilities::invalid_capability::RULE,
    &capabilities::conflicting_capabilities::RULE,
    &schema::conflicting_security_context::RULE,
    &schema::weakened_override::RULE,
    &schema::wrong_os_field::RULE,
    &schema::missing_os_name::RULE,
    &profiles::dead_seccomp_annotation::RULE,
    &profiles::deprecated_apparmor_annotation::RULE,
    &service_accounts::deprecated_service_account_field::RULE,
    &schema::removed_api::RULE,
    &schema::unknown_api_version::RULE,
    &schema::duplicate_key::RULE,
    &schema::syntax_error::RULE,
    &suppressions::unused_ignore::RULE,
];

/// Rules that are not in the catalog and run only in debug builds.
#[cfg(debug_assertions)]
static HIDDEN: &[&Rule] = &[&super::failing::RULE];
#[cfg(not(debug_assertions))]
static HIDDEN: &[&Rule] = &[];

/// Returns all rules that can run, in the order of the catalog.
pub fn running() -> impl Iterator<Item = &'static Rule> {
    ALL.iter().chain(HIDDEN).copied()
}

impl Rule {
    /// Returns the rule with an id.
    pub fn named(id: &str) -> Option<&'static Rule> {
        ALL.iter().copied().find(|rule| rule.id == id)
    }

    /// Returns the words that name rules in a configuration.
    pub fn names() -> RuleNames {
        RuleNames {
            ids: Rule::ids(),
            meaning: |word| rules_named(word).iter().map(|rule| rule.id).collect(),
        }
    }

    /// Returns the ids of all rules, in the order of the catalog.
    pub fn ids() -> Vec<&'static str> {
        ALL.iter().map(|rule| rule.id).collect()
    }
}

impl Page {
    /// Returns every page: those of the rules in the order of the catalog, then the others.
    pub fn all() -> Vec<Page> {
        ALL.iter()
            .map(|rule| rule.page())
            .chain([MISSING_HARDENING.about()])
            .collect()
    }

    pub fn named(id: &str) -> Option<Page> {
        Rule::named(id)
            .map(Rule::page)
            .or_else(|| (id == MISSING_HARDENING.id).then(|| MISSING_HARDENING.about()))
    }
}

impl Field {
    /// Returns the rule whose page describes the field: the one that lists it in its `fields`.
    pub fn rule(&self) -> Option<&'static Rule> {
        let is_field = |listed: &str| {
            listed.split_once('.').is_some_and(|(type_name, name)| {
                self.name == name && self.types.contains(&type_name)
            })
        };
        ALL.iter()
            .copied()
            .find(|rule| rule.fields.iter().any(|listed| is_field(listed)))
    }
}

/// What a name means.
#[derive(Debug)]
pub enum Meaning {
    /// A rule's id, or its name in another tool.
    Rule(&'static Rule),
    /// A check of another tool that overlaps with these rules, but is not the same as any of them.
    Related(Vec<&'static Rule>),
    Unknown,
}

/// Returns what a word means, in any case: a rule's id, or a name in another tool.
pub fn meaning(word: &str) -> Meaning {
    let rules = || ALL.iter().copied();
    let has_alias = |rule: &&Rule| rule.aliases.iter().any(|name| name.is(word));
    let by_id = rules().find(|rule| rule.id.eq_ignore_ascii_case(word));
    if let Some(rule) = by_id.or_else(|| rules().find(has_alias)) {
        return Meaning::Rule(rule);
    }
    let related: Vec<&'static Rule> = rules()
        .filter(|rule| {
            let mut overlapping = rule.related.iter().chain(rule.part_of);
            overlapping.any(|name| name.is(word))
        })
        .collect();
    if related.is_empty() {
        Meaning::Unknown
    } else {
        Meaning::Related(related)
    }
}

/// Returns the rules that a word names: the one with this id, or all that another tool has under this name.
pub fn rules_named(word: &str) -> Vec<&'static Rule> {
    if let Some(rule) = Rule::named(word) {
        return vec![rule];
    }
    let is_named = |rule: &&Rule| names(rule).any(|name| name.is(word));
    ALL.iter().copied().filter(is_named).collect()
}

/// Returns the rules that together are the same as a check of another tool.
pub fn rules_for(tool: Tool, word: &str) -> impl Iterator<Item = &'static Rule> {
    ALL.iter()
        .copied()
        .filter(move |rule| names(rule).any(|name| name.tool == tool && name.is(word)))
}

/// Returns the names of other tools for a rule, alone or together with others.
fn names(rule: &Rule) -> impl Iterator<Item = &'static ForeignId> {
    rule.aliases.iter().chain(rule.part_of)
}
