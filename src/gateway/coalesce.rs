//! A socket that sends short writes in one piece. hyper hands over a head and its body apart, and a system
//! call with one short buffer costs less than one with a list of them, copying included.

use std::{
    io::{IoSlice, Result},
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Longer writes go out as they are.
const MOST: usize = 4 << 10;

/// The socket, or whatever wraps it.
pub struct CoalescedWrites<S> {
    inner: S,
    buffer: Vec<u8>,
}

impl<S> CoalescedWrites<S> {
    pub fn new(inner: S) -> CoalescedWrites<S> {
        CoalescedWrites {
            inner,
            buffer: Vec::new(),
        }
    }

    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for CoalescedWrites<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CoalescedWrites<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let this = &mut *self;
        if bufs.iter().map(|buf| buf.len()).sum::<usize>() > MOST {
            return Pin::new(&mut this.inner).poll_write_vectored(cx, bufs);
        }
        this.buffer.clear();
        bufs.iter()
            .for_each(|buf| this.buffer.extend_from_slice(buf));
        Pin::new(&mut this.inner).poll_write(cx, &this.buffer)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test(flavor = "current_thread")]
    async fn nothing_is_lost_or_reordered() {
        // The pipe takes 100 bytes at a time, so short writes are cut too.
        let (near, mut far) = tokio::io::duplex(100);
        let sent: Vec<u8> = (0..20_000u32).map(|at| at as u8).collect();
        let expected = sent.clone();
        let writer = async move {
            let mut near = CoalescedWrites::new(near);
            let mut left = &sent[..];
            for size in [1, 10, 300, 5_000].into_iter().cycle() {
                if left.is_empty() {
                    break;
                }
                let (a, b) = left[..size.min(left.len())].split_at(size.min(left.len()) / 2);
                let wrote = near
                    .write_vectored(&[IoSlice::new(a), IoSlice::new(b)])
                    .await
                    .unwrap();
                left = &left[wrote..];
            }
            near.shutdown().await.unwrap();
        };
        let mut got = Vec::new();
        let (_, read) = tokio::join!(writer, far.read_to_end(&mut got));
        read.unwrap();
        assert!(got == expected);
    }
}
