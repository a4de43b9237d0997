//! Upstream and load tool in one thread with one list of ready sockets, so that both together leave room on a core that they
//! share. Requests go out the moment an answer is whole, or when they are due; an answer goes out the moment a request is there.

mod connection;
mod event_loop;
mod exchange;
mod outcome;

pub use outcome::Outcome;

use crate::wire::{self, Answer, Ask, Format, Manner, Pool};
use crate::{Failure, process};
use connection::Peer;
use rustix::event::epoll::{self, EventData, EventFlags};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// Before each measurement.
const WARM_UP: Duration = Duration::from_millis(300);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a subject does behind its answers is waited for: until it has rested this long, and not for ever.
const REST: Duration = Duration::from_millis(300);
const BEHIND: Duration = Duration::from_secs(5);
const LISTENER: u64 = u64::MAX;

/// What is asked of a subject.
pub struct Load<'a> {
    pub ask: &'a Ask,
    /// Whose CPU time counts; none where the upstream itself is asked.
    pub pid: Option<u32>,
    /// Bytes of a request's body.
    pub request: usize,
    pub answer: Answer,
    pub how: How,
    pub length: Duration,
}

#[derive(Clone, Copy)]
pub enum How {
    /// So many callers, each of which asks again as soon as it is answered; for a paced stream an interval behind the last
    /// event's.
    Closed(usize),
    /// A request each so long, however long answers take; counted from when it was due.
    Every(Duration),
}

pub struct Drive {
    epoll: OwnedFd,
    listener: TcpListener,
    address: SocketAddr,
    peers: Vec<Option<Peer>>,
    serial: u64,
    scratch: Vec<u8>,
    answer: Answer,
    openai: Pool,
    anthropic: Pool,
    requests: Pool,
    /// Pieces of paced streams to come, by when they are due, with the connection's place and serial.
    due: BinaryHeap<Reverse<(Instant, usize, u64)>>,
    /// Paced streams to be asked for, by when that is due, and how long after one its caller asks for another.
    asks: BinaryHeap<Reverse<(Instant, usize)>>,
    cycle: Option<Duration>,
    /// When the next request is due where requests have a rate, and callers that wait for one.
    next: Option<(Instant, Duration)>,
    free: Vec<usize>,
    host: String,
    /// Whether times are taken of each answer.
    timed: bool,
    /// Callers never pause.
    pressing: bool,
    /// No request follows any more.
    ending: bool,
    waiting: usize,
    answers: u64,
    pieces: u64,
    serving: Duration,
    times: Outcome,
}

impl Drive {
    pub fn new() -> io::Result<Drive> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        epoll::add(
            &epoll,
            &listener,
            EventData::new_u64(LISTENER),
            EventFlags::IN,
        )?;
        let answer = Answer::Whole(1024);
        Ok(Drive {
            address: listener.local_addr()?,
            epoll,
            listener,
            peers: Vec::new(),
            serial: 0,
            scratch: vec![0; 256 << 10],
            answer,
            openai: wire::answers(Format::OpenAi, answer),
            anthropic: wire::answers(Format::Anthropic, answer),
            requests: Pool::default(),
            due: BinaryHeap::new(),
            asks: BinaryHeap::new(),
            cycle: None,
            next: None,
            free: Vec::new(),
            host: String::new(),
            timed: false,
            pressing: false,
            ending: false,
            waiting: 0,
            answers: 0,
            pieces: 0,
            serving: Duration::ZERO,
            times: Outcome::default(),
        })
    }

    /// Where the upstream listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How long after `since` a subject that has just been started gives its first good answer. Where it listens may become
    /// known meanwhile.
    pub fn first_answer(
        &mut self,
        ask: &dyn Fn() -> Result<Ask, Failure>,
        since: Instant,
        patience: Duration,
    ) -> Result<Duration, Failure> {
        self.prepare(&ask()?, 200, Answer::Whole(1024));
        self.ending = true;
        loop {
            let answers = self.answers;
            self.host = ask()?.host;
            let tried = self.call().and_then(|at| {
                self.ask(at, Instant::now())?;
                self.turn(Instant::now() + patience, |drive| drive.answers > answers)
            });
            self.hang_up();
            if self.answers > answers {
                return Ok(since.elapsed());
            }
            if since.elapsed() > patience {
                let why = tried
                    .err()
                    .map(|error| error.to_string())
                    .unwrap_or_default();
                return Err(format!("no good answer within {patience:?}: {why}").into());
            }
            // Not there yet.
            self.turn(Instant::now() + Duration::from_micros(300), |_| false)?;
        }
    }

    /// Lets the upstream answer whoever asks it meanwhile.
    pub fn serve(&mut self, length: Duration) -> io::Result<()> {
        self.turn(Instant::now() + length, |_| false)
    }

    pub fn run(&mut self, load: &Load) -> Result<Outcome, Failure> {
        self.prepare(load.ask, load.request, load.answer);
        let used = |pid: Option<u32>| pid.map_or(Ok(Duration::ZERO), process::used);
        let before = used(load.pid)?;
        let (since, stolen) = (Instant::now(), process::stolen());
        let answered = self.answers;
        let pieces = self.pieces;
        self.start(load)?;
        self.turn(Instant::now() + WARM_UP, |_| false)?;
        self.times = Outcome::default();
        self.serving = Duration::ZERO;
        let (done, begin) = (self.answers, Instant::now());
        let (theirs, ours) = (used(load.pid)?, process::used_by_this_thread()?);
        self.turn(begin + load.length, |_| false)?;
        let wall = begin.elapsed();
        let done = self.answers - done;
        let part = |time: Duration| time.as_secs_f64() / wall.as_secs_f64();
        let mut outcome = Outcome {
            rate: done as f64 / wall.as_secs_f64(),
            busy: part(used(load.pid)?.saturating_sub(theirs)),
            rig: part(process::used_by_this_thread()?.saturating_sub(ours)),
            upstream: part(self.serving),
            ..std::mem::take(&mut self.times)
        };
        self.ending = true;
        self.next = None;
        self.asks.clear();
        self.turn(Instant::now() + PATIENCE, |drive| drive.waiting == 0)?;
        if self.waiting > 0 || done == 0 {
            return Err(format!("{} answers are missing", self.waiting).into());
        }
        self.pressing = false;
        let ended = used(load.pid)?;
        let rested = self.rest(load.pid)?;
        self.hang_up();
        let cost = rested.saturating_sub(before);
        outcome.answers = self.answers - answered;
        outcome.cost = cost.div_f64(outcome.answers as f64);
        outcome.piece = cost.div_f64((self.pieces - pieces).max(1) as f64);
        let stolen = process::stolen().into_iter().zip(stolen);
        let stolen = stolen.map(|(now, then)| now.saturating_sub(then)).max();
        outcome.stolen = stolen.unwrap_or_default().as_secs_f64() / since.elapsed().as_secs_f64();
        outcome.behind = rested.saturating_sub(ended).as_secs_f64() / cost.as_secs_f64();
        for times in [
            &mut outcome.first_byte,
            &mut outcome.first_text,
            &mut outcome.whole,
        ] {
            times.sort_unstable();
        }
        Ok(outcome)
    }

    fn prepare(&mut self, ask: &Ask, request: usize, answer: Answer) {
        if self.answer != answer {
            self.answer = answer;
            self.openai = wire::answers(Format::OpenAi, answer);
            self.anthropic = wire::answers(Format::Anthropic, answer);
        }
        self.requests = wire::requests(ask, request, matches!(answer, Answer::Stream { .. }));
        self.host.clone_from(&ask.host);
        self.pressing = false;
        self.timed = false;
        self.waiting = 0;
        self.next = None;
        self.asks.clear();
        self.cycle = None;
    }

    fn start(&mut self, load: &Load) -> io::Result<()> {
        self.ending = false;
        match load.how {
            How::Closed(callers) => match load.answer {
                Answer::Stream {
                    manner: Manner::Paced(pace),
                    events,
                } => {
                    self.timed = true;
                    self.cycle = Some(pace * events as u32);
                    // Streams that begin together would all be due together.
                    let begin = Instant::now();
                    for caller in 0..callers as u32 {
                        let at = self.call()?;
                        let due = begin + pace * caller / callers as u32;
                        self.asks.push(Reverse((due, at)));
                    }
                }
                answer => {
                    self.timed = matches!(answer, Answer::Stream { .. });
                    self.pressing = true;
                    for _ in 0..callers {
                        let at = self.call()?;
                        self.ask(at, Instant::now())?;
                    }
                }
            },
            How::Every(interval) => {
                self.timed = true;
                for _ in 0..16 {
                    let at = self.call()?;
                    self.free.push(at);
                }
                self.next = Some((Instant::now(), interval));
            }
        }
        Ok(())
    }

    /// Until the subject has nothing left to do; what it has used then.
    fn rest(&mut self, pid: Option<u32>) -> Result<Duration, Failure> {
        let Some(pid) = pid else {
            return Ok(Duration::ZERO);
        };
        let begin = Instant::now();
        let mut used = process::used(pid)?;
        loop {
            self.turn(Instant::now() + REST, |_| false)?;
            let now = process::used(pid)?;
            if now.saturating_sub(used) < REST / 50 || begin.elapsed() > BEHIND {
                return Ok(now);
            }
            used = now;
        }
    }

    fn hang_up(&mut self) {
        for peer in &mut self.peers {
            if peer.as_ref().is_some_and(|peer| peer.caller.is_some()) {
                *peer = None;
            }
        }
        self.free.clear();
        self.waiting = 0;
    }
}
