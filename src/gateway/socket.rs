//! An upstream's socket in two hands: HTTP reads and writes, and the pool looks whether anything has come while the
//! connection was idle. The event loop may not have said so yet, and a request must not go out into a connection that
//! the peer has closed, nor take bytes that came before it for its answer.

use super::coalesce::CoalescedWrites;
use std::{
    cell::RefCell,
    io::{ErrorKind, IoSlice, Result},
    mem::MaybeUninit,
    pin::Pin,
    rc::{Rc, Weak},
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

/// HTTP's hand.
pub struct Socket<S>(Rc<RefCell<CoalescedWrites<S>>>);

/// The pool's hand. Does not keep the socket open.
pub struct Peephole(Weak<RefCell<dyn Tcp>>);

impl<S: 'static> Socket<S>
where
    CoalescedWrites<S>: Tcp,
{
    pub fn new(inner: S) -> (Socket<S>, Peephole) {
        let socket = Rc::new(RefCell::new(CoalescedWrites::new(inner)));
        let shared: Rc<RefCell<dyn Tcp>> = socket.clone();
        (Socket(socket), Peephole(Rc::downgrade(&shared)))
    }
}

impl Peephole {
    /// Whether the connection is open and nothing waits to be read: asks the system itself.
    pub fn is_quiet(&self) -> bool {
        let Some(socket) = self.0.upgrade() else {
            return false;
        };
        let socket = socket.borrow();
        let found = socket2::SockRef::from(socket.tcp()).peek(&mut [MaybeUninit::uninit()]);
        matches!(found, Err(error) if error.kind() == ErrorKind::WouldBlock)
    }
}

/// What has a TCP connection at its bottom.
pub trait Tcp {
    fn tcp(&self) -> &TcpStream;
}

impl Tcp for CoalescedWrites<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref()
    }
}

impl Tcp for CoalescedWrites<Box<TlsStream<TcpStream>>> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().get_ref().0
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_write(cx, buf)
    }
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_write_vectored(cx, bufs)
    }
    fn is_write_vectored(&self) -> bool {
        self.0.borrow().is_write_vectored()
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_flush(cx)
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_shutdown(cx)
    }
}
