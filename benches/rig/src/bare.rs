//! A forwarder of bytes: it looks for the ends of messages and for the key, replaces that line and hands the rest on. The least
//! that standing between caller and upstream costs; no parser, no runtime, nothing counted.

use crate::Failure;
use crate::message::Inbound;
use memchr::memmem;
use rustix::event::epoll::{self, EventData, EventFlags};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

const LISTENER: u64 = u64::MAX;

/// One connection, and the one that it speaks with now.
struct Side {
    stream: TcpStream,
    inbound: Inbound,
    upstream: bool,
    other: Option<usize>,
    /// What a socket without room did not take.
    unsent: Vec<u8>,
}

struct Bare {
    epoll: OwnedFd,
    upstream: SocketAddr,
    key: Vec<u8>,
    sides: Vec<Option<Side>>,
    /// Connections to the upstream that nobody uses.
    idle: Vec<usize>,
    head: Vec<u8>,
}

pub fn run(listen: SocketAddr, upstream: SocketAddr, key: &str) -> Result<(), Failure> {
    let listener = TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    let mut bare = Bare {
        epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
        upstream,
        key: format!("\r\nAuthorization: Bearer {key}\r\n").into_bytes(),
        sides: Vec::new(),
        idle: Vec::new(),
        head: Vec::new(),
    };
    epoll::add(
        &bare.epoll,
        &listener,
        EventData::new_u64(LISTENER),
        EventFlags::IN,
    )?;
    let mut bytes = vec![0; 256 << 10];
    let mut events = Vec::with_capacity(1024);
    loop {
        events.clear();
        match epoll::wait(
            &bare.epoll,
            rustix::buffer::spare_capacity(&mut events),
            None,
        ) {
            Err(rustix::io::Errno::INTR) => continue,
            result => result?,
        };
        for event in &events {
            match event.data.u64() {
                LISTENER => {
                    while let Ok((stream, _)) = listener.accept() {
                        bare.add(stream, false)?;
                    }
                }
                at => {
                    let at = at as usize;
                    if bare.ready(at, event.flags, &mut bytes).is_err() {
                        bare.close(at);
                    }
                }
            }
        }
    }
}

impl Bare {
    fn add(&mut self, stream: TcpStream, upstream: bool) -> io::Result<usize> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let at = match self.sides.iter().position(Option::is_none) {
            Some(free) => free,
            None => {
                self.sides.push(None);
                self.sides.len() - 1
            }
        };
        let wanted = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(&self.epoll, &stream, EventData::new_u64(at as u64), wanted)?;
        self.sides[at] = Some(Side {
            stream,
            inbound: Inbound::default(),
            upstream,
            other: None,
            unsent: Vec::new(),
        });
        Ok(at)
    }

    fn close(&mut self, at: usize) {
        self.idle.retain(|idle| *idle != at);
        if let Some(side) = self.sides[at].take()
            && let Some(other) = side.other
        {
            self.close(other);
        }
    }

    fn ready(&mut self, at: usize, flags: EventFlags, bytes: &mut [u8]) -> io::Result<()> {
        let Some(side) = &mut self.sides[at] else {
            return Ok(());
        };
        if flags.contains(EventFlags::OUT) && !side.unsent.is_empty() {
            let unsent = std::mem::take(&mut side.unsent);
            send(side, &unsent)?;
        }
        let closed = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        if !flags.contains(EventFlags::IN) && !closed {
            return Ok(());
        }
        loop {
            let Some(side) = &mut self.sides[at] else {
                return Ok(());
            };
            let read = match side.stream.read(bytes) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            self.hand_on(at, &bytes[..read])?;
            if !closed && read < bytes.len() {
                return Ok(());
            }
        }
    }

    fn hand_on(&mut self, at: usize, bytes: &[u8]) -> io::Result<()> {
        let Some(side) = &mut self.sides[at] else {
            return Ok(());
        };
        let whole = side.inbound.take(bytes).map_err(io::Error::other)?;
        let upstream = side.upstream;
        let (other, begins) = match side.other {
            Some(other) => (other, false),
            None if upstream => return Err(io::Error::other("an answer without a request")),
            None => {
                let other = match self.idle.pop() {
                    Some(idle) => idle,
                    None => self.add(TcpStream::connect(self.upstream)?, true)?,
                };
                if let Some(side) = &mut self.sides[at] {
                    side.other = Some(other);
                }
                (other, true)
            }
        };
        if begins {
            // Heads come in one piece from whom this is measured with.
            let place = memmem::find(bytes, &self.key)
                .ok_or_else(|| io::Error::other("a key that is not known"))?;
            self.head.clear();
            self.head.extend_from_slice(&bytes[..place]);
            self.head
                .extend_from_slice(b"\r\nAuthorization: Bearer upstream\r\n");
            self.head
                .extend_from_slice(&bytes[place + self.key.len()..]);
        }
        if let Some(receiver) = &mut self.sides[other] {
            receiver.other = Some(at);
            let bytes = if begins { &self.head[..] } else { bytes };
            send(receiver, bytes)?;
        }
        if upstream && whole {
            for end in [at, other] {
                if let Some(side) = &mut self.sides[end] {
                    side.other = None;
                }
            }
            self.idle.push(at);
        }
        Ok(())
    }
}

fn send(side: &mut Side, mut bytes: &[u8]) -> io::Result<()> {
    while side.unsent.is_empty() && !bytes.is_empty() {
        match side.stream.write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    side.unsent.extend_from_slice(bytes);
    Ok(())
}
