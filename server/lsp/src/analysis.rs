//! From a snapshot to what is known of it.
//!
//! Knows when an analysis can be spared and where it runs. Promise: one that takes longer than a moment runs on the blocking pool, as many
//! at once as there are processors; a panic in it ends as an error here and goes no further.

use super::published::Published;
use super::state::{Analysed, Edited, Snapshot, State};
use super::{configuration, guard, neighbours, workspace_index};
use linter::analysis::Report;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use tower_lsp::ls_types::Uri;

/// The analysis of a snapshot panicked; what it said.
#[derive(Debug)]
pub(super) struct Panicked(pub String);

/// What is known of a snapshot; found out now if need be.
pub(super) async fn analysed(
    state: &Arc<State>,
    url: &Uri,
    snapshot: Snapshot,
) -> Result<Arc<Analysed>, Panicked> {
    let turn = state.turn(url);
    let _turn = turn.lock().await;
    let inputs = neighbours::over(state, url, configuration::of(state, url).await?).await?;
    let known = state.analysed(url);
    if let Some(known) =
        known.filter(|known| known.is_of(&snapshot, &inputs) && !known.is_outdated())
    {
        return Ok(known);
    }
    let known = state
        .take_analysed(url)
        .filter(|known| known.leads_to(&snapshot, &inputs));
    let followed = known
        .map(|known| at_once(|| follow(known, &snapshot)))
        .transpose()?;
    let is_quick = followed
        .as_ref()
        .is_some_and(|known| known.report.unanalyzed_bytes() <= state.setup.at_once);
    let analyze = Arc::clone(&state.setup.analyze);
    let of = url.clone();
    let work = move || {
        let now = || {
            inputs
                .context
                .workspace
                .as_ref()
                .map_or(0, |others| others.index.generation())
        };
        let Followed {
            mut report,
            published,
            generation: told,
        } = followed.unwrap_or_else(|| Followed {
            report: Report::of(&snapshot.text.to_string()),
            published: Arc::default(),
            generation: now(),
        });
        let look = |report: &mut Report| {
            report.analyze(
                |range| snapshot.text.slice(range),
                |text, role, context| analyze(text, role, context, inputs.borrow()),
            );
        };
        look(&mut report);
        let (mut says_else, mut generation) = (false, told);
        if let Some(others) = &inputs.context.workspace {
            says_else = others.index.update(
                &workspace_index::source_in(&of, &others.folder),
                report.facts(),
                &inputs.context.namespaces,
            );
            generation = now();
            // Where nobody said anything since the parts were told of others, they would be told the same.
            if generation != told && report.forget_outdated(others) {
                look(&mut report);
            }
        }
        (
            Arc::new(Analysed {
                snapshot,
                inputs,
                report,
                published,
                generation: generation.into(),
            }),
            says_else,
        )
    };
    let (analysed, says_else) = if is_quick {
        at_once(work)?
    } else {
        off_thread(state, work).await?
    };
    state.remember(url, &analysed);
    if says_else || analysed.is_outdated() {
        tokio::spawn(heed(Arc::clone(state), url.clone()));
    }
    Ok(analysed)
}

/// What is known of a text that the client does not edit. Nothing of it is kept.
pub(super) async fn unopened(
    state: &Arc<State>,
    url: &Uri,
    text: &str,
) -> Result<Analysed, Panicked> {
    let inputs = neighbours::over(state, url, configuration::of(state, url).await?).await?;
    let (snapshot, analyze) = (Snapshot::of(text), Arc::clone(&state.setup.analyze));
    off_thread(state, move || {
        let mut report = Report::of(&snapshot.text.to_string());
        report.analyze(
            |range| snapshot.text.slice(range),
            |text, role, context| analyze(text, role, context, inputs.borrow()),
        );
        Analysed {
            snapshot,
            inputs,
            report,
            published: Arc::default(),
            generation: 0.into(),
        }
    })
    .await
}

/// Has the documents analysed again that something is said to which was not said before.
async fn heed(state: Arc<State>, url: Uri) {
    state.wake_outdated();
    // What is said in a document that was closed meanwhile is no longer said.
    if state.snapshot(&url).is_none() {
        workspace_index::look_again(state).await;
    }
}

/// What is known of an earlier text, after the edits that made a later one of it.
struct Followed {
    report: Report,
    published: Arc<Mutex<Published>>,
    /// The state of the index that its answers are those of.
    generation: u64,
}

/// Follows the edits that made a later text of the one that something is known of. What is known is changed where it is, unless a
/// question about the earlier text is still being answered.
fn follow(known: Arc<Analysed>, snapshot: &Snapshot) -> Followed {
    let edits = snapshot.edits_since(&known.snapshot);
    let (published, generation) = (
        Arc::clone(&known.published),
        known.generation.load(Ordering::SeqCst),
    );
    let mut report =
        Arc::try_unwrap(known).map_or_else(|shared| shared.report.clone(), |known| known.report);
    for Edited {
        replaced,
        inserted,
        text,
        ..
    } in edits
    {
        report.edit(replaced, inserted, |range| text.slice(range));
    }
    Followed {
        report,
        published,
        generation,
    }
}

/// What is known of a document's text as the client has it now; nothing of one that is not open, or whose analysis panics. The
/// task that watches over the document tells of that.
pub(super) async fn latest(state: &Arc<State>, url: &Uri) -> Option<Arc<Analysed>> {
    analysed(state, url, state.snapshot(url)?).await.ok()
}

/// Runs work that takes less time than it takes to wake another thread.
fn at_once<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|panic| Panicked(guard::message(&*panic)))
}

/// Runs work that takes a while where it keeps nobody waiting.
pub(super) async fn off_thread<T: Send + 'static>(
    state: &Arc<State>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Panicked> {
    let _permit = state.workers.acquire().await;
    // The pool catches a panic and hands it over here.
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| match error.try_into_panic() {
            Ok(panic) => Panicked(guard::message(&*panic)),
            Err(error) => Panicked(error.to_string()),
        })
}
