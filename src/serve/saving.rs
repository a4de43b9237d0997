//! Writing again and again what changes in memory, apart from what changes it.

use std::{future::Future, sync::Arc, time::Duration};

/// Saves after each such while, in a thread that may block, for as long as the runtime lives. `news`: waits until there is
/// something to be saved.
pub fn every<News: Future + Send>(
    period: Duration,
    news: impl Fn() -> News + Send + 'static,
    save: impl Fn() + Send + Sync + 'static,
) {
    let save = Arc::new(save);
    tokio::spawn(async move {
        loop {
            news().await;
            tokio::time::sleep(period).await;
            let save = save.clone();
            let _ = tokio::task::spawn_blocking(move || save()).await;
        }
    });
}
