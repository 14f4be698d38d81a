//! The client: what it supports, and the notifications and requests that the server sends to it.

use super::capabilities::Capabilities;
use super::output::{Output, Turn};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use text::Encoding;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tower_lsp::ls_types::notification::{LogMessage, Notification};
use tower_lsp::ls_types::request::Request;
use tower_lsp::ls_types::{LogMessageParams, MessageType};

/// The most notifications that wait in the background for a client that does not read.
pub(crate) const MOST_WAITING: usize = 100;

/// A cheap handle for the client; clones share the connection.
#[derive(Clone)]
pub(crate) struct ClientHandle(Arc<Inner>);

struct Inner {
    requests: tower_lsp::Client,
    output: Output,
    capabilities: OnceLock<Capabilities>,
    waiting: Arc<Semaphore>,
    patience: Duration,
}

impl ClientHandle {
    /// `patience` is the time that the client has to answer a request.
    pub(crate) fn new(requests: tower_lsp::Client, output: Output, patience: Duration) -> Self {
        ClientHandle(Arc::new(Inner {
            requests,
            output,
            capabilities: OnceLock::new(),
            waiting: Arc::new(Semaphore::new(MOST_WAITING)),
            patience,
        }))
    }

    /// Returns what the client supports: nothing before `initialize`.
    pub(crate) fn capabilities(&self) -> Capabilities {
        self.0.capabilities.get().copied().unwrap_or_default()
    }

    /// Sets what the client supports. Only the first call has an effect.
    pub(crate) fn set_capabilities(&self, capabilities: Capabilities) {
        self.0.capabilities.get_or_init(|| capabilities);
    }

    pub(crate) fn encoding(&self) -> Encoding {
        self.capabilities().encoding
    }

    pub(crate) fn output(&self) -> &Output {
        &self.0.output
    }

    /// Waits until all earlier messages are written.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        self.0.output.turn().await
    }

    pub(crate) async fn notify<N: Notification>(&self, params: N::Params) {
        self.0.output.notify::<N>(params).await;
    }

    /// Sends a notification from a task of its own, so that a handler does not wait for the client. Drops it while
    /// [`MOST_WAITING`] others wait.
    pub(crate) fn notify_later<N: Notification>(&self, params: N::Params)
    where
        N::Params: Send + Sync + 'static,
    {
        let Ok(permit) = Arc::clone(&self.0.waiting).try_acquire_owned() else {
            tracing::warn!(
                method = N::METHOD,
                "dropped a notification: the client does not read"
            );
            return;
        };
        let client = self.clone();
        tokio::spawn(async move {
            client.notify::<N>(params).await;
            drop(permit);
        });
    }

    /// Writes an error to the client's log and to the server's own.
    pub(crate) fn report_error(&self, message: String) {
        tracing::error!("{message}");
        self.notify_later::<LogMessage>(LogMessageParams {
            typ: MessageType::ERROR,
            message,
        });
    }

    /// Returns the client's answer to a request; `None` for an error or if it takes too long.
    pub(crate) async fn request<R: Request>(&self, params: R::Params) -> Option<R::Result> {
        let answer = timeout(self.0.patience, self.wait_for::<R>(params)).await;
        if answer.is_err() {
            tracing::warn!(method = R::METHOD, "the client does not answer");
        }
        answer.ok()?
    }

    /// Returns the client's answer to a request, however long it takes; `None` for an error.
    pub(crate) async fn wait_for<R: Request>(&self, params: R::Params) -> Option<R::Result> {
        self.0.requests.send_request::<R>(params).await.ok()
    }
}

/// A client for tests, with the other ends of its connection.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use tokio::io::{AsyncWrite, DuplexStream};
    use tower_lsp::jsonrpc::Result;
    use tower_lsp::ls_types::{InitializeParams, InitializeResult};
    use tower_lsp::{ClientSocket, LanguageServer, LspService};

    pub(crate) struct Nothing;

    impl LanguageServer for Nothing {
        async fn initialize(&self, _: InitializeParams) -> Result<InitializeResult> {
            Ok(InitializeResult::default())
        }

        async fn shutdown(&self) -> Result<()> {
            Ok(())
        }
    }

    /// Returns a client that writes to a pipe, and the end of the pipe to read from.
    pub(crate) fn piped() -> (ClientHandle, DuplexStream) {
        let (output, read) = tokio::io::duplex(1 << 10);
        (connected(output).0, read)
    }

    pub(crate) fn connected(
        output: impl AsyncWrite + Send + 'static,
    ) -> (ClientHandle, LspService<Nothing>, ClientSocket) {
        let mut client = None;
        let (service, socket) = LspService::new(|requests| {
            let output = Output::new(output);
            client = Some(ClientHandle::new(requests, output, Duration::from_secs(10)));
            Nothing
        });
        (client.expect("the service was built"), service, socket)
    }
}
