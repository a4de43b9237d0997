//! hyper answers a head that it cannot parse by itself, and without a body. This puts an answer in a known format in
//! the place of that one; everything else passes.

use super::{gate::Conn, respond};
use crate::error::Error;
use std::{
    io::{IoSlice, Result},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The transport, with hyper's own refusals worded.
pub struct WordedRefusals<S> {
    pub inner: S,
    pub conn: Rc<Conn>,
    /// What of the answer in the other's place has not been written.
    pub left: Vec<u8>,
}

impl<S> WordedRefusals<S> {
    pub fn new(inner: S, conn: Rc<Conn>) -> WordedRefusals<S> {
        WordedRefusals {
            inner,
            conn,
            left: Vec::new(),
        }
    }

    /// Whether this is hyper's refusal of a head. No answer of gw's own is empty.
    fn refuses(&self, buf: &[u8]) -> bool {
        self.conn.reading_head()
            && buf.starts_with(b"HTTP/1.1 4")
            && buf.ends_with(b"\r\n\r\n")
            && memchr::memmem::find(buf, b"content-length: 0\r\n").is_some()
    }

    fn answer(&self, refusal: &[u8]) -> Vec<u8> {
        let status = refusal
            .get(9..12)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| digits.parse().ok())
            .unwrap_or(400);
        let why = self.conn.refusal().unwrap_or(match status {
            414 => "the request target is too long",
            431 => "the request head is too large",
            _ => "the request head is not valid HTTP/1.1",
        });
        let error = Error::invalid(why).hint(respond::PLAIN_HTTP);
        respond::on_the_wire(status, &error)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WordedRefusals<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WordedRefusals<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<Result<usize>> {
        if !self.refuses(buf) {
            return Pin::new(&mut self.inner).poll_write(cx, buf);
        }
        let this = &mut *self;
        if this.left.is_empty() {
            this.left = this.answer(buf);
        }
        while !this.left.is_empty() {
            match ready!(Pin::new(&mut this.inner).poll_write(cx, &this.left))? {
                0 => return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into())),
                wrote => drop(this.left.drain(..wrote)),
            }
        }
        Poll::Ready(Ok(buf.len()))
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        // A refusal is one piece.
        match bufs {
            [one] if self.conn.reading_head() => self.poll_write(cx, one),
            _ => Pin::new(&mut self.inner).poll_write_vectored(cx, bufs),
        }
    }
    fn is_write_vectored(&self) -> bool {
        true
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
