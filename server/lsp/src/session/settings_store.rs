//! The settings that the client sent, from all the ways to send them.

use super::settings::Settings;
use serde_json::Value;
use std::sync::{PoisonError, RwLock};

/// How settings reached the server. Clients mix the ways, and leave any of them empty. A later one here overrides the earlier ones,
/// setting by setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// With `initialize`.
    Initial,
    /// With `workspace/didChangeConfiguration`.
    Notified,
    /// As an answer to `workspace/configuration`.
    Requested,
}

#[derive(Default)]
pub(crate) struct SettingsStore(RwLock<Sources>);

#[derive(Default)]
struct Sources {
    /// By [`Source`].
    values: [Value; 3],
    /// The last mistakes, so that a client that sends the same settings in two ways sees them once.
    mistakes: Vec<String>,
    settings: Settings,
}

impl SettingsStore {
    /// Returns the settings in effect.
    pub(crate) fn get(&self) -> Settings {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .settings
    }

    /// Replaces the settings of one source. Returns the mistakes in them that were not the last ones already.
    pub(crate) fn set(&self, source: Source, value: Value) -> Vec<String> {
        let (_, mistakes) = Settings::read(&value);
        let mut sources = self.0.write().unwrap_or_else(PoisonError::into_inner);
        sources.values[source as usize] = value;
        sources.settings = Settings::of(&sources.values);
        let new = mistakes
            .iter()
            .filter(|mistake| !sources.mistakes.contains(mistake))
            .cloned()
            .collect();
        sources.mistakes = mistakes;
        new
    }
}
