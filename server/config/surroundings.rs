//! What the files around a text say of it.
//!
//! Knows the words for it. Must not know how it is found out: that is [`crate::project`]'s. Promise: by default nothing is known, and a
//! text is what it looks like.

/// What is known of a text from other files; what is not known makes no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Surroundings {
    pub part: Part,
}

/// What the objects in a text are before they reach a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Part {
    /// What will be there, as far as anybody knows.
    #[default]
    Whole,
    /// Below `templates` of a Helm chart: wherever `{{` stands, something else will stand in its place.
    ChartTemplate,
    /// A kustomization names it as a patch: the rest of its objects stands in other files.
    Patch,
}
