//! What is offered only where a person asks for it.
//!
//! Knows the features that a setting turns on. Several servers usually share a file, and some clients ask only the first that offers a
//! feature, so that an answer of nothing would hide another server's. Promise: what is off is not offered, as far as the client can
//! be told so later; what is asked for all the same is answered with nothing.

use super::backend::answer;
use super::capabilities::Capabilities;
use super::settings::{SECTION, Settings};
use super::state::State;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Mutex;
use tower_lsp::ls_types as lsp;

/// A feature that a setting turns on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extra {
    CodeLens,
    InlayHints,
    DocumentSymbols,
}

/// The features that the client was told of since it started. Held by who tells it.
pub(super) type Offered = Mutex<Vec<Extra>>;

impl Extra {
    const ALL: [Extra; 3] = [Extra::CodeLens, Extra::InlayHints, Extra::DocumentSymbols];

    pub(super) fn is_on(self, settings: Settings) -> bool {
        match self {
            Extra::CodeLens => settings.code_lens(),
            Extra::InlayHints => settings.inlay_hints(),
            Extra::DocumentSymbols => settings.document_symbols(),
        }
    }

    /// Whether the client can be told of it at any time.
    fn can_be_told(self, client: &Capabilities) -> bool {
        match self {
            Extra::CodeLens => client.lens_registration,
            Extra::InlayHints => client.hint_registration,
            Extra::DocumentSymbols => client.symbol_registration,
        }
    }

    fn method(self) -> &'static str {
        match self {
            Extra::CodeLens => "textDocument/codeLens",
            Extra::InlayHints => "textDocument/inlayHint",
            Extra::DocumentSymbols => "textDocument/documentSymbol",
        }
    }

    fn options(self) -> Value {
        match self {
            // The client chooses the documents, as it does for everything else.
            Extra::CodeLens => json!({ "documentSelector": null, "resolveProvider": true }),
            Extra::InlayHints => json!({ "documentSelector": null }),
            // A name for the outline, where a client shows those of several servers.
            Extra::DocumentSymbols => json!({ "documentSelector": null, "label": SECTION }),
        }
    }

    /// Has the client ask again for all that it shows, where it can be asked to.
    async fn refresh(self, state: &State) {
        let (client, can) = (state.client.clone(), state.capabilities());
        match self {
            Extra::CodeLens if can.lens_refresh => {
                answer(state, async move { client.code_lens_refresh().await }).await
            }
            Extra::InlayHints if can.hint_refresh => {
                answer(state, async move { client.inlay_hint_refresh().await }).await
            }
            // An outline depends on nothing but the text.
            Extra::CodeLens | Extra::InlayHints | Extra::DocumentSymbols => None,
        };
    }
}

/// What is offered in the greeting: what is on, to clients that cannot be told of it later.
pub(super) fn offered(
    client: &Capabilities,
    settings: Settings,
    capabilities: &mut lsp::ServerCapabilities,
) {
    let is_offered = |extra: Extra| extra.is_on(settings) && !extra.can_be_told(client);
    if is_offered(Extra::CodeLens) {
        capabilities.code_lens_provider = Some(lsp::CodeLensOptions {
            resolve_provider: Some(true),
        });
    }
    capabilities.document_symbol_provider =
        is_offered(Extra::DocumentSymbols).then_some(lsp::OneOf::Left(true));
    capabilities.inlay_hint_provider =
        is_offered(Extra::InlayHints).then_some(lsp::OneOf::Left(true));
}

/// Tells the client of what was turned on or off, and has it ask again for the rest.
pub(super) async fn settle(state: Arc<State>) {
    let mut offered = state.extras.lock().await;
    let (settings, client) = (state.configuration.settings(), state.capabilities());
    for extra in Extra::ALL
        .into_iter()
        .filter(|extra| extra.can_be_told(&client))
    {
        let asker = state.client.clone();
        let (id, method) = (extra.method().to_owned(), extra.method().to_owned());
        match (extra.is_on(settings), offered.contains(&extra)) {
            (true, false) => {
                let registration = lsp::Registration {
                    id,
                    method,
                    register_options: Some(extra.options()),
                };
                let request = async move { asker.register_capability(vec![registration]).await };
                if answer(&state, request).await.is_some() {
                    offered.push(extra);
                }
            }
            (false, true) => {
                let unregistration = lsp::Unregistration { id, method };
                let request =
                    async move { asker.unregister_capability(vec![unregistration]).await };
                if answer(&state, request).await.is_some() {
                    offered.retain(|other| *other != extra);
                }
            }
            (true, true) => extra.refresh(&state).await,
            (false, false) => {}
        }
    }
}
