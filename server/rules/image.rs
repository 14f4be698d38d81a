//! What the rules about images share: a container's image as registries read it.

use crate::k8s::{Container, Setting};
use crate::yaml::Node;
use oci_spec::distribution::Reference;

/// The image of a container as it is written, and where.
pub(super) fn written<'y>(container: &Container<'y>) -> Option<(String, Node<'y>)> {
    match container.setting("image", container.spec.image.clone()) {
        Setting::Set { value, node, .. } => Some((value, node)),
        _ => None,
    }
}

/// An image's parts; `None` for what is no valid reference, such as one with a placeholder in it.
pub(super) fn reference(image: &str) -> Option<Reference> {
    image.parse().ok()
}

/// The last part of the repository, which most people call the image's name: `nginx` of `docker.io/library/nginx:1.29`.
pub(super) fn short_name(image: &str) -> Option<String> {
    let reference = reference(image)?;
    reference.repository().rsplit('/').next().map(str::to_owned)
}

/// What an image's reference says about which image it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pin {
    Missing,
    Latest,
    Tag(String),
    Digest,
    Unreadable,
}

pub(super) fn pin(image: &str) -> Pin {
    let Some(reference) = reference(image) else { return Pin::Unreadable };
    match (reference.digest(), reference.tag()) {
        (Some(_), _) => Pin::Digest,
        // The parser fills in `latest` where no tag is written.
        (None, Some("latest")) if image.ends_with(":latest") => Pin::Latest,
        (None, None | Some("latest")) => Pin::Missing,
        (None, Some(tag)) => Pin::Tag(tag.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_told_apart_as_registries_read_them() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let tag = |tag: &str| Pin::Tag(tag.to_owned());
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
    fn the_short_name_is_the_last_part() {
        for image in ["nginx", "nginx:1.29", "docker.io/library/nginx", "localhost:5000/a/nginx:1"] {
            assert_eq!(short_name(image).as_deref(), Some("nginx"), "{image}");
        }
        assert_eq!(short_name("$(IMAGE)"), None);
    }
}
