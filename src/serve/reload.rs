//! What lives outside gw and is read again: on SIGHUP credentials (environment files, secret files, a keyring that was
//! locked) and the TLS certificate, which is followed without being told, too. Running requests keep what they
//! started with.

use crate::admin::Desk;
use crate::tls::Identity;
use std::{sync::Arc, time::Duration};

/// How often the certificate's files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Takes a new certificate within seconds of its files being there.
pub fn follow(tls: Option<Arc<Identity>>) {
    let Some(tls) = tls else { return };
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(LOOK).await;
            tls.refresh();
        }
    });
}

/// Listens for SIGHUP where gw runs without a terminal. On one the signal means that the terminal has gone,
/// and [`super::stop`] takes it as a reason to stop.
#[cfg(unix)]
pub fn on_hangup(desk: &Arc<Desk>, tls: Option<Arc<Identity>>) {
    use tokio::signal::unix::{SignalKind, signal};
    if super::signals::on_terminal() {
        return;
    }
    let Ok(mut hangup) = signal(SignalKind::hangup()) else {
        return;
    };
    // Weak: the desk goes with its listeners, and this must not hold it.
    let desk = Arc::downgrade(desk);
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let Some(desk) = desk.upgrade() else { return };
            tracing::info!("reading credentials again");
            if let Some(tls) = &tls {
                tls.reread();
            }
            desk.refresh_credentials().await;
        }
    });
}

#[cfg(not(unix))]
pub fn on_hangup(_desk: &Arc<Desk>, _tls: Option<Arc<Identity>>) {}
