//! Live readers of the log: each has its own bounded channel and loses rows when it is slow.

use super::Row;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

/// Rows a reader may lag behind.
const LAG: usize = 1024;

/// What a reader holds: its rows, and how many it was too slow for.
pub struct Following {
    pub rows: Receiver<Arc<Row>>,
    lost: Arc<AtomicU64>,
}

impl Following {
    /// How many rows were lost since this was last asked.
    pub fn lost(&self) -> u64 {
        self.lost.swap(0, Ordering::AcqRel)
    }
}

struct Follower {
    sender: SyncSender<Arc<Row>>,
    lost: Arc<AtomicU64>,
}

/// Everyone who follows.
#[derive(Default)]
pub struct Followers {
    list: Mutex<Vec<Follower>>,
    any: AtomicBool,
}

impl Followers {
    pub fn subscribe(&self) -> Following {
        let (sender, rows) = sync_channel(LAG);
        let lost = Arc::new(AtomicU64::new(0));
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.push(Follower {
            sender,
            lost: lost.clone(),
        });
        self.any.store(true, Ordering::Release);
        Following { rows, lost }
    }

    /// Never waits; forgets readers that have gone.
    pub fn send(&self, row: &Row) {
        if !self.any.load(Ordering::Acquire) {
            return;
        }
        let row = Arc::new(row.clone());
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.retain(|follower| match follower.sender.try_send(row.clone()) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                follower.lost.fetch_add(1, Ordering::AcqRel);
                true
            }
            Err(TrySendError::Disconnected(_)) => false,
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
            followers.send(&Row::default());
        }
        assert_eq!(slow.rows.try_iter().count(), LAG);
        assert_eq!([slow.lost(), slow.lost()], [10, 0]);
        assert_eq!(followers.list.lock().map(|list| list.len()).ok(), Some(1));
        followers.close();
        assert!(slow.rows.recv().is_err());
    }
}
