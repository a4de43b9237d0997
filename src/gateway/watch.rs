//! Timers, revocation and shutdown through one mechanism: every connection and request has a [`Watch`] in its worker's list,
//! and one task looks at those whose time has come, or at all of them when something has changed that concerns them. No
//! timer of the runtime's is set per request, and where nothing is due nothing is looked at.

use super::{
    Serving, Shared,
    agenda::{Agenda, NEVER},
    ticks::Ticks,
};
use crate::live::Running;
use crate::plan::Caller;
use crate::spare;
use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

/// Milliseconds after which callers are looked at again though no record has changed: keys expire by the wall clock.
const CALLERS: u64 = 1_000;
/// Milliseconds that a worker rests before it gives back what memory it can spare.
const SPARE: u64 = 1_000;

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
    /// Milliseconds on the worker's clock, or [`NEVER`]. It fires never early, and late by two ticks at most.
    deadline: Cell<u64>,
    /// A later point the deadline may not pass, for limits in total.
    cap: Cell<u64>,
    fired: Cell<Option<Fired>>,
    /// When a silent stream wants its next ping; or [`NEVER`].
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
#[derive(Default)]
pub struct Watches {
    slots: RefCell<Vec<Option<Rc<Watch>>>>,
    free: RefCell<Vec<usize>>,
    /// When slots are to be looked at: whatever watch is there then.
    agenda: RefCell<Agenda>,
    clock: Ticks,
    /// Watches that belong to a caller.
    owned: Cell<usize>,
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
        self.list.set(&self.watch, self.list.clock.after(limit));
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
        if self.watch.caller.borrow().is_some() {
            self.list.owned.set(self.list.owned.get() - 1);
        }
        // Who looks after what has ended is told also where it ended in the middle of a rest.
        self.list.now();
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
        let at = limit.map_or(NEVER, |limit| self.list.clock.after(limit));
        self.list.set(&self.watch, at);
    }

    /// Runs a future until it is done, or until this long has passed, or the watch fires for something else. What is done
    /// at once is not timed: nobody asks how long it may take.
    pub async fn run_within<F: Future>(
        &self,
        limit: impl Fn() -> Duration,
        future: F,
    ) -> Result<F::Output, Fired> {
        let mut future = pin!(future);
        let mut timed = false;
        let done = poll_fn(|cx| {
            let polled = future.as_mut().poll(cx);
            if polled.is_pending() && !std::mem::replace(&mut timed, true) {
                self.within(Some(limit()));
            }
            polled
        });
        self.run(done).await
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
        self.cap.set(self.list.clock.after(limit));
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
        (cap != NEVER).then(|| Duration::from_millis(cap.saturating_sub(self.list.now())))
    }

    /// Asks for a ping this far from now.
    pub fn ping_within(&self, pause: Duration) {
        self.ping.set(self.list.clock.after(pause));
        self.list.look_at(&self.watch);
    }

    /// A deadline that fired is over once it has been dealt with (the next attempt has its own).
    pub fn rearm(&self) {
        if self.fired.get() == Some(Fired::Deadline) {
            self.fired.set(None);
            self.list.set(&self.watch, self.deadline.get());
        }
    }

    /// From here on the request ends when this caller is no longer admitted.
    pub fn belongs_to(&self, digest: [u8; 32], caller: Arc<Caller>) {
        if self.caller.replace(Some((digest, caller))).is_none() {
            self.list.owned.set(self.list.owned.get() + 1);
        }
    }
}

impl Watch {
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

    /// Whether something other than its time may end it now.
    fn heeds_others(&self) -> bool {
        self.fired.get().is_none() && !self.last.get()
    }

    /// Does what is due by now.
    fn pass(&self, now: u64) {
        if self.deadline.get() <= now && self.fired.get().is_none() {
            self.fire(Fired::Deadline);
        }
        if self.ping.get() <= now {
            self.ping.set(NEVER);
            self.ping_due.set(true);
            self.wake();
        }
    }

    /// When it has something due; what has fired has no deadline.
    fn due(&self) -> u64 {
        match self.fired.get() {
            None => self.deadline.get().min(self.ping.get()),
            Some(_) => self.ping.get(),
        }
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// What the watches have been looked at for.
#[derive(Default)]
struct Seen {
    revision: u64,
    /// Asked for a list of what runs, so many times.
    asked: u64,
    callers: u64,
    stopping: bool,
}

impl Watches {
    /// Milliseconds on this worker's clock.
    pub fn now(&self) -> u64 {
        self.clock.now()
    }

    pub fn add(self: &Rc<Watches>) -> Guard {
        let watch = Rc::new(Watch {
            deadline: Cell::new(NEVER),
            cap: Cell::new(NEVER),
            fired: Cell::new(None),
            ping: Cell::new(NEVER),
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

    /// Sets a watch's deadline, never behind its cap. Whoever looks after the watches is told, where it rested.
    fn set(&self, watch: &Watch, at: u64) {
        self.clock.now();
        watch.deadline.set(at.min(watch.cap.get()));
        self.look_at(watch);
    }

    /// Has a watch looked at when it has something due.
    fn look_at(&self, watch: &Watch) {
        let mut agenda = self.agenda.borrow_mut();
        agenda.want(watch.slot.get(), watch.due());
    }

    /// Looks after the watches for ever; the worker's task.
    pub async fn tend(self: Rc<Watches>, shared: Arc<Shared>) {
        let mut news = shared.news();
        let mut seen = Seen::default();
        let mut awake = false;
        let mut spare = NEVER;
        loop {
            let now = self.look(&shared, &mut seen);
            if std::mem::replace(&mut awake, self.clock.is_seen()) != awake {
                shared.worker_is_awake(awake);
                spare = if awake { NEVER } else { now + SPARE };
            }
            if now >= spare {
                spare::give_back();
                spare = NEVER;
            }
            let callers = match self.owned.get() {
                0 => NEVER,
                _ => seen.callers + CALLERS,
            };
            // While running requests are ended each that comes is.
            let ending = match shared.is_ending() {
                true => 0,
                false => NEVER,
            };
            let next = self.agenda.borrow().next();
            let due = next.min(callers).min(ending).min(spare);
            tokio::select! {
                _ = news.changed() => {}
                () = self.clock.pass(due) => {}
            }
        }
    }

    /// What time it is.
    fn look(&self, shared: &Shared, seen: &mut Seen) -> u64 {
        let now = self.clock.set();
        let serving = shared.serving.load();
        let revision = serving.snapshot.revision();
        if self.owned.get() > 0 && (seen.revision != revision || now >= seen.callers + CALLERS) {
            seen.callers = now;
            self.end_revoked(&serving);
        }
        seen.revision = revision;
        let asked = shared.live.asked();
        if std::mem::replace(&mut seen.asked, asked) != asked {
            let slots = self.slots.borrow();
            let running = slots.iter().flatten();
            let running = running.filter_map(|watch| watch.running(now));
            shared.live.runs(running.collect());
        }
        if shared.is_ending() {
            self.each(|watch| {
                if watch.heeds_others() {
                    watch.fire(Fired::Shutdown);
                }
            });
        }
        // Who is served on a connection sees for itself that it is to be the last.
        if shared.is_stopping() && !std::mem::replace(&mut seen.stopping, true) {
            self.each(Watch::wake);
        }
        let (slots, mut agenda) = (self.slots.borrow(), self.agenda.borrow_mut());
        while let Some(slot) = agenda.take(now) {
            if let Some(Some(watch)) = slots.get(slot) {
                watch.pass(now);
                agenda.want(slot, watch.due());
            }
        }
        now
    }

    /// Ends the requests of callers that are not admitted any more.
    fn end_revoked(&self, serving: &Serving) {
        let wall = jiff::Timestamp::now().as_millisecond();
        self.each(|watch| {
            let revoked = |(digest, _): &([u8; 32], Arc<Caller>)| {
                let caller = serving.snapshot.caller(digest, wall);
                !caller.is_some_and(|caller| caller.admitted(wall))
            };
            if watch.heeds_others() && watch.caller.borrow().as_ref().is_some_and(revoked) {
                watch.fire(Fired::Revoked);
            }
        });
    }

    fn each(&self, with: impl Fn(&Watch)) {
        self.slots
            .borrow()
            .iter()
            .flatten()
            .for_each(|watch| with(watch));
    }
}
