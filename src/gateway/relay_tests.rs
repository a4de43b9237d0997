//! Who hands a stream on asks again once it is woken, and not before: what the stream promises to such a one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::super::{
    Settings, Shared,
    arriving::{Arriving, Home},
    connect::connect,
    exchange::Exchange,
    stream::Mode,
    worker::Worker,
};
use super::*;
use crate::formats::{Format, alike::Alike, openai, peek::Peek};
use crate::http1::{body::Framing, fields::Fields};
use crate::plan::testing;
use crate::resources::Stamp;
use crate::upstream::{Access, Timers, Upstream};
use crate::wait::PATIENCE;
use serde_json::json;
use std::{
    cell::{OnceCell, RefCell},
    future::poll_fn,
    rc::Rc,
    sync::Arc,
    time::Instant,
};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    task::{LocalSet, spawn_local},
    time::{sleep, timeout},
};

const FORMAT: &Format = &openai::CHAT;
const DONE: &str = "data: [DONE]\n\n";
/// Longer than any test takes.
const NEVER: Duration = Duration::from_secs(3600);

fn event(number: usize) -> String {
    let delta = json!({"choices": [{"index": 0, "delta": {"content": number.to_string()}}]});
    format!("data: {delta}\n\n")
}

/// An upstream's end of a stream, and the stream on its way to the caller.
async fn stream(ping: Duration, idle: Duration) -> (TcpStream, Relay) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let spec = json!({"vendor": "openai-compatible", "base_url": format!("http://{address}/v1")});
    let spec = serde_json::from_value(spec).unwrap();
    let access = Ok(Access::secret(None));
    let upstream = Upstream::build("up".into(), &spec, Some(&access), Timers::default());
    let upstream = Arc::new(upstream.unwrap());
    let (connection, accepted) = tokio::join!(connect(&upstream), listener.accept());
    let Ok(connection) = connection else {
        panic!("the upstream is there");
    };
    let shared = Arc::new(Shared::new(
        crate::store::token::Hasher::ephemeral().unwrap(),
        Arc::new(crate::store::journal::memory::Memory::new(1, 1)),
        Arc::new(crate::store::records::Memory::new()),
        Arc::new(crate::store::counters::Memory::default()),
        Settings {
            ping,
            ..Settings::default()
        },
    ));
    let worker = Rc::new(Worker::new(shared.clone(), 1));
    spawn_local(worker.watches.clone().tend(shared.clone()));
    let home = Home {
        upstream,
        pool: Rc::default(),
    };
    let connection = Rc::new(RefCell::new(connection));
    let body = Arriving::new(connection, Framing::Close, false, home);
    let held = Held::new(shared.clone());
    let exchange = Exchange {
        worker: &worker,
        serving: &Arc::default(),
        format: FORMAT,
        headers: &Fields::default(),
        query: None,
        held: &held,
        body: &Bytes::new(),
        parcel: None,
        errand: None,
        peek: &Peek::default(),
        own: None,
        request_id: "r",
        now: 0,
        chat: OnceCell::new(),
    };
    let mode = Mode::Same {
        format: FORMAT,
        hide_usage: false,
        alike: Alike::default(),
    };
    let stream = Stream::new(body, mode, &exchange, idle);
    let snapshot = testing::snapshot(json!([{"kind": "provider", "name": "up"}]));
    let state = testing::choice(&snapshot, "up", "m").state;
    let entry = state.enter(shared.moment(Instant::now()), true).unwrap();
    let record = Box::new(Record::begin(shared, "r".into(), Stamp(0)));
    let watch = worker.watches.add();
    let relay = Relay::new(stream, StatusCode::OK, entry, record, watch, held);
    (accepted.unwrap().0, relay)
}

/// Says something that is there before anybody asks: who is handed it has never had to wait.
async fn there(upstream: &mut TcpStream) {
    upstream.write_all(event(0).as_bytes()).await.unwrap();
    sleep(Duration::from_millis(1)).await;
}

/// What has been handed on.
#[derive(Default)]
struct Handed {
    pieces: RefCell<Vec<String>>,
    /// How often the stream was asked for that.
    asked: RefCell<usize>,
}

impl Handed {
    /// Hands a stream on in a task of its own, which asks as connections do.
    fn on(mut relay: Relay) -> (Rc<Handed>, tokio::task::JoinHandle<()>) {
        let handed = Rc::new(Handed::default());
        let on = handed.clone();
        let task = spawn_local(poll_fn(move |cx| {
            loop {
                *on.asked.borrow_mut() += 1;
                let Some(piece) = std::task::ready!(relay.poll_next(cx)) else {
                    return Poll::Ready(());
                };
                let piece = String::from_utf8(piece.unwrap().into()).unwrap();
                on.pieces.borrow_mut().push(piece);
                if relay.is_quiet() {
                    return Poll::Pending;
                }
            }
        }));
        (handed, task)
    }

    async fn until(&self, pieces: usize) {
        let begin = Instant::now();
        while self.pieces.borrow().len() < pieces {
            assert!(begin.elapsed() < PATIENCE, "waited in vain for {pieces}");
            sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_piece_that_comes_alone_is_asked_for_once() {
    let test = async {
        let (mut upstream, relay) = stream(NEVER, NEVER).await;
        let (handed, task) = Handed::on(relay);
        let mut wanted: Vec<String> = (0..20).map(event).collect();
        for (number, event) in wanted.iter().enumerate() {
            upstream.write_all(event.as_bytes()).await.unwrap();
            handed.until(number + 1).await;
        }
        // The first time before anything had come.
        assert_eq!(*handed.asked.borrow(), 1 + wanted.len());
        upstream.write_all(DONE.as_bytes()).await.unwrap();
        drop(upstream);
        timeout(PATIENCE, task).await.unwrap().unwrap();
        wanted.push(DONE.into());
        assert_eq!(*handed.pieces.borrow(), wanted);
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(flavor = "current_thread")]
async fn who_does_not_ask_again_is_woken_for_pings() {
    let test = async {
        let (mut upstream, relay) = stream(Duration::from_millis(20), NEVER).await;
        there(&mut upstream).await;
        let (handed, task) = Handed::on(relay);
        handed.until(4).await;
        task.abort();
        let ping = String::from_utf8(FORMAT.ping.to_vec()).unwrap();
        let mut pieces = handed.pieces.borrow().clone();
        // A ping may have gone before.
        pieces.retain(|piece| *piece != ping);
        assert_eq!(pieces, [event(0)]);
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(flavor = "current_thread")]
async fn who_does_not_ask_again_is_woken_by_silence() {
    let test = async {
        let (mut upstream, relay) = stream(NEVER, Duration::from_millis(500)).await;
        there(&mut upstream).await;
        let (handed, task) = Handed::on(relay);
        timeout(PATIENCE, task).await.unwrap().unwrap();
        let why = "the upstream stopped sending in the middle of the stream";
        let fault = Fault::from(&Error::new(Kind::Timeout, why));
        let told = (FORMAT.write_fault_event)(&fault);
        let told = String::from_utf8(told).unwrap();
        assert_eq!(*handed.pieces.borrow(), [event(0), told]);
    };
    LocalSet::new().run_until(test).await;
}
