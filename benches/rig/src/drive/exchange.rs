//! Messages on connections: requests go out and are answered, answers are looked at.

use super::Drive;
use super::connection::{Caller, Outbound, Peer};
use crate::message::Inbound;
use crate::wire::{self, Answer, Format, Manner};
use memchr::memmem;
use rustix::event::epoll::{self, EventData, EventFlags};
use std::cmp::Reverse;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

impl Drive {
    /// A caller's new connection.
    pub(super) fn call(&mut self) -> io::Result<usize> {
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

    pub(super) fn add(&mut self, stream: TcpStream, caller: Option<Caller>) -> io::Result<usize> {
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

    pub(super) fn ask(&mut self, at: usize, due: Instant) -> io::Result<()> {
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

    /// Writes what is to be written now.
    pub(super) fn write(&mut self, at: usize) -> io::Result<()> {
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
                let due = outbound.due.take().unwrap_or_else(Instant::now) + pace;
                self.due.push(Reverse((due, at, peer.serial)));
                return Ok(());
            }
        }
        peer.outbound = None;
        Ok(())
    }

    /// Takes what has come and answers what is whole. Nothing follows a whole message before it is answered, so that there is
    /// no look for more, unless to see the end of a connection that is `closed`.
    pub(super) fn read(&mut self, at: usize, closed: bool) -> io::Result<()> {
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
        } else if let Some(cycle) = self.cycle {
            if !self.ending {
                self.asks.push(Reverse((due + cycle, at)));
            }
        } else if !self.ending {
            // Who takes no times need not look at the clock.
            self.ask(at, if self.timed { Instant::now() } else { due })?;
        }
        Ok(())
    }
}
