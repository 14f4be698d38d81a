//! Whether the process that started the server is still there.
//!
//! A client that dies closes the server's input, which ends it; but a process that inherited the other end of that pipe
//! can keep it open. Where the system tells cheaply which processes live, the server looks for itself.

use super::state::State;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const PERIOD: Duration = Duration::from_secs(2);

/// Has the server end once that process is gone.
pub(super) fn watch(state: &Arc<State>, process: u32) {
    let entry = PathBuf::from(format!("/proc/{process}"));
    // A client in another container names a process that cannot be seen from here.
    if !entry.exists() {
        return;
    }
    let state = Arc::clone(state);
    tokio::spawn(async move {
        let mut period = tokio::time::interval(PERIOD);
        while entry.exists() {
            period.tick().await;
        }
        state.leave.notify_one();
    });
}
