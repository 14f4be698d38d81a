//! The server's log on standard error.
//!
//! Off by default. The environment variable `KUBEHARDEN_LOG` and the setting `logLevel` turn it on; the setting wins.

use crate::session::settings;
use std::sync::OnceLock;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt, reload};

static LEVEL: OnceLock<reload::Handle<LevelFilter, Registry>> = OnceLock::new();

/// Starts the log of this process.
pub(crate) fn start() {
    let (filter, handle) = reload::Layer::new(from_environment());
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let log = tracing_subscriber::registry().with(filter).with(lines);
    if log.try_init().is_ok() {
        LEVEL.get_or_init(|| handle);
    }
}

/// Sets the level; `None` leaves it to the environment.
pub(crate) fn set_level(level: Option<LevelFilter>) {
    if let Some(handle) = LEVEL.get() {
        // Fails only without a log.
        let _ = handle.modify(|filter| *filter = level.unwrap_or_else(from_environment));
    }
}

fn from_environment() -> LevelFilter {
    std::env::var("KUBEHARDEN_LOG")
        .ok()
        .and_then(|word| settings::log_level(&word))
        .unwrap_or(LevelFilter::OFF)
}
