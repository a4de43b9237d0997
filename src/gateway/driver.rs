//! The work of an upstream connection: reading and writing, which HTTP leaves to a future beside the requests. A task does
//! it, unless it is lent to the one request whose answer is being read: then what arrives wakes that request and no task
//! between, and the request knows when nothing more has arrived. Must not know what is read.

use bytes::Bytes;
use http_body::{Body as _, Frame};
use hyper::body::Incoming;
use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

/// What does the work of one connection.
pub struct Driver(Rc<Work>);

type Working = Pin<Box<dyn Future<Output = ()>>>;

struct Work {
    /// `None`: the connection has ended.
    future: RefCell<Option<Working>>,
    lent: Cell<bool>,
    /// Wakes the task.
    task: RefCell<Option<Waker>>,
}

impl Driver {
    /// Has a task do the work from now on. It ends by itself when the connection does.
    pub fn spawn(work: impl Future<Output = ()> + 'static) -> Driver {
        let work = Rc::new(Work {
            future: RefCell::new(Some(Box::pin(work))),
            lent: Cell::new(false),
            task: RefCell::default(),
        });
        let own = work.clone();
        tokio::task::spawn_local(poll_fn(move |cx| own.by_the_task(cx)));
        Driver(work)
    }

    /// Lends the work until the loan is dropped. Who has it must poll it for as long as it waits for the connection.
    pub fn lend(&self) -> Loan {
        self.0.lent.set(true);
        Loan(self.0.clone())
    }
}

impl Work {
    fn by_the_task(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut task = self.task.borrow_mut();
        if !task.as_ref().is_some_and(|it| it.will_wake(cx.waker())) {
            *task = Some(cx.waker().clone());
        }
        drop(task);
        match self.lent.get() && self.future.borrow().is_some() {
            true => Poll::Pending,
            false => self.go_on(cx),
        }
    }

    fn go_on(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut future = self.future.borrow_mut();
        let ended = match &mut *future {
            Some(work) => work.as_mut().poll(cx).is_ready(),
            None => true,
        };
        if ended {
            *future = None;
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

/// The work of a connection in the hands of a request.
pub struct Loan(Rc<Work>);

impl Drop for Loan {
    fn drop(&mut self) {
        self.0.lent.set(false);
        if let Some(task) = &*self.0.task.borrow() {
            task.wake_by_ref();
        }
    }
}

/// The body of an answer, and the work of its connection where it is lent.
pub struct Driven {
    incoming: Incoming,
    lent: Option<Lent>,
}

struct Lent {
    loan: Loan,
    signal: Arc<Signal>,
    /// Gives the signal.
    waker: Waker,
}

/// Body and connection wake each other, and both are in one hand here: who reads is not to be woken by its own reading, nor
/// to look at the connection when that has nothing to say.
struct Signal {
    /// There is work to be done.
    due: AtomicBool,
    /// The reader waits for it.
    awaited: AtomicBool,
    reader: Mutex<Waker>,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.due.store(true, Ordering::Release);
        if self.awaited.swap(false, Ordering::AcqRel)
            && let Ok(reader) = self.reader.lock()
        {
            reader.wake_by_ref();
        }
    }
}

impl Signal {
    /// Whether there was work to be done, which is then taken up.
    fn take(&self) -> bool {
        self.due.swap(false, Ordering::AcqRel)
    }

    /// Has the reader woken when there is work.
    fn awaited_by(&self, cx: &Context<'_>) {
        if let Ok(mut reader) = self.reader.lock()
            && !reader.will_wake(cx.waker())
        {
            reader.clone_from(cx.waker());
        }
        self.awaited.store(true, Ordering::Release);
    }
}

/// How often a connection is asked to go on before others get their turn.
const TURNS: usize = 2;

impl Driven {
    pub fn new(incoming: Incoming, loan: Option<Loan>) -> Driven {
        let lent = loan.map(|loan| {
            let signal = Arc::new(Signal {
                due: AtomicBool::new(true),
                awaited: AtomicBool::new(false),
                reader: Mutex::new(Waker::noop().clone()),
            });
            Lent {
                loan,
                waker: signal.clone().into(),
                signal,
            }
        });
        Driven { incoming, lent }
    }

    /// Gives the work back: others may be waiting for the connection.
    pub fn give_back(&mut self) {
        self.lent = None;
    }

    /// The next piece. Where the work is lent and nothing comes, nothing more has arrived.
    pub fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(lent) = &self.lent else {
            return Pin::new(&mut self.incoming).poll_frame(cx);
        };
        let mut own = Context::from_waker(&lent.waker);
        lent.signal.awaited.store(false, Ordering::Release);
        let mut turns = 0;
        let polled = loop {
            let polled = Pin::new(&mut self.incoming).poll_frame(&mut own);
            if polled.is_ready() {
                break polled;
            }
            if !lent.signal.take() {
                lent.signal.awaited_by(cx);
                // It may have come before that was said.
                if lent.signal.due.load(Ordering::Acquire) {
                    cx.waker().wake_by_ref();
                }
                return Poll::Pending;
            }
            if turns == TURNS {
                lent.signal.due.store(true, Ordering::Release);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            turns += 1;
            let _ = lent.loan.0.go_on(&mut own);
        };
        if let Poll::Ready(None | Some(Err(_))) = polled {
            self.give_back();
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    /// Done once it has been polled so often.
    fn work(left: usize) -> (Rc<Cell<usize>>, impl Future<Output = ()>) {
        let polled = Rc::new(Cell::new(0));
        let counted = polled.clone();
        let work = poll_fn(move |_| {
            counted.set(counted.get() + 1);
            match counted.get() < left {
                true => Poll::Pending,
                false => Poll::Ready(()),
            }
        });
        (polled, work)
    }

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_is_lent_is_left_alone_by_its_task_until_it_is_given_back() {
        let local = tokio::task::LocalSet::new();
        local
            .run_until(async {
                let (polled, work) = work(4);
                let driver = Driver::spawn(work);
                tokio::task::yield_now().await;
                assert_eq!(polled.get(), 1);
                let loan = driver.lend();
                let cx = &mut Context::from_waker(Waker::noop());
                assert!(loan.0.go_on(cx).is_pending());
                assert_eq!(polled.get(), 2);
                tokio::task::yield_now().await;
                assert_eq!(polled.get(), 2);
                drop(loan);
                tokio::task::yield_now().await;
                assert_eq!(polled.get(), 3);
            })
            .await;
    }

    #[test]
    fn giving_back_wakes_the_task_and_the_end_is_the_end_for_both() {
        let (polled, work) = work(3);
        let work = Rc::new(Work {
            future: RefCell::new(Some(Box::pin(work))),
            lent: Cell::new(false),
            task: RefCell::default(),
        });
        let driver = Driver(work.clone());
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        let task = &mut Context::from_waker(&waker);
        assert!(work.by_the_task(task).is_pending());
        let loan = driver.lend();
        assert!(work.by_the_task(task).is_pending());
        assert_eq!((polled.get(), wakes.0.load(Ordering::Relaxed)), (1, 0));
        drop(loan);
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert!(work.by_the_task(task).is_pending());
        let loan = driver.lend();
        assert!(loan.0.go_on(task).is_ready() && loan.0.go_on(task).is_ready());
        assert!(work.by_the_task(task).is_ready());
        assert_eq!(polled.get(), 3);
    }

    #[test]
    fn a_reader_is_woken_once_and_only_while_it_waits() {
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        let signal = Arc::new(Signal {
            due: AtomicBool::new(true),
            awaited: AtomicBool::new(false),
            reader: Mutex::new(Waker::noop().clone()),
        });
        let given = Waker::from(signal.clone());
        let woken = || wakes.0.load(Ordering::Relaxed);
        given.wake_by_ref();
        assert!(signal.take() && !signal.take());
        signal.awaited_by(&Context::from_waker(&waker));
        assert_eq!(woken(), 0);
        given.wake_by_ref();
        given.wake_by_ref();
        assert_eq!(woken(), 1);
        assert!(signal.take() && !signal.take());
    }
}
