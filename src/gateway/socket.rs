//! An upstream's socket, with TLS or without. Must not know HTTP.

use bytes::BytesMut;
use std::{
    future::{Future, poll_fn},
    io::{IoSlice, Result},
    net::Shutdown,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    net::TcpStream,
    task::coop::unconstrained,
};
use tokio_rustls::client::TlsStream;

/// One of these.
pub enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    /// Reads what has come into the room there is, of which there must be some. 0: the peer has closed.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut BytesMut) -> Poll<Result<usize>> {
        match self {
            Socket::Plain(stream) => pin!(stream.read_buf(into)).poll(cx),
            Socket::Tls(stream) => pin!(stream.read_buf(into)).poll(cx),
        }
    }

    /// Writes of both, the first before the second.
    pub fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        first: &[u8],
        second: &[u8],
    ) -> Poll<Result<usize>> {
        match self {
            Socket::Plain(stream) => write(stream, cx, first, second),
            Socket::Tls(stream) => write(stream, cx, first, second),
        }
    }

    /// What TLS has not written of that goes out.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        match self {
            Socket::Plain(_) => Poll::Ready(Ok(())),
            Socket::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    /// Whether it is open and nothing has come that nobody has read. Where there is no news it makes no system call: what came before
    /// the event that is being served has been told with it.
    pub fn is_quiet(&mut self) -> bool {
        let cx = &mut Context::from_waker(Waker::noop());
        let mut one = [0];
        let mut one = ReadBuf::new(&mut one);
        // Not by the rules of turns, which have everybody wait who has done much.
        let read = poll_fn(|cx| match self {
            Socket::Plain(stream) => Pin::new(stream).poll_read(cx, &mut one),
            Socket::Tls(stream) => Pin::new(stream).poll_read(cx, &mut one),
        });
        pin!(unconstrained(read)).poll(cx).is_pending()
    }

    /// Ends it both ways. Who waits for it sees the end.
    pub fn shut(&self) {
        let tcp = match self {
            Socket::Plain(stream) => stream,
            Socket::Tls(stream) => stream.get_ref().0,
        };
        let _ = socket2::SockRef::from(tcp).shutdown(Shutdown::Both);
    }
}

impl Drop for Socket {
    /// TLS says that it ends (RFC 8446 section 6.1), as far as that goes without waiting.
    fn drop(&mut self) {
        if let Socket::Tls(stream) = self {
            let _ = Pin::new(stream).poll_shutdown(&mut Context::from_waker(Waker::noop()));
        }
    }
}

fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    cx: &mut Context<'_>,
    first: &[u8],
    second: &[u8],
) -> Poll<Result<usize>> {
    let stream = Pin::new(stream);
    match (first, second) {
        (one, []) | ([], one) => stream.poll_write(cx, one),
        _ => stream.poll_write_vectored(cx, &[IoSlice::new(first), IoSlice::new(second)]),
    }
}
