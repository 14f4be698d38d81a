//! The fields of a security context: what each does, what it may hold, and what the standards ask of it.
//!
//! Knows every field of the types in a `securityContext`, as Kubernetes' types have them. Must not know where one is written.
//! Promise: the table has exactly the fields that the types have, and no word that a cluster refuses; tests hold both against
//! Kubernetes' types and against the rules.

use crate::config::Profile;
use crate::rules::Rule;
use crate::rules::capabilities::added_capability;
use crate::rules::capabilities::helpers as capabilities;
use crate::rules::capabilities::names as capability_names;
use crate::rules::capabilities::undropped_capabilities;
use crate::rules::identity::missing_group_id;
use crate::rules::identity::missing_user_id;
use crate::rules::identity::root_group;
use crate::rules::identity::run_as_root_allowed;
use crate::rules::privileges::privilege_escalation;
use crate::rules::privileges::privileged_container;
use crate::rules::privileges::unmasked_proc_mount;
use crate::rules::privileges::unsafe_sysctl;
use crate::rules::privileges::windows_host_process;
use crate::rules::profiles::custom_selinux_options;
use crate::rules::profiles::invalid_profile_type;
use crate::rules::profiles::missing_seccomp_profile;
use crate::rules::profiles::unconfined_apparmor;
use crate::rules::profiles::unconfined_seccomp;
use crate::rules::storage::writable_root_filesystem;
use kubernetes::Version;

/// A field, or one that several types share.
#[derive(Debug)]
pub struct Field {
    /// The Kubernetes types that have it: `SecurityContext`.
    pub types: &'static [&'static str],
    pub name: &'static str,
    pub holds: FieldValue,
    /// What it does, in a sentence or two of Markdown.
    pub about: &'static str,
    /// What holds where nobody writes it: the end of a sentence.
    pub default: &'static str,
    /// What the Pod Security Standards ask of it, the widest profile first.
    pub asks: &'static [(Profile, &'static str)],
    /// The rule whose page says more.
    pub rule: Option<&'static Rule>,
    /// The minor of the first Kubernetes version 1.N that has it without a feature gate.
    pub since: u16,
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub enum FieldValue {
    /// `true` or `false`, and which of them is the safer one.
    Flag(bool),
    /// A number, or a text that nobody can foresee.
    Anything,
    /// One of some words.
    Word(&'static [Word]),
    /// A list of words.
    Words(fn() -> Vec<Word>),
    /// A name that is known at a version, or any other one.
    Name(fn(Version) -> Vec<Word>),
    /// A list of anything else.
    List,
    /// Fields of its own.
    Mapping,
}

/// What may be written in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    pub word: &'static str,
    /// A few words about it.
    pub about: &'static str,
}

impl FieldValue {
    /// What may be written, the safest first; nothing where that cannot be listed.
    pub fn words(self, version: Version) -> Vec<Word> {
        match self {
            FieldValue::Flag(good) => [good, !good]
                .map(|flag| Word {
                    word: if flag { "true" } else { "false" },
                    about: "",
                })
                .to_vec(),
            FieldValue::Word(words) => words.to_vec(),
            FieldValue::Words(words) => words(),
            FieldValue::Name(names) => names(version),
            FieldValue::Anything | FieldValue::List | FieldValue::Mapping => Vec::new(),
        }
    }
}

impl Field {
    /// Whether a cluster of a version has it.
    pub fn is_in(&self, version: Version) -> bool {
        Version::new(self.since) <= version
    }
}

/// The fields of a type, in the order in which a person should think of them; none of a type that is not in a security context.
pub fn fields_of(type_name: &str) -> impl Iterator<Item = &'static Field> {
    FIELDS
        .iter()
        .filter(move |field| field.types.contains(&type_name))
}

/// A type's field of that name.
pub fn field_of(type_name: &str, name: &str) -> Option<&'static Field> {
    fields_of(type_name).find(|field| field.name == name)
}

/// The type of a pod's security context.
pub const OF_POD: &str = "PodSecurityContext";
/// The type of a container's security context.
pub const OF_CONTAINER: &str = "SecurityContext";

const BOTH: &[&str] = &[OF_POD, OF_CONTAINER];
const POD: &[&str] = &[OF_POD];
const CONTAINER: &[&str] = &[OF_CONTAINER];
const CAPABILITIES: &[&str] = &["Capabilities"];
const SECCOMP: &[&str] = &["SeccompProfile"];
const APPARMOR: &[&str] = &["AppArmorProfile"];
const SELINUX: &[&str] = &["SELinuxOptions"];
const SYSCTL: &[&str] = &["Sysctl"];
const WINDOWS: &[&str] = &["WindowsSecurityContextOptions"];

use Profile::{Baseline, Restricted};

/// Every field, those of both contexts first.
pub static FIELDS: &[Field] = &[
    Field {
        types: BOTH,
        name: "runAsNonRoot",
        holds: FieldValue::Flag(true),
        about: "Whether the kubelet refuses to start a container whose user is root. It looks at the user id that the container \
                would get, from `runAsUser` or from the image, and needs a number there.",
        default: "root is allowed",
        asks: &[(Restricted, "`true`, on the pod or on every container")],
        rule: Some(&run_as_root_allowed::RULE),
        since: 0,
    },
    Field {
        types: CONTAINER,
        name: "allowPrivilegeEscalation",
        holds: FieldValue::Flag(false),
        about: "Whether a process may come to more rights than the one that started it, as with a setuid program. `false` sets \
                Linux' `no_new_privs`.",
        default: "it may",
        asks: &[(Restricted, "`false`, on every container")],
        rule: Some(&privilege_escalation::RULE),
        since: 0,
    },
    Field {
        types: CONTAINER,
        name: "capabilities",
        holds: FieldValue::Mapping,
        about: "Which of root's powers the container has, beside those that the runtime gives.",
        default: "the runtime's own set, about a dozen of them",
        asks: &[
            (Baseline, "no `add` beyond the runtime's set"),
            (
                Restricted,
                "`drop: [ALL]`, and to add `NET_BIND_SERVICE` at most",
            ),
        ],
        rule: Some(&undropped_capabilities::RULE),
        since: 0,
    },
    Field {
        types: CONTAINER,
        name: "readOnlyRootFilesystem",
        holds: FieldValue::Flag(true),
        about: "Whether the container's own file system cannot be written. Volumes still can: an `emptyDir` at `/tmp` is what most \
                programs need.",
        default: "it can be written",
        asks: &[],
        rule: Some(&writable_root_filesystem::RULE),
        since: 0,
    },
    Field {
        types: BOTH,
        name: "seccompProfile",
        holds: FieldValue::Mapping,
        about: "Which system calls the kernel answers. A container's profile takes the place of its pod's as a whole.",
        default: "no filter, unless the kubelet has `seccompDefault`",
        asks: &[
            (Baseline, "not `Unconfined`"),
            (
                Restricted,
                "`RuntimeDefault` or `Localhost`, on the pod or on every container",
            ),
        ],
        rule: Some(&missing_seccomp_profile::RULE),
        since: 19,
    },
    Field {
        types: CONTAINER,
        name: "privileged",
        holds: FieldValue::Flag(false),
        about: "Whether the container has the rights of the node's root: all capabilities, all devices, no filter.",
        default: "`false`",
        asks: &[(Baseline, "`false`, or nothing")],
        rule: Some(&privileged_container::RULE),
        since: 0,
    },
    Field {
        types: BOTH,
        name: "runAsUser",
        holds: FieldValue::Anything,
        about: "The user id that processes start with, in the place of the image's.",
        default: "the image's user, which is root where the image names none",
        asks: &[(Restricted, "not `0`")],
        rule: Some(&missing_user_id::RULE),
        since: 0,
    },
    Field {
        types: BOTH,
        name: "runAsGroup",
        holds: FieldValue::Anything,
        about: "The primary group id that processes start with.",
        default: "the runtime's choice: the image's group, or root's",
        asks: &[],
        rule: Some(&missing_group_id::RULE),
        since: 0,
    },
    Field {
        types: POD,
        name: "fsGroup",
        holds: FieldValue::Anything,
        about: "A group that all containers are in besides, and that the files of the pod's volumes are given to where the kind of \
                volume allows it.",
        default: "volumes keep their owners",
        asks: &[],
        rule: Some(&root_group::RULE),
        since: 0,
    },
    Field {
        types: POD,
        name: "fsGroupChangePolicy",
        holds: FieldValue::Word(&[
            Word {
                word: "OnRootMismatch",
                about: "only where the volume's root has another owner: quick",
            },
            Word {
                word: "Always",
                about: "each time the volume is mounted",
            },
        ]),
        about: "When the files of a volume are given to `fsGroup`. With many files that takes long.",
        default: "`Always`",
        asks: &[],
        rule: None,
        since: 20,
    },
    Field {
        types: POD,
        name: "supplementalGroups",
        holds: FieldValue::List,
        about: "Group ids that the containers' processes are in besides their own and `fsGroup`.",
        default: "none but those of the image's user",
        asks: &[],
        rule: Some(&root_group::RULE),
        since: 0,
    },
    Field {
        types: POD,
        name: "supplementalGroupsPolicy",
        holds: FieldValue::Word(&[
            Word {
                word: "Strict",
                about: "only the groups that the pod names",
            },
            Word {
                word: "Merge",
                about: "those of the image's `/etc/group` too",
            },
        ]),
        about: "Whether groups that the image gives to its user count.",
        default: "`Merge`",
        asks: &[],
        rule: None,
        since: 33,
    },
    Field {
        types: POD,
        name: "sysctls",
        holds: FieldValue::List,
        about: "Settings of the kernel that are the pod's own.",
        default: "the node's values",
        asks: &[(Baseline, "only those that Kubernetes calls safe")],
        rule: Some(&unsafe_sysctl::RULE),
        since: 0,
    },
    Field {
        types: BOTH,
        name: "appArmorProfile",
        holds: FieldValue::Mapping,
        about: "What AppArmor lets the container do, on nodes that have it. A container's profile takes the place of its pod's as a \
                whole.",
        default: "the runtime's profile, where the node has AppArmor",
        asks: &[(Baseline, "not `Unconfined`")],
        rule: Some(&unconfined_apparmor::RULE),
        since: 30,
    },
    Field {
        types: BOTH,
        name: "seLinuxOptions",
        holds: FieldValue::Mapping,
        about: "The SELinux label of the container, on nodes that have SELinux. A container's options take the place of its pod's \
                as a whole.",
        default: "a label of the runtime's choice, different for each container",
        asks: &[(
            Baseline,
            "no `user`, no `role`, and a `type` made for containers",
        )],
        rule: Some(&custom_selinux_options::RULE),
        since: 0,
    },
    Field {
        types: POD,
        name: "seLinuxChangePolicy",
        holds: FieldValue::Word(&[
            Word {
                word: "MountOption",
                about: "as an option of the mount: quick, one label for all pods of a volume",
            },
            Word {
                word: "Recursive",
                about: "file by file",
            },
        ]),
        about: "How volumes get the pod's SELinux label.",
        default: "`MountOption` where the volume and the cluster can, else `Recursive`",
        asks: &[],
        rule: None,
        since: 33,
    },
    Field {
        types: CONTAINER,
        name: "procMount",
        holds: FieldValue::Word(&[
            Word {
                word: "Default",
                about: "with the runtime's masks",
            },
            Word {
                word: "Unmasked",
                about: "all of it, which needs `hostUsers: false`; `baseline` refuses it",
            },
        ]),
        about: "How much of the kernel's `/proc` the container sees.",
        default: "`Default`",
        asks: &[(Baseline, "`Default`, or nothing")],
        rule: Some(&unmasked_proc_mount::RULE),
        since: 12,
    },
    Field {
        types: BOTH,
        name: "windowsOptions",
        holds: FieldValue::Mapping,
        about: "What only containers on Windows have. A container's options count before its pod's one by one.",
        default: "none",
        asks: &[(Baseline, "no `hostProcess: true`")],
        rule: Some(&windows_host_process::RULE),
        since: 16,
    },
    Field {
        types: CAPABILITIES,
        name: "drop",
        holds: FieldValue::Words(|| {
            let about = |word| {
                if word == "ALL" {
                    "all of them: what `restricted` asks for"
                } else {
                    ""
                }
            };
            capability_names::NAMES
                .map(|word| Word {
                    word,
                    about: about(word),
                })
                .to_vec()
        }),
        about: "The capabilities that are taken from the container. `ALL` takes every one, also those that Linux gets later.",
        default: "none is taken",
        asks: &[(Restricted, "`ALL`, on every container")],
        rule: Some(&undropped_capabilities::RULE),
        since: 0,
    },
    Field {
        types: CAPABILITIES,
        name: "add",
        holds: FieldValue::Words(|| {
            let about = |word| {
                if word == "NET_BIND_SERVICE" {
                    "ports below 1024; `restricted` allows it"
                } else {
                    "`baseline` allows it"
                }
            };
            let mut words = capabilities::ALLOWED.map(|word| Word {
                word,
                about: about(word),
            });
            // What also the stricter standard allows comes first.
            words.sort_by_key(|word| word.word != "NET_BIND_SERVICE");
            words.to_vec()
        }),
        about: "Capabilities that the container gets besides, after `drop` was applied.",
        default: "none",
        asks: &[
            (Baseline, "nothing beyond the runtime's set"),
            (Restricted, "`NET_BIND_SERVICE` at most"),
        ],
        rule: Some(&added_capability::RULE),
        since: 0,
    },
    Field {
        types: SECCOMP,
        name: "type",
        holds: FieldValue::Word(&[
            Word {
                word: "RuntimeDefault",
                about: "the runtime's own filter",
            },
            Word {
                word: "Localhost",
                about: "a file on the node, named by `localhostProfile`",
            },
            Word {
                word: "Unconfined",
                about: "no filter; `baseline` refuses it",
            },
        ]),
        about: "Where the filter of system calls comes from.",
        default: "without it the profile is refused",
        asks: &[
            (Baseline, "not `Unconfined`"),
            (Restricted, "`RuntimeDefault` or `Localhost`"),
        ],
        rule: Some(&unconfined_seccomp::RULE),
        since: 19,
    },
    Field {
        types: SECCOMP,
        name: "localhostProfile",
        holds: FieldValue::Anything,
        about: "The filter's file on the node, below the kubelet's folder for seccomp profiles. With the type `Localhost`, and with \
                no other one.",
        default: "`Localhost` is refused without it",
        asks: &[],
        rule: Some(&invalid_profile_type::RULE),
        since: 19,
    },
    Field {
        types: APPARMOR,
        name: "type",
        holds: FieldValue::Word(&[
            Word {
                word: "RuntimeDefault",
                about: "the runtime's own profile",
            },
            Word {
                word: "Localhost",
                about: "one that is loaded on the node, named by `localhostProfile`",
            },
            Word {
                word: "Unconfined",
                about: "no profile; `baseline` refuses it",
            },
        ]),
        about: "Where the AppArmor profile comes from.",
        default: "without it the profile is refused",
        asks: &[(Baseline, "not `Unconfined`")],
        rule: Some(&unconfined_apparmor::RULE),
        since: 30,
    },
    Field {
        types: APPARMOR,
        name: "localhostProfile",
        holds: FieldValue::Anything,
        about: "The name of a profile that is loaded on the node. With the type `Localhost`, and with no other one.",
        default: "`Localhost` is refused without it",
        asks: &[],
        rule: Some(&invalid_profile_type::RULE),
        since: 30,
    },
    Field {
        types: SELINUX,
        name: "type",
        holds: FieldValue::Name(|version| {
            let types = custom_selinux_options::TYPES
                .iter()
                .filter(|(_, since)| *since <= version.minor);
            types
                .map(|(word, _)| Word {
                    word,
                    about: "`baseline` allows it",
                })
                .collect()
        }),
        about: "The SELinux type, which decides what the container may touch.",
        default: "the runtime's choice, `container_t` as a rule",
        asks: &[(
            Baseline,
            "one that is made for containers, such as `container_t`",
        )],
        rule: Some(&custom_selinux_options::RULE),
        since: 0,
    },
    Field {
        types: SELINUX,
        name: "level",
        holds: FieldValue::Anything,
        about: "The SELinux level, which keeps containers apart that have the same type: `s0:c123,c456`.",
        default: "one of its own for each container",
        asks: &[],
        rule: None,
        since: 0,
    },
    Field {
        types: SELINUX,
        name: "role",
        holds: FieldValue::Anything,
        about: "The SELinux role.",
        default: "the runtime's choice",
        asks: &[(Baseline, "nothing")],
        rule: Some(&custom_selinux_options::RULE),
        since: 0,
    },
    Field {
        types: SELINUX,
        name: "user",
        holds: FieldValue::Anything,
        about: "The SELinux user.",
        default: "the runtime's choice",
        asks: &[(Baseline, "nothing")],
        rule: Some(&custom_selinux_options::RULE),
        since: 0,
    },
    Field {
        types: SYSCTL,
        name: "name",
        holds: FieldValue::Name(|version| {
            let names = unsafe_sysctl::SAFE
                .iter()
                .filter(|(_, since)| *since <= version.minor);
            names
                .map(|(word, _)| Word {
                    word,
                    about: "`baseline` allows it",
                })
                .collect()
        }),
        about: "The name of the kernel's setting.",
        default: "the item is refused without it",
        asks: &[(Baseline, "one of those that Kubernetes calls safe")],
        rule: Some(&unsafe_sysctl::RULE),
        since: 0,
    },
    Field {
        types: SYSCTL,
        name: "value",
        holds: FieldValue::Anything,
        about: "What the setting is set to: a text, so that numbers stand in quotes.",
        default: "an empty text",
        asks: &[],
        rule: None,
        since: 0,
    },
    Field {
        types: WINDOWS,
        name: "hostProcess",
        holds: FieldValue::Flag(false),
        about: "Whether the containers run on the Windows node itself. All of a pod's do, or none, and the pod needs `hostNetwork`.",
        default: "`false`",
        asks: &[(Baseline, "`false`, or nothing")],
        rule: Some(&windows_host_process::RULE),
        since: 22,
    },
    Field {
        types: WINDOWS,
        name: "runAsUserName",
        holds: FieldValue::Anything,
        about: "The Windows user that processes start as: `ContainerUser`, or `DOMAIN\\user`.",
        default: "the image's user",
        asks: &[],
        rule: None,
        since: 16,
    },
    Field {
        types: WINDOWS,
        name: "gmsaCredentialSpecName",
        holds: FieldValue::Anything,
        about: "The name of a group managed service account's credentials (`GMSACredentialSpec`) in the cluster.",
        default: "none",
        asks: &[],
        rule: None,
        since: 16,
    },
    Field {
        types: WINDOWS,
        name: "gmsaCredentialSpec",
        holds: FieldValue::Anything,
        about: "Those credentials themselves. An admission webhook writes them; people write the name.",
        default: "none",
        asks: &[],
        rule: None,
        since: 16,
    },
];
