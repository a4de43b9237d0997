//! Stopping: on a signal, at the end of the command, or when stdin closes; running requests finish within
//! the grace, a second signal ends at once.

use crate::config::Config;
use crate::error::Result;
use crate::gateway::Shared;
use std::{
    process::ExitCode,
    sync::{Arc, atomic::Ordering},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::process::Child;

/// Waits for a reason to stop and gives the exit code that goes with it.
pub async fn wait(config: &Config, shared: &Arc<Shared>, child: Option<Child>) -> ExitCode {
    let ended = async {
        match child {
            Some(mut child) => child.wait().await.map_or(1, |status| code(&status)),
            None => std::future::pending().await,
        }
    };
    let closed = async {
        match config.server.exit_on_stdin_close {
            true => stdin_closed().await,
            false => std::future::pending().await,
        }
    };
    let code = tokio::select! {
        code = ended => code,
        () = closed => 0,
        () = signal() => 0,
    };
    let shared = shared.clone();
    tokio::spawn(async move {
        signal().await;
        shared.journal.close();
        std::process::exit(130);
    });
    ExitCode::from(code)
}

#[cfg(unix)]
fn code(status: &std::process::ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    // As a shell says it: 128 and the signal's number.
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)) as u8
}

#[cfg(not(unix))]
fn code(status: &std::process::ExitStatus) -> u8 {
    status.code().unwrap_or(1) as u8
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else { return std::future::pending().await };
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}

/// On a thread of its own: a read of stdin cannot be called off.
async fn stdin_closed() {
    let (done, closed) = tokio::sync::oneshot::channel::<()>();
    let _ = std::thread::Builder::new().name("gw-stdin".into()).spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        drop(done);
    });
    let _ = closed.await;
}

/// Lets running requests finish, then ends them with a proper error.
pub async fn drain(shared: &Shared, workers: &[JoinHandle<Result<()>>], grace: Duration) {
    if !finished(workers, grace).await {
        tracing::warn!(in_flight = shared.in_flight.load(Ordering::Relaxed), "the grace is over, ending running requests");
        shared.ending.store(true, Ordering::Relaxed);
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
