//! The language server.
//!
//! The path of a keystroke:
//!
//! 1. [`protocol`] reads the message, converts its types, and starts its handler in [`server`]. Handlers start in the order of their
//!    messages; what a handler does before its first wait is ordered too. No handler waits for the client.
//! 2. [`session`] changes the text of the document and wakes the document's task. It knows the client's settings, the
//!    configuration files, the file contexts and the workspace index, each in a type of its own. The task analyzes the text with them, and
//!    reuses the report of the previous text.
//! 3. [`diagnostics`] groups the findings, converts them, and publishes them, unless the client pulls.
//! 4. [`features`] answer requests from the same report: hover, code actions, completion, and so on.
//!
//! Each folder imports only the ones before it: `protocol`, `session`, `diagnostics`, `features`, `server`.

mod diagnostics;
mod features;
mod logging;
mod protocol;
mod server;
mod server_capabilities;
mod session;
mod setup;

pub use session::settings::{SETTINGS, Setting};
pub use setup::{ActionLimits, Analyze, Setup};

use features::harden;
use futures_util::{Stream, StreamExt};
use protocol::client::ClientHandle;
use protocol::guard::Guard;
use protocol::lifecycle::Lifecycle;
use protocol::main_loop;
use protocol::output::Output;
use server::Server;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower_lsp::LspService;
use tower_lsp::jsonrpc::Request;

/// Serves one client on standard input and output until it leaves. Returns the exit code that the protocol requires.
#[expect(
    clippy::print_stderr,
    reason = "standard output belongs to the protocol, and no client is connected"
)]
pub fn run() -> ExitCode {
    logging::start();
    // One thread handles messages. Other threads do the long work; waking them for less would take longer than the work.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let (runtime, output) =
        match runtime.and_then(|runtime| Ok((runtime, unbuffered(&std::io::stdout())?))) {
            Ok(started) => started,
            Err(error) => {
                eprintln!("kubeharden: cannot start the server: {error}");
                return ExitCode::FAILURE;
            }
        };
    let output = tokio::fs::File::from_std(output);
    let was_shut_down = runtime.block_on(serve(tokio::io::stdin(), output, Setup::default()));
    // The thread that reads standard input cannot be stopped. Waiting for it would keep the process alive after `exit`.
    runtime.shutdown_background();
    if was_shut_down {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Returns standard output without the buffer of the standard library, which writes each message in two pieces: the client would wake up
/// twice.
#[cfg(unix)]
fn unbuffered(output: &impl std::os::fd::AsFd) -> std::io::Result<std::fs::File> {
    output.as_fd().try_clone_to_owned().map(Into::into)
}

#[cfg(windows)]
fn unbuffered(output: &impl std::os::windows::io::AsHandle) -> std::io::Result<std::fs::File> {
    output.as_handle().try_clone_to_owned().map(Into::into)
}

/// Serves one client until it sends `exit`, closes its side, or dies. Returns whether it asked for a shutdown before.
pub async fn serve<I, O>(input: I, output: O, setup: Setup) -> bool
where
    I: AsyncRead + Send + Unpin + 'static,
    O: AsyncWrite + Send + 'static,
{
    let lifecycle = Arc::<Lifecycle>::default();
    let mut connected = None;
    let service = LspService::build(|requests| {
        let client = ClientHandle::new(requests, Output::new(output), setup.patience);
        connected = Some(client.clone());
        Server::new(client, Arc::clone(&lifecycle), setup)
    });
    let (service, socket) = service
        .custom_method(harden::METHOD, Server::harden)
        .finish();
    let client = connected.expect("the service was built");
    let (requests, answers) = socket.split();
    let mut tasks = JoinSet::new();
    tasks.spawn(send_requests(requests, client.clone()));
    let mut replies = JoinSet::new();
    let guard = Guard::new(service, client.clone(), Arc::clone(&lifecycle));
    tokio::select! {
        () = main_loop::run(input, guard, answers, &client, &mut replies) => {}
        () = lifecycle.exited() => {}
        () = client.output().lost() => {}
    }
    let finished = async {
        while replies.join_next().await.is_some() {}
        client.output().close().await;
    };
    // A client that leaves does not need to read any more.
    if timeout(GRACE, finished).await.is_err() {
        client.output().cut().await;
    }
    lifecycle.was_shut_down()
}

/// Sends the server's requests.
async fn send_requests(mut requests: impl Stream<Item = Request> + Unpin, client: ClientHandle) {
    while let Some(request) = requests.next().await {
        client.turn().await.send(&request).await;
    }
}

/// How long pending replies may take after the client leaves.
const GRACE: Duration = Duration::from_secs(1);
