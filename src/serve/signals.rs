//! The signals gw stops on. From when they are listened for none of them ends the process by itself.

/// SIGTERM, SIGINT and, on a terminal, its going away (SIGHUP); Ctrl-C elsewhere.
pub struct Signals {
    #[cfg(unix)]
    heard: Vec<(i32, tokio::signal::unix::Signal)>,
}

/// Whether a person started gw on a terminal.
#[cfg(unix)]
pub fn on_terminal() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stderr())
}

/// The exit code a shell gives for a signal.
pub fn exit_code(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(1)
}

#[cfg(unix)]
impl Signals {
    /// `command`: one runs beside gw, and SIGQUIT must not leave it alone.
    pub fn listen(command: bool) -> Signals {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::terminate(), SignalKind::interrupt()]
            .into_iter()
            .chain(on_terminal().then(SignalKind::hangup))
            .chain(command.then(SignalKind::quit));
        Signals {
            heard: kinds
                .filter_map(|kind| Some((kind.as_raw_value(), signal(kind).ok()?)))
                .collect(),
        }
    }

    /// The next one's number. Pending for ever where none could be listened for.
    pub async fn next(&mut self) -> i32 {
        std::future::poll_fn(|cx| {
            let mut heard = self.heard.iter_mut();
            match heard
                .find_map(|(number, signal)| signal.poll_recv(cx).is_ready().then_some(*number))
            {
                Some(number) => std::task::Poll::Ready(number),
                None => std::task::Poll::Pending,
            }
        })
        .await
    }
}

#[cfg(not(unix))]
impl Signals {
    pub fn listen(_command: bool) -> Signals {
        Signals {}
    }

    pub async fn next(&mut self) -> i32 {
        let _ = tokio::signal::ctrl_c().await;
        2
    }
}
