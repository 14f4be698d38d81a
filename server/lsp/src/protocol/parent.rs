//! Ends the server when the process that started it is gone.
//!
//! A client that dies closes the server's input, which ends the server. But another process may have inherited the other end of that
//! pipe and keep it open. On systems with `/proc`, the server checks by itself.

use super::lifecycle::Lifecycle;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const PERIOD: Duration = Duration::from_secs(2);

/// Ends the server once a process is gone.
pub(crate) fn watch(lifecycle: &Arc<Lifecycle>, process: u32) {
    let entry = PathBuf::from(format!("/proc/{process}"));
    // A client in another container has a process that is not visible here.
    if !entry.exists() {
        return;
    }
    let lifecycle = Arc::clone(lifecycle);
    tokio::spawn(async move {
        let mut period = tokio::time::interval(PERIOD);
        while entry.exists() {
            period.tick().await;
        }
        lifecycle.exit();
    });
}
