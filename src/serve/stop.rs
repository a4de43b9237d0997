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

/// Longest a command is given to end by itself.
const COMMAND: Duration = Duration::from_secs(5);

/// Waits for a reason to stop and gives the exit code that goes with it.
pub async fn wait(
    config: &Config,
    shared: &Arc<Shared>,
    mut signals: Signals,
    child: Option<Child>,
) -> ExitCode {
    let mut child = child;
    let ended = async {
        match &mut child {
            Some(child) => child.wait().await.map_or(1, |status| code(&status)),
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
        () = signals.next() => 0,
    };
    if let Some(child) = child {
        end(
            child,
            config.server.shutdown_grace.std().min(COMMAND),
            &mut signals,
        )
        .await;
    }
    let (shared, config) = (shared.clone(), config.clone());
    tokio::spawn(async move {
        signals.next().await;
        shared.journal.close();
        super::announce::remove_ready_file(&config);
        super::stores::tidy(&config);
        std::process::exit(130);
    });
    ExitCode::from(code)
}

/// Asks the command to end while requests are still served, so that it can tidy up; then, or at a second signal, kills it.
async fn end(mut child: Child, within: Duration, signals: &mut Signals) {
    if !matches!(child.try_wait(), Ok(None)) {
        return;
    }
    #[cfg(unix)]
    if let Some(pid) = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(rustix::process::Pid::from_raw)
    {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        tokio::select! {
            _ = child.wait() => return,
            () = tokio::time::sleep(within) => {}
            () = signals.next() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = (within, signals);
    let _ = child.kill().await;
}

#[cfg(unix)]
fn code(status: &std::process::ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    // As a shell says it: 128 and the signal's number.
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0)) as u8
}

#[cfg(not(unix))]
fn code(status: &std::process::ExitStatus) -> u8 {
    status.code().unwrap_or(1) as u8
}

/// SIGTERM, SIGINT and, on a terminal, its going away (SIGHUP); Ctrl-C elsewhere. From when it is made none of
/// them ends the process by itself.
pub struct Signals {
    #[cfg(unix)]
    heard: Vec<tokio::signal::unix::Signal>,
}

/// Whether a person started gw on a terminal.
#[cfg(unix)]
pub fn on_terminal() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stderr())
}

impl Signals {
    #[cfg(unix)]
    pub fn listen() -> Signals {
        use tokio::signal::unix::{SignalKind, signal};
        let hangup = on_terminal().then(SignalKind::hangup);
        let kinds = [SignalKind::terminate(), SignalKind::interrupt()]
            .into_iter()
            .chain(hangup);
        Signals {
            heard: kinds.filter_map(|kind| signal(kind).ok()).collect(),
        }
    }

    #[cfg(not(unix))]
    pub fn listen() -> Signals {
        Signals {}
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        // Pending for ever where no signal could be listened for.
        std::future::poll_fn(|cx| {
            match self
                .heard
                .iter_mut()
                .any(|signal| signal.poll_recv(cx).is_ready())
            {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            }
        })
        .await;
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
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
            in_flight = shared.in_flight.load(Ordering::Relaxed),
            "the grace is over, ending running requests"
        );
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
