//! The fence around the handlers.
//!
//! Knows messages, not their meaning. Promise: a handler that panics costs its own reply and nothing else; `exit` ends the server
//! whatever state it is in.

use super::state::State;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_lsp::jsonrpc::{Error, Request, Response};
use tower_lsp::lsp_types::MessageType;
use tower_service::Service;

/// A service with the fence around it.
pub struct Guard<S> {
    inner: S,
    state: Arc<State>,
}

impl<S> Guard<S> {
    pub fn new(inner: S, state: Arc<State>) -> Self {
        Guard { inner, state }
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
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.method() == "exit" {
            // The service within would cancel every reply that is under way, that to `shutdown` among them.
            self.state.leave.notify_one();
            return Box::pin(async { Ok(None) });
        }
        let state = Arc::clone(&self.state);
        let (id, method) = (request.id().cloned(), request.method().to_owned());
        let handled = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        Box::pin(async move {
            match handled.await {
                Ok(response) => response,
                Err(panic) => {
                    report(&state, format!("kubeharden failed at {method}: {}", message(&*panic)));
                    Ok(id.map(|id| Response::from_error(id, Error::internal_error())))
                }
            }
        })
    }
}

/// Tells the client, from a task of its own: a handler does not wait for the client to listen.
fn report(state: &Arc<State>, message: String) {
    let state = Arc::clone(state);
    tokio::spawn(async move { state.client.log_message(MessageType::ERROR, message).await });
}

/// What a panic said.
pub fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without words").to_owned()
}
