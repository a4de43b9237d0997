//! Ctrl-C, SIGTERM and the end of the terminal for a command that has something to tidy up: from when they are listened for they no longer
//! end the process, and it is for the command to look.

use crate::error::{Error, Result};
use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

/// Whether somebody wants the command to end.
pub(crate) struct Interrupt(Arc<(Mutex<bool>, Condvar)>);

impl Interrupt {
    /// Listens from now on.
    pub fn listen() -> Result<Interrupt> {
        let failed =
            |error: std::io::Error| Error::internal("signals cannot be listened for").cause(error);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let came = Arc::new((Mutex::new(false), Condvar::new()));
        let tell = came.clone();
        #[cfg(unix)]
        let (mut interrupt, mut terminate, mut hangup) = {
            use tokio::signal::unix::{SignalKind, signal};
            let _inside = runtime.enter();
            (
                signal(SignalKind::interrupt()).map_err(failed)?,
                signal(SignalKind::terminate()).map_err(failed)?,
                signal(SignalKind::hangup()).map_err(failed)?,
            )
        };
        std::thread::Builder::new()
            .name("gw-signals".into())
            .spawn(move || {
                runtime.block_on(async {
                    #[cfg(unix)]
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                        _ = hangup.recv() => {}
                    }
                    #[cfg(not(unix))]
                    let _ = tokio::signal::ctrl_c().await;
                });
                *tell.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
                tell.1.notify_all();
            })
            .map_err(failed)?;
        Ok(Interrupt(came))
    }

    /// Whether it came.
    pub fn came(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for it, so long; whether it came.
    pub fn wait(&self, within: Duration) -> bool {
        let came = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.1.wait_timeout_while(came, within, |came| !*came);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
