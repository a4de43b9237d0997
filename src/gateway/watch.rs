//! Timers, revocation and shutdown through one mechanism: every connection and request has a [`Watch`] in
//! its worker's list, and one coarse tick walks the list. No timer entry is made per request.

use super::Shared;
use crate::live::Running;
use crate::plan::Caller;
use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

/// How often the clock moves and watches are looked at; deadlines are never early and late by at most two.
pub const TICK: Duration = Duration::from_millis(25);

/// Why a watch interrupts what it guards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fired {
    Deadline,
    /// The key was revoked, disabled or expired, or its user was.
    Revoked,
    Shutdown,
}

/// One guarded connection or request.
pub struct Watch {
    /// Milliseconds on the worker's clock; `u64::MAX`: none.
    deadline: Cell<u64>,
    /// A later point the deadline may not pass, for limits in total.
    cap: Cell<u64>,
    fired: Cell<Option<Fired>>,
    /// When a silent stream wants its next ping; `u64::MAX`: never.
    ping: Cell<u64>,
    ping_due: Cell<bool>,
    /// Only the clock fires it.
    last: Cell<bool>,
    /// Whose request this is, and under which digest it came in.
    caller: RefCell<Option<([u8; 32], Arc<Caller>)>>,
    /// Where its request is being tried: provider and model.
    target: RefCell<Option<(Arc<str>, Arc<str>)>>,
    /// When it was made, on the worker's clock.
    made: u64,
    waker: RefCell<Option<Waker>>,
    slot: Cell<usize>,
}

/// A worker's list of watches and its clock.
pub struct Watches {
    slots: RefCell<Vec<Option<Rc<Watch>>>>,
    free: RefCell<Vec<usize>>,
    start: Instant,
    /// Milliseconds since the start as of the last tick: requests set several deadlines each, and none of them
    /// is worth asking the system for the time.
    now: Cell<u64>,
}

impl Default for Watches {
    fn default() -> Watches {
        Watches {
            slots: RefCell::default(),
            free: RefCell::default(),
            start: Instant::now(),
            now: Cell::new(0),
        }
    }
}

/// Keeps a watch in the list while it lives.
pub struct Guard {
    watch: Rc<Watch>,
    list: Rc<Watches>,
}

/// Sets the deadline of a guarded request from elsewhere: what the request waits for knows how long that may take.
pub struct Timer {
    watch: Rc<Watch>,
    list: Rc<Watches>,
}

impl Timer {
    /// Sets the deadline this far from now.
    pub fn within(&self, limit: Duration) {
        self.watch.set(self.list.after(limit));
    }
}

impl std::ops::Deref for Guard {
    type Target = Watch;
    fn deref(&self) -> &Watch {
        &self.watch
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let slot = self.watch.slot.get();
        if let Some(entry) = self.list.slots.borrow_mut().get_mut(slot) {
            *entry = None;
            self.list.free.borrow_mut().push(slot);
        }
    }
}

impl Guard {
    /// Sets the deadline this far from now; `None`: none.
    pub fn within(&self, limit: Option<Duration>) {
        self.set(limit.map_or(u64::MAX, |limit| self.list.after(limit)));
    }

    /// The same for those who are not the request.
    pub fn timer(&self) -> Timer {
        Timer {
            watch: self.watch.clone(),
            list: self.list.clone(),
        }
    }

    /// Limits everything from here on to this long in total.
    pub fn cap(&self, limit: Duration) {
        self.cap.set(self.list.after(limit));
    }

    /// All but over: what fired has been dealt with, and from here on nothing ends it but this limit, which no other
    /// one moves.
    pub fn only(&self, limit: Duration) {
        self.last.set(true);
        self.fired.set(None);
        self.cap(limit);
        self.within(None);
    }

    /// Whether the limit in total is what ran out.
    pub fn capped(&self) -> bool {
        self.cap.get() <= self.list.now()
    }

    /// What is left of the limit in total; `None`: there is none.
    pub fn left(&self) -> Option<Duration> {
        let cap = self.cap.get();
        (cap != u64::MAX).then(|| Duration::from_millis(cap.saturating_sub(self.list.now())))
    }

    /// Asks for a ping this far from now.
    pub fn ping_within(&self, pause: Duration) {
        self.ping.set(self.list.after(pause));
    }
}

impl Watch {
    /// Sets the deadline on the worker's clock, never behind the cap.
    fn set(&self, at: u64) {
        self.deadline.set(at.min(self.cap.get()));
    }

    /// From here on the request ends when this caller is no longer admitted.
    pub fn belongs_to(&self, digest: [u8; 32], caller: Arc<Caller>) {
        *self.caller.borrow_mut() = Some((digest, caller));
    }

    /// Where the request is being tried from here on.
    pub fn tried_at(&self, provider: &Arc<str>, model: &Arc<str>) {
        *self.target.borrow_mut() = Some((provider.clone(), model.clone()));
    }

    /// The request it guards, as others are told of it; `None`: it guards a connection, or a request nobody was let in for.
    fn running(&self, now: u64) -> Option<Running> {
        let caller = self.caller.borrow();
        let (_, caller) = caller.as_ref()?;
        Some(Running {
            key: caller.key.clone(),
            user: caller.user.clone(),
            target: self.target.borrow().clone(),
            age_ms: now.saturating_sub(self.made),
        })
    }

    pub fn fired(&self) -> Option<Fired> {
        self.fired.get()
    }

    /// Whether a ping is due; asking takes it.
    pub fn take_ping(&self) -> bool {
        self.ping_due.replace(false)
    }

    /// A deadline that fired is over once it has been dealt with (the next attempt has its own).
    pub fn rearm(&self) {
        if self.fired.get() == Some(Fired::Deadline) {
            self.fired.set(None);
        }
    }

    /// Remembers who to wake when the watch fires.
    pub fn listen(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        match &*waker {
            Some(known) if known.will_wake(cx.waker()) => {}
            _ => *waker = Some(cx.waker().clone()),
        }
    }

    /// Runs a future until it is done or the watch fires, whichever comes first.
    pub async fn run<F: Future>(&self, future: F) -> Result<F::Output, Fired> {
        let mut future = pin!(future);
        poll_fn(|cx| {
            if let Some(fired) = self.fired.get() {
                return Poll::Ready(Err(fired));
            }
            match future.as_mut().poll(cx) {
                Poll::Ready(output) => Poll::Ready(Ok(output)),
                Poll::Pending => {
                    self.listen(cx);
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Ends it as if its time were up.
    pub fn expire(&self) {
        self.fire(Fired::Deadline);
    }

    fn fire(&self, why: Fired) {
        self.fired.set(Some(why));
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

impl Watches {
    /// Milliseconds on this worker's clock.
    pub fn now(&self) -> u64 {
        self.now.get()
    }

    /// When this much more time will have passed for certain: the clock may be a tick behind.
    fn after(&self, pause: Duration) -> u64 {
        self.now()
            .saturating_add((pause.saturating_add(TICK)).as_millis() as u64)
    }

    pub fn add(self: &Rc<Watches>) -> Guard {
        let watch = Rc::new(Watch {
            deadline: Cell::new(u64::MAX),
            cap: Cell::new(u64::MAX),
            fired: Cell::new(None),
            ping: Cell::new(u64::MAX),
            ping_due: Cell::new(false),
            last: Cell::new(false),
            caller: RefCell::new(None),
            target: RefCell::new(None),
            made: self.now(),
            waker: RefCell::new(None),
            slot: Cell::new(0),
        });
        let mut slots = self.slots.borrow_mut();
        let slot = self.free.borrow_mut().pop().unwrap_or_else(|| {
            slots.push(None);
            slots.len() - 1
        });
        watch.slot.set(slot);
        slots[slot] = Some(watch.clone());
        Guard {
            watch,
            list: self.clone(),
        }
    }

    /// Looks at every watch once, for ever; the worker's task. `seen` remembers which snapshot callers
    /// were last checked against.
    pub async fn tick(self: Rc<Watches>, shared: Arc<Shared>) {
        let mut clock = tokio::time::interval(TICK);
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut checked_at = 0;
        let (mut seen, mut told) = (0, 0);
        loop {
            clock.tick().await;
            let serving = shared.serving.load();
            let now = self.start.elapsed().as_millis() as u64;
            // Expiry needs the wall clock; once a second is exact enough for it.
            let wall = jiff::Timestamp::now().as_millisecond();
            let check_callers = seen != serving.snapshot.revision() || now - checked_at >= 1_000;
            if check_callers {
                seen = serving.snapshot.revision();
                checked_at = now;
            }
            let stopping = shared.stopping.load(Ordering::Relaxed);
            let ending = shared.ending.load(Ordering::Relaxed);
            self.now.set(now);
            let asked = shared.live.asked();
            if told != asked {
                told = asked;
                let slots = self.slots.borrow();
                let running = slots
                    .iter()
                    .flatten()
                    .filter_map(|watch| watch.running(now));
                shared.live.runs(running.collect());
            }
            for watch in self.slots.borrow().iter().flatten() {
                if watch.fired.get().is_none() {
                    let others = !watch.last.get();
                    let revoked = check_callers
                        && others
                        && watch.caller.borrow().as_ref().is_some_and(|(digest, _)| {
                            !serving
                                .snapshot
                                .caller(digest, wall)
                                .is_some_and(|caller| caller.admitted(wall))
                        });
                    if revoked {
                        watch.fire(Fired::Revoked);
                    } else if ending && others {
                        watch.fire(Fired::Shutdown);
                    } else if watch.deadline.get() <= now {
                        watch.fire(Fired::Deadline);
                    }
                }
                if watch.ping.get() <= now {
                    watch.ping.set(u64::MAX);
                    watch.ping_due.set(true);
                    watch.wake();
                }
                if stopping {
                    watch.wake();
                }
            }
        }
    }
}
