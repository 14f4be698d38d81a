//! Runs work on the blocking pool, as many jobs at once as there are processors, and turns panics into errors.

use linter::analysis::panic_message;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use tokio::sync::Semaphore;
use tokio::task::JoinError;

/// Work panicked, with this message.
#[derive(Debug)]
pub(crate) struct Panicked(pub String);

pub(crate) struct Workers(Semaphore);

impl Default for Workers {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Workers(Semaphore::new(processors))
    }
}

impl Workers {
    /// Runs work once a processor is free for it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Panicked> {
        let _permit = self.0.acquire().await;
        run_in_background(work).await
    }
}

/// Runs long work that no request waits for, next to the jobs of [`Workers`].
pub(crate) async fn run_in_background<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Panicked> {
    Ok(tokio::task::spawn_blocking(work).await?)
}

/// Runs work that takes less time than waking another thread.
pub(crate) fn run_here<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|panic| Panicked(panic_message(&*panic)))
}

impl From<JoinError> for Panicked {
    fn from(error: JoinError) -> Self {
        match error.try_into_panic() {
            Ok(panic) => Panicked(panic_message(&*panic)),
            Err(error) => Panicked(error.to_string()),
        }
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
