//! A code lens above each workload: which Pod Security Standard its pods meet, and an action to harden it.
//!
//! A lens is resolved when it becomes visible. A command acts on the text that its lens was created for, or fails.

use super::deferred::{Deferred, Unresolved};
use super::edit::workspace_edit;
use super::fixes::HardenTarget;
use crate::protocol::client::ClientHandle;
use crate::protocol::to_proto;
use crate::session::analysis::Analyzer;
use crate::session::documents::Analyzed;
use linter::analysis::{Chunk, DocumentKind, ObjectInfo, PodSecurityLevel};
use linter::config::Profile;
use serde_json::Value;
use std::ops::Range;
use std::sync::Arc;
use tower_lsp::ls_types::notification::ShowMessage;
use tower_lsp::ls_types::request::ApplyWorkspaceEdit;
use tower_lsp::ls_types::{self as lsp, MessageType, ShowMessageParams, Uri};

/// Shows what keeps a workload from the next standard.
pub(crate) const SHOW_POD_SECURITY: &str = "kubeharden.showPodSecurity";
/// Applies all safe and unsafe fixes of a workload.
pub(crate) const HARDEN: &str = "kubeharden.hardenObject";

/// The workload below a lens: the indices of its object in the chunk, several if it has several pods.
type Workload = Deferred<Range<usize>>;

/// Returns the lenses of a document.
pub(crate) async fn lenses(
    analyzer: &Analyzer,
    client: &ClientHandle,
    url: &Uri,
) -> Option<Vec<lsp::CodeLens>> {
    let analyzed = analyzer.latest(url).await?;
    let client = client.capabilities();
    let mut lenses = Vec::new();
    for (chunk_index, chunk) in analyzed.report.chunks().enumerate() {
        for target in workloads(chunk) {
            let start = chunk
                .place(chunk.analysis.objects.get(target.start)?.range)
                .start;
            let range = to_proto::range(start..start, &analyzed.snapshot.text, client.encoding);
            let first = HardenTarget::Object(target.start);
            let workload = Workload {
                uri: url.clone(),
                revision: analyzed.snapshot.revision,
                chunk_index,
                target,
            };
            let data = serde_json::to_value(workload).ok();
            lenses.push(lsp::CodeLens {
                range,
                command: None,
                data: data.clone(),
            });
            if client.runs_commands && client.apply_edit && first.has_candidates(chunk.analysis) {
                let title = format!("Harden{}", first.remark(chunk.analysis));
                lenses.push(lsp::CodeLens {
                    range,
                    command: Some(command(title, HARDEN, data)),
                    data: None,
                });
            }
        }
    }
    Some(lenses)
}

/// Returns the workloads of a chunk, each with its repetitions; none in templates and patches.
fn workloads(chunk: Chunk<'_>) -> impl Iterator<Item = Range<usize>> {
    let objects = &chunk.analysis.objects;
    let is_first = move |object: &ObjectInfo| {
        chunk.analysis.kind == DocumentKind::Complete && object.makes_pods && !object.repeated
    };
    let starts = (0..objects.len()).filter(move |&start| is_first(&objects[start]));
    starts.map(|start| {
        let repetitions = objects[start + 1..]
            .iter()
            .take_while(|object| object.repeated);
        start..start + 1 + repetitions.count()
    })
}

fn command(title: String, command: &str, data: Option<Value>) -> lsp::Command {
    lsp::Command {
        title,
        command: command.to_owned(),
        arguments: data.map(|data| vec![data]),
    }
}

/// Adds its title to a lens.
pub(crate) async fn resolve(
    analyzer: &Analyzer,
    client: &ClientHandle,
    lens: lsp::CodeLens,
) -> Result<lsp::CodeLens, Unresolved> {
    let Some(data) = lens.data.clone().filter(|_| lens.command.is_none()) else {
        return Ok(lens);
    };
    let (_, _, level) = pod_security(analyzer, data.clone()).await?;
    // Clients show a command without a name as text.
    let name = if client.capabilities().runs_commands {
        SHOW_POD_SECURITY
    } else {
        ""
    };
    Ok(lsp::CodeLens {
        command: Some(command(title(&level), name, Some(data))),
        ..lens
    })
}

async fn pod_security(
    analyzer: &Analyzer,
    data: Value,
) -> Result<(Arc<Analyzed>, ObjectInfo, PodSecurityLevel), Unresolved> {
    let (workload, analyzed) = Workload::resolve(analyzer, data).await?;
    let latest = Arc::clone(&analyzed);
    let work = move || {
        let analysis = workload.chunk(&latest)?.analysis;
        let object = analysis.objects.get(workload.target.start)?.clone();
        let level = analysis.pod_security_level(workload.target, latest.inputs.borrow())?;
        Some((object, level))
    };
    let (object, level) = analyzer.run(work).await?.ok_or(Unresolved::Outdated)?;
    Ok((analyzed, object, level))
}

fn title(level: &PodSecurityLevel) -> String {
    let met = level.met.map_or("privileged", Profile::name);
    let next = level.missed.as_ref().map(|(next, missed)| {
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
        enforced(level, "; ")
    )
}

/// Returns what the Namespace enforces, after a separator, if the pods do not meet it.
fn enforced(level: &PodSecurityLevel, between: &str) -> String {
    let beyond = level
        .enforced
        .as_ref()
        .filter(|(_, profile)| level.met < Some(*profile));
    beyond
        .map(|(name, profile)| format!("{between}Namespace {name} enforces {}", profile.name()))
        .unwrap_or_default()
}

/// Shows what keeps a workload from the next standard.
pub(crate) async fn show_pod_security(
    analyzer: &Analyzer,
    client: &ClientHandle,
    data: Value,
) -> Result<(), Unresolved> {
    let (analyzed, object, level) = pod_security(analyzer, data).await?;
    let name = object.name.as_deref().unwrap_or_default();
    let met = level.met.map_or("privileged", Profile::name);
    let head = format!("{} {name}", object.kind).trim_end().to_owned();
    let head = format!(
        "{head} is {met} by the Pod Security Standards of Kubernetes {}.",
        analyzed.inputs.config.kubernetes_version
    );
    let enforced = Some(enforced(&level, " "))
        .filter(|words| !words.is_empty())
        .map(|words| words + ".");
    let missed = level.missed.map(|(next, missed)| {
        let messages: Vec<String> = missed
            .into_iter()
            .map(|finding| finding.message.into_owned())
            .collect();
        format!(" {} finds: {}.", next.name(), messages.join("; "))
    });
    let message = [Some(head), enforced, missed].into_iter().flatten();
    show(client, MessageType::INFO, message.collect());
    Ok(())
}

/// Applies all safe and unsafe fixes of a workload.
pub(crate) async fn harden(
    analyzer: &Analyzer,
    client: &ClientHandle,
    data: Value,
) -> Result<(), Unresolved> {
    let (workload, analyzed) = Workload::resolve(analyzer, data).await?;
    let supported = client.capabilities();
    let work = move || {
        let chunk = workload.chunk(&analyzed)?;
        let object = HardenTarget::Object(workload.target.start);
        let edits = object.harden(chunk.analysis, analyzed.inputs.borrow());
        (!edits.is_empty())
            .then(|| workspace_edit(&workload.uri, &analyzed, &supported, [(chunk, edits)]))
    };
    let Some(edit) = analyzer.run(work).await? else {
        show(
            client,
            MessageType::INFO,
            "Nothing to fix automatically.".to_owned(),
        );
        return Ok(());
    };
    let client = client.clone();
    tokio::spawn(async move {
        let params = lsp::ApplyWorkspaceEditParams { label: None, edit };
        let answer = client.request::<ApplyWorkspaceEdit>(params).await;
        let rejected = answer.filter(|answer| !answer.applied);
        if let Some(reason) = rejected.and_then(|answer| answer.failure_reason) {
            show(
                &client,
                MessageType::WARNING,
                format!("kubeharden: {reason}"),
            );
        }
    });
    Ok(())
}

fn show(client: &ClientHandle, typ: MessageType, message: String) {
    client.notify_later::<ShowMessage>(ShowMessageParams { typ, message });
}
