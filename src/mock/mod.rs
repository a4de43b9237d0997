//! An upstream simulator that speaks OpenAI's API, Anthropic's, Google's, Cohere's and Amazon Bedrock's Converse, also as
//! Bedrock, Vertex AI and Azure host them: deterministic answers, paced streams, tool calls, usage, and faults on request. It is honest about being a mock in
//! what it answers.
//!
//! It reads and writes HTTP/1.1 on the bare socket: half of its faults (a reset inside the head, a stream without
//! its end) are things an HTTP library rightly refuses to do, and it must see a caller hang up at once.

mod answer;
mod anthropic;
mod args;
mod ask;
mod azure;
mod call;
mod cohere;
mod connection;
mod converse;
mod embeddings;
mod encoding;
mod endpoint;
mod eventstream;
mod fault;
mod form;
mod gemini;
mod host;
mod http;
mod invoke;
mod likely;
mod messages;
mod models;
mod openai;
mod pairing;
mod plain;
mod play;
mod ranks;
mod reply;
mod respond;
mod responses;
mod schema;
mod seals;
mod seen;
mod settings;
mod shape;
mod shelf;
mod spoil;
mod stream;
mod tasks;

pub use args::{Args, run, try_run};
pub use fault::Script;
pub use play::Play;
pub use seen::{Outcome, Seen};
pub use settings::Settings;

use std::net::SocketAddr;
use std::sync::Arc;

/// The header every answer carries.
pub const HEADER: &str = "x-mock: gw";
/// What default answers begin with.
pub const GREETING: &str = "This is gw's mock, not a model.";

/// What all connections of one mock share.
pub(crate) struct Shared {
    pub settings: Settings,
    pub journal: seen::Journal,
    /// Requests so far for each `fail-first` script, by its key.
    pub counts: std::sync::Mutex<std::collections::HashMap<String, u64>>,
    pub keeper: responses::Keeper,
    pub shelf: shelf::Shelf,
    pub plain: Option<plain::Plain>,
}

impl Shared {
    fn new(settings: Settings) -> Arc<Shared> {
        let keeper = match &settings.play {
            Some(_) => responses::Keeper::repeatable(),
            None => responses::Keeper::default(),
        };
        let plain = settings.plain_bytes.map(plain::Plain::new);
        Arc::new(Shared {
            settings,
            journal: seen::Journal::default(),
            counts: Default::default(),
            keeper,
            shelf: Default::default(),
            plain,
        })
    }
}

/// Serves until `shutdown` resolves; connections still open are dropped then.
pub async fn serve(
    listener: tokio::net::TcpListener,
    settings: Settings,
    shutdown: impl Future<Output = ()>,
) {
    accept(listener, Shared::new(settings), shutdown).await;
}

async fn accept(
    listener: tokio::net::TcpListener,
    shared: Arc<Shared>,
    shutdown: impl Future<Output = ()>,
) {
    let mut connections = tokio::task::JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    connections.spawn(connection::run(socket, shared.clone()));
                }
                // Out of file descriptors, mostly: give some time to come back.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            },
        }
    }
}

/// A mock on a thread and a free loopback port of its own, for tests. Stops when dropped.
pub struct Mock {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Mock {
    /// Listens on a free port of 127.0.0.1 and serves from a new thread.
    pub fn start(settings: Settings) -> std::io::Result<Mock> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let shared = Shared::new(settings);
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let theirs = shared.clone();
        let thread = std::thread::Builder::new()
            .name("gw-mock".into())
            .spawn(move || {
                runtime.block_on(async move {
                    if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                        accept(listener, theirs, async { drop(stopped.await) }).await;
                    }
                });
            })?;
        Ok(Mock {
            address,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens, such as `http://127.0.0.1:4010`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
    /// The last requests, oldest first.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.journal.all()
    }
    /// Forgets the requests, the kept responses and files and the `fail-first` counts.
    pub fn forget(&self) {
        self.shared.forget();
    }
}

impl Shared {
    pub(crate) fn forget(&self) {
        self.journal.clear();
        self.keeper.forget();
        self.shelf.forget();
        if let Ok(mut counts) = self.counts.lock() {
            counts.clear();
        }
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;
