//! Writing again and again what changes in memory, apart from what changes it.

use std::{sync::Arc, time::Duration};

/// Saves after each such while, in a thread that may block, for as long as the runtime lives.
pub fn every(period: Duration, save: impl Fn() + Send + Sync + 'static) {
    let save = Arc::new(save);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(period).await;
            let save = save.clone();
            let _ = tokio::task::spawn_blocking(move || save()).await;
        }
    });
}
