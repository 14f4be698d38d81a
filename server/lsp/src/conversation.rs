//! From what a client sends to who handles it.
//!
//! Knows messages and their order. Must not know what they say. Promise: handlers begin in the order of their messages, and what one does
//! before it first waits is done before the next begins; after that each goes on by itself, and no message waits for another's reply.

use super::frames::{self, Lost, Message};
use super::guard;
use super::state::State;
use futures_util::{FutureExt, Sink, SinkExt};
use std::future::poll_fn;
use std::sync::Arc;
use tokio::io::{AsyncRead, BufReader};
use tokio::task::JoinSet;
use tower_lsp::jsonrpc::{Request, Response};
use tower_service::Service;

/// So many questions are answered at once; the next message is read when one of them has its answer.
const MOST_QUESTIONS: usize = 100;

/// Handles a client's messages until its input ends. `replies` are those that are under way.
pub(super) async fn converse<S>(
    input: impl AsyncRead + Unpin,
    mut service: S,
    mut answers: impl Sink<Response> + Unpin,
    state: &Arc<State>,
    replies: &mut JoinSet<()>,
) where
    S: Service<Request, Response = Option<Response>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    let lost = |why: Lost| guard::report(state, why.to_string());
    let mut input = BufReader::new(input);
    while let Some(message) = frames::next(&mut input, lost).await {
        match message {
            Message::Response(response) => {
                if answers.send(response).await.is_err() {
                    return;
                }
            }
            Message::Request(request) => {
                if poll_fn(|context| service.poll_ready(context))
                    .await
                    .is_err()
                {
                    return;
                }
                let mut reply = Box::pin(reply(service.call(request), Arc::clone(state)));
                if (&mut reply).now_or_never().is_none() {
                    replies.spawn(reply);
                }
                while replies.try_join_next().is_some() {}
                if replies.len() >= MOST_QUESTIONS {
                    replies.join_next().await;
                }
            }
        }
    }
}

async fn reply<E>(handled: impl Future<Output = Result<Option<Response>, E>>, state: Arc<State>) {
    // Only a server that was left fails to handle a message.
    if let Ok(Some(response)) = handled.await {
        state.output.turn().await.say(&response).await;
    }
}
