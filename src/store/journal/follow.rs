//! Live readers of the log: each has its own bounded channel and loses rows when it is slow.

use super::Row;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

/// Rows a reader may lag behind.
const LAG: usize = 1024;

/// Everyone who follows.
#[derive(Default)]
pub struct Followers {
    list: Mutex<Vec<SyncSender<Arc<Row>>>>,
    any: AtomicBool,
}

impl Followers {
    pub fn subscribe(&self) -> Receiver<Arc<Row>> {
        let (sender, receiver) = sync_channel(LAG);
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.push(sender);
        self.any.store(true, Ordering::Release);
        receiver
    }

    /// Never waits; forgets readers that have gone.
    pub fn send(&self, row: &Arc<Row>) {
        if !self.any.load(Ordering::Acquire) {
            return;
        }
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.retain(|follower| {
            !matches!(
                follower.try_send(row.clone()),
                Err(TrySendError::Disconnected(_))
            )
        });
        self.any.store(!list.is_empty(), Ordering::Release);
    }

    /// Ends every reader's stream.
    pub fn close(&self) {
        self.list
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.any.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_readers_lose_rows_and_gone_ones_are_forgotten() {
        let followers = Followers::default();
        let (slow, gone) = (followers.subscribe(), followers.subscribe());
        drop(gone);
        for _ in 0..LAG + 10 {
            followers.send(&Arc::new(Row::default()));
        }
        assert_eq!(slow.try_iter().count(), LAG);
        assert_eq!(followers.list.lock().map(|list| list.len()).ok(), Some(1));
        followers.close();
        assert!(slow.recv().is_err());
    }
}
