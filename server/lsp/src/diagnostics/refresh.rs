//! Asks a client that pulls diagnostics to pull again.
//!
//! At most one request is pending. Changes while the client owes an answer lead to one more request.

use crate::protocol::client::ClientHandle;
use crate::session::run_again::RunAgain;
use std::sync::Arc;
use tower_lsp::ls_types::request::WorkspaceDiagnosticRefresh;

/// Clones share the pending request.
#[derive(Clone)]
pub(crate) struct Refresh {
    client: ClientHandle,
    requests: Arc<RunAgain>,
}

impl Refresh {
    pub(crate) fn new(client: ClientHandle) -> Self {
        Refresh {
            client,
            requests: Arc::default(),
        }
    }

    /// Makes the client pull all documents again.
    pub(crate) fn request(&self) {
        if !self.client.capabilities().pull {
            return;
        }
        let refresh = self.clone();
        tokio::spawn(async move {
            if let Some(_turn) = refresh.requests.request().await {
                // The answer contains nothing.
                let _ = refresh
                    .client
                    .wait_for::<WorkspaceDiagnosticRefresh>(())
                    .await;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::capabilities::Capabilities;
    use crate::protocol::client::testing;
    use futures_util::{FutureExt, SinkExt, StreamExt};
    use serde_json::{Value, json};
    use tower_lsp::jsonrpc::{Request, Response};
    use tower_service::Service;

    #[tokio::test]
    async fn pending_refresh_covers_later_changes() {
        let (client, mut service, socket) = testing::connected(tokio::io::sink());
        let initialize = Request::build("initialize")
            .id(1)
            .params(json!({"capabilities": {}}))
            .finish();
        assert!(service.call(initialize).await.is_ok());
        client.set_capabilities(Capabilities {
            pull: true,
            ..Default::default()
        });
        let (mut requests, mut answers) = socket.split();
        let refresh = Refresh::new(client);

        refresh.request();
        let mut pending = requests.next().await.expect("a request");
        for more in [1000, 1] {
            assert_eq!(pending.method(), "workspace/diagnostic/refresh");
            for _ in 0..more {
                refresh.request();
            }
            let id = pending.id().cloned().expect("it is a request");
            let answer = Response::from_ok(id, Value::Null);
            answers.send(answer).await.expect("the server listens");
            pending = requests.next().await.expect("one more request");
            assert!(requests.next().now_or_never().is_none(), "only one");
        }
    }
}
