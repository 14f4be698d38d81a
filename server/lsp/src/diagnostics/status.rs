//! `kubeharden/status`: what a status line shows of a document.
//!
//! An extension of the protocol for clients that announce `experimental.kubeharden.status`. Sent after the diagnostics of the same version.

use crate::protocol::client::ClientHandle;
use crate::protocol::uri;
use crate::session::configurations::Configurations;
use crate::session::documents::Analyzed;
use crate::session::workers::Panicked;
use linter::analysis::{Chunk, DocumentKind};
use linter::config::Profile;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tower_lsp::ls_types::{Uri, notification::Notification};

enum StatusNotification {}

impl Notification for StatusNotification {
    type Params = Status;
    const METHOD: &'static str = "kubeharden/status";
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    uri: Uri,
    version: i32,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Outcome {
    Analyzed {
        profile: String,
        /// The Namespaces whose labels decide the profile.
        namespaces: Vec<Enforcing>,
        kubernetes_version: String,
        /// The configuration file of the document.
        configuration_file: Option<Uri>,
        /// How many Kubernetes objects it contains.
        objects: usize,
        /// Whether it is a template, in which only some rules run.
        template: bool,
        /// Whether it is a patch, in which only the values that are present are checked.
        patch: bool,
    },
    /// The analysis panicked; the diagnostics of an earlier version stay.
    Failed { failure: String },
}

/// A Namespace whose labels decide the profile of objects.
#[derive(Serialize, Deserialize)]
struct Enforcing {
    name: String,
    profile: String,
}

/// Sends the status of an analyzed document.
pub(crate) async fn send(
    client: &ClientHandle,
    configurations: &Configurations,
    url: &Uri,
    analyzed: &Analyzed,
) {
    if !client.capabilities().status {
        return;
    }
    let documents = || analyzed.report.chunks().map(|chunk| chunk.analysis);
    let (profile, namespaces) = enforced_profile(analyzed);
    let outcome = Outcome::Analyzed {
        profile: profile.name().to_owned(),
        namespaces,
        kubernetes_version: analyzed.inputs.config.kubernetes_version.to_string(),
        configuration_file: configurations
            .file_of(url)
            .and_then(|(file, _)| uri::of_file(&file)),
        objects: documents().map(|analysis| analysis.objects.len()).sum(),
        template: documents().any(|analysis| analysis.kind == DocumentKind::Template),
        patch: documents().any(|analysis| analysis.kind == DocumentKind::Patch),
    };
    notify(client, url, analyzed.snapshot.version, outcome).await;
}

/// Returns the profile of a document's workloads, or of its objects if it has no workloads: the configured one, unless Namespaces enforce
/// another one for all of them. Also returns the Namespaces that enforce another one for any of them.
fn enforced_profile(analyzed: &Analyzed) -> (Profile, Vec<Enforcing>) {
    let inputs = analyzed.inputs.borrow();
    let configured = inputs.config.profile;
    let is_enforced = |chunk: Chunk<'_>| chunk.analysis.enforced_beyond(inputs).next().is_some();
    // Every keystroke comes here, and usually no Namespace enforces anything.
    if !analyzed.report.chunks().any(is_enforced) {
        return (configured, Vec::new());
    }
    let mut namespaces = BTreeMap::new();
    let (mut of_workloads, mut of_others) = (BTreeSet::new(), BTreeSet::new());
    for chunk in analyzed.report.chunks() {
        let mut profiles = vec![configured; chunk.analysis.objects.len()];
        for (object, enforced) in chunk.analysis.enforced_beyond(inputs) {
            if let Some(profile) = profiles.get_mut(object) {
                *profile = enforced.profile;
            }
            for name in enforced.namespaces {
                namespaces.insert(name.to_owned(), enforced.profile);
            }
        }
        for (object, profile) in chunk.analysis.objects.iter().zip(profiles) {
            if object.makes_pods {
                of_workloads.insert(profile);
            } else {
                of_others.insert(profile);
            }
        }
    }
    let mut profiles = if of_workloads.is_empty() {
        of_others.into_iter()
    } else {
        of_workloads.into_iter()
    };
    let profile = match (profiles.next(), profiles.next()) {
        (Some(only), None) => only,
        _ => configured,
    };
    let enforcing = |(name, profile): (String, Profile)| Enforcing {
        name,
        profile: profile.name().to_owned(),
    };
    (profile, namespaces.into_iter().map(enforcing).collect())
}

/// Sends the failure of an analysis.
pub(crate) async fn send_failure(
    client: &ClientHandle,
    url: &Uri,
    version: i32,
    Panicked(message): &Panicked,
) {
    let failure = message.clone();
    notify(client, url, version, Outcome::Failed { failure }).await;
}

async fn notify(client: &ClientHandle, url: &Uri, version: i32, outcome: Outcome) {
    if client.capabilities().status {
        client
            .notify::<StatusNotification>(Status {
                uri: url.clone(),
                version,
                outcome,
            })
            .await;
    }
}
