//! One task for each open document, from its latest text to its diagnostics.
//!
//! Knows when to analyse and when to publish. Promise: one task at a time speaks of a document, so that what the client hears
//! last is true: the diagnostics of the latest text, or none once it is closed. However fast the texts come, each that is analysed
//! is published, and the latest is analysed at last.

use super::state::{Snapshot, State};
use super::{analysis, configuration, pull, status, to_proto};
use std::sync::Arc;
use tokio::sync::watch;
use tower_lsp::lsp_types::{Diagnostic, MessageType, Url};

/// Watches over a document until it is closed.
pub(super) async fn watch(state: Arc<State>, url: Url, mut latest: watch::Receiver<Option<Snapshot>>) {
    let (mut was_reported, mut revision) = (false, None);
    while latest.changed().await.is_ok() {
        let snapshot = latest.borrow_and_update().clone();
        match snapshot {
            Some(snapshot) => {
                let version = snapshot.version;
                let before = revision.replace(snapshot.revision);
                let published = match configuration::is_file(&url) {
                    true => publish_mistakes(&state, &url, snapshot, before.is_none(), &latest).await,
                    false => publish(&state, &url, snapshot, &latest).await,
                };
                if let Err(panicked) = published {
                    status::tell_failure(&state, &url, version, &panicked).await;
                    if !std::mem::replace(&mut was_reported, true) {
                        report(&state, &url, &panicked).await;
                    }
                }
                // A client that asks does so with each text; that something else is to be said of the same one it cannot know.
                if before == revision {
                    pull::refresh(&state);
                }
            }
            None => {
                match configuration::is_file(&url) {
                    true => configuration::close(&state, &url).await,
                    false if state.capabilities().pull => {}
                    false => state.client.publish_diagnostics(url.clone(), Vec::new(), None).await,
                }
                (was_reported, revision) = (false, None);
                // The client may have opened it again meanwhile; then this task goes on with it.
                if state.forget(&url) {
                    return;
                }
            }
        }
    }
}

/// Analyses a text and publishes what is found. After a panic nothing is published: what was found in an earlier text is nearer to
/// the truth than an empty list.
async fn publish(
    state: &Arc<State>,
    url: &Url,
    snapshot: Snapshot,
    latest: &watch::Receiver<Option<Snapshot>>,
) -> Result<(), analysis::Panicked> {
    let analysed = analysis::analysed(state, url, snapshot).await?;
    if !state.capabilities().pull {
        let diagnostics = to_proto::diagnostics(&analysed, url, state.configuration.grouping(), &state.capabilities());
        send(state, url, diagnostics, analysed.snapshot.version, latest).await;
    }
    status::tell(state, url, &analysed).await;
    Ok(())
}

/// Publishes what is wrong in a configuration file.
async fn publish_mistakes(
    state: &Arc<State>,
    url: &Url,
    snapshot: Snapshot,
    is_first: bool,
    latest: &watch::Receiver<Option<Snapshot>>,
) -> Result<(), analysis::Panicked> {
    let (diagnostics, _turn) = configuration::edit(state, url, &snapshot).await?;
    match state.capabilities().pull {
        false => send(state, url, diagnostics, snapshot.version, latest).await,
        // What was published of the file while it was closed, the client asks for from here on.
        true if is_first => send(state, url, Vec::new(), snapshot.version, latest).await,
        true => {}
    }
    Ok(())
}

async fn send(state: &State, url: &Url, diagnostics: Vec<Diagnostic>, version: i32, latest: &watch::Receiver<Option<Snapshot>>) {
    let has_versions = state.capabilities().diagnostic_version;
    let is_latest = !latest.has_changed().unwrap_or(true);
    let is_open = latest.borrow().is_some();
    // A client that cannot tell versions apart would show an older text's diagnostics in the wrong places.
    if is_latest || (is_open && has_versions) {
        state.client.publish_diagnostics(url.clone(), diagnostics, has_versions.then_some(version)).await;
    }
}

async fn report(state: &State, url: &Url, analysis::Panicked(message): &analysis::Panicked) {
    let message = format!("kubeharden failed to analyse {url}, and tries again with the next change: {message}");
    state.client.log_message(MessageType::ERROR, message).await;
}
