//! Upstream and load tool in one thread with one list of ready sockets, so that both together leave room on a core that they
//! share. Requests go out the moment an answer is whole; an answer goes out the moment a request is.

use crate::answers::{self, Answers};
use crate::{cpu, message::Shape};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

/// Kept-alive connections of the load tool.
const CALLERS: usize = 64;
/// Before each measurement.
const WARM_UP: Duration = Duration::from_millis(300);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// With fewer ready sockets than this the thread rests for [`NAP`] before it looks again: woken for each single one it would
/// spend most of its time on being woken.
const FEW: usize = 12;
const NAP: Duration = Duration::from_micros(20);

const LISTENER: Token = Token(0);

/// What is measured.
struct Subject {
    name: String,
    pid: u32,
    host: String,
    key: String,
}

/// What one pass gave.
pub struct Figure {
    pub name: String,
    /// Requests a second.
    pub rate: f64,
    /// CPU time of the subject for each request.
    pub cost: Duration,
    /// The parts of their cores that the subject, and upstream and load tool, used.
    pub busy: f64,
    pub rig: f64,
}

/// Serves as upstream, reads the subjects from stdin, measures them in turns. The first pass warms up and does not count.
pub fn run(
    passes: usize,
    seconds: f64,
    ready: &str,
) -> Result<Vec<Figure>, Box<dyn std::error::Error>> {
    let mut drive = Drive::new()?;
    crate::ready(ready, drive.listener.local_addr()?)?;
    let subjects = subjects(&io::read_to_string(io::stdin())?)?;
    let mut figures = Vec::new();
    for pass in 0..=passes {
        for subject in &subjects {
            let figure = drive.measure(subject, Duration::from_secs_f64(seconds))?;
            if pass > 0 {
                figures.push(figure);
            }
        }
    }
    Ok(figures)
}

fn subjects(text: &str) -> Result<Vec<Subject>, Box<dyn std::error::Error>> {
    let mut subjects = Vec::new();
    for line in text.lines() {
        let [name, pid, url, key] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err(format!("a subject is `NAME PID URL KEY`, not `{line}`").into());
        };
        subjects.push(Subject {
            name: name.into(),
            pid: pid.parse()?,
            host: url
                .trim_start_matches("http://")
                .trim_end_matches('/')
                .into(),
            key: key.into(),
        });
    }
    Ok(subjects)
}

/// One end of a connection.
struct Peer {
    stream: TcpStream,
    /// The load tool's end, else the upstream's.
    caller: bool,
    bytes: Vec<u8>,
    filled: usize,
    shape: Shape,
}

struct Drive {
    poll: Poll,
    listener: TcpListener,
    peers: Vec<Option<Peer>>,
    answers: Answers,
    request: Vec<u8>,
    /// Answers so far.
    done: u64,
    /// No request follows an answer any more.
    ending: bool,
    waiting: usize,
}

impl Drive {
    fn new() -> io::Result<Drive> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Drive {
            poll,
            listener,
            peers: Vec::new(),
            answers: Answers::default(),
            request: Vec::new(),
            done: 0,
            ending: false,
            waiting: 0,
        })
    }

    fn measure(
        &mut self,
        subject: &Subject,
        length: Duration,
    ) -> Result<Figure, Box<dyn std::error::Error>> {
        let failed = |what: &dyn std::fmt::Display| format!("{}: {what}", subject.name);
        self.request = answers::request(&subject.host, &subject.key);
        self.ending = false;
        for _ in 0..CALLERS {
            let stream = std::net::TcpStream::connect(&subject.host)?;
            stream.set_nonblocking(true)?;
            let at = self.add(TcpStream::from_std(stream), true)?;
            self.ask(at).map_err(|error| failed(&error))?;
        }
        self.turn(WARM_UP, |_| false)
            .map_err(|error| failed(&error))?;
        let (done, begin) = (self.done, Instant::now());
        let (theirs, ours) = (cpu::used(subject.pid)?, cpu::used(std::process::id())?);
        self.turn(length, |_| false)
            .map_err(|error| failed(&error))?;
        let wall = begin.elapsed();
        let theirs = cpu::used(subject.pid)?.saturating_sub(theirs);
        let ours = cpu::used(std::process::id())?.saturating_sub(ours);
        let done = self.done - done;
        self.ending = true;
        self.turn(PATIENCE, |drive| drive.waiting == 0)
            .map_err(|error| failed(&error))?;
        if self.waiting > 0 || done == 0 {
            return Err(failed(&"answers are missing").into());
        }
        for peer in self
            .peers
            .iter_mut()
            .filter(|peer| peer.as_ref().is_some_and(|peer| peer.caller))
        {
            *peer = None;
        }
        Ok(Figure {
            name: subject.name.clone(),
            rate: done as f64 / wall.as_secs_f64(),
            cost: theirs.div_f64(done as f64),
            busy: theirs.as_secs_f64() / wall.as_secs_f64(),
            rig: ours.as_secs_f64() / wall.as_secs_f64(),
        })
    }

    fn add(&mut self, mut stream: TcpStream, caller: bool) -> io::Result<usize> {
        stream.set_nodelay(true)?;
        // The cheapest there is; what the machine's default costs is no business of the subjects.
        socket2::SockRef::from(&stream).set_tcp_congestion(b"reno")?;
        let at = match self.peers.iter().position(Option::is_none) {
            Some(free) => free,
            None => {
                self.peers.push(None);
                self.peers.len() - 1
            }
        };
        self.poll
            .registry()
            .register(&mut stream, Token(at + 1), Interest::READABLE)?;
        self.peers[at] = Some(Peer {
            stream,
            caller,
            bytes: vec![0; 8192],
            filled: 0,
            shape: Shape::default(),
        });
        Ok(at)
    }

    /// Sends a request. A socket that holds none has room for one.
    fn ask(&mut self, at: usize) -> io::Result<()> {
        let peer = self.peers[at].as_mut().ok_or(io::ErrorKind::NotConnected)?;
        self.waiting += 1;
        peer.stream.write_all(&self.request)
    }

    /// Serves sockets for so long, or until `enough`.
    fn turn(&mut self, length: Duration, enough: impl Fn(&Drive) -> bool) -> io::Result<()> {
        let end = Instant::now() + length;
        let mut events = Events::with_capacity(1024);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || enough(self) {
                return Ok(());
            }
            match self.poll.poll(&mut events, Some(left)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            }
            let mut count = 0;
            for event in &events {
                count += 1;
                match event.token() {
                    LISTENER => self.accept()?,
                    Token(at) => self.read(at - 1, event.is_read_closed())?,
                }
            }
            if count < FEW {
                std::thread::sleep(NAP);
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    let at = self.add(stream, false)?;
                    self.read(at, false)?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes what has come and answers what is whole. Nothing follows a whole message before it is answered, so that there is
    /// no look for more, unless to see the end of a connection that is `closed`.
    fn read(&mut self, at: usize, closed: bool) -> io::Result<()> {
        let Some(peer) = self.peers[at].as_mut() else {
            return Ok(());
        };
        loop {
            match peer.stream.read(&mut peer.bytes[peer.filled..]) {
                Ok(0) | Err(_) if peer.filled == peer.bytes.len() => {
                    return Err(io::Error::other("a message is too long"));
                }
                Ok(0) if peer.caller => return Err(io::Error::other("the connection was closed")),
                Ok(0) => {
                    self.peers[at] = None;
                    return Ok(());
                }
                Ok(read) => peer.filled += read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if peer.caller => return Err(error),
                Err(_) => {
                    self.peers[at] = None;
                    return Ok(());
                }
            }
            let Some(end) = peer.shape.end(&peer.bytes[..peer.filled]) else {
                continue;
            };
            if end != peer.filled {
                return Err(io::Error::other("more than one message has come"));
            }
            peer.filled = 0;
            if !peer.caller {
                peer.stream.write_all(self.answers.to(&peer.bytes[..end]))?;
            } else {
                if !answers::good(&peer.bytes[..end]) {
                    return Err(io::Error::other(
                        String::from_utf8_lossy(&peer.bytes[..end]).into_owned(),
                    ));
                }
                self.done += 1;
                self.waiting -= 1;
                if !self.ending {
                    self.waiting += 1;
                    peer.stream.write_all(&self.request)?;
                }
            }
            if !closed {
                return Ok(());
            }
        }
    }
}
