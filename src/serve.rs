//! The composition root: configuration -> stores -> admin desk -> snapshot -> listeners -> graceful stop.
//! Everything is made here once and handed down; no other room knows them all.

mod announce;
mod child;
mod reload;
mod serving;
mod stop;
mod stores;

use crate::admin::{self, Deps, Desk, Listener};
use crate::config::{Address, Config};
use crate::error::{Error, Kind, Result};
use crate::gateway::{Shared, worker};
use crate::resources::Stamp;
use crate::store::{harden, records::Actor};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    process::ExitCode,
    sync::{Arc, OnceLock, atomic::Ordering},
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
    let sockets = bind(&config.server, threads)?;
    announce::remove_ready_file(&config);
    let shared = Arc::new(Shared::new(
        stores.hasher.clone(),
        stores.journal.clone(),
        stores.records.clone(),
        serving::settings(&config),
    ));

    let facts: Arc<OnceLock<Value>> = Arc::default();
    let desk = Desk::open(Deps {
        records: stores.records.clone(),
        vault: stores.vault.clone(),
        journal: stores.journal.clone(),
        hasher: stores.hasher.clone(),
        limits: serving::admin_limits(&config),
        publish: Arc::new({
            let shared = shared.clone();
            move |published| serving::publish(&shared, &published)
        }),
        explain: Arc::new({
            let shared = shared.clone();
            move |query| {
                crate::plan::explain::explain(
                    &shared.serving.load().snapshot,
                    &shared.health,
                    query,
                    Stamp::now().0,
                )
            }
        }),
        tried: Arc::new({
            let shared = shared.clone();
            move |name, verdict| serving::tried(&shared, name, verdict)
        }),
        status: Arc::new({
            let (shared, facts, records) = (shared.clone(), facts.clone(), stores.records.clone());
            move || serving::status(&shared, facts.get(), &*records)
        }),
    })
    .await?;
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
        seed.extend(serving::dev_records(simulator.is_some()));
    }
    let secrets = plant(&desk, seed).await?;

    let (stopped, stopping) = watch::channel(false);
    let (admin_addresses, admins) = listen_admin(&config, &stores, &desk, &stopping).await?;
    let workers = start(&shared, sockets.listeners)?;
    let ready = announce::Ready {
        urls: sockets.urls,
        admins: admin_addresses,
    };
    stores.announce(ready.admins.first().map_or("", String::as_str));
    let _ = facts.set(serving::facts(&ready, &stores, started));
    // Before anybody is told: who waits for the ready file may end the gateway at once.
    let signals = stop::Signals::listen();
    reload::on_hangup(&desk);
    announce::ready(&config, &ready, &stores, &desk)?;

    let code = match child::start(&config, &ready, secrets.first()) {
        Ok(child) => stop::wait(&config, &shared, signals, child).await,
        Err(failed) => {
            announce::failure(&failed.error);
            ExitCode::from(failed.code)
        }
    };
    shared.stopping.store(true, Ordering::Relaxed);
    let _ = stopped.send(true);
    stop::drain(&shared, &workers, config.server.shutdown_grace.std()).await;
    for admin in admins {
        let _ = tokio::time::timeout(std::time::Duration::from_secs(3), admin).await;
    }
    announce::remove_ready_file(&config);
    stores.close();
    Ok(code)
}

/// The proxy's sockets, one a worker for each address.
struct Sockets {
    urls: Vec<String>,
    /// By worker.
    listeners: Vec<Vec<std::net::TcpListener>>,
}

fn bind(server: &crate::config::Server, threads: usize) -> Result<Sockets> {
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
            return Err(Error::invalid(format!(
                "`{address}` can be reached from other machines, and keys would travel unencrypted"
            ))
            .hint("put TLS in front and add --allow-public, or listen on 127.0.0.1"));
        }
        let bound = worker::bind(address, threads)?;
        if let Some(local) = bound.first().and_then(|socket| socket.local_addr().ok()) {
            sockets.urls.push(format!("http://{local}"));
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

/// Applies the seed and gives back the secrets of keys it made, for `serve … -- CMD`.
async fn plant(desk: &Arc<Desk>, seed: Vec<Value>) -> Result<Vec<String>> {
    if seed.is_empty() {
        return Ok(Vec::new());
    }
    let mut secrets: Vec<String> = seed
        .iter()
        .filter(|item| item["kind"] == "key")
        .filter_map(|item| item["secret"].as_str().map(str::to_owned))
        .collect();
    let actor = Actor {
        who: "seed".into(),
        request: String::new(),
    };
    let answer = desk.apply(&actor, json!({"items": seed}), false).await?;
    secrets.extend(
        answer["items"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|item| item["secret"].as_str().map(str::to_owned)),
    );
    Ok(secrets)
}

type Admin = tokio::task::JoinHandle<Result<()>>;

async fn listen_admin(
    config: &Config,
    stores: &Stores,
    desk: &Arc<Desk>,
    stopping: &watch::Receiver<bool>,
) -> Result<(Vec<String>, Vec<Admin>)> {
    let (mut addresses, mut running) = (Vec::new(), Vec::new());
    for address in config.admin()? {
        let listener = match &address {
            #[cfg(unix)]
            Address::Unix(path) => {
                if config.admin_is_default() {
                    path.parent().map_or(Ok(()), admin::own_directory)?;
                }
                Listener::unix(path)?
            }
            #[cfg(not(unix))]
            Address::Unix(_) => {
                return Err(Error::invalid("there are no Unix sockets on this platform")
                    .hint("use --admin-listen 127.0.0.1:4001"));
            }
            Address::Http(_) => {
                Listener::tcp(
                    address.socket_addr()?,
                    stores.admin_token()?,
                    config.server.allow_public_admin,
                )
                .await?
            }
        };
        addresses.push(listener.address());
        running.push(tokio::spawn(admin::serve(
            desk.clone(),
            listener,
            stopping.clone(),
        )));
    }
    Ok((addresses, running))
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
                    worker::run(shared, sockets, seed.wrapping_add(at as u64))
                        .inspect_err(|error| tracing::error!("worker {at} ended: {error}"))
                })
                .map_err(failed)
        })
        .collect()
}
