//! The tree of a text, which can be given away: most parts of a long text are never asked for theirs again.
//!
//! Knows a text that was read as YAML. Must not know what for. Promise: whoever asks gets the tree that was there first.

use std::sync::OnceLock;
use yaml::{self, Yaml};

#[derive(Debug)]
pub(super) struct Tree {
    /// Where the tree was given away.
    text: Option<Box<str>>,
    yaml: OnceLock<Yaml>,
}

impl Tree {
    pub(super) fn of(yaml: Yaml) -> Tree {
        Tree {
            text: None,
            yaml: yaml.into(),
        }
    }

    pub(super) fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_else(|| self.yaml().text())
    }

    pub(super) fn yaml(&self) -> &Yaml {
        self.yaml
            .get_or_init(|| yaml::parse(self.text.as_deref().unwrap_or_default()))
    }

    /// Keeps nothing but the text: only of a tree as [`yaml::parse`] gives it.
    pub(super) fn give_away(&mut self) {
        if let Some(yaml) = self.yaml.take() {
            self.text = Some(yaml.into_text());
        }
    }
}
