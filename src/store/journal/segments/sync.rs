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

/// Files that have been written to, and the thread that syncs them.
pub struct Syncer {
    shared: Arc<(Mutex<State>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Syncer {
    /// Syncs what is dirty at most once in `every`.
    pub fn start(every: Duration) -> std::io::Result<Syncer> {
        let shared = Arc::new((Mutex::new(State::default()), Condvar::new()));
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
        let mut state = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.dirty.iter().any(|known| Arc::ptr_eq(known, file)) {
            state.dirty.push(file.clone());
            self.shared.1.notify_one();
        }
    }
}

impl Drop for Syncer {
    /// Syncs the rest.
    fn drop(&mut self) {
        self.shared
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .closing = true;
        self.shared.1.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run((state, wake): &(Mutex<State>, Condvar), every: Duration) {
    let mut guard = state.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        guard = wake
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
        guard = state.lock().unwrap_or_else(PoisonError::into_inner);
        guard = wake
            .wait_timeout_while(guard, every, |state| !state.closing)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    }
}
