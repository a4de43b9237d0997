//! SIGHUP: credentials that live outside gw (environment files, secret files, a keyring that was locked) are
//! read again; running requests keep what they started with.

use crate::admin::Desk;
use std::sync::Arc;

/// Listens for SIGHUP where gw runs without a terminal. On one the signal means that the terminal has gone,
/// and [`super::stop`] takes it as a reason to stop.
#[cfg(unix)]
pub fn on_hangup(desk: &Arc<Desk>) {
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
            desk.refresh_credentials().await;
        }
    });
}

#[cfg(not(unix))]
pub fn on_hangup(_desk: &Arc<Desk>) {}
