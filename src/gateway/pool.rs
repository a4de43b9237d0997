//! Idle upstream connections of one worker, newest first. No locks: a pool belongs to one thread.

use super::connect::Connection;
use crate::hash::Seeded;
use crate::upstream::{Origin, Upstream};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::sync::Notify;

/// Time between two sweeps.
pub const SWEEP: Duration = Duration::from_secs(5);
/// Sweeps a connection may stay idle: 45 s, below what servers usually keep connections open, so that we
/// rarely write into a closing one.
const IDLE: u64 = 9;
/// Per provider and worker.
const MOST: usize = 256;

struct Idle {
    connection: Rc<RefCell<Connection>>,
    /// The sweep before it became idle; counting them is cheaper than a clock.
    since: u64,
}

/// The idle connections of one provider, all to where it was when the last of them came back.
struct Provider {
    origin: Origin,
    idle: Vec<Idle>,
}

/// Idle connections by provider: what a broken peer says late stays with the provider that it is, also where two
/// have the same address.
#[derive(Default)]
pub struct Pool {
    providers: RefCell<HashMap<Arc<str>, Provider, Seeded>>,
    sweeps: Cell<u64>,
    /// A provider has come that had no idle connection before.
    come: Notify,
}

impl Pool {
    /// An idle connection that still looks good now.
    pub fn take(&self, upstream: &Upstream) -> Option<Rc<RefCell<Connection>>> {
        let mut providers = self.providers.borrow_mut();
        let provider = providers
            .get_mut(&*upstream.name)
            .filter(|provider| provider.origin == upstream.origin)?;
        while let Some(entry) = provider.idle.pop() {
            if entry.connection.borrow_mut().is_idle() {
                return Some(entry.connection);
            }
        }
        None
    }

    /// Gives a connection back after its response body was read to the end.
    pub fn give(&self, upstream: &Upstream, connection: Rc<RefCell<Connection>>) {
        if !connection.borrow_mut().rest() {
            return;
        }
        let mut providers = self.providers.borrow_mut();
        let fresh = || Provider {
            origin: upstream.origin.clone(),
            idle: Vec::new(),
        };
        let provider = match providers.get_mut(&*upstream.name) {
            Some(provider) => provider,
            None => {
                self.come.notify_one();
                providers.entry(upstream.name.clone()).or_insert_with(fresh)
            }
        };
        if provider.origin != upstream.origin {
            *provider = fresh();
        }
        if provider.idle.len() < MOST {
            provider.idle.push(Idle {
                connection,
                since: self.sweeps.get(),
            });
        }
    }

    /// Drops every idle connection: their descriptors are needed.
    pub fn clear(&self) {
        self.providers.borrow_mut().clear();
    }

    /// Waits until there is anything to sweep.
    pub async fn filled(&self) {
        while self.providers.borrow().is_empty() {
            self.come.notified().await;
        }
    }

    /// Drops what has been idle for too long, so that closed peers do not pile up; called every [`SWEEP`] while there is any.
    pub fn sweep(&self) {
        let now = self.sweeps.get() + 1;
        self.sweeps.set(now);
        let mut providers = self.providers.borrow_mut();
        providers.values_mut().for_each(|provider| {
            provider.idle.retain(|entry| {
                now - entry.since < IDLE && entry.connection.borrow_mut().is_idle()
            });
        });
        providers.retain(|_, provider| !provider.idle.is_empty());
    }
}
