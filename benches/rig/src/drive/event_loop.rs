//! Sockets that are ready, and what is due.

use super::{Drive, LISTENER};
use rustix::event::epoll::{self, EventFlags};
use std::cmp::Reverse;
use std::io;
use std::time::{Duration, Instant};

/// Where callers never pause, the thread rests for [`NAP`] before it looks again when fewer sockets than this were ready:
/// woken for each single one it would spend most of its time on being woken.
const FEW: usize = 24;
const NAP: Duration = Duration::from_micros(40);

impl Drive {
    /// Serves sockets until then, or until `enough`.
    pub(super) fn turn(&mut self, end: Instant, enough: impl Fn(&Drive) -> bool) -> io::Result<()> {
        let mut events = Vec::with_capacity(1024);
        loop {
            let now = Instant::now();
            if now >= end || enough(self) {
                return Ok(());
            }
            self.write_due(now)?;
            self.ask_due(now)?;
            let piece = self.due.peek().map(|Reverse((due, ..))| *due);
            let ask = self.asks.peek().map(|Reverse((due, _))| *due);
            let next = self.next.map(|(due, _)| due);
            let until = [piece, ask, next]
                .into_iter()
                .flatten()
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
        while let Some(Reverse((due, at, serial))) = self.due.peek().copied()
            && due <= now
        {
            self.due.pop();
            if let Some(peer) = &mut self.peers[at]
                && peer.serial == serial
            {
                if let Some(outbound) = &mut peer.outbound {
                    outbound.due = Some(due);
                }
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
        while let Some(Reverse((due, at))) = self.asks.peek().copied()
            && due <= now
        {
            self.asks.pop();
            self.ask(at, due)?;
        }
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
}
