//! A queue for work that covers all requests that came in before it starts.
//!
//! Files are read, and settings requested, one run at a time. While a run waits for its turn, more requests are covered by it. A request
//! that comes in during a run starts one more run.

use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Mutex, MutexGuard};

/// The turn of one kind of work, with the state that belongs to it.
#[derive(Default)]
pub(crate) struct RunAgain<T = ()> {
    turn: Mutex<T>,
    is_requested: AtomicBool,
}

impl<T> RunAgain<T> {
    /// Waits for the turn to serve all requests up to now; `None` if a run that has not started yet serves this one too.
    pub(crate) async fn request(&self) -> Option<MutexGuard<'_, T>> {
        if self.is_requested.swap(true, Ordering::SeqCst) {
            return None;
        }
        // A caller that is dropped while it waits must not block all later requests.
        let waiting = Waiting(&self.is_requested);
        let turn = self.turn.lock().await;
        // What changes from here on needs another run.
        drop(waiting);
        Some(turn)
    }

    /// Waits for the turn for other work that must not run at the same time.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, T> {
        self.turn.lock().await
    }
}

struct Waiting<'a>(&'a AtomicBool);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn waiting_run_covers_later_requests() {
        let queue = RunAgain::<u32>::default();
        let first = queue.request().now_or_never().flatten();
        assert!(first.is_some(), "nothing else runs");
        let mut second = Box::pin(queue.request());
        assert!((&mut second).now_or_never().is_none(), "it waits");
        for _ in 0..3 {
            let covered = queue.request().now_or_never();
            assert!(covered.is_some_and(|turn| turn.is_none()));
        }
        drop(first);
        let second = second.now_or_never().flatten();
        assert!(second.is_some());
        drop(second);
        assert!(queue.request().now_or_never().flatten().is_some());
    }

    #[test]
    fn request_during_run_waits_for_next() {
        let queue = RunAgain::<()>::default();
        let running = queue.request().now_or_never().flatten();
        assert!(running.is_some());
        assert!(
            queue.request().now_or_never().is_none(),
            "it is not covered"
        );
        drop(running);
        assert!(queue.request().now_or_never().flatten().is_some());
    }

    #[test]
    fn dropped_request_does_not_block_others() {
        let queue = RunAgain::<()>::default();
        let other = queue.turn().now_or_never();
        let mut dropped = Box::pin(queue.request());
        assert!((&mut dropped).now_or_never().is_none());
        drop(dropped);
        drop(other);
        assert!(queue.request().now_or_never().flatten().is_some());
    }
}
