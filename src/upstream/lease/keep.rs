//! The task that renews a lease, for as long as somebody has it.

use super::{Lease, plan};
use std::{sync::Weak, time::Duration};

/// How long an issuer may take to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn keep(lease: Weak<Lease>) {
    let mut failures = 0;
    loop {
        let Some(held) = lease.upgrade() else { return };
        failures = match held.renew().await {
            true => 0,
            false => failures + 1,
        };
        let at = match failures {
            0 => held.due(dice()),
            _ => None,
        };
        let at = at.unwrap_or_else(|| plan::retry(held.clock.now(), failures.max(1), dice()));
        let wait = held.clock.until(at);
        // Not held while waiting: it goes when the last snapshot that has it goes.
        drop(held);
        wait.await;
    }
}

/// Without randomness everybody waits equally long.
fn dice() -> u32 {
    let mut bytes = [0; 4];
    let _ = getrandom::fill(&mut bytes);
    u32::from_le_bytes(bytes)
}
