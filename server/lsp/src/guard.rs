//! The fence around the handlers.
//!
//! Knows messages, not their meaning. Promise: a handler that panics costs its own reply and nothing else; `exit` ends the server
//! whatever state it is in; no message is handled before the greeting that was sent before it.

use super::state::State;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
pub(super) use linter::analysis::panic_message as message;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::sync::oneshot;
use tower_lsp::jsonrpc::{Error, Request, Response};
use tower_lsp::ls_types::notification::{LogMessage, Notification};
use tower_lsp::ls_types::{LogMessageParams, MessageType};
use tower_service::Service;

/// A service with the fence around it.
pub(super) struct Guard<S> {
    inner: S,
    state: Arc<State>,
    /// Ends when the greeting has been answered.
    greeting: Option<oneshot::Receiver<()>>,
}

impl<S> Guard<S> {
    pub(super) fn new(inner: S, state: Arc<State>) -> Self {
        Guard {
            inner,
            state,
            greeting: None,
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
        // The service within turns away what comes before it has answered the greeting, and scripts do not wait for answers.
        if let Some(greeting) = &mut self.greeting {
            let _ = ready!(greeting.poll_unpin(context));
            self.greeting = None;
        }
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.method() == "exit" {
            // The service within would cancel every reply that is under way, that to `shutdown` among them.
            self.state.leave.notify_one();
            return Box::pin(async { Ok(None) });
        }
        let request = without_parameters(request);
        let state = Arc::clone(&self.state);
        let (id, method) = (request.id().cloned(), request.method().to_owned());
        let greeted = (method == "initialize").then(|| {
            let (greeted, greeting) = oneshot::channel();
            self.greeting = Some(greeting);
            greeted
        });
        let handled = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        Box::pin(async move {
            let handled = handled.await;
            drop(greeted);
            match handled {
                // Whoever asks is answered. About requests that begin with `$/` the service within keeps silent.
                Ok(Ok(None)) => {
                    Ok(id.map(|id| Response::from_error(id, Error::method_not_found())))
                }
                Ok(response) => response,
                Err(panic) => {
                    report(
                        &state,
                        format!("kubeharden failed at {method}: {}", message(&*panic)),
                    );
                    Ok(id.map(|id| Response::from_error(id, Error::internal_error())))
                }
            }
        })
    }
}

/// Takes off what some clients send along with `shutdown` and the service within would refuse.
fn without_parameters(request: Request) -> Request {
    match request.id() {
        Some(id) if request.method() == "shutdown" => {
            Request::build("shutdown").id(id.clone()).finish()
        }
        _ => request,
    }
}

/// Has a mistake written to the client's log.
pub(super) fn report(state: &Arc<State>, message: String) {
    tell::<LogMessage>(
        state,
        LogMessageParams {
            typ: MessageType::ERROR,
            message,
        },
    );
}

/// Tells the client something, from a task of its own: a handler does not wait for the client to listen. Of what a client that does not
/// listen brings about, no more than so much is kept to be told.
pub(super) fn tell<N: Notification>(state: &Arc<State>, params: N::Params)
where
    N::Params: Send + Sync + 'static,
{
    let Ok(place) = Arc::clone(&state.asides).try_acquire_owned() else {
        return;
    };
    let state = Arc::clone(state);
    tokio::spawn(async move {
        state.output.notify::<N>(params).await;
        drop(place);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Setup;
    use crate::backend::Backend;
    use crate::frames::{self, Message};
    use crate::output::Output;
    use crate::state::MOST_ASIDES;
    use tokio::io::{BufReader, DuplexStream};
    use tower_lsp::LspService;

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
        let (output, heard) = tokio::io::duplex(1 << 10);
        let (service, _) =
            LspService::new(|client| Backend::new(client, Output::new(output), Setup::default()));
        (Guard::new(Broken, service.inner().state()), heard)
    }

    /// What the client is told next.
    async fn told(heard: DuplexStream) -> Request {
        match frames::next(&mut BufReader::new(heard), |_| ()).await {
            Some(Message::Request(told)) => told,
            other => panic!("the client is told nothing: {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_request_whose_handler_panics_is_answered_with_an_error() {
        let (mut guard, heard) = guarded();
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
        let told = told(heard).await;
        assert_eq!(told.method(), "window/logMessage");
        let message = told
            .params()
            .and_then(|params| params["message"].as_str())
            .expect("in words");
        assert_eq!(
            message,
            "kubeharden failed at textDocument/hover: textDocument/hover is broken"
        );
    }

    #[tokio::test]
    async fn a_notification_whose_handler_panics_is_not_answered() {
        let (mut guard, heard) = guarded();
        assert_eq!(
            guard
                .call(Request::build("textDocument/didOpen").finish())
                .await,
            Ok(None)
        );
        assert_eq!(told(heard).await.method(), "window/logMessage");
    }

    #[tokio::test]
    async fn of_what_a_deaf_client_brings_about_little_is_kept() {
        let (guard, heard) = guarded();
        for number in 0..1000 {
            report(&guard.state, number.to_string());
        }
        drop(guard);
        let (mut heard, mut told) = (BufReader::new(heard), Vec::new());
        while let Some(Message::Request(message)) = frames::next(&mut heard, |_| ()).await {
            told.push(message.params().map(|params| params["message"].clone()));
        }
        let first: Vec<_> = (0..MOST_ASIDES)
            .map(|number| Some(serde_json::json!(number.to_string())))
            .collect();
        assert_eq!(told, first);
    }

    #[tokio::test]
    async fn a_greeting_that_panics_lets_the_next_message_through() {
        let (mut guard, _heard) = guarded();
        let greeting = guard.call(Request::build("initialize").id(1).finish());
        assert!(
            std::future::poll_fn(|context| Poll::Ready(guard.poll_ready(context)))
                .await
                .is_pending()
        );
        assert!(greeting.await.is_ok_and(|reply| reply.is_some()));
        assert_eq!(
            std::future::poll_fn(|context| guard.poll_ready(context)).await,
            Ok(())
        );
    }
}
