//! What a status line shows of a document: what it is held to, and whether it is read as a template or a patch.
//!
//! Knows a notification that is beyond the protocol, for clients that announce `experimental.kubeharden.status`. Promise: it comes
//! after the diagnostics of the same version, so that a client to which they are published and that has it has them.

use super::analysis::Panicked;
use super::configuration;
use super::state::{Analysed, State};
use crate::engine::Sight;
use serde::{Deserialize, Serialize};
use tower_lsp::lsp_types::{Url, notification::Notification};

enum StatusNotification {}

impl Notification for StatusNotification {
    type Params = Status;
    const METHOD: &'static str = "kubeharden/status";
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    uri: Url,
    version: i32,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Outcome {
    Analysed {
        profile: String,
        kubernetes_version: String,
        /// The configuration file that counts for the document.
        configuration_file: Option<Url>,
        /// How many Kubernetes objects are in it; none where it is no manifest.
        objects: usize,
        /// Whether template syntax leaves only a part of the rules to say something.
        template: bool,
        /// Whether it is a patch, of which likewise only values are judged.
        patch: bool,
    },
    /// The analysis panicked, and the diagnostics of an earlier version stay.
    Failed { failure: String },
}

pub(super) async fn tell(state: &State, url: &Url, analysed: &Analysed) {
    if !state.capabilities().status {
        return;
    }
    let documents = || analysed.report.parts().map(|part| part.analysis);
    let outcome = Outcome::Analysed {
        profile: analysed.config.profile.name().to_owned(),
        kubernetes_version: analysed.config.kubernetes_version.to_string(),
        configuration_file: configuration::file_of(state, url).and_then(|(file, _)| Url::from_file_path(file).ok()),
        objects: documents().map(|analysis| analysis.objects.len()).sum(),
        template: documents().any(|analysis| analysis.sight == Sight::Template),
        patch: documents().any(|analysis| analysis.sight == Sight::Patch),
    };
    send(state, url, analysed.snapshot.version, outcome).await;
}

pub(super) async fn tell_failure(state: &State, url: &Url, version: i32, Panicked(message): &Panicked) {
    send(state, url, version, Outcome::Failed { failure: message.clone() }).await;
}

async fn send(state: &State, url: &Url, version: i32, outcome: Outcome) {
    if state.capabilities().status {
        state.output.notify::<StatusNotification>(Status { uri: url.clone(), version, outcome }).await;
    }
}
