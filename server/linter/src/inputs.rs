//! What an analysis depends on besides the text.

use crate::config::Config;
use std::sync::{Arc, LazyLock};
use workspace::FileContext;

/// The configuration of a text and its file context, borrowed and cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    pub config: &'a Config,
    pub context: &'a FileContext,
}

/// The same as [`Inputs`], owned. Equal inputs give the same analysis of the same text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnedInputs {
    pub config: Arc<Config>,
    pub context: FileContext,
}

impl OwnedInputs {
    pub fn borrow(&self) -> Inputs<'_> {
        Inputs {
            config: &self.config,
            context: &self.context,
        }
    }
}

/// The inputs of a text without a file context.
impl<'a> From<&'a Config> for Inputs<'a> {
    fn from(config: &'a Config) -> Self {
        static UNKNOWN: LazyLock<FileContext> = LazyLock::new(FileContext::default);
        Inputs {
            config,
            context: &UNKNOWN,
        }
    }
}

impl<'a> From<&'a OwnedInputs> for Inputs<'a> {
    fn from(inputs: &'a OwnedInputs) -> Self {
        inputs.borrow()
    }
}
