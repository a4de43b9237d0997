//! The admin side: REST over the resource kinds, logs, health. Generic handlers, no per-kind code beyond
//! what keys (secrets) and providers (credentials) need. Not mounted on the proxy's listeners.

mod apply;
mod body;
mod call;
mod cascade;
mod changes;
mod check;
mod credentials;
pub mod desk;
mod door;
mod draft;
mod follow;
mod handlers;
mod idempotency;
pub mod in_force;
mod item;
mod keys;
mod limits;
mod listen;
mod live;
mod log_row;
mod logs;
mod made;
mod models;
mod notify;
mod openapi;
pub mod paths;
mod prices;
mod probe;
mod refs;
mod reprice;
mod route_status;
mod route_test;
mod routes;
mod searching;
mod select;
mod show;
mod token;
mod upkeep;
mod usage;
mod used;

pub use desk::Desk;
pub use door::Door;
#[cfg(unix)]
pub use listen::own_directory;
pub use listen::{Listener, serve};
pub use routes::router;
pub use token::token;

use crate::catalog::{Overlay, Published as PublishedPrices};
use crate::error::Result;
use crate::resources::{Record, Stamp};
use crate::store::{
    counters::Counters,
    journal::{Journal, Pricing},
    records::{At, Records, State},
    token::Hasher,
    upkeep::Upkeep,
    vault::Vault,
};
use crate::upstream::trial::Trial;
use futures_util::future::BoxFuture;
use in_force::Credentials;
use std::{collections::BTreeSet, sync::Arc};

/// What the admin side hands to the data plane after every change, and once at start.
pub struct Published<'a> {
    pub records: &'a State,
    /// The records that differ from those published before, gone ones included; and providers whose credential does.
    pub touched: &'a BTreeSet<At>,
    pub credentials: &'a Credentials,
    /// Over the built-in prices; another one than before where they have changed.
    pub prices: &'a Arc<Overlay>,
}

/// Bounds on what callers of the admin interface send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Bytes of a body.
    pub body: usize,
    /// Bytes of a body that holds many records.
    pub apply: usize,
    /// How deep JSON may nest.
    pub depth: usize,
    /// Connections served at a time, on each listener; more wait in the kernel's queue.
    pub connections: usize,
    /// Models in a provider's list.
    pub models: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body: 1 << 20,
            apply: 64 << 20,
            depth: 32,
            connections: 64,
            models: 5_000,
        }
    }
}

/// Takes the names of providers.
pub type Settled = dyn Fn(BTreeSet<String>) -> BoxFuture<'static, ()> + Send + Sync;

/// How each target of a route is doing, by the route's record.
pub type RouteState = dyn Fn(&Record) -> Vec<serde_json::Value> + Send + Sync;

/// What routes make of a model, by its provider's name and its id there: `{routes, routes_as_asked, routes_without_target}`,
/// each where there are any.
pub type ModelUses = dyn Fn(&str, &str) -> crate::resources::Spec + Send + Sync;

/// Takes newer prices than the built-in ones, or none.
pub type KeepPrices = dyn Fn(&PublishedPrices) -> Result<()> + Send + Sync;

/// Takes a provider's name and how a trial of it went.
pub type Tried = dyn Fn(&str, &Trial) + Send + Sync;

/// Sends a trial to those who are to be told of limits and failing targets.
pub type NotifyTest = dyn Fn() -> BoxFuture<'static, serde_json::Value> + Send + Sync;

/// Tells what is going on now.
pub type Live = dyn Fn() -> BoxFuture<'static, Option<serde_json::Value>> + Send + Sync;

/// When a key was last used, by its name.
pub type LastUsed = Arc<dyn Fn(&str) -> Option<Stamp> + Send + Sync>;

/// What the admin side needs of the rest; filled in by the composition root.
#[derive(Clone)]
pub struct Deps {
    pub records: Arc<dyn Records>,
    pub vault: Arc<dyn Vault>,
    /// The start had to mend what is stored: the records may not be the newest ones, so nothing is cleaned up after them.
    pub mended: bool,
    pub journal: Arc<dyn Journal>,
    /// What limits look at.
    pub counters: Arc<dyn Counters>,
    /// The stores as a whole.
    pub upkeep: Arc<Upkeep>,
    pub hasher: Hasher,
    pub limits: Limits,
    /// Swaps the data plane's snapshot; returns when new requests see it.
    pub publish: Arc<dyn Fn(Published<'_>) + Send + Sync>,
    /// Which route, rule and order a request would get; the query and answer are JSON (see `gateway::question`).
    pub explain: Arc<dyn Fn(serde_json::Value) -> Result<serde_json::Value> + Send + Sync>,
    /// What a request would cost; question and answer are JSON (see `gateway::question::estimate`).
    pub estimate: Arc<dyn Fn(serde_json::Value) -> Result<serde_json::Value> + Send + Sync>,
    /// Waits, but not for long, until what these providers sign in with has been asked for where it has to be asked for.
    pub settled: Arc<Settled>,
    /// Notes how a trial of a provider went, for its health.
    pub tried: Arc<Tried>,
    /// When the key of this name was last let in.
    pub last_used: LastUsed,
    /// What a request of the log costs as models are priced now; `None`: as it did.
    pub price: Arc<Pricing>,
    /// How each target of a route is doing, by its record: `{provider, model, weight, tier, state, detail, load, due}`.
    pub route_state: Arc<RouteState>,
    /// What was kept of newer prices.
    pub prices: Arc<Overlay>,
    /// Keeps newer prices for the next start.
    pub keep_prices: Arc<KeepPrices>,
    /// Which routes a model is a target of.
    pub model_uses: Arc<ModelUses>,
    /// What is going on now, as `live::view::View` has it; `None`: the gateway stops.
    pub live: Arc<Live>,
    /// Tells those who are to be told that this is a trial: `{items: [{to, ok, ms, error?}]}`.
    pub notify_test: Arc<NotifyTest>,
    /// The metrics as text; `true`: as OpenMetrics.
    pub metrics: Arc<dyn Fn(bool) -> String + Send + Sync>,
    /// `{url, admin, pid, started, revision, in_flight, store, secrets, log: Health, providers: {name: {health, reason}}}`
    pub status: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
}
