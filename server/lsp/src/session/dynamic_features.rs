//! Features that a setting turns on and off.
//!
//! Several servers usually serve the same file, and some clients ask only the first one that offers a feature: an empty answer would
//! hide another server's. So a feature that is off is not offered, if the client supports that.

use super::settings::{SECTION, Settings};
use super::settings_store::SettingsStore;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::client::ClientHandle;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Mutex;
use tower_lsp::ls_types as lsp;
use tower_lsp::ls_types::request::{
    CodeLensRefresh, InlayHintRefreshRequest, RegisterCapability, UnregisterCapability,
};

/// A feature that a setting turns on and off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OptionalFeature {
    CodeLens,
    InlayHints,
    DocumentSymbols,
}

/// The optional features that the client has registered.
pub(crate) struct DynamicFeatures {
    client: ClientHandle,
    settings: Arc<SettingsStore>,
    registered: Mutex<Vec<OptionalFeature>>,
}

impl OptionalFeature {
    const ALL: [OptionalFeature; 3] = [
        OptionalFeature::CodeLens,
        OptionalFeature::InlayHints,
        OptionalFeature::DocumentSymbols,
    ];

    pub(crate) fn is_on(self, settings: Settings) -> bool {
        match self {
            OptionalFeature::CodeLens => settings.code_lens,
            OptionalFeature::InlayHints => settings.inlay_hints,
            OptionalFeature::DocumentSymbols => settings.document_symbols,
        }
    }

    /// Whether the client can register it at any time.
    fn can_register(self, client: &Capabilities) -> bool {
        match self {
            OptionalFeature::CodeLens => client.lens_registration,
            OptionalFeature::InlayHints => client.hint_registration,
            OptionalFeature::DocumentSymbols => client.symbol_registration,
        }
    }

    fn method(self) -> &'static str {
        match self {
            OptionalFeature::CodeLens => "textDocument/codeLens",
            OptionalFeature::InlayHints => "textDocument/inlayHint",
            OptionalFeature::DocumentSymbols => "textDocument/documentSymbol",
        }
    }

    fn options(self) -> Value {
        match self {
            // The client chooses the documents, as it does for everything else.
            OptionalFeature::CodeLens => {
                json!({ "documentSelector": null, "resolveProvider": true })
            }
            OptionalFeature::InlayHints => json!({ "documentSelector": null }),
            // Names the outline for clients that show those of several servers.
            OptionalFeature::DocumentSymbols => {
                json!({ "documentSelector": null, "label": SECTION })
            }
        }
    }

    /// Makes the client request the feature again, if it can.
    async fn refresh(self, client: &ClientHandle) {
        let supported = client.capabilities();
        match self {
            OptionalFeature::CodeLens if supported.lens_refresh => {
                client.request::<CodeLensRefresh>(()).await;
            }
            OptionalFeature::InlayHints if supported.hint_refresh => {
                client.request::<InlayHintRefreshRequest>(()).await;
            }
            // An outline depends on the text alone.
            OptionalFeature::CodeLens
            | OptionalFeature::InlayHints
            | OptionalFeature::DocumentSymbols => {}
        }
    }
}

/// Adds the features that are on to the static capabilities, for clients that cannot register them later.
pub(crate) fn offered(
    client: &Capabilities,
    settings: Settings,
    capabilities: &mut lsp::ServerCapabilities,
) {
    let is_offered =
        |feature: OptionalFeature| feature.is_on(settings) && !feature.can_register(client);
    if is_offered(OptionalFeature::CodeLens) {
        capabilities.code_lens_provider = Some(lsp::CodeLensOptions {
            resolve_provider: Some(true),
        });
    }
    capabilities.document_symbol_provider =
        is_offered(OptionalFeature::DocumentSymbols).then_some(lsp::OneOf::Left(true));
    capabilities.inlay_hint_provider =
        is_offered(OptionalFeature::InlayHints).then_some(lsp::OneOf::Left(true));
}

impl DynamicFeatures {
    pub(crate) fn new(client: ClientHandle, settings: Arc<SettingsStore>) -> Self {
        DynamicFeatures {
            client,
            settings,
            registered: Mutex::default(),
        }
    }

    /// Registers the features that were turned on, unregisters those that were turned off, and refreshes the others.
    pub(crate) async fn update(&self) {
        let mut registered = self.registered.lock().await;
        let (settings, client) = (self.settings.get(), &self.client);
        let supported = client.capabilities();
        for feature in OptionalFeature::ALL
            .into_iter()
            .filter(|feature| feature.can_register(&supported))
        {
            let (id, method) = (feature.method().to_owned(), feature.method().to_owned());
            match (feature.is_on(settings), registered.contains(&feature)) {
                (true, false) => {
                    let registrations = vec![lsp::Registration {
                        id,
                        method,
                        register_options: Some(feature.options()),
                    }];
                    let params = lsp::RegistrationParams { registrations };
                    if client.request::<RegisterCapability>(params).await.is_some() {
                        registered.push(feature);
                    }
                }
                (false, true) => {
                    let unregisterations = vec![lsp::Unregistration { id, method }];
                    let params = lsp::UnregistrationParams { unregisterations };
                    if client
                        .request::<UnregisterCapability>(params)
                        .await
                        .is_some()
                    {
                        registered.retain(|other| *other != feature);
                    }
                }
                (true, true) => feature.refresh(client).await,
                (false, false) => {}
            }
        }
    }
}
