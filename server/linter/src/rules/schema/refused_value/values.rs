//! Single values: which ones the API server takes for a field, whatever stands beside it.

use crate::rules::suggest::brief;
use kubernetes::parse_quantity;
use yaml::{Node, Resolved};

/// What the API server takes for a field.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Accepted {
    /// A whole number from one to another.
    Number(i64, i64),
    /// The permissions of a file.
    Mode,
    /// A number of a port, or the name of one.
    Port,
    PortName,
    Word(&'static [&'static str]),
    /// A label of a DNS name (RFC 1123).
    Label,
    /// A DNS name (RFC 1123).
    Domain,
    /// A path that stays below the folder that it starts from.
    Descending,
    /// A path without `..`.
    Direct,
    Variable,
    Sysctl,
    /// A quantity that is not below 0.
    Amount,
}

const ID: Accepted = Accepted::Number(0, i32::MAX as i64);

/// A type, a field of it, and what the API server takes there.
pub(crate) type Row = (&'static str, &'static str, Accepted);

/// The fields that the API server looks at on their own: their type, their name, and what it takes. For a field with a list, it is
/// what it takes as an item.
/// Sorted by type.
const FIELDS: &[Row] = {
    use Accepted::{
        Amount, Descending, Direct, Domain, Label, Mode, Number, Port, PortName, Sysctl, Variable,
        Word,
    };
    const PULL: Accepted = Word(&["Always", "IfNotPresent", "Never"]);
    const MESSAGE: Accepted = Word(&["File", "FallbackToLogsOnError"]);
    const RESTART: Accepted = Word(&["Always", "OnFailure", "Never"]);
    const KIND_OF_HOST_PATH: Accepted = Word(&[
        "DirectoryOrCreate",
        "Directory",
        "FileOrCreate",
        "File",
        "Socket",
        "CharDevice",
        "BlockDevice",
    ]);
    &[
        ("ConfigMapVolumeSource", "defaultMode", Mode),
        ("Container", "imagePullPolicy", PULL),
        ("Container", "name", Label),
        ("Container", "restartPolicy", RESTART),
        ("Container", "terminationMessagePolicy", MESSAGE),
        ("ContainerPort", "containerPort", Number(1, 65535)),
        ("ContainerPort", "hostPort", Number(0, 65535)),
        ("ContainerPort", "name", PortName),
        ("ContainerPort", "protocol", Word(&["TCP", "UDP", "SCTP"])),
        ("DownwardAPIVolumeFile", "mode", Mode),
        ("DownwardAPIVolumeFile", "path", Descending),
        ("DownwardAPIVolumeSource", "defaultMode", Mode),
        ("EmptyDirVolumeSource", "sizeLimit", Amount),
        ("EnvVar", "name", Variable),
        ("EphemeralContainer", "imagePullPolicy", PULL),
        ("EphemeralContainer", "name", Label),
        ("EphemeralContainer", "terminationMessagePolicy", MESSAGE),
        ("GRPCAction", "port", Number(1, 65535)),
        ("HTTPGetAction", "port", Port),
        ("HTTPGetAction", "scheme", Word(&["HTTP", "HTTPS"])),
        ("HostPathVolumeSource", "path", Direct),
        ("HostPathVolumeSource", "type", KIND_OF_HOST_PATH),
        ("KeyToPath", "mode", Mode),
        ("KeyToPath", "path", Descending),
        ("PodOS", "name", Word(&["linux", "windows"])),
        ("PodSecurityContext", "fsGroup", ID),
        (
            "PodSecurityContext",
            "fsGroupChangePolicy",
            Word(&["Always", "OnRootMismatch"]),
        ),
        ("PodSecurityContext", "runAsGroup", ID),
        ("PodSecurityContext", "runAsUser", ID),
        (
            "PodSecurityContext",
            "seLinuxChangePolicy",
            Word(&["Recursive", "MountOption"]),
        ),
        ("PodSecurityContext", "supplementalGroups", ID),
        (
            "PodSecurityContext",
            "supplementalGroupsPolicy",
            Word(&["Merge", "Strict"]),
        ),
        (
            "PodSpec",
            "activeDeadlineSeconds",
            Number(1, i32::MAX as i64),
        ),
        (
            "PodSpec",
            "dnsPolicy",
            Word(&["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]),
        ),
        ("PodSpec", "hostname", Label),
        (
            "PodSpec",
            "preemptionPolicy",
            Word(&["PreemptLowerPriority", "Never"]),
        ),
        ("PodSpec", "priorityClassName", Domain),
        ("PodSpec", "restartPolicy", RESTART),
        ("PodSpec", "runtimeClassName", Domain),
        ("PodSpec", "serviceAccountName", Domain),
        ("PodSpec", "subdomain", Label),
        ("Probe", "failureThreshold", Number(0, i32::MAX as i64)),
        ("Probe", "initialDelaySeconds", Number(0, i32::MAX as i64)),
        ("Probe", "periodSeconds", Number(0, i32::MAX as i64)),
        ("Probe", "successThreshold", Number(0, i32::MAX as i64)),
        (
            "Probe",
            "terminationGracePeriodSeconds",
            Number(1, i64::MAX),
        ),
        ("Probe", "timeoutSeconds", Number(0, i32::MAX as i64)),
        ("ProjectedVolumeSource", "defaultMode", Mode),
        ("SecretVolumeSource", "defaultMode", Mode),
        (
            "SecurityContext",
            "procMount",
            Word(&["Default", "Unmasked"]),
        ),
        ("SecurityContext", "runAsGroup", ID),
        ("SecurityContext", "runAsUser", ID),
        (
            "ServiceAccountTokenProjection",
            "expirationSeconds",
            Number(600, 1 << 32),
        ),
        ("ServiceAccountTokenProjection", "path", Descending),
        ("Sysctl", "name", Sysctl),
        ("TCPSocketAction", "port", Port),
        ("Volume", "name", Label),
        (
            "VolumeMount",
            "mountPropagation",
            Word(&["None", "HostToContainer", "Bidirectional"]),
        ),
        (
            "VolumeMount",
            "recursiveReadOnly",
            Word(&["Disabled", "IfPossible", "Enabled"]),
        ),
        ("VolumeMount", "subPath", Descending),
        ("VolumeMount", "subPathExpr", Descending),
    ]
};

/// What the API server takes for a field of a type.
pub(crate) fn accepted(type_name: &str, field: &str) -> Option<Accepted> {
    accepted_in(fields_of(type_name), field)
}

/// The rows about a type.
pub(crate) fn fields_of(type_name: &str) -> &'static [Row] {
    let start = FIELDS.partition_point(|row| row.0 < type_name);
    let rows = &FIELDS[start..];
    &rows[..rows.iter().take_while(|row| row.0 == type_name).count()]
}

/// What the API server takes for a field, by the rows about its type.
pub(crate) fn accepted_in(fields: &[Row], field: &str) -> Option<Accepted> {
    fields.iter().find(|row| row.1 == field).map(|row| row.2)
}

impl Accepted {
    /// Why the API server refuses a value, as the end of a sentence about it; `None` where it takes it, or has read none.
    pub(crate) fn objection(self, value: Node<'_>) -> Option<String> {
        match (self, value.resolved()?) {
            (accepted, Resolved::Int(number)) => accepted.objection_to_number(number),
            (_, Resolved::Str("")) => None,
            (accepted, Resolved::Str(text)) => accepted.objection_to_text(text),
            _ => None,
        }
    }

    /// Whether the API server takes a whole number, where the field takes numbers.
    pub(crate) fn takes(self, number: i64) -> bool {
        self.objection_to_number(number).is_none()
    }

    fn objection_to_number(self, number: i64) -> Option<String> {
        let (least, most) = match self {
            Accepted::Number(least, most) => (least, most),
            Accepted::Port => (1, 65535),
            Accepted::Amount => (0, i64::MAX),
            Accepted::Mode => (0, 0o777),
            _ => return None,
        };
        match most {
            _ if (least..=most).contains(&number) => None,
            i64::MAX => Some(format!("below {least}")),
            0o777 => Some("outside 0 to 0777, the permissions of a file".into()),
            most => Some(format!("outside {least} to {most}")),
        }
    }

    fn objection_to_text(self, text: &str) -> Option<String> {
        let refused = match self {
            Accepted::Word(words) => return (!words.contains(&text)).then(|| one_of(words)),
            Accepted::Port | Accepted::PortName if is_port_name(text) => None,
            Accepted::Port | Accepted::PortName => {
                Some("not the name of a port: at most 15 of a-z, 0-9 and -")
            }
            Accepted::Label if text.len() > 63 => Some("longer than 63 characters"),
            Accepted::Label if is_label(text) => None,
            Accepted::Label => Some("not of a-z, 0-9 and - alone"),
            Accepted::Domain if text.len() > 253 => Some("longer than 253 characters"),
            Accepted::Domain if text.split('.').all(is_label) => None,
            Accepted::Domain => Some("not of a-z, 0-9, - and . alone"),
            Accepted::Descending if text.starts_with('/') => Some("not a relative path"),
            Accepted::Descending | Accepted::Direct if text.split('/').any(|step| step == "..") => {
                Some("a path with ..")
            }
            Accepted::Variable if text.contains('=') => Some("not a name: it has a = in it"),
            Accepted::Variable if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) => {
                Some("not printable ASCII")
            }
            Accepted::Amount if parse_quantity(text.trim()).is_some_and(|amount| amount < 0) => {
                Some("below 0")
            }
            Accepted::Sysctl
                if text.len() > 253 || !text.split(['.', '/']).all(is_part_of_sysctl) =>
            {
                Some("not the name of a sysctl")
            }
            _ => None,
        };
        refused.map(str::to_owned)
    }

    /// The word that a text was meant to be, where the field takes words.
    pub(crate) fn nearest(self, text: &str) -> Option<&'static str> {
        match self {
            Accepted::Word(words) => crate::rules::suggest::nearest(text, words.iter().copied()),
            _ => None,
        }
    }
}

/// A choice of words, where it is short enough to be said.
fn one_of(words: &[&str]) -> String {
    match words {
        [one] => format!("not {one}"),
        [first @ .., last] if words.len() <= 3 => format!("not {} or {last}", first.join(", ")),
        _ => "none of the field's values".to_owned(),
    }
}

/// A value as a message shows it.
pub(crate) fn shown(value: Node<'_>) -> String {
    match value.resolved() {
        Some(Resolved::Str(text)) => format!("{:?}", brief(text)),
        _ => brief(value.source()).into_owned(),
    }
}

fn is_lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// Begins and ends with such a byte, and has them or the others between.
fn is_made_of(text: &str, others: &[u8]) -> bool {
    let ends = [text.bytes().next(), text.bytes().last()];
    ends.into_iter().all(|end| end.is_some_and(is_lower))
        && text
            .bytes()
            .all(|byte| is_lower(byte) || others.contains(&byte))
}

fn is_label(text: &str) -> bool {
    is_made_of(text, b"-")
}

fn is_part_of_sysctl(text: &str) -> bool {
    is_made_of(text, b"-_")
}

fn is_port_name(text: &str) -> bool {
    let has_letter = text.bytes().any(|byte| byte.is_ascii_lowercase());
    text.len() <= 15 && is_made_of(text, b"-") && has_letter && !text.contains("--")
}
