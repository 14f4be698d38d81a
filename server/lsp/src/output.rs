//! What the server says, as bytes.
//!
//! Knows how a message is framed. Must not know what is said, nor to whom. Promise: messages go out whole, one after the other, in the
//! order in which those who had them to say came; a message is made when its turn has come, so that nothing is kept for a client that
//! is slow to listen.

use serde::Serialize;
use std::pin::Pin;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Mutex, MutexGuard, Notify, watch};
use tower_lsp::ls_types::notification::Notification;

pub(super) struct Output {
    /// `None` once the server has left.
    client: Mutex<Option<Client>>,
    /// Notified when the client cannot be told anything any more.
    lost: Notify,
    /// Whether nobody waits any more for a client that does not listen.
    cut: watch::Sender<bool>,
}

struct Client {
    pipe: Pin<Box<dyn AsyncWrite + Send>>,
    /// Room for a message: as large ones come with every keystroke, it is kept from one to the next.
    frame: Vec<u8>,
}

/// The right to say the next thing. Whoever holds it says one message, or nothing.
pub(super) struct Turn<'o> {
    client: MutexGuard<'o, Option<Client>>,
    lost: &'o Notify,
    cut: watch::Receiver<bool>,
}

/// A notification as JSON-RPC has it.
#[derive(Serialize)]
struct Told<P> {
    jsonrpc: &'static str,
    method: &'static str,
    params: P,
}

/// No header is longer, in bytes.
const HEADER: usize = 40;

/// The room for a message that is kept, in bytes.
const KEPT: usize = 1 << 20;

impl Output {
    pub(super) fn new(pipe: impl AsyncWrite + Send + 'static) -> Self {
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

    /// Waits until all that others came to say before is said.
    pub(super) async fn turn(&self) -> Turn<'_> {
        Turn {
            client: self.client.lock().await,
            lost: &self.lost,
            cut: self.cut.subscribe(),
        }
    }

    pub(super) async fn notify<N: Notification>(&self, params: N::Params) {
        self.turn()
            .await
            .say(&Told {
                jsonrpc: "2.0",
                method: N::METHOD,
                params,
            })
            .await;
    }

    /// Says nothing any more, once all is said that somebody came to say before.
    pub(super) async fn close(&self) {
        self.client.lock().await.take();
    }

    /// Says nothing any more from here on, whoever came to say something, and lets the client know by the end of the pipe. A message that it
    /// does not take ends in the middle.
    pub(super) async fn cut(&self) {
        self.cut.send_replace(true);
        self.close().await;
    }

    /// Waits until the client is gone.
    pub(super) async fn lost(&self) {
        self.lost.notified().await;
    }
}

impl Turn<'_> {
    /// Says a message of JSON-RPC.
    pub(super) async fn say(self, message: &impl Serialize) {
        self.send(|frame| serde_json::to_writer(frame, message).is_ok())
            .await;
    }

    /// Says a notification whose parameters somebody writes as JSON.
    pub(super) async fn notify<N: Notification>(self, write: impl FnOnce(&mut Vec<u8>)) {
        let message = |frame: &mut Vec<u8>| {
            frame.extend_from_slice(
                format!(r#"{{"jsonrpc":"2.0","method":"{}","params":"#, N::METHOD).as_bytes(),
            );
            write(frame);
            frame.push(b'}');
            true
        };
        self.send(message).await;
    }

    /// Sends what somebody writes, unless that fails: with its header, in one piece, so that what reads it wakes once.
    async fn send(mut self, write: impl FnOnce(&mut Vec<u8>) -> bool) {
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
    use serde_json::json;
    use std::sync::Arc;
    use tokio::io::AsyncReadExt;
    use tower_lsp::ls_types::notification::{LogMessage, PublishDiagnostics};
    use tower_lsp::ls_types::{LogMessageParams, MessageType};

    fn framed(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    #[tokio::test]
    async fn messages_are_framed_and_written_in_one_piece_or_another() {
        let (client, mut heard) = tokio::io::duplex(1 << 10);
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
        output.turn().await.say(&json!({"id": 1})).await;
        output.close().await;
        output.turn().await.say(&json!({"id": 2})).await;
        let mut said = String::new();
        heard
            .read_to_string(&mut said)
            .await
            .expect("messages are text");
        let expected = [
            r#"{"jsonrpc":"2.0","method":"window/logMessage","params":{"type":1,"message":"é"}}"#,
            r#"{"jsonrpc":"2.0","method":"textDocument/publishDiagnostics","params":[1]}"#,
            r#"{"id":1}"#,
        ];
        assert_eq!(said, expected.map(framed).concat());
    }

    #[tokio::test]
    async fn messages_keep_their_order_however_little_room_there_is() {
        let (client, mut heard) = tokio::io::duplex(3);
        let output = Arc::new(Output::new(client));
        let mut expected = String::new();
        let mut told = tokio::task::JoinSet::new();
        for number in 0..100 {
            expected += &framed(&number.to_string());
            let output = Arc::clone(&output);
            told.spawn(async move { output.turn().await.say(&number).await });
            tokio::task::yield_now().await;
        }
        drop(output);
        let mut said = String::new();
        heard
            .read_to_string(&mut said)
            .await
            .expect("messages are text");
        assert_eq!(said, expected);
    }

    #[tokio::test]
    async fn a_client_that_is_gone_is_noticed() {
        let (client, heard) = tokio::io::duplex(100);
        let output = Output::new(client);
        drop(heard);
        output.turn().await.say(&1).await;
        output.lost().await;
    }
}
