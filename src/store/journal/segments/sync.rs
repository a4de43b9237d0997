//! `fdatasync` on a thread of its own, so that a slow disk delays durability and not the writer.

use std::fs::File;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

#[derive(Default)]
struct State {
    dirty: Vec<Arc<File>>,
    closing: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// There is something to sync where there was nothing.
    dirty: Condvar,
    /// Nothing more comes. Between two syncs this alone wakes the thread.
    closing: Condvar,
}

/// Files that have been written to, and the thread that syncs them.
pub struct Syncer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Syncer {
    /// Syncs what is dirty at most once in `every`.
    pub fn start(every: Duration) -> std::io::Result<Syncer> {
        let shared = Arc::new(Shared::default());
        let for_thread = shared.clone();
        let thread = std::thread::Builder::new()
            .name("log-sync".into())
            .spawn(move || run(&for_thread, every))?;
        Ok(Syncer {
            shared,
            thread: Some(thread),
        })
    }

    /// Marks a file; only remembers it.
    pub fn dirty(&self, file: &Arc<File>) {
        let state = self.shared.state.lock();
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if !state.dirty.iter().any(|known| Arc::ptr_eq(known, file)) {
            state.dirty.push(file.clone());
            self.shared.dirty.notify_one();
        }
    }
}

impl Drop for Syncer {
    /// Syncs the rest.
    fn drop(&mut self) {
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner).closing = true;
        self.shared.dirty.notify_one();
        self.shared.closing.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(shared: &Shared, every: Duration) {
    let mut guard = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        guard = shared
            .dirty
            .wait_while(guard, |state| state.dirty.is_empty() && !state.closing)
            .unwrap_or_else(PoisonError::into_inner);
        let files = std::mem::take(&mut guard.dirty);
        if files.is_empty() && guard.closing {
            return;
        }
        drop(guard);
        for file in &files {
            if let Err(error) = file.sync_data() {
                tracing::warn!(%error, "request log could not be synced");
            }
        }
        drop(files);
        guard = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        guard = shared
            .closing
            .wait_timeout_while(guard, every, |state| !state.closing)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    }
}
