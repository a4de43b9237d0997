//! How many connections there may be, and who goes when that is too many: those on which no valid key was presented
//! yet, the oldest first; then those that are idle. Must not know what a valid key is.

use super::{Shared, gate::Conn};
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, hash_map::Entry},
    net::IpAddr,
    rc::Rc,
    sync::{Arc, PoisonError, atomic::Ordering},
};
use tokio::net::TcpStream;

/// One worker's connections, by when they came.
#[derive(Default)]
pub struct Crowd {
    /// Those on which no valid key was presented yet.
    strangers: RefCell<BTreeMap<u64, Rc<Conn>>>,
    known: RefCell<BTreeMap<u64, Rc<Conn>>>,
    next: Cell<u64>,
}

impl Crowd {
    /// A connection of which nothing is known yet.
    pub fn add(&self, conn: &Rc<Conn>) {
        let place = self.next.get();
        self.next.set(place + 1);
        conn.place.set(place);
        self.strangers.borrow_mut().insert(place, conn.clone());
    }

    /// A valid key was presented on it.
    pub fn know(&self, conn: &Conn) {
        // Of each request but a connection's first this is all.
        if conn.known.replace(true) {
            return;
        }
        if let Some(conn) = self.strangers.borrow_mut().remove(&conn.place.get()) {
            self.known.borrow_mut().insert(conn.place.get(), conn);
        }
    }

    /// It has ended.
    pub fn remove(&self, conn: &Conn) {
        let list = match conn.known.get() {
            true => &self.known,
            false => &self.strangers,
        };
        list.borrow_mut().remove(&conn.place.get());
    }

    /// Ends the oldest stranger, or an idle connection where there is none; whether there was one.
    pub fn dismiss(&self) -> bool {
        let stranger = self.strangers.borrow_mut().pop_first();
        let idle = || {
            let mut known = self.known.borrow_mut();
            let (&place, _) = known.iter().find(|(_, conn)| conn.idle())?;
            known.remove_entry(&place)
        };
        let Some((_, conn)) = stranger.or_else(idle) else {
            return false;
        };
        conn.watch.expire();
        true
    }
}

/// Whether there are as many connections as there may be.
pub fn full(shared: &Shared) -> bool {
    shared.connections.load(Ordering::Relaxed) >= shared.settings.max_connections
}

/// Whether too few file descriptors are left. The system gives the lowest free number, so that the newest one tells.
pub fn short_of_descriptors(shared: &Shared, stream: &TcpStream) -> bool {
    descriptor(stream) >= shared.settings.max_descriptor
}

#[cfg(unix)]
fn descriptor(stream: &TcpStream) -> usize {
    use std::os::fd::AsRawFd;
    usize::try_from(stream.as_raw_fd()).unwrap_or(0)
}

#[cfg(not(unix))]
fn descriptor(_stream: &TcpStream) -> usize {
    0
}

/// A connection counts while this lives, whatever ends it.
pub struct Counted {
    shared: Arc<Shared>,
    /// Another machine's address, which has a share of its own.
    peer: Option<IpAddr>,
}

impl Counted {
    /// `None` where this address has its share already.
    pub fn new(shared: Arc<Shared>, peer: IpAddr) -> Option<Counted> {
        let peer = peer.to_canonical();
        let peer = (!peer.is_loopback()).then_some(peer);
        if let Some(peer) = peer {
            let mut peers = shared.peers.lock().unwrap_or_else(PoisonError::into_inner);
            let count = peers.entry(peer).or_default();
            if *count >= shared.settings.max_connections_per_ip {
                return None;
            }
            *count += 1;
        }
        shared.connections.fetch_add(1, Ordering::Relaxed);
        Some(Counted { shared, peer })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.shared.connections.fetch_sub(1, Ordering::Relaxed);
        let Some(peer) = self.peer else { return };
        let mut peers = self
            .shared
            .peers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = peers.entry(peer) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::gateway::{Settings, watch::Watches};
    use crate::http1::body::Framing;

    fn shared(settings: Settings) -> Arc<Shared> {
        Arc::new(Shared::new(
            crate::store::token::Hasher::ephemeral().unwrap(),
            Arc::new(crate::store::journal::memory::Memory::new(1, 1)),
            Arc::new(crate::store::records::Memory::new()),
            Arc::new(crate::store::counters::Memory::default()),
            settings,
        ))
    }

    #[test]
    fn another_machine_has_its_share_of_connections() {
        let shared = shared(Settings {
            max_connections_per_ip: 2,
            ..Settings::default()
        });
        let (here, there, mapped, other) = ["127.0.0.1", "10.0.0.1", "::ffff:10.0.0.1", "10.0.0.2"]
            .map(|text| text.parse().unwrap())
            .into();
        let take = |ip| Counted::new(shared.clone(), ip);
        let two = [take(there).unwrap(), take(mapped).unwrap()];
        assert!(take(there).is_none());
        let rest = [take(here).unwrap(), take(other).unwrap()];
        drop((two, rest));
        assert!(shared.peers.lock().unwrap().is_empty());
        assert_eq!(shared.connections.load(Ordering::Relaxed), 0);
        let many: Vec<_> = (0..4).map(|_| take(here).unwrap()).collect();
        assert_eq!(many.len(), 4, "this machine has no share");
    }

    #[test]
    fn the_oldest_stranger_goes_first_then_who_is_idle() {
        let (shared, watches) = (shared(Settings::default()), Rc::new(Watches::default()));
        let crowd = Crowd::default();
        let conns: Vec<Rc<Conn>> = (0..5)
            .map(|_| Rc::new(Conn::new(watches.add(), shared.clone())))
            .collect();
        conns.iter().for_each(|conn| crowd.add(conn));
        for busy in [0, 2] {
            crowd.know(&conns[busy]);
            conns[busy].begin(Framing::Length(0), false);
        }
        crowd.remove(&conns[4]);
        let gone = || -> Vec<usize> {
            let gone = |at: &usize| conns[*at].watch.fired().is_some();
            (0..5).filter(gone).collect()
        };
        assert!(crowd.dismiss());
        assert_eq!(gone(), [1]);
        assert!(crowd.dismiss());
        assert_eq!(gone(), [1, 3]);
        assert!(!crowd.dismiss(), "who is being served stays");
        conns[2].end();
        assert!(crowd.dismiss());
        assert_eq!(gone(), [1, 2, 3]);
        conns.iter().for_each(|conn| crowd.remove(conn));
        assert!(!crowd.dismiss());
    }
}
