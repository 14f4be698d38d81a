//! What a status line shows of a document: what it is held to, and whether it is read as a template or a patch.
//!
//! Knows a notification that is beyond the protocol, for clients that announce `experimental.kubeharden.status`. Promise: it comes
//! after the diagnostics of the same version, so that a client to which they are published and that has it has them.

use super::analysis::Panicked;
use super::state::{Analysed, State};
use super::{configuration, uri};
use linter::analysis::DocumentKind;
use linter::config::Profile;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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
    Analysed {
        profile: String,
        /// Where that is because of the labels of Namespaces.
        namespaces: Vec<Enforcing>,
        kubernetes_version: String,
        /// The configuration file that counts for the document.
        configuration_file: Option<Uri>,
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

/// A Namespace that decides what objects of a document are held to.
#[derive(Serialize, Deserialize)]
struct Enforcing {
    name: String,
    profile: String,
}

pub(super) async fn tell(state: &State, url: &Uri, analysed: &Analysed) {
    if !state.capabilities().status {
        return;
    }
    let documents = || analysed.report.chunks().map(|part| part.analysis);
    let (profile, namespaces) = held_to(analysed);
    let outcome = Outcome::Analysed {
        profile: profile.name().to_owned(),
        namespaces,
        kubernetes_version: analysed.inputs.config.kubernetes_version.to_string(),
        configuration_file: configuration::file_of(state, url)
            .and_then(|(file, _)| uri::of_file(&file)),
        objects: documents().map(|analysis| analysis.objects.len()).sum(),
        template: documents().any(|analysis| analysis.kind == DocumentKind::Template),
        patch: documents().any(|analysis| analysis.kind == DocumentKind::Patch),
    };
    send(state, url, analysed.snapshot.version, outcome).await;
}

/// What the workloads of a document are held to, or its objects where it has none: what is configured unless Namespaces say another thing
/// of all of them; and those Namespaces that say another thing of any.
fn held_to(analysed: &Analysed) -> (Profile, Vec<Enforcing>) {
    let (parts, inputs) = (|| analysed.report.chunks(), analysed.inputs.borrow());
    // It is so with each keystroke, and mostly no Namespace has a say.
    if parts().all(|part| part.analysis.enforced_beyond(inputs).next().is_none()) {
        return (inputs.config.profile, Vec::new());
    }
    let (mut namespaces, mut of_workloads, mut of_others) =
        (BTreeMap::new(), Vec::new(), Vec::new());
    for part in parts() {
        let mut by_object = vec![inputs.config.profile; part.analysis.objects.len()];
        for (object, enforced) in part.analysis.enforced_beyond(inputs) {
            by_object
                .get_mut(object)
                .into_iter()
                .for_each(|profile| *profile = enforced.profile);
            namespaces.extend(
                enforced
                    .namespaces
                    .into_iter()
                    .map(|name| (name.to_owned(), enforced.profile)),
            );
        }
        for (object, profile) in part.analysis.objects.iter().zip(by_object) {
            if object.makes_pods {
                &mut of_workloads
            } else {
                &mut of_others
            }
            .push(profile);
        }
    }
    let held = if of_workloads.is_empty() {
        of_others
    } else {
        of_workloads
    };
    let profile = held
        .first()
        .copied()
        .filter(|first| held.iter().all(|profile| profile == first));
    let enforcing = |(name, profile): (String, Profile)| Enforcing {
        name,
        profile: profile.name().to_owned(),
    };
    (
        profile.unwrap_or(inputs.config.profile),
        namespaces.into_iter().map(enforcing).collect(),
    )
}

pub(super) async fn tell_failure(
    state: &State,
    url: &Uri,
    version: i32,
    Panicked(message): &Panicked,
) {
    send(
        state,
        url,
        version,
        Outcome::Failed {
            failure: message.clone(),
        },
    )
    .await;
}

async fn send(state: &State, url: &Uri, version: i32, outcome: Outcome) {
    if state.capabilities().status {
        state
            .output
            .notify::<StatusNotification>(Status {
                uri: url.clone(),
                version,
                outcome,
            })
            .await;
    }
}
