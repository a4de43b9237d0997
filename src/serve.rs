//! The composition root: configuration -> stores -> admin desk -> snapshot -> listeners -> graceful stop.
//! Everything is made here once and handed down; no other room knows them all.

mod announce;
mod checks;
mod child;
mod descriptors;
mod dev;
mod game_day;
mod kept;
mod key_places;
mod last_used;
mod leases;
mod live;
mod mapped;
mod new_keys;
mod newer_prices;
mod notices;
mod provider_health;
mod ready;
mod reload;
mod route_state;
mod saving;
mod serving;
mod signals;
mod stop;
mod stores;
mod traces;

use crate::admin::{self, Deps, Desk, Listener};
use crate::config::{Address, Config};
use crate::error::{Error, Kind, Result};
use crate::gateway::{Shared, accept};
use crate::notify::Notifier;
use crate::resources::Stamp;
use crate::spare;
use crate::store::{harden, records::Actor};
use crate::tls::Identity;
use checks::Checks;
use kept::Kept;
use key_places::{Place, Shown};
use last_used::LastUsed;
use new_keys::Keys;
use newer_prices::NewerPrices;
use ready::Ready;
use serde_json::{Value, json};
use signals::Signals;
use std::{
    collections::BTreeSet,
    net::SocketAddr,
    process::ExitCode,
    sync::{Arc, OnceLock},
    thread::JoinHandle,
};
use stores::Stores;
use tokio::sync::watch;

/// Runs the gateway until it is told to stop. `seed`: records applied before it reports ready, as
/// `POST /api/v1/apply` takes them.
pub fn run(config: Config, seed: Vec<Value>) -> Result<ExitCode> {
    announce::logging(&config.log);
    for missed in harden::process() {
        tracing::debug!("{missed}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::internal("the runtime cannot be made").cause(error))?;
    runtime.block_on(serve(config, seed))
}

async fn serve(config: Config, mut seed: Vec<Value>) -> Result<ExitCode> {
    let started = Stamp::now();
    // The lock first: a second gateway must hear who holds the directory, not that some port is taken.
    let stores = Stores::open(&config)?;
    let threads = config.threads();
    let tls = match (&config.server.tls_cert, &config.server.tls_key) {
        (Some(certificate), Some(key)) => Some(Arc::new(Identity::load(certificate, key)?)),
        _ => None,
    };
    let sockets = bind(&config, threads)?;
    ready::remove_file(&config);
    let descriptors = descriptors::raise();
    let mut settings = serving::settings(&config);
    descriptors::fit(&mut settings, descriptors);
    let mut shared = Shared::new(
        stores.hasher.clone(),
        stores.journal.clone(),
        stores.records.clone(),
        stores.counters.clone(),
        settings,
    );
    shared.tls = tls.clone();
    let spans = traces::open(&config.telemetry, &mut shared);
    let shared = Arc::new(shared);

    let facts: Arc<OnceLock<Value>> = Arc::default();
    let (changed, changes) = watch::channel(());
    let notifier = Notifier::start(notices::receivers(&config.notify)?);
    let checks = Checks::new(shared.clone());
    let newer = NewerPrices::at(stores.prices());
    let desk = Desk::open(Deps {
        records: stores.records.clone(),
        vault: stores.vault.clone(),
        mended: stores.notice.is_some(),
        journal: stores.journal.clone(),
        counters: stores.counters.clone(),
        upkeep: Arc::new(stores.upkeep()),
        hasher: stores.hasher.clone(),
        limits: serving::admin_limits(&config),
        publish: Arc::new({
            let shared = shared.clone();
            move |published| {
                serving::publish(&shared, &published);
                serving::forget_gone(&*shared.counters, &published);
                changed.send_replace(());
            }
        }),
        explain: Arc::new({
            let shared = shared.clone();
            move |query| crate::gateway::question::explain(&shared, query)
        }),
        route_state: Arc::new({
            let shared = shared.clone();
            move |record| route_state::of(&shared, record)
        }),
        prices: newer.load(),
        keep_prices: Arc::new({
            let newer = newer.clone();
            move |prices| newer.keep(prices)
        }),
        estimate: Arc::new({
            let shared = shared.clone();
            move |question| crate::gateway::question::estimate(&shared, question)
        }),
        model_uses: Arc::new({
            let shared = shared.clone();
            move |provider, model| route_state::uses(&shared, provider, model)
        }),
        price: Arc::new({
            let shared = shared.clone();
            move |row| serving::price(&shared, row)
        }),
        last_used: Arc::new({
            let shared = shared.clone();
            move |key| shared.serving.load().snapshot.used(key)
        }),
        settled: Arc::new({
            let shared = shared.clone();
            move |names| {
                let shared = shared.clone();
                Box::pin(async move { leases::settled(&shared, Some(&names)).await })
            }
        }),
        tried: Arc::new({
            let shared = shared.clone();
            move |name, trial| provider_health::tried(&shared, name, trial)
        }),
        live: Arc::new({
            let shared = shared.clone();
            move || Box::pin(live::view(shared.clone(), started))
        }),
        notify_test: Arc::new({
            let notifier = notifier.clone();
            move || {
                let notifier = notifier.clone();
                Box::pin(async move { notifier.test().await })
            }
        }),
        metrics: Arc::new({
            let (shared, notifier) = (shared.clone(), notifier.clone());
            move |openmetrics| live::metrics(&shared, started, &notifier, openmetrics)
        }),
        status: Arc::new({
            let (shared, facts, records) = (shared.clone(), facts.clone(), stores.records.clone());
            let (checks, notifier) = (checks.clone(), notifier.clone());
            move || serving::status(&shared, facts.get(), &*records, &checks, &notifier)
        }),
    })
    .await?;
    traces::start(&shared, spans);
    let thresholds = config.notify.thresholds()?;
    notices::start(
        &shared,
        stores.counters.clone(),
        notifier.clone(),
        thresholds,
    );
    let last_used = LastUsed::start(shared.clone(), stores.last_used());
    let kept = Kept::start(shared.clone(), stores.kept());
    let simulator = match config.mock || config.dev {
        true => Some(
            crate::mock::Mock::start(crate::mock::Settings::default())
                .map_err(|error| Error::internal("the simulator cannot start").cause(error))?,
        ),
        false => None,
    };
    if let Some(simulator) = &simulator {
        seed.insert(0, json!({"kind": "provider", "name": "mock", "vendor": "mock", "base_url": format!("{}/v1", simulator.url())}));
    }
    if config.dev {
        let found: Vec<_> = dev::in_environment().collect();
        let own = dev::records(&seed, &found);
        seed.extend(own);
    }
    // Bound before new keys are made, whose secrets would be lost if this failed.
    let mut listeners = listen_admin(&config, &stores, tls.as_ref()).await?;
    let scrapers = match config.metrics.address()? {
        Some(at) => Some(Listener::figures(at, config.metrics.allow_public).await?),
        None => None,
    };
    let (keys, shown) = plant(&config, &desk, seed).await?;

    let ready = Ready {
        urls: sockets.urls,
        admins: listeners.iter().map(Listener::address).collect(),
        metrics: scrapers.as_ref().map(Listener::address),
    };
    listeners.extend(scrapers);
    let (stopped, stopping) = watch::channel(false);
    let admins: Vec<_> = listeners
        .into_iter()
        .map(|listener| tokio::spawn(admin::serve(desk.clone(), listener, stopping.clone())))
        .collect();
    let workers = start(&shared, sockets.listeners)?;
    stores.announce(ready.admins.first().map_or("", String::as_str));
    let _ = facts.set(serving::facts(&ready, &stores, started));
    // Before anybody is told: who waits for the ready file may end the gateway at once.
    let signals = Signals::listen(!config.command.is_empty());
    reload::on_hangup(&desk, tls.clone());
    reload::follow(tls);
    announce::people(&config, &ready, &stores, &desk);
    game_day::follow(shared.clone(), changes.clone());
    let checking = checks.start(changes);
    announce::descriptors(&config, &shared.settings, descriptors);
    shown.tell(&config, &ready, &keys);
    leases::settled(&shared, None).await;
    ready.tell(&config, &keys.made)?;
    // What nobody waits for, so that it takes no core from a start.
    live::start(&shared, started);
    spare::give_back();
    mapped::give_back();

    let code = match child::start(&config, &ready, keys.first.as_ref()) {
        Ok(child) => stop::wait(&config, &shared, signals, child).await,
        Err(failed) => {
            announce::failure(&failed.error);
            ExitCode::from(failed.code)
        }
    };
    shared.stop();
    checking.abort();
    let _ = stopped.send(true);
    stop::drain(&shared, &workers, config.server.shutdown_grace.std()).await;
    for admin in admins {
        let _ = tokio::time::timeout(std::time::Duration::from_secs(3), admin).await;
    }
    traces::close(&shared).await;
    ready::remove_file(&config);
    last_used.save();
    kept.save();
    stores.close();
    Ok(code)
}

/// The proxy's sockets, one a worker for each address.
struct Sockets {
    urls: Vec<String>,
    /// By worker.
    listeners: Vec<Vec<std::net::TcpListener>>,
}

fn bind(config: &Config, threads: usize) -> Result<Sockets> {
    let server = &config.server;
    let mut sockets = Sockets {
        urls: Vec::new(),
        listeners: (0..threads).map(|_| Vec::new()).collect(),
    };
    for text in &server.listen {
        let address: SocketAddr = text.parse().map_err(|_| {
            Error::invalid(format!(
                "`{}` is not an address to listen on",
                text.escape_debug()
            ))
            .hint("write it as 127.0.0.1:4000 or [::1]:4000")
        })?;
        if !address.ip().is_loopback() && !server.allow_public {
            let (why, what) = match server.tls_cert {
                Some(_) => ("", "add --allow-public"),
                None => (
                    ", and keys would travel unencrypted",
                    "give --tls-cert and --tls-key or put TLS in front, and add --allow-public",
                ),
            };
            return Err(Error::invalid(format!(
                "`{address}` can be reached from other machines{why}"
            ))
            .hint(format!("{what}; or listen on 127.0.0.1")));
        }
        let bound = accept::bind(address, threads)?;
        if let Some(local) = bound.first().and_then(|socket| socket.local_addr().ok()) {
            sockets.urls.push(format!("{}://{local}", config.scheme()));
        }
        bound
            .into_iter()
            .zip(&mut sockets.listeners)
            .for_each(|(socket, list)| list.push(socket));
    }
    match sockets.urls.is_empty() {
        true => Err(Error::invalid("there is no address to listen on")
            .hint("give one with --listen 127.0.0.1:4000")),
        false => Ok(sockets),
    }
}

/// Applies the seed. What new keys it makes have a place to be shown before they are made.
async fn plant(config: &Config, desk: &Arc<Desk>, seed: Vec<Value>) -> Result<(Keys, Shown)> {
    let in_force = desk.in_force();
    let there: BTreeSet<String> = in_force.records.names("key").map(str::to_owned).collect();
    let names = new_keys::to_make(&seed, &there);
    let place = Place::keep(config, &names, new_keys::first(&seed, &there).as_deref())?;
    let given = new_keys::given(&seed);
    let keys = match seed.is_empty() {
        true => Keys::default(),
        false => {
            let actor = Actor {
                who: "seed".into(),
                request: String::new(),
            };
            let answer = desk.apply(&actor, json!({"items": seed}), false).await?;
            new_keys::gather(&given, &answer)
        }
    };
    let shown = place.write(&keys.made)?;
    Ok((keys, shown))
}

/// Where this command line connects. A gateway for development takes the place where it is looked for, if nobody
/// has it.
async fn listen_admin(
    config: &Config,
    stores: &Stores,
    tls: Option<&Arc<Identity>>,
) -> Result<Vec<Listener>> {
    if config.dev && config.command.is_empty() && config.server.admin_listen.is_empty() {
        match listen_at(&config.admin_default(), true, config, stores, tls).await {
            Err(error) if error.kind == Kind::Conflict => {}
            other => return Ok(vec![other?]),
        }
    }
    let mut listeners = Vec::new();
    for address in config.admin()? {
        listeners.push(listen_at(&address, config.admin_is_default(), config, stores, tls).await?);
    }
    Ok(listeners)
}

/// `own`: the directory of the socket is gw's alone.
async fn listen_at(
    address: &Address,
    own: bool,
    config: &Config,
    stores: &Stores,
    tls: Option<&Arc<Identity>>,
) -> Result<Listener> {
    match address {
        #[cfg(unix)]
        Address::Unix(path) => {
            if own {
                path.parent().map_or(Ok(()), admin::own_directory)?;
            }
            Listener::unix(path)
        }
        #[cfg(not(unix))]
        Address::Unix(_) => Err(Error::invalid("there are no Unix sockets on this platform")
            .hint("use --admin-listen 127.0.0.1:4001")),
        Address::Http(_) => {
            let beyond = config.server.allow_public_admin;
            let listener =
                Listener::tcp(address.socket_addr()?, stores.admin_token()?, beyond).await?;
            Ok(listener.secured(tls.cloned()))
        }
    }
}

fn start(
    shared: &Arc<Shared>,
    listeners: Vec<Vec<std::net::TcpListener>>,
) -> Result<Vec<JoinHandle<Result<()>>>> {
    let failed = |error: std::io::Error| {
        Error::new(Kind::Internal, "a worker thread cannot start").cause(error)
    };
    let mut seed = [0u8; 8];
    getrandom::fill(&mut seed)
        .map_err(|_| Error::internal("the system gives no random numbers"))?;
    let seed = u64::from_le_bytes(seed);
    listeners
        .into_iter()
        .enumerate()
        .map(|(at, sockets)| {
            let shared = shared.clone();
            std::thread::Builder::new()
                .name(format!("gw-worker-{at}"))
                .spawn(move || {
                    accept::run(shared, sockets, seed.wrapping_add(at as u64))
                        .inspect_err(|error| tracing::error!("worker {at} ended: {error}"))
                })
                .map_err(failed)
        })
        .collect()
}
