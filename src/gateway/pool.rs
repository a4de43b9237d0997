//! Idle upstream connections of one worker, newest first. No locks: a pool belongs to one thread.

use crate::upstream::Origin;
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    time::Duration,
};

/// Time between two sweeps.
pub const SWEEP: Duration = Duration::from_secs(5);
/// Sweeps a connection may stay idle: 45 s, below what servers usually keep connections open, so that we
/// rarely write into a closing one.
const IDLE: u64 = 9;
/// Per origin and worker.
const MOST: usize = 256;

struct Idle {
    sender: SendRequest<Full<Bytes>>,
    /// The sweep before it became idle; counting them is cheaper than a clock.
    since: u64,
}

/// Idle connections by origin.
#[derive(Default)]
pub struct Pool {
    idle: RefCell<HashMap<Rc<Origin>, Vec<Idle>>>,
    sweeps: Cell<u64>,
}

impl Pool {
    /// An idle connection that still looks good.
    pub fn take(&self, origin: &Origin) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.idle.borrow_mut();
        let list = idle.get_mut(origin)?;
        while let Some(entry) = list.pop() {
            if !entry.sender.is_closed() {
                return Some(entry.sender);
            }
        }
        None
    }

    /// Gives a connection back after its response body was read to the end.
    pub fn give(&self, origin: &Origin, sender: SendRequest<Full<Bytes>>) {
        if sender.is_closed() {
            return;
        }
        let mut idle = self.idle.borrow_mut();
        let list = match idle.get_mut(origin) {
            Some(list) => list,
            None => idle.entry(Rc::new(origin.clone())).or_default(),
        };
        if list.len() < MOST {
            list.push(Idle {
                sender,
                since: self.sweeps.get(),
            });
        }
    }

    /// Drops every idle connection: their descriptors are needed.
    pub fn clear(&self) {
        self.idle.borrow_mut().clear();
    }

    /// Drops what has been idle for too long, so that closed peers do not pile up; called every [`SWEEP`].
    pub fn sweep(&self) {
        let now = self.sweeps.get() + 1;
        self.sweeps.set(now);
        let mut idle = self.idle.borrow_mut();
        idle.values_mut().for_each(|list| {
            list.retain(|entry| !entry.sender.is_closed() && now - entry.since < IDLE)
        });
        idle.retain(|_, list| !list.is_empty());
    }
}
