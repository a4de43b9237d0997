//! Stopping: on a signal, at the end of the command, or when stdin closes; running requests finish within
//! the grace, a second signal ends at once.

use super::{
    child::Running,
    ready,
    signals::{self, Signals},
    stores,
};
use crate::config::Config;
use crate::error::Result;
use crate::gateway::Shared;
use std::{
    process::ExitCode,
    sync::{Arc, atomic::Ordering},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// The signal that asks a command to end where no other did.
const TERM: i32 = 15;

/// Waits for a reason to stop and gives the exit code that goes with it. With a command that is the command's, and
/// 128 and the signal's number where gw was interrupted; without one a signal is how gw is meant to end.
pub async fn wait(
    config: &Config,
    shared: &Arc<Shared>,
    mut signals: Signals,
    mut child: Option<Running>,
) -> ExitCode {
    let closed = async {
        match config.server.exit_on_stdin_close {
            true => stdin_closed().await,
            false => std::future::pending().await,
        }
    };
    tokio::pin!(closed);
    let (code, signal) = loop {
        let ended = async {
            match &mut child {
                Some(child) => {
                    let code = child.ended().await;
                    child.settled().await;
                    code
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // Signals first: one that the command answered before it ended must not be taken for a second one below.
            biased;
            signal = signals.next() => match &child {
                Some(child) if child.answers(signal) => {}
                Some(_) => break (signals::exit_code(signal), Some(signal)),
                None => break (0, None),
            },
            code = ended => break (code, None),
            () = &mut closed => break (0, Some(TERM)),
        }
    };
    if let (Some(child), Some(signal)) = (&mut child, signal) {
        child
            .end(signal, config.server.shutdown_grace.std(), &mut signals)
            .await;
    }
    let (shared, config) = (shared.clone(), config.clone());
    tokio::spawn(async move {
        let signal = signals.next().await;
        shared.journal.close();
        ready::remove_file(&config);
        stores::tidy(&config);
        std::process::exit(signals::exit_code(signal).into());
    });
    ExitCode::from(code)
}

/// On a thread of its own: a read of stdin cannot be called off.
async fn stdin_closed() {
    let (done, closed) = tokio::sync::oneshot::channel::<()>();
    let _ = std::thread::Builder::new()
        .name("gw-stdin".into())
        .spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            drop(done);
        });
    let _ = closed.await;
}

/// Lets running requests finish, then ends them with a proper error.
pub async fn drain(shared: &Shared, workers: &[JoinHandle<Result<()>>], grace: Duration) {
    if !finished(workers, grace).await {
        tracing::warn!(
            in_flight = shared.traffic.in_flight.load(Ordering::Relaxed),
            "the grace is over, ending running requests"
        );
        shared.end();
        finished(workers, Duration::from_secs(2)).await;
    }
}

async fn finished(workers: &[JoinHandle<Result<()>>], within: Duration) -> bool {
    let start = Instant::now();
    while workers.iter().any(|worker| !worker.is_finished()) {
        if start.elapsed() >= within {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    true
}
