//! The fields of a security context: their meaning, their values, and the requirements of the Pod
//! Security Standards.
//!
//! The table has exactly the fields of Kubernetes' types, and no value that the API server rejects.
//! Tests compare it with the types and with the rules.

use crate::config::Profile;
use crate::rules::capabilities::helpers as capabilities;
use crate::rules::capabilities::names as capability_names;
use crate::rules::privileges::unsafe_sysctl;
use crate::rules::profiles::custom_selinux_options;
use kubernetes::Version;

/// A field, or one that several types share.
#[derive(Debug)]
pub struct Field {
    /// The Kubernetes types that have it: `SecurityContext`.
    pub types: &'static [&'static str],
    pub name: &'static str,
    pub value: FieldValue,
    /// What it does, in a sentence or two of Markdown.
    pub about: &'static str,
    /// The default, as the end of a sentence.
    pub default: &'static str,
    /// The requirements of the Pod Security Standards, the least strict profile first.
    pub requirements: &'static [(Profile, &'static str)],
    /// The minor of the first Kubernetes version 1.N that has it without a feature gate.
    pub since: u16,
}

/// The values of a field.
#[derive(Debug, Clone, Copy)]
pub enum FieldValue {
    /// `true` or `false`, and which of them is the safer one.
    Flag(bool),
    /// A number, or any text.
    Any,
    /// One of some words.
    OneOf(&'static [Word]),
    /// A list of words.
    ListOf(fn() -> Vec<Word>),
    /// One of the names that are known at a version, or any other one.
    Known(fn(Version) -> Vec<Word>),
    /// A list of anything else.
    List,
    /// Fields of its own.
    Mapping,
}

/// A value that a field can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    pub word: &'static str,
    /// A short description.
    pub about: &'static str,
}

impl FieldValue {
    /// Returns the possible values, the safest first. Empty if they cannot be listed.
    pub fn words(self, version: Version) -> Vec<Word> {
        match self {
            FieldValue::Flag(good) => [good, !good]
                .map(|flag| Word {
                    word: if flag { "true" } else { "false" },
                    about: "",
                })
                .to_vec(),
            FieldValue::OneOf(words) => words.to_vec(),
            FieldValue::ListOf(words) => words(),
            FieldValue::Known(names) => names(version),
            FieldValue::Any | FieldValue::List | FieldValue::Mapping => Vec::new(),
        }
    }
}

impl Field {
    /// Whether a cluster of a version supports the field.
    pub fn is_in(&self, version: Version) -> bool {
        Version::new(self.since) <= version
    }
}

/// Returns the fields of a type, the most important first. Empty for types that are not part of a
/// security context.
pub fn fields_of(type_name: &str) -> impl Iterator<Item = &'static Field> {
    FIELDS
        .iter()
        .filter(move |field| field.types.contains(&type_name))
}

/// Returns a type's field with a name.
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
        value: FieldValue::Flag(true),
        about: "Whether the kubelet refuses to start a container whose user is root. It checks the user id from `runAsUser` or from \
                the image, which must be a number.",
        default: "root is allowed",
        requirements: &[(Restricted, "`true`, on the pod or on every container")],
        since: 0,
    },
    Field {
        types: CONTAINER,
        name: "allowPrivilegeEscalation",
        value: FieldValue::Flag(false),
        about: "Whether a process can gain more privileges than its parent, for example through a setuid program. `false` sets \
                `no_new_privs`.",
        default: "it can",
        requirements: &[(Restricted, "`false`, on every container")],
        since: 0,
    },
    Field {
        types: CONTAINER,
        name: "capabilities",
        value: FieldValue::Mapping,
        about: "The Linux capabilities that are added to the runtime's default set or dropped from it.",
        default: "the runtime's own set, about a dozen of them",
        requirements: &[
            (Baseline, "no `add` beyond the runtime's set"),
            (
                Restricted,
                "`drop: [ALL]`, and to add `NET_BIND_SERVICE` at most",
            ),
        ],
        since: 0,
    },
    Field {
        types: CONTAINER,
        name: "readOnlyRootFilesystem",
        value: FieldValue::Flag(true),
        about: "Whether the container's root file system is read-only. Volumes stay writable: most programs need only an `emptyDir` \
                at `/tmp`.",
        default: "it is writable",
        requirements: &[],
        since: 0,
    },
    Field {
        types: BOTH,
        name: "seccompProfile",
        value: FieldValue::Mapping,
        about: "The system calls that the container may make. A container's profile replaces its pod's completely.",
        default: "no filter, unless the kubelet has `seccompDefault`",
        requirements: &[
            (Baseline, "not `Unconfined`"),
            (
                Restricted,
                "`RuntimeDefault` or `Localhost`, on the pod or on every container",
            ),
        ],
        since: 19,
    },
    Field {
        types: CONTAINER,
        name: "privileged",
        value: FieldValue::Flag(false),
        about: "Whether the container has all capabilities, all devices and no confinement, which is equivalent to root on the node.",
        default: "`false`",
        requirements: &[(Baseline, "`false` or unset")],
        since: 0,
    },
    Field {
        types: BOTH,
        name: "runAsUser",
        value: FieldValue::Any,
        about: "The user id of the container's processes. It overrides the image's user.",
        default: "the image's user, which is root if the image sets none",
        requirements: &[(Restricted, "not `0`")],
        since: 0,
    },
    Field {
        types: BOTH,
        name: "runAsGroup",
        value: FieldValue::Any,
        about: "The primary group id of the container's processes.",
        default: "the image's group, or root's",
        requirements: &[],
        since: 0,
    },
    Field {
        types: POD,
        name: "fsGroup",
        value: FieldValue::Any,
        about: "A supplementary group of all containers. It owns the files of the pod's volumes, if the kind of volume supports it.",
        default: "volumes keep their owner",
        requirements: &[],
        since: 0,
    },
    Field {
        types: POD,
        name: "fsGroupChangePolicy",
        value: FieldValue::OneOf(&[
            Word {
                word: "OnRootMismatch",
                about: "only if the owner of the volume's root differs: fast",
            },
            Word {
                word: "Always",
                about: "each time the volume is mounted",
            },
        ]),
        about: "When the owner of a volume's files is changed to `fsGroup`. This is slow for many files.",
        default: "`Always`",
        requirements: &[],
        since: 20,
    },
    Field {
        types: POD,
        name: "supplementalGroups",
        value: FieldValue::List,
        about: "Additional group ids of the containers' processes, besides their own and `fsGroup`.",
        default: "the groups of the image's user",
        requirements: &[],
        since: 0,
    },
    Field {
        types: POD,
        name: "supplementalGroupsPolicy",
        value: FieldValue::OneOf(&[
            Word {
                word: "Strict",
                about: "only the groups set in the pod",
            },
            Word {
                word: "Merge",
                about: "also those of the image's `/etc/group`",
            },
        ]),
        about: "Whether the groups of the image's user are added.",
        default: "`Merge`",
        requirements: &[],
        since: 33,
    },
    Field {
        types: POD,
        name: "sysctls",
        value: FieldValue::List,
        about: "Kernel parameters of the pod's namespaces.",
        default: "the node's values",
        requirements: &[(Baseline, "only those that Kubernetes considers safe")],
        since: 0,
    },
    Field {
        types: BOTH,
        name: "appArmorProfile",
        value: FieldValue::Mapping,
        about: "The AppArmor profile of the container, on nodes with AppArmor. A container's profile replaces its pod's completely.",
        default: "the runtime's profile, if the node has AppArmor",
        requirements: &[(Baseline, "not `Unconfined`")],
        since: 30,
    },
    Field {
        types: BOTH,
        name: "seLinuxOptions",
        value: FieldValue::Mapping,
        about: "The SELinux label of the container, on nodes with SELinux. A container's options replace its pod's completely.",
        default: "chosen by the runtime, different for each container",
        requirements: &[(
            Baseline,
            "no `user`, no `role`, and a `type` made for containers",
        )],
        since: 0,
    },
    Field {
        types: POD,
        name: "seLinuxChangePolicy",
        value: FieldValue::OneOf(&[
            Word {
                word: "MountOption",
                about: "as a mount option: fast, one label for all pods of a volume",
            },
            Word {
                word: "Recursive",
                about: "file by file",
            },
        ]),
        about: "How volumes get the pod's SELinux label.",
        default: "`MountOption` if the volume and the cluster support it, else `Recursive`",
        requirements: &[],
        since: 33,
    },
    Field {
        types: CONTAINER,
        name: "procMount",
        value: FieldValue::OneOf(&[
            Word {
                word: "Default",
                about: "with the runtime's masks",
            },
            Word {
                word: "Unmasked",
                about: "all of it; needs `hostUsers: false`, and `baseline` forbids it",
            },
        ]),
        about: "How much of `/proc` the container sees.",
        default: "`Default`",
        requirements: &[(Baseline, "`Default` or unset")],
        since: 12,
    },
    Field {
        types: BOTH,
        name: "windowsOptions",
        value: FieldValue::Mapping,
        about: "Settings for Windows containers. A container's options override its pod's one by one.",
        default: "none",
        requirements: &[(Baseline, "no `hostProcess: true`")],
        since: 16,
    },
    Field {
        types: CAPABILITIES,
        name: "drop",
        value: FieldValue::ListOf(|| {
            let about = |word| {
                if word == "ALL" {
                    "all of them, as `restricted` requires"
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
        about: "The capabilities that the container loses. `ALL` includes those that Linux adds later.",
        default: "none are dropped",
        requirements: &[(Restricted, "`ALL`, on every container")],
        since: 0,
    },
    Field {
        types: CAPABILITIES,
        name: "add",
        value: FieldValue::ListOf(|| {
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
            // The capability that the stricter standard also allows comes first.
            words.sort_by_key(|word| word.word != "NET_BIND_SERVICE");
            words.to_vec()
        }),
        about: "The capabilities that the container gets after `drop` is applied.",
        default: "none",
        requirements: &[
            (Baseline, "nothing beyond the runtime's set"),
            (Restricted, "`NET_BIND_SERVICE` at most"),
        ],
        since: 0,
    },
    Field {
        types: SECCOMP,
        name: "type",
        value: FieldValue::OneOf(&[
            Word {
                word: "RuntimeDefault",
                about: "the runtime's default filter",
            },
            Word {
                word: "Localhost",
                about: "a file on the node, named by `localhostProfile`",
            },
            Word {
                word: "Unconfined",
                about: "no filter; `baseline` forbids it",
            },
        ]),
        about: "The kind of seccomp profile.",
        default: "required",
        requirements: &[
            (Baseline, "not `Unconfined`"),
            (Restricted, "`RuntimeDefault` or `Localhost`"),
        ],
        since: 19,
    },
    Field {
        types: SECCOMP,
        name: "localhostProfile",
        value: FieldValue::Any,
        about: "The profile's file on the node, below the kubelet's directory for seccomp profiles. Only with type `Localhost`.",
        default: "required with `Localhost`",
        requirements: &[],
        since: 19,
    },
    Field {
        types: APPARMOR,
        name: "type",
        value: FieldValue::OneOf(&[
            Word {
                word: "RuntimeDefault",
                about: "the runtime's default profile",
            },
            Word {
                word: "Localhost",
                about: "a profile loaded on the node, named by `localhostProfile`",
            },
            Word {
                word: "Unconfined",
                about: "no profile; `baseline` forbids it",
            },
        ]),
        about: "The kind of AppArmor profile.",
        default: "required",
        requirements: &[(Baseline, "not `Unconfined`")],
        since: 30,
    },
    Field {
        types: APPARMOR,
        name: "localhostProfile",
        value: FieldValue::Any,
        about: "The name of a profile that is loaded on the node. Only with type `Localhost`.",
        default: "required with `Localhost`",
        requirements: &[],
        since: 30,
    },
    Field {
        types: SELINUX,
        name: "type",
        value: FieldValue::Known(|version| {
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
        about: "The SELinux type, which decides what the container may access.",
        default: "chosen by the runtime, usually `container_t`",
        requirements: &[(
            Baseline,
            "one that is made for containers, such as `container_t`",
        )],
        since: 0,
    },
    Field {
        types: SELINUX,
        name: "level",
        value: FieldValue::Any,
        about: "The SELinux level, which separates containers of the same type: `s0:c123,c456`.",
        default: "a different one for each container",
        requirements: &[],
        since: 0,
    },
    Field {
        types: SELINUX,
        name: "role",
        value: FieldValue::Any,
        about: "The SELinux role.",
        default: "chosen by the runtime",
        requirements: &[(Baseline, "nothing")],
        since: 0,
    },
    Field {
        types: SELINUX,
        name: "user",
        value: FieldValue::Any,
        about: "The SELinux user.",
        default: "chosen by the runtime",
        requirements: &[(Baseline, "nothing")],
        since: 0,
    },
    Field {
        types: SYSCTL,
        name: "name",
        value: FieldValue::Known(|version| {
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
        about: "The name of the kernel parameter.",
        default: "required",
        requirements: &[(Baseline, "one of those that Kubernetes calls safe")],
        since: 0,
    },
    Field {
        types: SYSCTL,
        name: "value",
        value: FieldValue::Any,
        about: "The value: a string, so that numbers need quotes.",
        default: "an empty string",
        requirements: &[],
        since: 0,
    },
    Field {
        types: WINDOWS,
        name: "hostProcess",
        value: FieldValue::Flag(false),
        about: "Whether the containers run directly on the Windows node. All containers of a pod must agree, and the pod needs `hostNetwork`.",
        default: "`false`",
        requirements: &[(Baseline, "`false` or unset")],
        since: 22,
    },
    Field {
        types: WINDOWS,
        name: "runAsUserName",
        value: FieldValue::Any,
        about: "The Windows user of the processes: `ContainerUser` or `DOMAIN\\user`.",
        default: "the image's user",
        requirements: &[],
        since: 16,
    },
    Field {
        types: WINDOWS,
        name: "gmsaCredentialSpecName",
        value: FieldValue::Any,
        about: "The name of a group managed service account's credentials (`GMSACredentialSpec`) in the cluster.",
        default: "none",
        requirements: &[],
        since: 16,
    },
    Field {
        types: WINDOWS,
        name: "gmsaCredentialSpec",
        value: FieldValue::Any,
        about: "The credentials themselves. An admission webhook writes them; set the name instead.",
        default: "none",
        requirements: &[],
        since: 16,
    },
];
