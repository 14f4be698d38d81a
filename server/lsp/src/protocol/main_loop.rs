//! Reads the client's messages and passes them to their handlers.
//!
//! Handlers start in the order of their messages. What a handler does before its first wait is done before the next one starts;
//! after that it continues on its own.

use super::client::ClientHandle;
use super::frames::{self, Message, Skipped};
use super::uri::encode_uris;
use futures_util::{FutureExt, Sink, SinkExt};
use std::future::poll_fn;
use tokio::io::{AsyncRead, BufReader};
use tokio::task::JoinSet;
use tower_lsp::jsonrpc::{Request, Response};
use tower_service::Service;

/// The most requests in progress; the next message is read after one of them is answered.
const MOST_REQUESTS: usize = 100;

/// Handles the client's messages until its input ends. `replies` receives the tasks of pending replies.
pub(crate) async fn run<S>(
    input: impl AsyncRead + Unpin,
    mut service: S,
    mut answers: impl Sink<Response> + Unpin,
    client: &ClientHandle,
    replies: &mut JoinSet<()>,
) where
    S: Service<Request, Response = Option<Response>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    let skipped = |reason: Skipped| client.report_error(reason.to_string());
    let mut input = BufReader::new(input);
    while let Some(message) = frames::next(&mut input, skipped).await {
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
                let mut reply = Box::pin(reply(service.call(encode_uris(request)), client.clone()));
                if (&mut reply).now_or_never().is_none() {
                    replies.spawn(reply);
                }
                while replies.try_join_next().is_some() {}
                if replies.len() >= MOST_REQUESTS {
                    replies.join_next().await;
                }
            }
        }
    }
}

async fn reply<E>(
    handled: impl Future<Output = Result<Option<Response>, E>>,
    client: ClientHandle,
) {
    // Handling fails only after the client has left.
    if let Ok(Some(response)) = handled.await {
        client.turn().await.send(&response).await;
    }
}
