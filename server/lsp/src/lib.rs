//! The language server: what an editor and this program say to each other.
//!
//! Knows the Language Server Protocol; the types of its library are named in this folder alone. Must not know YAML or
//! Kubernetes: those are the engine's. Promise: whatever a client sends, in whatever order, the server goes on answering, and
//! what it says is about the text as the client has it.
//!
//! In reading order:
//!
//! 1. [`capabilities`]: what the client can do, decided once; what the server offers.
//! 2. [`settings`]: the configuration as clients write it.
//! 3. [`configuration`]: what each document is held to, and the files that say so.
//! 4. [`neighbours`]: what the files around a document say of it.
//!    [`workspace`]: what objects in its folders say of others.
//! 5. [`state`]: the open documents and what is known of them.
//! 6. [`analysis`]: from a snapshot to a report, off the threads that talk.
//! 7. [`watch`]: one task for each open document, from its latest text to its diagnostics; [`pull`]: for clients that ask for them.
//! 8. [`groups`]: which findings are shown as one.
//! 9. [`from_proto`] and [`to_proto`]: the border between the protocol's types and the engine's; [`published`]: all diagnostics of a text, as
//!    JSON that is kept from one keystroke to the next.
//! 10. [`hover`], [`code_action`] and [`completion`]: the questions that a client asks. [`fields`]: help inside security contexts;
//!     [`definition`]: the objects that a name means; [`lens`]: a line
//!     above each workload, [`hints`]: what its containers inherit, [`symbols`]: the outline; these are the [`extras`] that a setting turns on;
//!     [`actions`]: what can be mended; [`ignore_action`]: how it is ignored; [`command`]: what the server is asked to do. [`status`] and [`harden`]: what is beyond
//!     the protocol, for clients that ask for it: `docs/protocol.md`.
//! 11. [`backend`]: every message and the function that takes it.
//! 12. [`guard`]: the fence around all of it; [`frames`]: what gets in; [`output`]: what gets out; [`conversation`]: from one to the
//!     other; [`parent`]: who started it.
//!
//! Messages are handled in order only until a handler first waits. So a handler changes the state before it waits for anything, leaves
//! work to the tasks, and never waits for the client.

mod actions;
mod analysis;
mod backend;
mod capabilities;
mod code_action;
mod command;
mod completion;
mod configuration;
mod conversation;
mod definition;
mod extras;
mod fields;
mod frames;
mod from_proto;
mod groups;
mod guard;
mod harden;
mod hints;
mod hover;
mod ignore_action;
mod lens;
mod neighbours;
mod output;
mod parent;
mod published;
mod pull;
mod settings;
mod state;
mod status;
mod symbols;
mod to_proto;
mod uri;
mod watch;
mod workspace_index;

pub use settings::{SETTINGS, Setting};

use backend::Backend;
use futures_util::{Stream, StreamExt};
use guard::Guard;
use linter::Inputs;
use linter::analysis::{Analysis, ChunkContext, ChunkKind};
use output::Output;
use state::State;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower_lsp::LspService;
use tower_lsp::jsonrpc::Request;

/// How a document, or a part of one that is read by itself, is analysed.
pub type Analyze =
    dyn Fn(&str, ChunkKind, &Arc<ChunkContext>, Inputs<'_>) -> Analysis + Send + Sync;

/// What a server is made of, apart from its connection.
#[derive(Clone)]
pub struct Setup {
    pub analyze: Arc<Analyze>,
    /// How long a client may take to answer a request.
    pub patience: Duration,
    /// So many bytes are analysed at once, where messages are handled: that takes about as long as waking another thread and waiting for it.
    pub at_once: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            analyze: Arc::new(linter::analysis::analyze_chunk),
            patience: Duration::from_secs(10),
            at_once: 16 << 10,
        }
    }
}

/// Serves one client on standard input and output until it leaves. The exit code is the one that the protocol asks for.
#[expect(
    clippy::print_stderr,
    reason = "standard output is the protocol's, and no client is there to be told"
)]
pub fn run() -> ExitCode {
    // One thread has it all to say; the work is done by others, and waking them for less would take longer than what they are woken for.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let (runtime, output) =
        match runtime.and_then(|runtime| Ok((runtime, unbuffered(&std::io::stdout())?))) {
            Ok(started) => started,
            Err(error) => {
                eprintln!("kubeharden: the server cannot start: {error}");
                return ExitCode::FAILURE;
            }
        };
    let output = tokio::fs::File::from_std(output);
    let was_shut_down = runtime.block_on(serve(tokio::io::stdin(), output, Setup::default()));
    // A thread that reads standard input cannot be stopped; waiting for it would keep the process alive after `exit`.
    runtime.shutdown_background();
    if was_shut_down {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Standard output without the buffer that the standard library puts before it: that one looks for the end of the last line in all that
/// is written, and writes what is before by itself, so that a client would wake up twice for each message.
#[cfg(unix)]
fn unbuffered(output: &impl std::os::fd::AsFd) -> std::io::Result<std::fs::File> {
    output.as_fd().try_clone_to_owned().map(Into::into)
}

#[cfg(windows)]
fn unbuffered(output: &impl std::os::windows::io::AsHandle) -> std::io::Result<std::fs::File> {
    output.as_handle().try_clone_to_owned().map(Into::into)
}

/// Serves one client until it says `exit`, closes its side, or dies. Tells whether it asked for a shutdown before.
pub async fn serve<I, O>(input: I, output: O, setup: Setup) -> bool
where
    I: AsyncRead + Send + Unpin + 'static,
    O: AsyncWrite + Send + 'static,
{
    let service = LspService::build(|client| Backend::new(client, Output::new(output), setup));
    let (service, socket) = service
        .custom_method(harden::METHOD, Backend::harden)
        .finish();
    let state = service.inner().state();
    let (questions, answers) = socket.split();
    let mut tasks = JoinSet::new();
    tasks.spawn(ask(questions, Arc::clone(&state)));
    let mut replies = JoinSet::new();
    tokio::select! {
        () = conversation::converse(input, Guard::new(service, Arc::clone(&state)), answers, &state, &mut replies) => {}
        () = state.leave.notified() => {}
        () = state.output.lost() => {}
    }
    let said = async {
        while replies.join_next().await.is_some() {}
        state.output.close().await;
    };
    // A client that leaves need not listen any more.
    if timeout(GRACE, said).await.is_err() {
        state.output.cut().await;
    }
    state.was_shut_down()
}

/// Passes on what the server asks its client.
async fn ask(mut questions: impl Stream<Item = Request> + Unpin, state: Arc<State>) {
    while let Some(question) = questions.next().await {
        state.output.turn().await.say(&question).await;
    }
}

/// How long replies that are under way may take once the client leaves.
const GRACE: Duration = Duration::from_secs(1);
