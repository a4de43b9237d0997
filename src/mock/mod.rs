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
mod deaf;
mod embeddings;
mod encoding;
mod endpoint;
mod eventstream;
mod form;
mod gemini;
mod host;
mod http;
mod invoke;
mod likely;
mod limits;
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
mod script;
mod seals;
mod seen;
mod send;
mod settings;
mod shape;
mod shelf;
mod socket;
mod spoil;
mod sse;
mod stream;
mod tasks;

pub use args::{Args, run, try_run};
pub use deaf::Deaf;
pub use play::Play;
pub use script::Script;
pub use seen::{Outcome, Seen};
pub use settings::Settings;
pub use socket::tls;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// The header every answer carries.
pub const HEADER: &str = "x-mock: gw";
/// What default answers begin with.
pub const GREETING: &str = "This is gw's mock, not a model.";

/// What all connections of one mock share.
pub(crate) struct Shared {
    pub settings: Settings,
    /// What requests get, as it was said last.
    pub scripts: arc_swap::ArcSwap<Scripts>,
    pub journal: seen::Journal,
    /// What there has been of each model since the script was said.
    pub past: Mutex<HashMap<String, script::when::Past>>,
    pub keeper: responses::Keeper,
    pub shelf: shelf::Shelf,
    pub plain: Option<plain::Plain>,
}

/// What requests get, unless their own headers or models say otherwise.
#[derive(Default)]
pub(crate) struct Scripts {
    pub all: Script,
    /// In its place, by model.
    pub of: HashMap<String, Script>,
    /// There is nothing in them.
    pub is_plain: bool,
}

impl Scripts {
    fn new(all: Script, of: HashMap<String, Script>) -> Scripts {
        Scripts {
            is_plain: all.is_plain() && of.is_empty(),
            all,
            of,
        }
    }
}

impl Shared {
    fn new(settings: Settings) -> Arc<Shared> {
        let keeper = match &settings.play {
            Some(_) => responses::Keeper::repeatable(),
            None => responses::Keeper::default(),
        };
        let plain = settings.plain_bytes.map(plain::Plain::new);
        let scripts = Scripts::new(settings.script.clone(), HashMap::new());
        Arc::new(Shared {
            settings,
            scripts: arc_swap::ArcSwap::from_pointee(scripts),
            journal: seen::Journal::default(),
            past: Default::default(),
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
                    if !shared.hangs_up() {
                        connections.spawn(connection::run(socket, shared.clone()));
                    }
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
        format!("{}://{}", self.shared.scheme(), self.address)
    }
    /// From now on requests get this script, items as in the `x-mock` header; those for `model` alone where one is named.
    pub fn script(&self, items: &str, model: Option<&str>) -> Result<(), String> {
        self.shared.say(items, model)
    }
    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
    /// The last requests, oldest first.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.journal.all()
    }
    /// Forgets the requests, the kept responses and files, and how many there have been of each model.
    pub fn forget(&self) {
        self.shared.forget();
    }
}

impl Shared {
    pub(crate) fn forget(&self) {
        self.journal.clear();
        self.keeper.forget();
        self.shelf.forget();
        self.forget_past();
    }

    fn forget_past(&self) {
        if let Ok(mut past) = self.past.lock() {
            past.clear();
        }
    }

    pub(crate) fn scheme(&self) -> &'static str {
        match self.settings.tls {
            Some(_) => "https",
            None => "http",
        }
    }

    /// Says another script from now on, for one model or for all of them.
    pub(crate) fn say(&self, items: &str, model: Option<&str>) -> Result<(), String> {
        let mut script = Script::default();
        script.add(items)?;
        self.scripts.rcu(|before| {
            let (mut all, mut of) = (before.all.clone(), before.of.clone());
            match model {
                None => all = script.clone(),
                Some(model) => drop(of.insert(model.to_owned(), script.clone())),
            }
            Scripts::new(all, of)
        });
        self.forget_past();
        Ok(())
    }

    /// `script` as it is for the next request of a model.
    pub(crate) fn next(&self, script: Script, model: &str) -> Script {
        let next = match self.past.lock() {
            Ok(mut past) => past.entry(model.to_owned()).or_default().next(),
            Err(_) => return script,
        };
        script.of_request(next.0, next.1)
    }

    /// Whether the next connection is closed before it says anything.
    fn hangs_up(&self) -> bool {
        let scripts = self.scripts.load();
        let script = &scripts.all;
        script.close_on_accept && self.next(script.clone(), "").close_on_accept
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
mod oddities;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;
