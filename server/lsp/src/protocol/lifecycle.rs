//! Whether the server should end, and with which exit status.

use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

#[derive(Default)]
pub(crate) struct Lifecycle {
    exit: Notify,
    shut_down: AtomicBool,
}

impl Lifecycle {
    /// Ends the server.
    pub(crate) fn exit(&self) {
        self.exit.notify_one();
    }

    /// Waits until the server should end.
    pub(crate) async fn exited(&self) {
        self.exit.notified().await;
    }

    /// Records that the client asked for a shutdown.
    pub(crate) fn shut_down(&self) {
        self.shut_down.store(true, Ordering::Relaxed);
    }

    /// Whether the client asked for a shutdown.
    pub(crate) fn was_shut_down(&self) -> bool {
        self.shut_down.load(Ordering::Relaxed)
    }
}
