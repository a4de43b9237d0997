//! The task that renews a lease, for as long as somebody has it.

use super::{Lease, plan};
use futures_util::future::FutureExt;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};

/// How long an issuer may take to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The shortest time between two askings because what was given is doubted.
const DOUBT: Duration = Duration::from_secs(60);

/// `name`: the provider's, for the log.
pub(super) async fn keep(lease: Weak<Lease>, name: Arc<str>) {
    let mut failures = 0;
    loop {
        let Some(held) = lease.upgrade() else { return };
        // A doubt from before is about what is replaced now.
        let _ = held.doubted.notified().now_or_never();
        let before = held.why();
        let asked = held.clock.now();
        match held.renew().await {
            Ok(()) => {
                failures = 0;
                if before.is_some() {
                    tracing::info!(provider = &*name, "the credential can be had again");
                }
            }
            Err(why) => {
                failures += 1;
                if before.as_ref() != Some(&why) {
                    tracing::warn!(provider = &*name, "the credential cannot be renewed: {why}");
                }
            }
        }
        let at = match failures {
            0 => held.due(dice()),
            _ => None,
        };
        let at = at.unwrap_or_else(|| plan::retry(held.clock.now(), failures.max(1), dice()));
        let wait = held.clock.until(at);
        let (doubted, soonest) = (held.doubted.clone(), held.clock.until(asked + DOUBT));
        // Not held while waiting: it goes when the last snapshot that has it goes.
        drop(held);
        let doubt = async {
            doubted.notified().await;
            soonest.await;
        };
        tokio::select! {
            () = wait => {}
            () = doubt => {}
        }
    }
}

/// Without randomness everybody waits equally long.
fn dice() -> u32 {
    let mut bytes = [0; 4];
    let _ = getrandom::fill(&mut bytes);
    u32::from_le_bytes(bytes)
}
