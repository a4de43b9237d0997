//! An answer that is there at once where the counters are this process's own, and that is waited for where they are shared.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What a store answers. Awaiting one that is there costs nothing and never yields.
pub enum Answer<T> {
    Ready(Option<T>),
    Later(Pin<Box<dyn Future<Output = T> + Send>>),
}

impl<T> Answer<T> {
    pub fn ready(value: T) -> Answer<T> {
        Answer::Ready(Some(value))
    }

    /// The answer, if it is there.
    pub fn now(self) -> Option<T> {
        match self {
            Answer::Ready(value) => value,
            Answer::Later(_) => None,
        }
    }
}

// Nothing in it is pinned but what its box pins.
impl<T> Unpin for Answer<T> {}

impl<T> Future for Answer<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match &mut *self {
            // Asked again after it was given, as no future may be, it is never ready.
            Answer::Ready(value) => value.take().map_or(Poll::Pending, Poll::Ready),
            Answer::Later(future) => future.as_mut().poll(context),
        }
    }
}
