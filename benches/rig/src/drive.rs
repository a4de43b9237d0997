//! Upstream and load tool in one thread with one list of ready sockets, so that both together leave room on a core that they
//! share. Requests go out the moment an answer is whole, or when they are due; an answer goes out the moment a request is there.

use crate::message::Inbound;
use crate::wire::{self, Answer, Ask, Format, Manner, Pool};
use crate::{Failure, process};
use memchr::memmem;
use rustix::event::epoll::{self, EventData, EventFlags};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// Before each measurement.
const WARM_UP: Duration = Duration::from_millis(300);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a subject does behind its answers is waited for: until it has rested this long, and not for ever.
const REST: Duration = Duration::from_millis(300);
const BEHIND: Duration = Duration::from_secs(5);
/// Where callers never pause, the thread rests for [`NAP`] before it looks again when fewer sockets than this were ready:
/// woken for each single one it would spend most of its time on being woken.
const FEW: usize = 24;
const NAP: Duration = Duration::from_micros(40);

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
    /// So many callers, each of which asks again as soon as it is answered.
    Closed(usize),
    /// A request each so long, however long answers take; counted from when it was due.
    Every(Duration),
}

/// What came of it.
#[derive(Default)]
pub struct Outcome {
    /// Answers a second.
    pub rate: f64,
    /// CPU time of the subject for each answer, with what it did behind its answers.
    pub cost: Duration,
    /// CPU time of the subject for each write of the upstream.
    pub piece: Duration,
    /// The part of that CPU time that was used behind the last answer.
    pub behind: f64,
    /// The parts of their cores that the subject, the upstream, and upstream and load tool together used.
    pub busy: f64,
    pub upstream: f64,
    pub rig: f64,
    /// From when a request was due, in order of length. Not of callers that never pause and of answers that come whole.
    pub first_byte: Vec<Duration>,
    pub first_text: Vec<Duration>,
    pub whole: Vec<Duration>,
}

/// One end of a connection.
struct Peer {
    stream: TcpStream,
    /// The load tool's end, else the upstream's.
    caller: Option<Caller>,
    inbound: Inbound,
    outbound: Option<Outbound>,
    /// Tells this connection from an earlier one in the same place.
    serial: u64,
}

/// What a caller has seen of an answer.
struct Caller {
    due: Instant,
    first_byte: Option<Instant>,
    first_text: Option<Instant>,
    total: bool,
    /// The last bytes seen: a word may come in two parts.
    tail: Vec<u8>,
}

/// A message on its way.
struct Outbound {
    /// Nothing: a request.
    answer: Option<Format>,
    message: usize,
    piece: usize,
    at: usize,
    /// The socket had no room.
    blocked: bool,
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
    /// Pieces of paced streams to come.
    due: VecDeque<(Instant, usize, u64)>,
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
            due: VecDeque::new(),
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
        self.turn(Instant::now() + PATIENCE, |drive| drive.waiting == 0)?;
        if self.waiting > 0 || done == 0 {
            return Err(format!("{} answers are missing", self.waiting).into());
        }
        self.pressing = false;
        let ended = used(load.pid)?;
        let rested = self.rest(load.pid)?;
        self.hang_up();
        let cost = rested.saturating_sub(before);
        outcome.cost = cost.div_f64((self.answers - answered) as f64);
        outcome.piece = cost.div_f64((self.pieces - pieces).max(1) as f64);
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
    }

    fn start(&mut self, load: &Load) -> io::Result<()> {
        self.ending = false;
        match load.how {
            How::Closed(callers) => {
                let paced = match load.answer {
                    Answer::Stream { manner, .. } => {
                        self.timed = true;
                        matches!(manner, Manner::Paced(_)).then_some(manner)
                    }
                    Answer::Whole(_) => None,
                };
                self.pressing = paced.is_none();
                for caller in 0..callers {
                    let at = self.call()?;
                    self.ask(at, Instant::now())?;
                    // Streams that begin together would all be due together.
                    if let Some(Manner::Paced(pace)) = paced {
                        let apart = pace / callers as u32;
                        self.turn(Instant::now() + apart, |_| caller + 1 == callers)?;
                    }
                }
            }
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

    /// A caller's new connection.
    fn call(&mut self) -> io::Result<usize> {
        let stream = TcpStream::connect(&self.host)?;
        self.add(
            stream,
            Some(Caller {
                due: Instant::now(),
                first_byte: None,
                first_text: None,
                total: false,
                tail: Vec::new(),
            }),
        )
    }

    fn add(&mut self, stream: TcpStream, caller: Option<Caller>) -> io::Result<usize> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        // The cheapest there is; what the machine's default costs is no business of the subjects.
        let _ = rustix::net::sockopt::set_tcp_congestion(&stream, "reno");
        let at = match self.peers.iter().position(Option::is_none) {
            Some(free) => free,
            None => {
                self.peers.push(None);
                self.peers.len() - 1
            }
        };
        let wanted = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(&self.epoll, &stream, EventData::new_u64(at as u64), wanted)?;
        self.serial += 1;
        self.peers[at] = Some(Peer {
            stream,
            caller,
            inbound: Inbound::default(),
            outbound: None,
            serial: self.serial,
        });
        Ok(at)
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

    fn ask(&mut self, at: usize, due: Instant) -> io::Result<()> {
        let message = self.requests.take();
        if let Some(peer) = &mut self.peers[at]
            && let Some(caller) = &mut peer.caller
        {
            self.waiting += 1;
            caller.due = due;
            caller.first_byte = None;
            caller.first_text = None;
            caller.total = false;
            peer.outbound = Some(Outbound::new(None, message));
        }
        self.write(at)
    }

    /// Serves sockets until then, or until `enough`.
    fn turn(&mut self, end: Instant, enough: impl Fn(&Drive) -> bool) -> io::Result<()> {
        let mut events = Vec::with_capacity(1024);
        loop {
            let now = Instant::now();
            if now >= end || enough(self) {
                return Ok(());
            }
            self.write_due(now)?;
            self.ask_due(now)?;
            let until = self
                .due
                .front()
                .map(|(due, ..)| *due)
                .into_iter()
                .chain(self.next.map(|(due, _)| due))
                .fold(end, Instant::min);
            let left = until.saturating_duration_since(Instant::now());
            let left = rustix::time::Timespec {
                tv_sec: left.as_secs() as i64,
                tv_nsec: left.subsec_nanos().into(),
            };
            events.clear();
            match epoll::wait(
                &self.epoll,
                rustix::buffer::spare_capacity(&mut events),
                Some(&left),
            ) {
                Err(rustix::io::Errno::INTR) => continue,
                result => result?,
            };
            // One after the other, so that it can be told what the upstream takes of the time.
            let begin = Instant::now();
            for event in &events {
                match event.data.u64() {
                    LISTENER => self.accept()?,
                    at => self.ready(at as usize, event.flags, false)?,
                }
            }
            self.serving += begin.elapsed();
            for event in &events {
                if event.data.u64() != LISTENER {
                    self.ready(event.data.u64() as usize, event.flags, true)?;
                }
            }
            if self.pressing && events.len() < FEW {
                std::thread::sleep(NAP);
            }
        }
    }

    fn write_due(&mut self, now: Instant) -> io::Result<()> {
        while let Some((due, at, serial)) = self.due.pop_front() {
            if due > now {
                self.due.push_front((due, at, serial));
                break;
            }
            if self.peers[at]
                .as_ref()
                .is_some_and(|peer| peer.serial == serial)
            {
                self.write(at)?;
            }
        }
        if self.due.is_empty() {
            return Ok(());
        }
        self.serving += now.elapsed();
        Ok(())
    }

    fn ask_due(&mut self, now: Instant) -> io::Result<()> {
        while let Some((due, interval)) = self.next
            && due <= now
        {
            self.next = Some((due + interval, interval));
            let at = match self.free.pop() {
                Some(at) => at,
                None => self.call()?,
            };
            self.ask(at, due)?;
        }
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    let at = self.add(stream, None)?;
                    self.read(at, false)?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn ready(&mut self, at: usize, flags: EventFlags, callers: bool) -> io::Result<()> {
        let Some(peer) = &self.peers[at] else {
            return Ok(());
        };
        if peer.caller.is_some() != callers {
            return Ok(());
        }
        if flags.contains(EventFlags::OUT)
            && peer
                .outbound
                .as_ref()
                .is_some_and(|outbound| outbound.blocked)
        {
            self.write(at)?;
        }
        let closed = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        if flags.contains(EventFlags::IN) || closed {
            self.read(at, closed)?;
        }
        Ok(())
    }

    /// Writes what is to be written now.
    fn write(&mut self, at: usize) -> io::Result<()> {
        let Some(peer) = &mut self.peers[at] else {
            return Ok(());
        };
        let Some(outbound) = &mut peer.outbound else {
            return Ok(());
        };
        let pool = match outbound.answer {
            None => &self.requests,
            Some(Format::OpenAi) => &self.openai,
            Some(Format::Anthropic) => &self.anthropic,
        };
        let message = pool.message(outbound.message);
        outbound.blocked = false;
        while let Some(&end) = message.pieces.get(outbound.piece) {
            while outbound.at < end {
                match peer.stream.write(&message.bytes[outbound.at..end]) {
                    Ok(written) => outbound.at += written,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        outbound.blocked = true;
                        return Ok(());
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if peer.caller.is_some() => return Err(error),
                    Err(_) => {
                        self.peers[at] = None;
                        return Ok(());
                    }
                }
            }
            outbound.piece += 1;
            if outbound.answer.is_none() {
                continue;
            }
            self.pieces += 1;
            if outbound.piece < message.pieces.len()
                && let Answer::Stream {
                    manner: Manner::Paced(pace),
                    ..
                } = self.answer
            {
                self.due.push_back((Instant::now() + pace, at, peer.serial));
                return Ok(());
            }
        }
        peer.outbound = None;
        Ok(())
    }

    /// Takes what has come and answers what is whole. Nothing follows a whole message before it is answered, so that there is
    /// no look for more, unless to see the end of a connection that is `closed`.
    fn read(&mut self, at: usize, closed: bool) -> io::Result<()> {
        loop {
            let Some(peer) = self.peers[at].as_mut() else {
                return Ok(());
            };
            let read = match peer.stream.read(&mut self.scratch) {
                Ok(0) if peer.caller.is_some() => {
                    return Err(io::Error::other("the connection was closed"));
                }
                Ok(0) => {
                    self.peers[at] = None;
                    return Ok(());
                }
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if peer.caller.is_some() => return Err(error),
                Err(_) => {
                    self.peers[at] = None;
                    return Ok(());
                }
            };
            let bytes = &self.scratch[..read];
            let whole = peer.inbound.take(bytes).map_err(io::Error::other)?;
            match &mut peer.caller {
                None if whole => {
                    let format = match peer.inbound.starts_with(b"POST /v1/messages") {
                        true => Format::Anthropic,
                        false => Format::OpenAi,
                    };
                    let pool = match format {
                        Format::OpenAi => &mut self.openai,
                        Format::Anthropic => &mut self.anthropic,
                    };
                    peer.outbound = Some(Outbound::new(Some(format), pool.take()));
                    self.write(at)?;
                }
                None => {}
                Some(caller) => {
                    caller.look(bytes, self.timed);
                    if whole {
                        self.answered(at, read)?;
                    }
                }
            }
            // A socket that gave less than there was room for is empty.
            if !closed && (whole || read < self.scratch.len()) {
                return Ok(());
            }
        }
    }

    /// An answer is whole: is it good, and what is next.
    fn answered(&mut self, at: usize, read: usize) -> io::Result<()> {
        let Some(peer) = &mut self.peers[at] else {
            return Ok(());
        };
        let Some(caller) = &mut peer.caller else {
            return Ok(());
        };
        let good = match self.answer {
            Answer::Whole(_) => caller.total,
            Answer::Stream { .. } => {
                caller.first_text.is_some() && memmem::find(&caller.tail, wire::DONE).is_some()
            }
        };
        if !good || !peer.inbound.starts_with(b"HTTP/1.1 200 ") {
            let text = String::from_utf8_lossy(&self.scratch[..read.min(2_000)]);
            return Err(io::Error::other(format!("this is no good answer: {text}")));
        }
        self.answers += 1;
        self.waiting -= 1;
        if self.timed {
            let now = Instant::now();
            let since = |at: Instant| at.saturating_duration_since(caller.due);
            self.times.whole.push(since(now));
            self.times.first_byte.extend(caller.first_byte.map(since));
            self.times.first_text.extend(caller.first_text.map(since));
        }
        caller.tail.clear();
        let due = caller.due;
        if self.next.is_some() {
            self.free.push(at);
        } else if !self.ending {
            // Who takes no times need not look at the clock.
            self.ask(at, if self.timed { Instant::now() } else { due })?;
        }
        Ok(())
    }
}

impl Outbound {
    fn new(answer: Option<Format>, message: usize) -> Outbound {
        Outbound {
            answer,
            message,
            piece: 0,
            at: 0,
            blocked: false,
        }
    }
}

impl Caller {
    /// Looks for what makes an answer a good one, and when it came.
    fn look(&mut self, bytes: &[u8], timed: bool) {
        /// Longer than any word that is looked for.
        const TAIL: usize = 48;
        let seam;
        let found = |word: &[u8], seam: &[u8]| {
            memmem::find(bytes, word).is_some() || memmem::find(seam, word).is_some()
        };
        match self.tail.is_empty() {
            true => seam = Vec::new(),
            false => seam = [&self.tail[..], &bytes[..bytes.len().min(TAIL)]].concat(),
        }
        if timed {
            if self.first_byte.is_none() {
                self.first_byte = Some(Instant::now());
            }
            if self.first_text.is_none() && found(wire::TEXT, &seam) {
                self.first_text = Some(Instant::now());
            }
        }
        // A re-serialised answer may have a space before the number.
        let after = |text: &[u8]| {
            memmem::find(text, wire::TOTAL)
                .map(|at| &text[at..])
                .is_some_and(|rest| {
                    memmem::find(&rest[..rest.len().min(32)], wire::TOKENS).is_some()
                })
        };
        self.total = self.total || after(bytes) || after(&seam);
        let keep = bytes.len().min(TAIL);
        if keep < TAIL {
            self.tail.extend_from_slice(bytes);
            let over = self.tail.len().saturating_sub(TAIL);
            self.tail.drain(..over);
        } else {
            self.tail.clear();
            self.tail.extend_from_slice(&bytes[bytes.len() - TAIL..]);
        }
    }
}
