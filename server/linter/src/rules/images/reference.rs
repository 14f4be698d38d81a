//! Image references, parsed as container runtimes parse them.

use crate::rules::describe::shortened;
use kubernetes::{Container, Setting};
use std::borrow::Cow;
use std::fmt;
use yaml::Node;

/// Returns the image of a container as written, with its node.
pub(crate) fn written<'c, 'y>(container: &'c Container<'y>) -> Option<(&'c str, Node<'y>)> {
    match container.setting("image", container.spec.image.as_deref()) {
        Setting::Set { value, node, .. } => Some((value, node)),
        _ => None,
    }
}

/// The parts of an image reference. `github.com/distribution/reference` defines the grammar and the
/// default registry.
///
/// Parsed by hand: compiling a regular expression for the grammar takes more time and memory than
/// the rest of a server's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference<'i> {
    pub registry: &'i str,
    pub repository: Cow<'i, str>,
    /// The tag as written; `None` for an implicit `latest`.
    pub tag: Option<&'i str>,
    pub is_digested: bool,
}

/// Parses a reference. `None` if it is not valid, for example because it contains a placeholder.
pub(crate) fn reference(image: &str) -> Option<Reference<'_>> {
    let (rest, digest) = match image.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (image, None),
    };
    // A colon before the last slash belongs to a port.
    let last = rest.rfind('/').map_or(0, |slash| slash + 1);
    let (name, tag) = match rest[last..].find(':') {
        Some(colon) => (&rest[..last + colon], Some(&rest[last + colon + 1..])),
        None => (rest, None),
    };
    let (registry, repository) = located(name)?;
    let is_valid = repository.len() <= MAX_REPOSITORY_LENGTH
        && tag.is_none_or(is_tag)
        && digest.is_none_or(is_digest);
    is_valid.then_some(Reference {
        registry,
        repository,
        tag,
        is_digested: digest.is_some(),
    })
}

/// Why the kubelet rejects a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Invalid {
    /// The repository has upper-case letters; the reference with lower-case ones.
    UpperCase(String),
    Tag,
    /// The algorithm, and how many hexadecimal digits it has and should have.
    DigestLength(String, usize, usize),
    DigestAlgorithm(String),
    Other,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Invalid::UpperCase(_) => write!(f, "the repository has upper-case letters"),
            Invalid::Tag => write!(f, "the tag is not valid"),
            Invalid::DigestLength(algorithm, has, needs) => {
                write!(
                    f,
                    "a {algorithm} digest has {needs} hexadecimal digits, not {has}"
                )
            }
            Invalid::DigestAlgorithm(algorithm) => {
                write!(f, "{:?} is not a digest algorithm", shortened(algorithm))
            }
            Invalid::Other => write!(f, "not a reference that the kubelet can parse"),
        }
    }
}

/// Returns why a reference is not valid; `None` if it is.
pub(crate) fn invalid(image: &str) -> Option<Invalid> {
    if reference(image).is_some() {
        return None;
    }
    let (rest, digest) = match image.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (image, None),
    };
    // A valid name without the digest: the digest is the reason.
    if let Some(digest) = digest.filter(|_| reference(rest).is_some()) {
        let (algorithm, hash) = digest.split_once(':').unwrap_or(("sha256", digest));
        return Some(match digest_length(algorithm) {
            None => Invalid::DigestAlgorithm(algorithm.to_owned()),
            Some(needs)
                if hash.bytes().all(|byte| byte.is_ascii_hexdigit()) && hash.len() != needs =>
            {
                Invalid::DigestLength(algorithm.to_owned(), hash.len(), needs)
            }
            Some(_) => Invalid::Other,
        });
    }
    let tag = rest.rfind('/').map_or(0, |slash| slash + 1);
    let colon = rest[tag..].find(':').map(|colon| tag + colon);
    let name = &rest[..colon.unwrap_or(rest.len())];
    if colon.is_some() && reference(name).is_some() {
        return Some(Invalid::Tag);
    }
    // The host of a registry may have upper-case letters, so only what follows it is changed.
    let path = match name.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host.len() + 1,
        _ => 0,
    };
    let lower = name[..path].to_owned() + &name[path..].to_lowercase() + &image[name.len()..];
    Some(match reference(&lower) {
        Some(_) => Invalid::UpperCase(lower),
        None => Invalid::Other,
    })
}

/// Whether a reference looks like the name of something that another program replaces: `IMAGE`,
/// `REGISTRY/web`, `<image>`, `__IMAGE__`, `@image@`.
pub(crate) fn is_placeholder(image: &str) -> bool {
    let is_shouted = |word: &str| {
        word.bytes().any(|byte| byte.is_ascii_uppercase())
            && !word.bytes().any(|byte| byte.is_ascii_lowercase())
    };
    image.contains([
        '<', '>', '%', '$', '{', '}', '[', '#', '*', '~', '!', '|', '^', '(', ')',
    ]) || image.contains("..")
        || image.contains("__")
        || image.starts_with('@')
        || image.ends_with('@')
        || image.split(['/', ':', '@']).any(is_shouted)
}

/// In bytes.
const MAX_REPOSITORY_LENGTH: usize = 255;

/// Splits a name without tag and digest into registry and repository, with defaults.
fn located(name: &str) -> Option<(&str, Cow<'_, str>)> {
    let is_host = |host: &str| {
        host.contains(['.', ':'])
            || host == "localhost"
            || host.chars().any(|c| c.is_ascii_uppercase())
    };
    let (registry, path) = match name.split_once('/').filter(|(host, _)| is_host(host)) {
        // A text that is not a valid domain, such as `a.b_c`, can still be the first component of a
        // path.
        Some((host, path)) => (is_registry(host) || is_component(host)).then_some((host, path))?,
        None => ("docker.io", name),
    };
    let registry = if registry == "index.docker.io" {
        "docker.io"
    } else {
        registry
    };
    // 64 hexadecimal digits are the id of an image, not a name.
    let is_id = name.len() == 64 && is_hex(name);
    let is_path = path.split('/').all(is_component) && !is_id;
    let is_official = registry == "docker.io" && !path.contains('/');
    let repository = if is_official {
        Cow::Owned(format!("library/{path}"))
    } else {
        Cow::Borrowed(path)
    };
    is_path.then_some((registry, repository))
}

/// Whether a text is a domain or an address, with or without a port.
fn is_registry(host: &str) -> bool {
    let (host, port) = match host
        .rsplit_once(':')
        .filter(|(_, port)| !port.ends_with(']'))
    {
        Some((host, port)) => (host, Some(port)),
        None => (host, None),
    };
    let is_label = |label: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric();
        let has_ends = [label.bytes().next(), label.bytes().last()]
            .iter()
            .all(|end| end.is_some_and(is_letter));
        has_ends && label.bytes().all(|byte| is_letter(byte) || byte == b'-')
    };
    let is_host = match host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(address) => {
            !address.is_empty()
                && address
                    .bytes()
                    .all(|byte| byte.is_ascii_hexdigit() || byte == b':')
        }
        None => host.split('.').all(is_label),
    };
    is_host
        && port
            .is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a text is letters and digits, separated by one dot, one or two underscores, or any
/// number of dashes.
fn is_component(component: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_separator = |between: &str| {
        matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-')
    };
    component.starts_with(is_letter)
        && component.ends_with(is_letter)
        && component.split(is_letter).all(is_separator)
}

fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(is_word)
        && tag
            .bytes()
            .all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hash)) = digest.split_once(':') else {
        return false;
    };
    digest_length(algorithm) == Some(hash.len()) && is_hex(hash)
}

/// Returns how many hexadecimal digits the digests of an algorithm have.
fn digest_length(algorithm: &str) -> Option<usize> {
    match algorithm {
        "sha256" => Some(64),
        "sha384" => Some(96),
        "sha512" => Some(128),
        _ => None,
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Returns the last component of the repository: `nginx` of `docker.io/library/nginx:1.29`.
pub(crate) fn short_name(image: &str) -> Option<String> {
    let reference = reference(image)?;
    reference.repository.rsplit('/').next().map(str::to_owned)
}

/// How an image reference pins the image.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pin<'i> {
    Missing,
    Latest,
    Tag(&'i str),
    Digest,
    Unreadable,
}

pub(crate) fn pin(image: &str) -> Pin<'_> {
    let Some(reference) = reference(image) else {
        return Pin::Unreadable;
    };
    match reference.tag {
        _ if reference.is_digested => Pin::Digest,
        None => Pin::Missing,
        Some("latest") => Pin::Latest,
        Some(tag) => Pin::Tag(tag),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let tag = |tag| Pin::Tag(tag);
        let cases = [
            ("nginx".to_owned(), Pin::Missing),
            ("localhost:5000/nginx".into(), Pin::Missing),
            ("registry.example.com:443/team/app".into(), Pin::Missing),
            ("nginx:latest".into(), Pin::Latest),
            ("localhost:5000/latest:latest".into(), Pin::Latest),
            ("registry.example.com/latest".into(), Pin::Missing),
            ("nginx:1.29".into(), tag("1.29")),
            ("nginx:latest-alpine".into(), tag("latest-alpine")),
            (format!("nginx@{digest}"), Pin::Digest),
            (format!("nginx:latest@{digest}"), Pin::Digest),
            (format!("localhost:5000/nginx@{digest}"), Pin::Digest),
            (String::new(), Pin::Unreadable),
            ("nginx:".into(), Pin::Unreadable),
            ("Nginx Web".into(), Pin::Unreadable),
            ("$(REGISTRY)/web".into(), Pin::Unreadable),
            ("{{ .Values.image }}".into(), Pin::Unreadable),
            ("nginx@sha256:short".into(), Pin::Unreadable),
        ];
        for (image, expected) in cases {
            assert_eq!(pin(&image), expected, "{image:?}");
        }
    }

    #[test]
    fn invalid_references_have_a_reason() {
        let hex = "ab".repeat(32);
        for (image, reason) in [
            ("web", None),
            ("Registry/web", None),
            (
                "ghcr.io/Example-Org/tool:7",
                Some(Invalid::UpperCase("ghcr.io/example-org/tool:7".into())),
            ),
            ("Web", Some(Invalid::UpperCase("web".into()))),
            ("web:", Some(Invalid::Tag)),
            ("web:1.0+2", Some(Invalid::Tag)),
            (
                "web@sha256:cafe01",
                Some(Invalid::DigestLength("sha256".into(), 6, 64)),
            ),
            (
                &format!("web:1@md5:{}", &hex[..32]),
                Some(Invalid::DigestAlgorithm("md5".into())),
            ),
            (
                &format!("web@sha256:{}", hex.to_uppercase()),
                Some(Invalid::Other),
            ),
            ("we b", Some(Invalid::Other)),
        ] {
            assert_eq!(invalid(image), reason, "{image}");
        }
    }

    #[test]
    fn placeholders_are_recognized() {
        for image in [
            "IMAGE",
            "IMAGE:TAG",
            "web:TAG",
            "REGISTRY/web",
            "<image>",
            "registry.example.com/__NAME__",
            "@image@",
            "${IMAGE}",
        ] {
            assert!(is_placeholder(image), "{image}");
        }
        for image in [
            "web",
            "Web:1",
            "ghcr.io/Example-Org/tool",
            "web@sha256:cafe01",
        ] {
            assert!(!is_placeholder(image), "{image}");
        }
    }

    #[test]
    fn short_name_is_the_last_component() {
        for image in [
            "nginx",
            "nginx:1.29",
            "docker.io/library/nginx",
            "localhost:5000/a/nginx:1",
        ] {
            assert_eq!(short_name(image).as_deref(), Some("nginx"), "{image}");
        }
        assert_eq!(short_name("$(IMAGE)"), None);
    }

    /// Parses a reference with `oci-spec`, which fills in `latest` if there is neither tag nor
    /// digest.
    fn theirs(image: &str) -> Option<(String, String, Option<String>, bool)> {
        let reference: oci_spec::distribution::Reference = image.parse().ok()?;
        let [registry, repository] =
            [reference.registry(), reference.repository()].map(str::to_owned);
        Some((
            registry,
            repository,
            reference.tag().map(str::to_owned),
            reference.digest().is_some(),
        ))
    }

    fn ours(image: &str) -> Option<(String, String, Option<String>, bool)> {
        let Reference {
            registry,
            repository,
            tag,
            is_digested,
        } = reference(image)?;
        let tag = tag.or((!is_digested).then_some("latest"));
        Some((
            registry.to_owned(),
            repository.into_owned(),
            tag.map(str::to_owned),
            is_digested,
        ))
    }

    #[test]
    fn references_match_oci_spec() {
        let digest = |algorithm: &str, length: usize| {
            format!("@{algorithm}:{}", "0af".repeat(43)[..length].to_owned())
        };
        let digests = [
            digest("sha256", 64),
            digest("sha256", 63),
            digest("sha384", 96),
            digest("sha512", 128),
            digest("md5", 32),
        ];
        let long = [
            "a".repeat(128),
            "z".repeat(60),
            format!("{}/", "c".repeat(248)),
        ];
        let mut pieces = vec![
            "a",
            "b0",
            "7",
            ".",
            "_",
            "__",
            "-",
            "--",
            "/",
            ":",
            ":5000",
            ":latest",
            ":v1.2_x-y",
            ":.x",
            "@",
        ];
        pieces.extend([
            "docker.io/",
            "index.docker.io/",
            "ghcr.io",
            "localhost",
            "localhost:5000/",
            "Web",
            " ",
            "$",
            "\n",
        ]);
        pieces.extend(digests.iter().chain(&long).map(String::as_str));
        let (mut seed, mut valid) = (1_u64, 0);
        for _ in 0..20_000 {
            let mut next = |below: usize| {
                seed = seed
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (seed >> 33) as usize % below
            };
            let length = 1 + next(6);
            let image: String = (0..length).map(|_| pieces[next(pieces.len())]).collect();
            // `oci-spec` implements an earlier grammar, in which a component with capitals is part
            // of a repository.
            let first = image.split('/').next().unwrap_or_default();
            if image.contains('/') && first.contains('W') && !first.contains(['.', ':']) {
                continue;
            }
            let parts = ours(&image);
            valid += usize::from(parts.is_some());
            assert_eq!(parts, theirs(&image), "{image:?}");
        }
        assert!(valid > 1_000, "only {valid} references were valid");
    }

    #[test]
    fn differences_from_oci_spec() {
        let hex = "ab".repeat(32);
        for (image, registry, repository) in [
            ("Registry/web", "Registry", "web"),
            ("[::1]/web", "[::1]", "web"),
            ("[2001:db8::1]:5000/a/web:1", "[2001:db8::1]:5000", "a/web"),
        ] {
            let found = reference(image).expect(image);
            assert_eq!((found.registry, &*found.repository), (registry, repository));
        }
        let refused = [
            "[]/web",
            "[::1/web",
            "[g]/web",
            "[::1]:/web",
            "nginx:é",
            &hex,
            &format!("nginx@sha256:{}", hex.to_uppercase()),
        ];
        for image in refused {
            assert_eq!(reference(image), None, "{image}");
        }
    }
}
