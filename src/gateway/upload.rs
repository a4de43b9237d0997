//! A caller's body on its way to an upstream, handed on as it comes: pulled by the upstream's reading, so that no more
//! of it is in memory than is on its way. It goes out once, to one upstream. Must not know who it is for.

use super::{
    Shared,
    ended::Ended,
    failure::Failure,
    incoming::Incoming,
    pace::{self, Pace},
    watch::{Guard, Timer},
};
use crate::error::Result;
use crate::formats::form::Form;
use crate::plan::retry::Class;
use bytes::Bytes;
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

/// A body that goes on from where its reading stopped.
pub struct Upload {
    inner: RefCell<Inner>,
    /// Something of it may have gone to an upstream.
    touched: Cell<bool>,
    side: Cell<Side>,
    /// Why it broke off.
    why: RefCell<Option<Ended>>,
    timer: Timer,
    /// The request waits for this, and not yet for an answer that has begun.
    timed: Cell<bool>,
    shared: Arc<Shared>,
}

/// For whom it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Caller,
    Upstream,
    /// It has gone out whole.
    Nobody,
}

struct Inner {
    /// What goes out first: what had been read before there was a target.
    ahead: VecDeque<Bytes>,
    /// In all, where that is known.
    length: Option<u64>,
    /// What had come beyond that, and is still to be read.
    behind: Option<Bytes>,
    incoming: Incoming,
    /// To be read on as it passes.
    form: Option<Form>,
    pace: Pace,
    /// Since when the upstream has something to take.
    given: Option<Instant>,
    /// How long the upstream may take to take a piece, and to answer.
    idle: Duration,
    answer: Duration,
}

/// Why nothing more comes of a body; what the caller is told is [`Upload::judged`]'s to say.
#[derive(Debug)]
pub struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the request broke off")
    }
}

impl std::error::Error for Broken {}

impl Upload {
    /// What is still to come of a body: `behind`, then the rest. `form`: to be read on.
    pub(super) fn new(
        shared: &Arc<Shared>,
        behind: Bytes,
        incoming: Incoming,
        form: Option<Form>,
        pace: Pace,
        watch: &Guard,
    ) -> Rc<Upload> {
        Rc::new(Upload {
            shared: shared.clone(),
            inner: RefCell::new(Inner {
                ahead: VecDeque::new(),
                length: None,
                behind: Some(behind).filter(|piece| !piece.is_empty()),
                incoming,
                form,
                pace,
                given: None,
                idle: Duration::MAX,
                answer: Duration::MAX,
            }),
            touched: Cell::new(false),
            side: Cell::new(Side::Upstream),
            why: RefCell::new(None),
            timer: watch.timer(),
            timed: Cell::new(true),
        })
    }

    /// Makes it ready to go out behind these pieces, `length` bytes in all. `model`: what its form is to name further on,
    /// where it has named none so far.
    pub fn begin(&self, ahead: VecDeque<Bytes>, length: Option<u64>, model: Option<&str>) {
        let mut inner = self.inner.borrow_mut();
        inner.ahead = ahead;
        inner.length = length;
        if let Some(form) = &mut inner.form {
            form.rewrite(model);
        }
    }

    /// Bytes of what has come that its form has not read, and that go out once it has.
    pub fn waiting(&self) -> usize {
        let inner = self.inner.borrow();
        inner.form.as_ref().map_or(0, Form::waiting)
    }

    /// How long the upstream may take.
    pub fn limited(&self, idle: Duration, answer: Duration) {
        let mut inner = self.inner.borrow_mut();
        (inner.idle, inner.answer) = (idle, answer);
    }

    /// Whether some of it may have gone out, so that it cannot go to another upstream.
    pub fn is_spent(&self) -> bool {
        self.touched.get()
    }

    /// Whether it has gone out whole.
    pub fn is_done(&self) -> bool {
        self.side.get() == Side::Nobody
    }

    /// Bytes in all, where that is known.
    pub fn length(&self) -> Option<u64> {
        self.inner.borrow().length
    }

    fn broke(&self, why: Ended) -> Poll<Option<std::result::Result<Bytes, Broken>>> {
        *self.why.borrow_mut() = Some(why);
        Poll::Ready(Some(Err(Broken)))
    }

    /// The next piece, asked for by the connection to the upstream.
    pub fn poll_piece(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Bytes, Broken>>> {
        self.touched.set(true);
        if self.is_done() {
            return Poll::Ready(None);
        }
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        let within = |limit| {
            if self.timed.get() {
                self.timer.within(limit);
            }
        };
        if let Some(given) = inner.given.take() {
            inner.pace.pause(given.elapsed());
        }
        let piece = match inner.ahead.pop_front() {
            Some(piece) => piece,
            None => loop {
                let polled = match inner.behind.take() {
                    Some(piece) => Poll::Ready(Some(Ok(piece))),
                    None => inner.incoming.poll_piece(cx),
                };
                match polled {
                    Poll::Pending => {
                        self.side.set(Side::Caller);
                        within(inner.pace.left(&self.shared.settings));
                        return Poll::Pending;
                    }
                    Poll::Ready(None) => match inner.whole() {
                        Ok(()) => {
                            self.side.set(Side::Nobody);
                            within(inner.answer);
                            return Poll::Ready(None);
                        }
                        Err(error) => return self.broke(error.into()),
                    },
                    Poll::Ready(Some(Err(why))) => return self.broke(pace::cut(why)),
                    Poll::Ready(Some(Ok(piece))) => {
                        let settings = &self.shared.settings;
                        let counted = inner.pace.upload(settings, piece.len());
                        match counted.and_then(|()| read(&mut inner.form, piece)) {
                            Ok(piece) if piece.is_empty() => {}
                            Ok(piece) => break piece,
                            Err(error) => return self.broke(error.into()),
                        }
                    }
                }
            },
        };
        // Behind a length that is reached nobody asks for more: it ends here, and before its last piece is out.
        if inner.ahead.is_empty() && inner.behind.is_none() && inner.incoming.is_end() {
            if let Err(error) = inner.whole() {
                return self.broke(error.into());
            }
            self.side.set(Side::Nobody);
            within(inner.answer);
        } else {
            self.side.set(Side::Upstream);
            inner.given = Some(Instant::now());
            within(inner.idle);
        }
        Poll::Ready(Some(Ok(piece)))
    }

    /// What sending it came to, with the reason of the one who is to blame.
    pub fn judged<T>(
        &self,
        sent: std::result::Result<T, Ended>,
        watch: &Guard,
        name: &str,
    ) -> std::result::Result<T, Ended> {
        let ended = match sent {
            Ok(sent) => {
                // From here on its answer has the request's time.
                self.timed.set(false);
                return Ok(sent);
            }
            Err(ended) => ended,
        };
        if let Some(why) = self.why.borrow_mut().take() {
            return Err(why);
        }
        let slow = matches!(&ended, Ended::Failed(failure) if failure.class == Class::Slow);
        Err(match self.side.get() {
            _ if !slow || watch.capped() || !self.touched.get() => ended,
            Side::Caller => pace::too_slow().into(),
            Side::Upstream => {
                Failure::slow(format!("provider `{name}` stopped taking the request")).into()
            }
            Side::Nobody => ended,
        })
    }
}

impl Inner {
    /// An error where the form lacks its end.
    fn whole(&self) -> Result<()> {
        self.form.as_ref().map_or(Ok(()), Form::finish)
    }
}

/// What a piece becomes that a form's reader has seen.
fn read(form: &mut Option<Form>, piece: Bytes) -> Result<Bytes> {
    let Some(form) = form else {
        return Ok(piece);
    };
    form.feed(&piece)?;
    Ok(form.written().map_or(piece, Bytes::from))
}
