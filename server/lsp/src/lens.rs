//! A line above each workload: which Pod Security Standard its pods meet, and a way to harden it.
//!
//! Knows what a lens and its commands carry. Promise: the list of lenses costs nothing but a look at what is known; what a workload
//! meets is found out once its lens is seen. A command that is run acts on the text that its lens was made for, or not at all.

use super::actions::Whole;
use super::analysis;
use super::backend::answer;
use super::code_action::Unresolved;
use super::extras::Extra;
use super::state::{Analysed, State};
use super::to_proto;
use linter::analysis::{Chunk, DocumentKind, ObjectInfo, PodSecurityLevel};
use linter::config::Profile;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::ops::Range;
use std::sync::Arc;
use tower_lsp::ls_types::notification::ShowMessage;
use tower_lsp::ls_types::{self as lsp, MessageType, ShowMessageParams, Uri};

/// Tells what keeps a workload from the next standard.
pub(super) const SHOW_STANDING: &str = "kubeharden.showPodSecurity";
/// Mends in a workload all that needs no choice.
pub(super) const HARDEN: &str = "kubeharden.hardenObject";

/// The workload that a lens is above.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Workload {
    uri: Uri,
    /// Of the snapshot that the lens was made for.
    revision: u64,
    /// The part's index.
    part: usize,
    /// The indices of its object in the part: several where it has several pods.
    objects: Range<usize>,
}

/// The lenses of a document; none where nobody turned them on.
pub(super) async fn lenses(state: &Arc<State>, url: &Uri) -> Option<Vec<lsp::CodeLens>> {
    if !Extra::CodeLens.is_on(state.configuration.settings()) {
        return None;
    }
    let analysed = analysis::latest(state, url).await?;
    let client = state.capabilities();
    let mut lenses = Vec::new();
    for (index, part) in analysed.report.chunks().enumerate() {
        for objects in workloads(part) {
            let place = part.place(part.analysis.objects.get(objects.start)?.range);
            let range = to_proto::range(
                place.start..place.start,
                &analysed.snapshot.text,
                client.encoding,
            );
            let first = Whole::Object(objects.start);
            let workload = Workload {
                uri: url.clone(),
                revision: analysed.snapshot.revision,
                part: index,
                objects,
            };
            let data = serde_json::to_value(workload).ok();
            lenses.push(lsp::CodeLens {
                range,
                command: None,
                data: data.clone(),
            });
            if client.runs_commands && client.apply_edit && first.has_candidates(part.analysis) {
                let command = command(
                    format!("Harden{}", first.remark(part.analysis)),
                    HARDEN,
                    data,
                );
                lenses.push(lsp::CodeLens {
                    range,
                    command: Some(command),
                    data: None,
                });
            }
        }
    }
    Some(lenses)
}

/// The objects of a part that make pods, each with its repetitions; none where not all of it is seen.
fn workloads(part: Chunk<'_>) -> impl Iterator<Item = Range<usize>> {
    let objects = &part.analysis.objects;
    let is_one = |object: &ObjectInfo| {
        part.analysis.kind == DocumentKind::Complete && object.makes_pods && !object.repeated
    };
    let starts = objects
        .iter()
        .enumerate()
        .filter(move |(_, object)| is_one(object))
        .map(|(start, _)| start);
    starts.map(|start| {
        start
            ..start
                + 1
                + objects
                    .iter()
                    .skip(start + 1)
                    .take_while(|object| object.repeated)
                    .count()
    })
}

fn command(title: String, command: &str, data: Option<Value>) -> lsp::Command {
    lsp::Command {
        title,
        command: command.to_owned(),
        arguments: data.map(|data| vec![data]),
    }
}

/// Gives a lens what it shows.
pub(super) async fn resolve(
    state: &Arc<State>,
    lens: lsp::CodeLens,
) -> Result<lsp::CodeLens, Unresolved> {
    let Some(data) = lens.data.clone().filter(|_| lens.command.is_none()) else {
        return Ok(lens);
    };
    let (_, _, standing) = standing(state, data.clone()).await?;
    // Without a command it is words alone, which clients know by the empty name.
    let run = if state.capabilities().runs_commands {
        SHOW_STANDING
    } else {
        ""
    };
    Ok(lsp::CodeLens {
        command: Some(command(title(&standing), run, Some(data))),
        ..lens
    })
}

async fn standing(
    state: &Arc<State>,
    data: Value,
) -> Result<(Arc<Analysed>, ObjectInfo, PodSecurityLevel), Unresolved> {
    let (analysed, workload) = found(state, data).await?;
    let look = Arc::clone(&analysed);
    let standing = analysis::off_thread(state, move || {
        let part = look.report.chunks().nth(workload.part)?;
        let object = part.analysis.objects.get(workload.objects.start)?.clone();
        Some((
            object,
            part.analysis
                .pod_security_level(workload.objects, look.inputs.borrow())?,
        ))
    });
    let (object, standing) = standing
        .await
        .map_err(Unresolved::Failed)?
        .ok_or(Unresolved::Outdated)?;
    Ok((analysed, object, standing))
}

/// The workload that a client gives back, and what is known of the text that it is in, which must be the one that it was in.
async fn found(state: &Arc<State>, data: Value) -> Result<(Arc<Analysed>, Workload), Unresolved> {
    let workload: Workload = serde_json::from_value(data).map_err(|_| Unresolved::Outdated)?;
    let analysed = analysis::latest(state, &workload.uri)
        .await
        .ok_or(Unresolved::Outdated)?;
    match analysed.snapshot.revision == workload.revision {
        true => Ok((analysed, workload)),
        false => Err(Unresolved::Outdated),
    }
}

fn title(standing: &PodSecurityLevel) -> String {
    let met = standing.met.map_or("privileged", Profile::name);
    let next = standing.missed.as_ref().map(|(next, missed)| {
        let plural = if missed.len() == 1 { "" } else { "s" };
        let what = if *next == Profile::Baseline {
            "change"
        } else {
            "setting"
        };
        format!("; {} needs {} {what}{plural}", next.name(), missed.len())
    });
    format!(
        "Pod Security: {met}{}{}",
        next.unwrap_or_default(),
        enforced(standing, "; ")
    )
}

/// What the Namespace enforces, behind something else, where it is more than is met.
fn enforced(standing: &PodSecurityLevel, between: &str) -> String {
    let beyond = standing
        .enforced
        .as_ref()
        .filter(|(_, profile)| standing.met < Some(*profile));
    beyond
        .map(|(name, profile)| format!("{between}Namespace {name} enforces {}", profile.name()))
        .unwrap_or_default()
}

/// Tells the person at the client what keeps a workload from the next standard.
pub(super) async fn show_standing(state: &Arc<State>, data: Value) -> Result<(), Unresolved> {
    let (analysed, object, standing) = standing(state, data).await?;
    let name = object.name.as_deref().unwrap_or_default();
    let met = standing.met.map_or("privileged", Profile::name);
    let head = format!("{} {name}", object.kind).trim_end().to_owned();
    let head = format!(
        "{head} is {met} by the Pod Security Standards of Kubernetes {}.",
        analysed.inputs.config.kubernetes_version
    );
    let enforced = Some(enforced(&standing, " "))
        .filter(|words| !words.is_empty())
        .map(|words| words + ".");
    let missed = standing.missed.map(|(next, missed)| {
        let messages: Vec<String> = missed
            .into_iter()
            .map(|finding| finding.message.into_owned())
            .collect();
        format!(" {} finds: {}.", next.name(), messages.join("; "))
    });
    tell(
        state,
        [Some(head), enforced, missed]
            .into_iter()
            .flatten()
            .collect(),
    );
    Ok(())
}

/// Has the client mend in a workload all that needs no choice.
pub(super) async fn harden(state: &Arc<State>, data: Value) -> Result<(), Unresolved> {
    let (analysed, workload) = found(state, data).await?;
    let client = state.capabilities();
    let edit = analysis::off_thread(state, move || {
        let part = analysed.report.chunks().nth(workload.part)?;
        let edits =
            Whole::Object(workload.objects.start).harden(part.analysis, analysed.inputs.borrow());
        let edits = to_proto::text_edits(part, &edits, &analysed.snapshot.text, client.encoding);
        let version = analysed.snapshot.version;
        (!edits.is_empty())
            .then(|| to_proto::workspace_edit(&workload.uri, version, edits, &client))
    });
    let Some(edit) = edit.await.map_err(Unresolved::Failed)? else {
        tell(
            state,
            "Nothing here can be fixed without a choice of yours.".to_owned(),
        );
        return Ok(());
    };
    let state = Arc::clone(state);
    tokio::spawn(async move {
        let client = state.client.clone();
        let applied = answer(&state, async move { client.apply_edit(edit).await }).await;
        if let Some(reason) = applied
            .filter(|answer| !answer.applied)
            .and_then(|answer| answer.failure_reason)
        {
            show(
                &state,
                MessageType::WARNING,
                format!("kubeharden: {reason}"),
            )
            .await;
        }
    });
    Ok(())
}

fn tell(state: &Arc<State>, message: String) {
    let state = Arc::clone(state);
    tokio::spawn(async move { show(&state, MessageType::INFO, message).await });
}

async fn show(state: &State, typ: MessageType, message: String) {
    state
        .output
        .notify::<ShowMessage>(ShowMessageParams { typ, message })
        .await;
}
