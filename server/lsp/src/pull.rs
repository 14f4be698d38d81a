//! Diagnostics for clients that ask for them, in the place of publishing.
//!
//! Knows what is asked and when to have it asked again. Must not know how a diagnostic comes about. Promise: a client is answered with what
//! it would have been sent; a result has an id made of what is in it, so that what a client has it does not get again; an answer
//! that nobody waits for any more takes nothing from the next one.

use super::analysis::{self, Panicked};
use super::state::State;
use super::{configuration, guard, published, uri, workspace_index};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tower_lsp::ls_types::{self as lsp, Diagnostic, Uri};

/// What the client was told of asking again.
#[derive(Default)]
pub(super) struct Refresh(Mutex<Told>);

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Told {
    /// It answered, or nothing was to be told yet.
    #[default]
    All,
    /// It is to be told, or was and owes an answer.
    Owing,
    /// It owes an answer, and there is more to tell since.
    OwingAndMore,
}

impl Refresh {
    /// Whether there is somebody to tell it to now: a client that owes an answer is told when it gave that.
    fn begin(&self) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = *told == Told::All;
        *told = if is_free {
            Told::Owing
        } else {
            Told::OwingAndMore
        };
        is_free
    }

    /// What changed before it reaches the client need not be told once more.
    fn tell(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Told::Owing;
    }

    /// Whether there was more to tell when the client answered.
    fn end(&self) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_more = *told == Told::OwingAndMore;
        *told = if is_more { Told::Owing } else { Told::All };
        is_more
    }
}

/// The diagnostics of an open document; none of one that is not open.
pub(super) async fn document(
    state: &Arc<State>,
    params: lsp::DocumentDiagnosticParams,
) -> Result<lsp::DocumentDiagnosticReportResult, Panicked> {
    let items = of_document(state, &params.text_document.uri).await?;
    let id = result_id(&items);
    let report = match params.previous_result_id == Some(id.clone()) {
        true => lsp::DocumentDiagnosticReport::Unchanged(
            lsp::RelatedUnchangedDocumentDiagnosticReport {
                related_documents: None,
                unchanged_document_diagnostic_report: lsp::UnchangedDocumentDiagnosticReport {
                    result_id: id,
                },
            },
        ),
        false => lsp::DocumentDiagnosticReport::Full(lsp::RelatedFullDocumentDiagnosticReport {
            related_documents: None,
            full_document_diagnostic_report: lsp::FullDocumentDiagnosticReport {
                result_id: Some(id),
                items,
            },
        }),
    };
    Ok(report.into())
}

async fn of_document(state: &Arc<State>, url: &Uri) -> Result<Vec<Diagnostic>, Panicked> {
    let Some(snapshot) = state.snapshot(url) else {
        return Ok(Vec::new());
    };
    let (state, url) = (Arc::clone(state), url.clone());
    // A client takes back what it asked for with each keystroke; the analysis goes on, for whoever asks next.
    let task = tokio::spawn(async move {
        if configuration::is_file(&url) {
            return configuration::edit(&state, &url, &snapshot)
                .await
                .map(|(diagnostics, _turn)| diagnostics);
        }
        let analysed = analysis::analysed(&state, &url, snapshot).await?;
        Ok(published::diagnostics(
            &analysed,
            &url,
            state.configuration.grouping(),
            &state.capabilities(),
        ))
    });
    task.await
        .unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => Err(Panicked(guard::message(&*panic))),
            Err(error) => Err(Panicked(error.to_string())),
        })
}

/// The diagnostics of all files in the client's folders: of an open one those of its text there, of the others those of the disk. In parts
/// as they are known, where the client takes them. Who no longer waits for them ends it.
pub(super) async fn workspace(
    state: &Arc<State>,
    params: lsp::WorkspaceDiagnosticParams,
) -> Result<lsp::WorkspaceDiagnosticReportResult, Panicked> {
    let previous: HashMap<Uri, String> = params
        .previous_result_ids
        .into_iter()
        .map(|it| (it.uri, it.value))
        .collect();
    let parts = params.partial_result_params.partial_result_token;
    let progress = Progress::begin(state, params.work_done_progress_params.work_done_token).await;
    let files = workspace_index::files(state).await?;
    let mut items = Vec::new();
    for (done, file) in files.iter().enumerate() {
        let Some(url) = uri::of_file(file) else {
            continue;
        };
        // A file that cannot be read or fails says nothing, as it does on the command line; the others go on.
        let Ok(Some((version, diagnostics))) = of_file(state, &url, file).await else {
            continue;
        };
        items.push(report_of(url, version, diagnostics, &previous));
        if done % BATCH == BATCH - 1 {
            progress.report(done + 1, files.len()).await;
            if let Some(token) = &parts {
                send(state, token, json!({ "items": std::mem::take(&mut items) })).await;
            }
        }
    }
    if let Some(token) = parts.filter(|_| !items.is_empty()) {
        send(
            state,
            &token,
            json!({ "items": std::mem::take(&mut items) }),
        )
        .await;
    }
    Ok(lsp::WorkspaceDiagnosticReport { items }.into())
}

/// How many files make a part of an answer.
const BATCH: usize = 32;

/// The version of a file's text, where it is open, and its diagnostics.
async fn of_file(
    state: &Arc<State>,
    url: &Uri,
    file: &Path,
) -> Result<Option<(Option<i64>, Vec<Diagnostic>)>, Panicked> {
    if let Some(snapshot) = state.snapshot(url) {
        return of_document(state, url)
            .await
            .map(|diagnostics| Some((Some(i64::from(snapshot.version)), diagnostics)));
    }
    let file = file.to_owned();
    let Some(text) = analysis::off_thread(state, move || workspace_index::text(&file)).await?
    else {
        return Ok(None);
    };
    let analysed = analysis::unopened(state, url, &text).await?;
    Ok(Some((
        None,
        published::diagnostics(
            &analysed,
            url,
            state.configuration.grouping(),
            &state.capabilities(),
        ),
    )))
}

fn report_of(
    uri: Uri,
    version: Option<i64>,
    items: Vec<Diagnostic>,
    previous: &HashMap<Uri, String>,
) -> lsp::WorkspaceDocumentDiagnosticReport {
    let id = result_id(&items);
    match previous.get(&uri) == Some(&id) {
        true => lsp::WorkspaceDocumentDiagnosticReport::Unchanged(
            lsp::WorkspaceUnchangedDocumentDiagnosticReport {
                uri,
                version,
                unchanged_document_diagnostic_report: lsp::UnchangedDocumentDiagnosticReport {
                    result_id: id,
                },
            },
        ),
        false => lsp::WorkspaceDocumentDiagnosticReport::Full(
            lsp::WorkspaceFullDocumentDiagnosticReport {
                uri,
                version,
                full_document_diagnostic_report: lsp::FullDocumentDiagnosticReport {
                    result_id: Some(id),
                    items,
                },
            },
        ),
    }
}

/// What the client shows while it waits, if it asked for that. It ends with the answer, or with who waited for it.
struct Progress {
    state: Arc<State>,
    token: Option<lsp::ProgressToken>,
}

impl Progress {
    async fn begin(state: &Arc<State>, token: Option<lsp::ProgressToken>) -> Self {
        let progress = Progress {
            state: Arc::clone(state),
            token,
        };
        progress
            .say(json!({ "kind": "begin", "title": "Checking manifests", "cancellable": true, "percentage": 0 }))
            .await;
        progress
    }

    async fn report(&self, done: usize, all: usize) {
        self.say(json!({ "kind": "report", "message": format!("{done}/{all}"), "percentage": done * 100 / all }))
            .await;
    }

    async fn say(&self, value: Value) {
        if let Some(token) = &self.token {
            send(&self.state, token, value).await;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let Some(token) = self.token.take() else {
            return;
        };
        let state = Arc::clone(&self.state);
        tokio::spawn(async move { send(&state, &token, json!({ "kind": "end" })).await });
    }
}

/// `$/progress`, of which the library knows but one kind.
enum Parts {}

impl lsp::notification::Notification for Parts {
    type Params = Value;
    const METHOD: &'static str = "$/progress";
}

async fn send(state: &State, token: &lsp::ProgressToken, value: Value) {
    state
        .output
        .notify::<Parts>(json!({ "token": token, "value": value }))
        .await;
}

/// Has the client ask again for all documents, once for all that there is to tell just now. While it owes an answer to that, it is
/// remembered that there is more, however much: the next word of it goes out when the answer has come.
pub(super) fn refresh(state: &Arc<State>) {
    if !state.capabilities().pull || !state.refresh.begin() {
        return;
    }
    let state = Arc::clone(state);
    tokio::spawn(async move {
        loop {
            state.refresh.tell();
            // What the client answers makes no difference.
            let _ = state.client.workspace_diagnostic_refresh().await;
            if !state.refresh.end() {
                return;
            }
        }
    });
}

/// The same for the same diagnostics.
fn result_id(items: &[Diagnostic]) -> String {
    let mut hasher = DefaultHasher::new();
    // Diagnostics have no maps with keys that JSON cannot have.
    hasher.write(&serde_json::to_vec(items).unwrap_or_default());
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Setup;
    use crate::backend::Backend;
    use crate::guard::Guard;
    use crate::output::Output;
    use futures_util::{FutureExt, SinkExt, Stream, StreamExt};
    use tower_lsp::LspService;
    use tower_lsp::jsonrpc::{Id, Request, Response};
    use tower_service::Service;

    /// What the client is asked, once all tasks did what they can.
    async fn asked(questions: &mut (impl Stream<Item = Request> + Unpin)) -> Vec<Id> {
        let mut asked = Vec::new();
        for _ in 0..100 {
            tokio::task::yield_now().await;
            while let Some(question) = questions.next().now_or_never().flatten() {
                assert_eq!(question.method(), "workspace/diagnostic/refresh");
                asked.extend(question.id().cloned());
            }
        }
        asked
    }

    #[tokio::test]
    async fn a_client_that_owes_an_answer_is_asked_once_more_when_it_gave_that() {
        let (service, socket) = LspService::new(|client| {
            Backend::new(client, Output::new(tokio::io::sink()), Setup::default())
        });
        let state = service.inner().state();
        let mut service = Guard::new(service, Arc::clone(&state));
        let capabilities = json!({"textDocument": {"diagnostic": {}}, "workspace": {"diagnostics": {"refreshSupport": true}}});
        let greeting = Request::build("initialize")
            .id(1)
            .params(json!({"capabilities": capabilities}))
            .finish();
        assert!(
            service
                .call(greeting)
                .await
                .is_ok_and(|reply| reply.is_some_and(|reply| reply.is_ok()))
        );
        let (mut questions, mut answers) = socket.split();

        refresh(&state);
        refresh(&state);
        let mut owed = asked(&mut questions).await;
        assert_eq!(
            owed.len(),
            1,
            "what is to be told when the first word goes out goes out with it"
        );
        for more in [1000, 1, 0] {
            for _ in 0..more {
                refresh(&state);
                tokio::task::yield_now().await;
            }
            assert_eq!(asked(&mut questions).await, [], "it owes an answer");
            answers
                .send(Response::from_ok(owed.remove(0), Value::Null))
                .await
                .expect("the server listens");
            owed = asked(&mut questions).await;
            assert_eq!(owed.len(), more.min(1));
        }
        refresh(&state);
        assert_eq!(asked(&mut questions).await.len(), 1);
    }
}
