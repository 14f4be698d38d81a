//! One task for each open document, from its latest text to its diagnostics.
//!
//! Knows when to analyse and when to publish. Promise: one task at a time speaks of a document, so that what the client hears
//! last is true: the diagnostics of the latest text, or none once it is closed. However fast the texts come, each that is analysed
//! is published, and the latest is analysed at last.

use super::state::{Analysed, Snapshot, State};
use super::{analysis, configuration, published, pull, status};
use linter::analysis::{ISSUES, RulePanic};
use std::sync::Arc;
use tokio::sync::watch;
use tower_lsp::ls_types::notification::{LogMessage, PublishDiagnostics};
use tower_lsp::ls_types::{LogMessageParams, MessageType, PublishDiagnosticsParams, Uri};

/// Watches over a document until it is closed.
pub(super) async fn watch(
    state: Arc<State>,
    url: Uri,
    mut latest: watch::Receiver<Option<Snapshot>>,
) {
    let (mut was_reported, mut revision) = (false, None);
    while latest.changed().await.is_ok() {
        let snapshot = latest.borrow_and_update().clone();
        match snapshot {
            Some(snapshot) => {
                let version = snapshot.version;
                let before = revision.replace(snapshot.revision);
                let published = match configuration::is_file(&url) {
                    true => {
                        publish_mistakes(&state, &url, snapshot, before.is_none(), &latest).await
                    }
                    false => publish(&state, &url, snapshot, &latest).await,
                };
                if let Err(panicked) = &published {
                    status::tell_failure(&state, &url, version, panicked).await;
                }
                let failed = match published {
                    Ok(failure) => failure.map(|failure| failed_rule(&url, &failure)),
                    Err(panicked) => Some(failed_analysis(&url, &panicked)),
                };
                if let Some(message) = failed.filter(|_| !was_reported) {
                    was_reported = true;
                    state
                        .output
                        .notify::<LogMessage>(LogMessageParams {
                            typ: MessageType::ERROR,
                            message,
                        })
                        .await;
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
                    false => {
                        tell(
                            &state,
                            PublishDiagnosticsParams::new(url.clone(), Vec::new(), None),
                        )
                        .await
                    }
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

/// Analyses a text and publishes what is found; gives back the first rule that failed at it. After a panic beyond the rules nothing is
/// published: what was found in an earlier text is nearer to the truth than an empty list.
async fn publish(
    state: &Arc<State>,
    url: &Uri,
    snapshot: Snapshot,
    latest: &watch::Receiver<Option<Snapshot>>,
) -> Result<Option<RulePanic>, analysis::Panicked> {
    let analysed = analysis::analysed(state, url, snapshot).await?;
    if !state.capabilities().pull {
        publish_analysed(state, url, &analysed, latest).await;
    }
    status::tell(state, url, &analysed).await;
    Ok(analysed.report.failures().first().copied().cloned())
}

async fn publish_analysed(
    state: &State,
    url: &Uri,
    analysed: &Analysed,
    latest: &watch::Receiver<Option<Snapshot>>,
) {
    let turn = state.output.turn().await;
    if let Some(version) = version(state, analysed.snapshot.version, latest) {
        let (grouping, client) = (state.configuration.grouping(), state.capabilities());
        let write =
            |json: &mut Vec<u8>| published::write(analysed, url, version, grouping, &client, json);
        turn.notify::<PublishDiagnostics>(write).await;
    }
}

/// Publishes what is wrong in a configuration file.
async fn publish_mistakes(
    state: &Arc<State>,
    url: &Uri,
    snapshot: Snapshot,
    is_first: bool,
    latest: &watch::Receiver<Option<Snapshot>>,
) -> Result<Option<RulePanic>, analysis::Panicked> {
    let (diagnostics, _turn) = configuration::edit(state, url, &snapshot).await?;
    let diagnostics = match state.capabilities().pull {
        false => diagnostics,
        // What was published of the file while it was closed, the client asks for from here on.
        true if is_first => Vec::new(),
        true => return Ok(None),
    };
    if let Some(version) = version(state, snapshot.version, latest) {
        tell(
            state,
            PublishDiagnosticsParams::new(url.clone(), diagnostics, version),
        )
        .await;
    }
    Ok(None)
}

/// The version that diagnostics go out with, if the client numbers them; `None` where they are not to go out any more. A client that
/// cannot tell versions apart would show an older text's diagnostics in the wrong places.
fn version(
    state: &State,
    version: i32,
    latest: &watch::Receiver<Option<Snapshot>>,
) -> Option<Option<i32>> {
    let has_versions = state.capabilities().diagnostic_version;
    let is_latest = !latest.has_changed().unwrap_or(true);
    let is_open = latest.borrow().is_some();
    (is_latest || (is_open && has_versions)).then_some(has_versions.then_some(version))
}

async fn tell(state: &State, params: PublishDiagnosticsParams) {
    state.output.notify::<PublishDiagnostics>(params).await;
}

fn failed_analysis(url: &Uri, analysis::Panicked(message): &analysis::Panicked) -> String {
    format!(
        "kubeharden failed to analyse {}, and tries again with the next change: {message}",
        url.as_str()
    )
}

fn failed_rule(url: &Uri, RulePanic { rule, message }: &RulePanic) -> String {
    format!(
        "the rule {rule} failed at {}, and the others go on: {message}. It is a bug in kubeharden; please report it at {ISSUES}",
        url.as_str()
    )
}
