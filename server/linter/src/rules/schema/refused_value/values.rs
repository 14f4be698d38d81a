//! The values that the API server accepts for a field, independently of other fields.

use crate::rules::describe::shortened;
use kubernetes::parse_quantity;
use yaml::{Node, Resolved};

/// The values that the API server accepts for a field.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Accepted {
    /// An integer in a range, inclusive.
    Number(i64, i64),
    /// The mode of a file.
    Mode,
    /// A port number or a port name.
    Port,
    PortName,
    Word(&'static [&'static str]),
    /// A DNS label (RFC 1123).
    Label,
    /// A DNS name (RFC 1123).
    Domain,
    /// A relative path without `..`.
    RelativePath,
    /// A path without `..`, relative or absolute.
    PathWithoutParent,
    EnvVarName,
    Sysctl,
    /// A quantity that is not below 0.
    Amount,
}

const ID: Accepted = Accepted::Number(0, i32::MAX as i64);

/// A type, a field of it, and the values that the API server accepts there.
pub(crate) type Row = (&'static str, &'static str, Accepted);

/// The fields that the API server validates independently of others, sorted by type. For a list,
/// the values are those of an item.
const FIELDS: &[Row] = {
    use Accepted::{
        Amount, Domain, EnvVarName, Label, Mode, Number, PathWithoutParent, Port, PortName,
        RelativePath, Sysctl, Word,
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
        ("DownwardAPIVolumeFile", "path", RelativePath),
        ("DownwardAPIVolumeSource", "defaultMode", Mode),
        ("EmptyDirVolumeSource", "sizeLimit", Amount),
        ("EnvVar", "name", EnvVarName),
        ("EphemeralContainer", "imagePullPolicy", PULL),
        ("EphemeralContainer", "name", Label),
        ("EphemeralContainer", "terminationMessagePolicy", MESSAGE),
        ("GRPCAction", "port", Number(1, 65535)),
        ("HTTPGetAction", "port", Port),
        ("HTTPGetAction", "scheme", Word(&["HTTP", "HTTPS"])),
        ("HostPathVolumeSource", "path", PathWithoutParent),
        ("HostPathVolumeSource", "type", KIND_OF_HOST_PATH),
        ("KeyToPath", "mode", Mode),
        ("KeyToPath", "path", RelativePath),
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
        ("ServiceAccountTokenProjection", "path", RelativePath),
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
        ("VolumeMount", "subPath", RelativePath),
        ("VolumeMount", "subPathExpr", RelativePath),
    ]
};

/// Returns the values that the API server accepts for a field of a type.
pub(crate) fn accepted(type_name: &str, field: &str) -> Option<Accepted> {
    accepted_in(fields_of(type_name), field)
}

/// Returns the rows about a type.
pub(crate) fn fields_of(type_name: &str) -> &'static [Row] {
    let start = FIELDS.partition_point(|row| row.0 < type_name);
    let rows = &FIELDS[start..];
    &rows[..rows.iter().take_while(|row| row.0 == type_name).count()]
}

/// Returns the values that the API server accepts for a field, given the rows about its type.
pub(crate) fn accepted_in(fields: &[Row], field: &str) -> Option<Accepted> {
    fields.iter().find(|row| row.1 == field).map(|row| row.2)
}

impl Accepted {
    /// Returns the rule that a value violates, such as "must be 1 to 65535". `None` if the API
    /// server accepts it or ignores it.
    pub(crate) fn violation(self, value: Node<'_>) -> Option<String> {
        match (self, value.resolved()?) {
            (accepted, Resolved::Int(number)) => accepted.number_violation(number),
            (_, Resolved::Str("")) => None,
            (accepted, Resolved::Str(text)) => accepted.text_violation(text),
            _ => None,
        }
    }

    /// Whether the API server accepts an integer, if the field accepts numbers.
    pub(crate) fn accepts(self, number: i64) -> bool {
        self.number_violation(number).is_none()
    }

    fn number_violation(self, number: i64) -> Option<String> {
        let (least, most) = match self {
            Accepted::Number(least, most) => (least, most),
            Accepted::Port => (1, 65535),
            Accepted::Amount => (0, i64::MAX),
            Accepted::Mode => (0, 0o777),
            _ => return None,
        };
        match most {
            _ if (least..=most).contains(&number) => None,
            i64::MAX => Some(format!("must not be below {least}")),
            0o777 => Some("must be a file mode from 0 to 0777".into()),
            most => Some(format!("must be from {least} to {most}")),
        }
    }

    fn text_violation(self, text: &str) -> Option<String> {
        let violation = match self {
            Accepted::Word(words) => {
                return (!words.contains(&text)).then(|| must_be_one_of(words));
            }
            Accepted::Port | Accepted::PortName if is_port_name(text) => None,
            Accepted::Port | Accepted::PortName => {
                Some("must be a port name: at most 15 of a-z, 0-9 and -")
            }
            Accepted::Label if text.len() > 63 => Some("must not be longer than 63 characters"),
            Accepted::Label if is_label(text) => None,
            Accepted::Label => Some("may contain only a-z, 0-9 and -"),
            Accepted::Domain if text.len() > 253 => Some("must not be longer than 253 characters"),
            Accepted::Domain if text.split('.').all(is_label) => None,
            Accepted::Domain => Some("may contain only a-z, 0-9, - and ."),
            Accepted::RelativePath if text.starts_with('/') => Some("must be a relative path"),
            Accepted::RelativePath | Accepted::PathWithoutParent
                if text.split('/').any(|step| step == "..") =>
            {
                Some("must not contain ..")
            }
            Accepted::EnvVarName if text.contains('=') => Some("must not contain ="),
            Accepted::EnvVarName if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) => {
                Some("must be printable ASCII")
            }
            Accepted::Amount if parse_quantity(text.trim()).is_some_and(|amount| amount < 0) => {
                Some("must not be below 0")
            }
            Accepted::Sysctl
                if text.len() > 253 || !text.split(['.', '/']).all(is_sysctl_segment) =>
            {
                Some("must be a sysctl name")
            }
            _ => None,
        };
        violation.map(str::to_owned)
    }

    /// Returns the word that a text was meant to be, if the field is an enumeration.
    pub(crate) fn closest(self, text: &str) -> Option<&'static str> {
        match self {
            Accepted::Word(words) => crate::suggest::closest(text, words.iter().copied()),
            _ => None,
        }
    }
}

/// Returns a message that lists the allowed words, if they are few.
fn must_be_one_of(words: &[&str]) -> String {
    match words {
        [one] => format!("must be {one}"),
        [first @ .., last] if words.len() <= 3 => format!("must be {} or {last}", first.join(", ")),
        _ => "not an allowed value".to_owned(),
    }
}

/// Returns a value as messages show it.
pub(crate) fn displayed(value: Node<'_>) -> String {
    match value.resolved() {
        Some(Resolved::Str(text)) => format!("{:?}", shortened(text)),
        _ => shortened(value.source()).into_owned(),
    }
}

fn is_lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// Whether a text consists of lower-case letters, digits and other bytes, which are not at its
/// ends.
fn consists_of(text: &str, others: &[u8]) -> bool {
    let ends = [text.bytes().next(), text.bytes().last()];
    ends.into_iter().all(|end| end.is_some_and(is_lower))
        && text
            .bytes()
            .all(|byte| is_lower(byte) || others.contains(&byte))
}

fn is_label(text: &str) -> bool {
    consists_of(text, b"-")
}

fn is_sysctl_segment(text: &str) -> bool {
    consists_of(text, b"-_")
}

fn is_port_name(text: &str) -> bool {
    let has_letter = text.bytes().any(|byte| byte.is_ascii_lowercase());
    text.len() <= 15 && consists_of(text, b"-") && has_letter && !text.contains("--")
}
