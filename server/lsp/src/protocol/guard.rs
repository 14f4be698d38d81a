//! Protects the server from its own handlers: a panic costs one reply.
//!
//! Also makes `exit` end the server in any state, and holds messages back until `initialize` is answered.

use super::client::ClientHandle;
use super::lifecycle::Lifecycle;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use linter::analysis::panic_message;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::sync::oneshot;
use tower_lsp::jsonrpc::{Error, Request, Response};
use tower_service::Service;

/// A service whose panics become error replies.
pub(crate) struct Guard<S> {
    inner: S,
    client: ClientHandle,
    lifecycle: Arc<Lifecycle>,
    /// Ends when `initialize` has been answered.
    initialized: Option<oneshot::Receiver<()>>,
}

impl<S> Guard<S> {
    pub(crate) fn new(inner: S, client: ClientHandle, lifecycle: Arc<Lifecycle>) -> Self {
        Guard {
            inner,
            client,
            lifecycle,
            initialized: None,
        }
    }
}

impl<S> Service<Request> for Guard<S>
where
    S: Service<Request, Response = Option<Response>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Option<Response>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Option<Response>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        // `tower-lsp` rejects requests before it has answered `initialize`, and scripts do not wait for answers.
        if let Some(initialized) = &mut self.initialized {
            let _ = ready!(initialized.poll_unpin(context));
            self.initialized = None;
        }
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.method() == "exit" {
            // `tower-lsp` would cancel all pending replies, including the one to `shutdown`.
            self.lifecycle.exit();
            return Box::pin(async { Ok(None) });
        }
        let request = without_parameters(request);
        let client = self.client.clone();
        let (id, method) = (request.id().cloned(), request.method().to_owned());
        tracing::debug!(%method, "received");
        let answered = (method == "initialize").then(|| {
            let (answered, initialized) = oneshot::channel();
            self.initialized = Some(initialized);
            answered
        });
        let handled = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        Box::pin(async move {
            let handled = handled.await;
            tracing::debug!(%method, "handled");
            drop(answered);
            match handled {
                // Every request gets a reply. `tower-lsp` sends none for unknown requests that begin with `$/`.
                Ok(Ok(None)) => {
                    Ok(id.map(|id| Response::from_error(id, Error::method_not_found())))
                }
                Ok(response) => response,
                Err(panic) => {
                    client.report_error(format!(
                        "kubeharden crashed while handling {method}: {}",
                        panic_message(&*panic)
                    ));
                    Ok(id.map(|id| Response::from_error(id, Error::internal_error())))
                }
            }
        })
    }
}

/// Removes the parameters that some clients send with `shutdown`, because `tower-lsp` rejects them.
fn without_parameters(request: Request) -> Request {
    match request.id() {
        Some(id) if request.method() == "shutdown" => {
            Request::build("shutdown").id(id.clone()).finish()
        }
        _ => request,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::client::{MOST_WAITING, testing};
    use crate::protocol::frames::{self, Message};
    use tokio::io::{BufReader, DuplexStream};

    /// A service whose every handler panics.
    struct Broken;

    impl Service<Request> for Broken {
        type Response = Option<Response>;
        type Error = ();
        type Future = BoxFuture<'static, Result<Option<Response>, ()>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request) -> Self::Future {
            Box::pin(async move { panic!("{} is broken", request.method()) })
        }
    }

    fn guarded() -> (Guard<Broken>, DuplexStream) {
        let (client, written) = testing::piped();
        (Guard::new(Broken, client, Arc::default()), written)
    }

    /// Returns the next message to the client.
    async fn next_message(written: DuplexStream) -> Request {
        match frames::next(&mut BufReader::new(written), |_| ()).await {
            Some(Message::Request(message)) => message,
            other => panic!("no message to the client: {other:?}"),
        }
    }

    #[tokio::test]
    async fn panicking_request_gets_error_reply() {
        let (mut guard, written) = guarded();
        let reply = guard
            .call(Request::build("textDocument/hover").id(7).finish())
            .await;
        assert_eq!(
            reply,
            Ok(Some(Response::from_error(
                7.into(),
                Error::internal_error()
            )))
        );
        let log = next_message(written).await;
        assert_eq!(log.method(), "window/logMessage");
        let message = log
            .params()
            .and_then(|params| params["message"].as_str())
            .expect("the message is text");
        assert_eq!(
            message,
            "kubeharden crashed while handling textDocument/hover: textDocument/hover is broken"
        );
    }

    #[tokio::test]
    async fn panicking_notification_gets_no_reply() {
        let (mut guard, written) = guarded();
        assert_eq!(
            guard
                .call(Request::build("textDocument/didOpen").finish())
                .await,
            Ok(None)
        );
        assert_eq!(next_message(written).await.method(), "window/logMessage");
    }

    #[tokio::test]
    async fn waiting_notifications_are_limited() {
        let (guard, written) = guarded();
        for number in 0..1000 {
            guard.client.report_error(number.to_string());
        }
        drop(guard);
        let (mut written, mut messages) = (BufReader::new(written), Vec::new());
        while let Some(Message::Request(message)) = frames::next(&mut written, |_| ()).await {
            messages.push(message.params().map(|params| params["message"].clone()));
        }
        let first: Vec<_> = (0..MOST_WAITING)
            .map(|number| Some(serde_json::json!(number.to_string())))
            .collect();
        assert_eq!(messages, first);
    }

    #[tokio::test]
    async fn panicking_initialize_unblocks_next_message() {
        let (mut guard, _written) = guarded();
        let initialized = guard.call(Request::build("initialize").id(1).finish());
        assert!(
            std::future::poll_fn(|context| Poll::Ready(guard.poll_ready(context)))
                .await
                .is_pending()
        );
        assert!(initialized.await.is_ok_and(|reply| reply.is_some()));
        assert_eq!(
            std::future::poll_fn(|context| guard.poll_ready(context)).await,
            Ok(())
        );
    }
}
