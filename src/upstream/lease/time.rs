//! Time as leases see it; tests have a clock of their own.

use futures_util::future::BoxFuture;
use std::time::Duration;

/// A clock that only goes forward, from some moment on.
pub(super) trait Clock: Send + Sync {
    fn now(&self) -> Duration;
    /// Waits until then.
    fn until(&self, at: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's, which goes on while it sleeps.
pub(super) struct System;

/// The longest wait in one piece: the runtime's timers stand still while the machine sleeps, credentials lapse.
const SLICE: Duration = Duration::from_secs(15);

impl Clock for System {
    fn now(&self) -> Duration {
        crate::clock::monotonic()
    }

    fn until(&self, at: Duration) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            loop {
                let left = at.saturating_sub(crate::clock::monotonic());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(SLICE)).await;
            }
        })
    }
}
