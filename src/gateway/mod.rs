//! The data plane. One request, one file a stage: `accept` -> `listen` -> `pipeline` (`caller`, `intake`, peek, `limit`, plan) ->
//! `rounds` -> `attempt` (`send`, `answer`) -> `relay` -> `record`; `respond` writes every error. What the stages share lies in leaves:
//! `exchange` (the request), `ended` (why it got no answer), `worker` (the thread's). One current-thread runtime a core, each
//! with its own listener, connection pool and timers; what they share is in [`Shared`] and immutable or atomic.

pub mod accept;
mod agenda;
pub mod answer;
pub mod arriving;
pub mod asked;
pub mod attempt;
pub mod body;
pub mod broke;
pub mod caller;
pub mod collect;
pub mod connect;
pub mod connection;
pub mod crowd;
pub mod date;
pub mod ended;
pub mod exchange;
pub mod failure;
pub mod failures;
pub mod filtering;
pub mod forward;
pub mod gate;
pub mod headers;
pub mod held;
pub mod ids;
pub mod incoming;
mod injected;
pub mod intake;
pub mod keeping;
pub mod kept;
mod kept_list;
pub mod limit;
pub mod listen;
pub mod long;
pub mod models;
pub mod outgoing;
pub mod pace;
pub mod parcel;
pub mod passthrough;
pub mod payload;
pub mod pieces;
pub mod pipeline;
pub mod pool;
pub mod prepare;
pub mod question;
pub mod record;
pub mod relay;
pub mod respond;
pub mod response;
pub mod retry_after;
pub mod rounds;
mod said;
pub mod secured;
pub mod send;
pub mod settings;
pub mod socket;
pub mod spoken;
pub mod stream;
mod ticks;
pub mod traffic;
pub mod transport;
pub mod unpack;
pub mod upload;
pub mod waiting;
pub mod watch;
pub mod worker;

pub use settings::Settings;
pub use traffic::Traffic;

use crate::live::Live;
use crate::plan::{Moment, Snapshot};
use crate::seldom::Seldom;
use crate::store::{counters::Counters, journal::Journal, records::Records, token::Hasher};
use crate::telemetry::Traces;
use crate::tls::Identity;
use crate::upstream::Upstream;
use arc_swap::ArcSwap;
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Instant,
};
use tokio::sync::{Notify, watch as watch_channel};

/// What requests are served from; swapped whole on every admin change.
#[derive(Default)]
pub struct Serving {
    pub snapshot: Snapshot,
    /// Parallel to `snapshot.providers`.
    pub upstreams: Vec<Arc<Upstream>>,
}

impl Serving {
    /// The upstream of this provider.
    pub fn upstream(&self, provider: &str) -> Option<&Arc<Upstream>> {
        self.upstreams.get(self.snapshot.provider(provider)?)
    }
}

/// What all workers share.
pub struct Shared {
    pub serving: ArcSwap<Serving>,
    /// Moments are counted from here.
    began: Instant,
    pub hasher: Hasher,
    pub journal: Arc<dyn Journal>,
    /// Asked for its health by `/readyz`, and for nothing else: requests never touch it.
    pub records: Arc<dyn Records>,
    /// What limits look at.
    pub counters: Arc<dyn Counters>,
    pub settings: Settings,
    /// What callers' connections are made secure with; `None`: they are not.
    pub tls: Option<Arc<Identity>>,
    pub traffic: Traffic,
    pub connections: AtomicUsize,
    pub workers: AtomicUsize,
    /// Requests that wait for a target to be free.
    pub waiting: AtomicUsize,
    /// How many workers are still asked to close a connection for one that another worker had to refuse.
    asked: AtomicUsize,
    pub crowding: Seldom,
    /// Connections by address, of other machines alone.
    pub peers: Mutex<HashMap<IpAddr, usize>>,
    /// What is going on: each record adds itself to it.
    pub live: Live,
    /// Where finished requests go as spans; `None`: nowhere.
    pub traces: Option<Arc<Traces>>,
    /// What providers keep for whom.
    pub kept: kept::Keeper,
    stopping: AtomicBool,
    ending: AtomicBool,
    /// Workers at which something goes on.
    awake: AtomicUsize,
    /// One of them woke.
    woke: Arc<Notify>,
    /// Wakes every worker, each time something is different that they are to see at once.
    news: watch_channel::Sender<()>,
    /// Why `/readyz` says degraded, beyond the stores' own health; e.g. unresolved credentials.
    pub degraded: ArcSwap<Vec<String>>,
}

/// A number of this process alone.
fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}

impl Shared {
    pub fn new(
        hasher: Hasher,
        journal: Arc<dyn Journal>,
        records: Arc<dyn Records>,
        counters: Arc<dyn Counters>,
        settings: Settings,
    ) -> Shared {
        Shared {
            traffic: Traffic {
                ids: ids::Ids::after(journal.newest().as_deref()),
                ..Traffic::default()
            },
            serving: ArcSwap::default(),
            began: Instant::now(),
            hasher,
            journal,
            records,
            counters,
            settings,
            tls: None,
            connections: AtomicUsize::new(0),
            workers: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            asked: AtomicUsize::new(0),
            crowding: Seldom::default(),
            peers: Mutex::default(),
            live: Live::new(seed()),
            traces: None,
            kept: kept::Keeper::default(),
            stopping: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            awake: AtomicUsize::new(0),
            woke: Arc::default(),
            news: watch_channel::Sender::new(()),
            degraded: ArcSwap::default(),
        }
    }

    /// Has requests that begin from here on served from this. Running ones whose callers it does not know any more end.
    pub fn serve_from(&self, serving: Serving) {
        self.serving.store(Arc::new(serving));
        self.news.send_replace(());
    }

    /// No more connections; running requests finish.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.news.send_replace(());
    }

    /// The grace is over: running requests end now.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Release);
        self.news.send_replace(());
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// A worker has something to do from here on, or rests.
    fn worker_is_awake(&self, awake: bool) {
        match awake {
            true => {
                self.awake.fetch_add(1, Ordering::AcqRel);
                self.woke.notify_one();
            }
            false => _ = self.awake.fetch_sub(1, Ordering::AcqRel),
        }
    }

    /// Whether no request begins, ends or is being answered anywhere.
    pub fn rests(&self) -> bool {
        self.awake.load(Ordering::Acquire) == 0
    }

    /// Waits until a worker wakes.
    pub fn woken(&self) -> impl Future<Output = ()> + Send + 'static {
        let woke = self.woke.clone();
        async move { woke.notified().await }
    }

    /// Has the workers say which requests run.
    pub fn ask_what_runs(&self) {
        self.live.ask();
        self.news.send_replace(());
    }

    /// Asks each worker to close a connection that can be done without, until one does.
    pub fn ask_for_room(&self) {
        let workers = self.workers.load(Ordering::Relaxed);
        self.asked.store(workers, Ordering::Relaxed);
        self.news.send_replace(());
    }

    /// Changes each time a worker is to look up: what it serves from, a stop, something it is asked.
    pub fn news(&self) -> watch_channel::Receiver<()> {
        self.news.subscribe()
    }

    /// A moment as planning counts it.
    pub fn moment(&self, at: Instant) -> Moment {
        Moment::after_beginning(at.saturating_duration_since(self.began))
    }
}
