//! Writes messages to the client.
//!
//! Messages are written whole, in the order in which their senders asked for a turn. A message is created when its turn comes, so
//! nothing is queued for a client that reads slowly.

use serde::Serialize;
use std::pin::Pin;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Mutex, MutexGuard, Notify, watch};
use tower_lsp::ls_types::notification::Notification;

pub(crate) struct Output {
    /// `None` after [`Output::close`].
    client: Mutex<Option<Client>>,
    /// Notified when writing fails.
    lost: Notify,
    /// Whether a pending write is given up.
    cut: watch::Sender<bool>,
}

struct Client {
    pipe: Pin<Box<dyn AsyncWrite + Send>>,
    /// The buffer for a message, reused because every keystroke sends a large one.
    frame: Vec<u8>,
}

/// The right to write the next message.
pub(crate) struct Turn<'o> {
    client: MutexGuard<'o, Option<Client>>,
    lost: &'o Notify,
    cut: watch::Receiver<bool>,
}

/// A JSON-RPC notification.
#[derive(Serialize)]
struct NotificationMessage<P> {
    jsonrpc: &'static str,
    method: &'static str,
    params: P,
}

/// The longest header, in bytes.
const HEADER: usize = 40;

/// The largest buffer that is kept for the next message, in bytes.
const KEPT: usize = 1 << 20;

impl Output {
    pub(crate) fn new(pipe: impl AsyncWrite + Send + 'static) -> Self {
        let client = Mutex::new(Some(Client {
            pipe: Box::pin(pipe),
            frame: Vec::new(),
        }));
        Output {
            client,
            lost: Notify::new(),
            cut: watch::Sender::new(false),
        }
    }

    /// Waits until all earlier messages are written.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        Turn {
            client: self.client.lock().await,
            lost: &self.lost,
            cut: self.cut.subscribe(),
        }
    }

    pub(crate) async fn notify<N: Notification>(&self, params: N::Params) {
        self.turn()
            .await
            .send(&NotificationMessage {
                jsonrpc: "2.0",
                method: N::METHOD,
                params,
            })
            .await;
    }

    /// Closes the connection after all earlier messages are written.
    pub(crate) async fn close(&self) {
        self.client.lock().await.take();
    }

    /// Closes the connection now, even in the middle of a message.
    pub(crate) async fn cut(&self) {
        self.cut.send_replace(true);
        self.close().await;
    }

    /// Waits until the client is gone: writing failed.
    pub(crate) async fn lost(&self) {
        self.lost.notified().await;
    }
}

impl Turn<'_> {
    /// Sends a JSON-RPC message.
    pub(crate) async fn send(self, message: &impl Serialize) {
        self.write(|frame| serde_json::to_writer(frame, message).is_ok())
            .await;
    }

    /// Sends a notification whose parameters `write` appends as JSON.
    pub(crate) async fn notify<N: Notification>(self, write: impl FnOnce(&mut Vec<u8>)) {
        let message = |frame: &mut Vec<u8>| {
            frame.extend_from_slice(
                format!(r#"{{"jsonrpc":"2.0","method":"{}","params":"#, N::METHOD).as_bytes(),
            );
            write(frame);
            frame.push(b'}');
            true
        };
        self.write(message).await;
    }

    /// Sends what `write` appends, unless it fails: with its header in one write, so that the reader wakes once.
    async fn write(mut self, write: impl FnOnce(&mut Vec<u8>) -> bool) {
        let Some(Client { pipe, frame }) = self.client.as_mut() else {
            return;
        };
        frame.clear();
        frame.resize(HEADER, b' ');
        if !write(frame) {
            return;
        }
        let header = format!("Content-Length: {}\r\n\r\n", frame.len() - HEADER);
        let start = HEADER - header.len();
        frame[start..HEADER].copy_from_slice(header.as_bytes());
        let written = async {
            pipe.write_all(&frame[start..]).await?;
            pipe.flush().await
        };
        tokio::select! {
            biased;
            _ = self.cut.wait_for(|cut| *cut) => {}
            written = written => {
                if written.is_err() {
                    self.lost.notify_one();
                }
            }
        }
        if let Some(client) = self
            .client
            .as_mut()
            .filter(|client| client.frame.capacity() > KEPT)
        {
            client.frame = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use futures_util::future::join_all;
    use serde_json::json;
    use tokio::io::AsyncReadExt;
    use tower_lsp::ls_types::notification::{LogMessage, PublishDiagnostics};
    use tower_lsp::ls_types::{LogMessageParams, MessageType};

    fn framed(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    #[tokio::test]
    async fn messages_are_framed() {
        let (client, mut client_end) = tokio::io::duplex(1 << 10);
        let output = Output::new(client);
        output
            .notify::<LogMessage>(LogMessageParams {
                typ: MessageType::ERROR,
                message: "é".to_owned(),
            })
            .await;
        output
            .turn()
            .await
            .notify::<PublishDiagnostics>(|params| params.extend_from_slice(b"[1]"))
            .await;
        output.turn().await.send(&json!({"id": 1})).await;
        output.close().await;
        output.turn().await.send(&json!({"id": 2})).await;
        let mut written = String::new();
        client_end
            .read_to_string(&mut written)
            .await
            .expect("messages are text");
        let expected = [
            r#"{"jsonrpc":"2.0","method":"window/logMessage","params":{"type":1,"message":"é"}}"#,
            r#"{"jsonrpc":"2.0","method":"textDocument/publishDiagnostics","params":[1]}"#,
            r#"{"id":1}"#,
        ];
        assert_eq!(written, expected.map(framed).concat());
    }

    #[tokio::test]
    async fn messages_keep_their_order() {
        let (client, mut client_end) = tokio::io::duplex(3);
        let output = Output::new(client);
        let output = &output;
        let send = |number: u32| Box::pin(async move { output.turn().await.send(&number).await });
        let mut senders: Vec<_> = (0..100).map(send).collect();
        for sender in &mut senders {
            assert!(sender.as_mut().now_or_never().is_none(), "no room yet");
        }
        let send_all = async {
            join_all(senders).await;
            output.close().await;
        };
        let mut written = String::new();
        let ((), read) = tokio::join!(send_all, client_end.read_to_string(&mut written));
        read.expect("messages are text");
        let expected: String = (0..100).map(|number| framed(&number.to_string())).collect();
        assert_eq!(written, expected);
    }

    #[tokio::test]
    async fn closed_pipe_is_noticed() {
        let (client, client_end) = tokio::io::duplex(100);
        let output = Output::new(client);
        drop(client_end);
        output.turn().await.send(&1).await;
        output.lost().await;
    }
}
