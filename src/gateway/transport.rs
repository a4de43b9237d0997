//! A caller's connection as bytes, whatever carries them: what has come and was not taken yet, and what is on its way out.
//! Must not know what either means.

use bytes::{Bytes, BytesMut};
use std::{
    cell::Cell,
    future::Future,
    io::{ErrorKind, IoSlice, Read, Result},
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

/// Room that requests are read into, one behind the other.
const ROOM: usize = 8 << 10;
/// With less of it nothing is read, so that few requests are cut in two.
const LEAST: usize = 2 << 10;
/// Room for a read where much comes.
const MOST: usize = 64 << 10;
/// Shorter pieces are copied behind each other: a system call with one short buffer costs less than one with a list.
pub const SHORT: usize = 4 << 10;
/// No more than this is copied together.
const ENOUGH: usize = 16 << 10;

/// What carries the bytes.
#[derive(Default)]
pub enum Stream {
    Plain(TcpStream),
    Secured(Box<TlsStream<TcpStream>>),
    /// It has ended, or is yet to begin.
    #[default]
    None,
}

/// What a look at the peer shows that takes nothing of what it sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing has come.
    Quiet,
    Bytes,
    /// It has closed.
    Gone,
}

impl Stream {
    /// Looks at the peer; who looks is woken by what comes. Without news no system call.
    pub fn look(&mut self, cx: &mut Context<'_>) -> Look {
        match self {
            Stream::Plain(stream) => match stream.poll_peek(cx, &mut ReadBuf::new(&mut [0])) {
                Poll::Pending => Look::Quiet,
                Poll::Ready(Ok(1..)) => Look::Bytes,
                Poll::Ready(_) => Look::Gone,
            },
            Stream::Secured(stream) => look(stream, cx),
            Stream::None => Look::Gone,
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<Result<usize>> {
        match (self, bufs) {
            (Stream::Plain(stream), [one]) => Pin::new(stream).poll_write(cx, one),
            (Stream::Plain(stream), _) => Pin::new(stream).poll_write_vectored(cx, bufs),
            (Stream::Secured(stream), _) => Pin::new(stream).poll_write_vectored(cx, bufs),
            (Stream::None, _) => Poll::Ready(Err(ErrorKind::NotConnected.into())),
        }
    }
}

/// What a look at a peer behind TLS shows.
fn look(stream: &mut TlsStream<TcpStream>, cx: &mut Context<'_>) -> Look {
    let (stream, session) = stream.get_mut();
    let mut wire = Wire { stream, cx };
    loop {
        let read = session.read_tls(&mut wire);
        let state = match session.process_new_packets() {
            Ok(state) if !state.peer_has_closed() => state,
            _ => return Look::Gone,
        };
        match read {
            Ok(0) => return Look::Gone,
            Ok(_) => {}
            Err(error) => {
                return match error.kind() {
                    // `Other`: the session takes no more before what it has was read.
                    ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::Other => {
                        match state.plaintext_bytes_to_read() {
                            0 => Look::Quiet,
                            _ => Look::Bytes,
                        }
                    }
                    _ => Look::Gone,
                };
            }
        }
    }
}

/// The socket as the session reads it.
struct Wire<'a, 'b> {
    stream: &'a mut TcpStream,
    cx: &'a mut Context<'b>,
}

impl Read for Wire<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        let mut buf = ReadBuf::new(buf);
        match Pin::new(&mut *self.stream).poll_read(self.cx, &mut buf) {
            Poll::Ready(result) => result.map(|()| buf.filled().len()),
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        }
    }
}

/// Room of a worker's that its connections read into and write from in turns: none keeps any while it waits.
#[derive(Default)]
pub struct Spare {
    came: Cell<BytesMut>,
    front: Cell<Vec<u8>>,
}

/// The bytes of a connection.
#[derive(Default)]
pub struct Transport {
    pub stream: Stream,
    /// What has come and was not taken.
    pub came: BytesMut,
    /// Room that the next read is to have.
    room: usize,
    pub out: Outgoing,
    pub spare: Rc<Spare>,
}

impl Transport {
    /// Reads more of what has come; 0: the peer has closed.
    pub fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize>> {
        if self.came.capacity() == 0 {
            self.came = self.spare.came.take();
        }
        if self.came.capacity() - self.came.len() < self.room.max(LEAST) {
            self.came.reserve(self.room.max(ROOM));
        }
        let space = self.came.capacity() - self.came.len();
        let read = match &mut self.stream {
            Stream::Plain(stream) => pin!(stream.read_buf(&mut self.came)).poll(cx),
            Stream::Secured(stream) => pin!(stream.read_buf(&mut self.came)).poll(cx),
            Stream::None => Poll::Ready(Ok(0)),
        };
        if let Poll::Ready(Ok(read)) = read {
            self.room = match read == space {
                true => (space * 2).clamp(ROOM, MOST),
                false => 0,
            };
        }
        read
    }

    /// Sends what is to go out, as far as the peer takes it: `Ready` once it was given all of it. `taken` is told whether it
    /// takes anything.
    pub fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        mut taken: impl FnMut(bool),
    ) -> Poll<Result<()>> {
        while !self.out.is_empty() {
            let polled = self.out.poll_write(&mut self.stream, cx);
            taken(polled.is_ready());
            ready!(polled)?;
        }
        if let Stream::Secured(stream) = &mut self.stream {
            let polled = Pin::new(stream).poll_flush(cx);
            taken(polled.is_ready());
            return polled;
        }
        Poll::Ready(Ok(()))
    }

    /// Says that nothing more will be sent.
    pub fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Secured(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::None => Poll::Ready(Ok(())),
        }
    }

    /// Makes room for so much of what is to go out.
    pub fn make_room(&mut self, bytes: usize) {
        if self.out.front.capacity() == 0 {
            self.out.front = self.spare.front.take();
        }
        self.out.front.reserve(bytes);
    }

    /// Gives back the room that nothing lies in.
    pub fn rest(&mut self) {
        if self.came.is_empty() && self.came.capacity() > 0 {
            let came = std::mem::take(&mut self.came);
            if (LEAST..=ROOM).contains(&came.capacity()) {
                self.spare.came.set(came);
            }
        }
        if self.out.is_empty() && self.out.front.capacity() > 0 {
            let front = std::mem::take(&mut self.out.front);
            if front.capacity() <= ENOUGH {
                self.spare.front.set(front);
            }
        }
    }
}

/// What is on its way out: short things copied together, then at most one long piece as it came, and what is behind it.
#[derive(Default)]
pub struct Outgoing {
    pub front: Vec<u8>,
    long: Bytes,
    back: &'static [u8],
    /// Of all that, what has gone.
    gone: usize,
}

impl Outgoing {
    fn len(&self) -> usize {
        self.front.len() + self.long.len() + self.back.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is room for another piece.
    pub fn has_room(&self) -> bool {
        self.long.is_empty() && self.front.len() < ENOUGH
    }

    /// Adds a piece, and what ends it. There is room for it.
    pub fn push(&mut self, piece: Bytes, end: &'static [u8]) {
        match piece.len() < SHORT {
            true => {
                self.front.extend_from_slice(&piece);
                self.front.extend_from_slice(end);
            }
            false => (self.long, self.back) = (piece, end),
        }
    }

    fn poll_write(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<Result<usize>> {
        let mut gone = self.gone;
        let mut left = |part: &'_ [u8]| {
            let from = gone.min(part.len());
            gone -= from;
            from
        };
        let parts = [&self.front[..], &self.long[..], self.back];
        let parts = parts.map(|part| IoSlice::new(&part[left(part)..]));
        let wrote = match parts[1].is_empty() && parts[2].is_empty() {
            true => ready!(stream.poll_write(cx, &parts[..1])),
            false => ready!(stream.poll_write(cx, &parts)),
        }?;
        self.gone += wrote;
        if wrote == 0 {
            return Poll::Ready(Err(ErrorKind::WriteZero.into()));
        }
        if self.gone >= self.len() {
            self.front.clear();
            (self.long, self.back, self.gone) = (Bytes::new(), &[], 0);
        }
        Poll::Ready(Ok(wrote))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::future::poll_fn;
    use tokio::net::TcpListener;

    /// A caller's end of a connection, and gw's.
    async fn pair() -> (TcpStream, Transport) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap());
        let near = near.await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        let transport = Transport {
            stream: Stream::Plain(far),
            ..Transport::default()
        };
        (near, transport)
    }

    #[tokio::test(flavor = "current_thread")]
    async fn nothing_is_lost_or_reordered() {
        let (mut near, mut transport) = pair().await;
        let mut expected = Vec::new();
        let writer = async {
            for size in [1, 10, 300, 5_000, 4_000_000, 20, 70_000] {
                let piece: Vec<u8> = (0..size).map(|at| (at * 7 + size) as u8).collect();
                expected.extend_from_slice(b"front");
                expected.extend_from_slice(&piece);
                expected.extend_from_slice(b"end");
                transport.make_room(piece.len().min(SHORT));
                transport.out.front.extend_from_slice(b"front");
                transport.out.push(piece.into(), b"end");
                let sent = poll_fn(|cx| transport.poll_send(cx, |_| {}));
                sent.await.unwrap();
            }
            transport.stream = Stream::None;
        };
        let mut got = Vec::new();
        let (_, read) = tokio::join!(writer, near.read_to_end(&mut got));
        read.unwrap();
        assert!(got == expected);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn who_waits_keeps_no_room_and_what_was_read_is_left_alone() {
        use tokio::io::AsyncWriteExt as _;
        let (mut near, mut one) = pair().await;
        let (mut far, mut other) = pair().await;
        other.spare = one.spare.clone();
        near.write_all(b"one").await.unwrap();
        far.write_all(b"other").await.unwrap();
        assert_eq!(poll_fn(|cx| one.poll_read(cx)).await.unwrap(), 3);
        let read = one.came.split().freeze();
        one.rest();
        assert_eq!(one.came.capacity(), 0);
        assert_eq!(poll_fn(|cx| other.poll_read(cx)).await.unwrap(), 5);
        assert_eq!((&read[..], &other.came[..]), (&b"one"[..], &b"other"[..]));
        // The one behind the other.
        assert_eq!(
            read.as_ptr().addr() + read.len(),
            other.came.as_ptr().addr()
        );
    }
}
