//! Kubernetes versions, as far as rules distinguish them: `1.N`.

use std::fmt;
use std::str::FromStr;

/// `1.N`. Patch versions make no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    pub minor: u16,
}

impl Version {
    /// The newest version whose types and rules are known.
    pub const NEWEST: Version = Version::new(37);

    pub const fn new(minor: u16) -> Self {
        Version { minor }
    }
}

impl Default for Version {
    fn default() -> Self {
        Version::NEWEST
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.minor)
    }
}

/// Accepts `1.29`, `v1.29`, `1.29.4` and `latest`. A version newer than the newest known counts as
/// that one, as in the Pod Security admission (`k8s.io/pod-security-admission/policy`, registry).
impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "latest" {
            return Ok(Version::NEWEST);
        }
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
        let minor = match (
            parts.next(),
            parts.next().map(str::parse),
            parts.next().map(str::parse::<u16>),
            parts.next(),
        ) {
            (Some("1"), Some(Ok(minor)), None | Some(Ok(_)), None) => minor,
            _ => {
                return Err(format!(
                    "{text:?} is not a Kubernetes version: write 1.N, for example {}",
                    Version::NEWEST
                ));
            }
        };
        Ok(Version::new(minor).min(Version::NEWEST))
    }
}
