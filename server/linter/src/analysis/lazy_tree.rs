//! The syntax tree of a text, which can be dropped to save memory and is parsed again on demand.

use std::sync::OnceLock;
use yaml::{self, Yaml};

#[derive(Debug)]
pub(super) struct Tree {
    /// `None` after the tree was dropped.
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

    /// Keeps only the text. The tree must come from [`yaml::parse`].
    pub(super) fn give_away(&mut self) {
        if let Some(yaml) = self.yaml.take() {
            self.text = Some(yaml.into_text());
        }
    }
}
