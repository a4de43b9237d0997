//! A store on a thread of its own. Keyring clients block on prompts, start runtimes and poison their locks
//! when they panic; here each of that costs one thread and one error, and the next call starts afresh.

use crate::error::{Error, Kind, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How many threads may hang in a call that never returns before new ones are no longer tried.
const STUCK_MOST: usize = 4;

const WAITING: u8 = 0;
const STARTED: u8 = 1;
const ABANDONED: u8 = 2;

type Open<S> = dyn Fn() -> Result<S> + Send + Sync;
/// Gets the store, or why there is none; says whether the store is still good for the next call.
type Job<S> = Box<dyn FnOnce(Result<&S>) -> bool + Send>;

/// Runs calls one after another on a thread that owns the store.
pub struct Worker<S> {
    open: Arc<Open<S>>,
    patience: Duration,
    jobs: Mutex<Line<S>>,
    /// Threads that have not ended: the present one and those that hang.
    alive: Arc<AtomicUsize>,
}

/// The way to the present thread. `generation` tells it from the ones it replaced.
struct Line<S> {
    generation: u64,
    sender: Option<Sender<Job<S>>>,
}

impl<S: 'static> Worker<S> {
    /// `open` runs on the worker's thread, at the first call and again whenever a thread was given up.
    pub fn new(
        patience: Duration,
        open: impl Fn() -> Result<S> + Send + Sync + 'static,
    ) -> Worker<S> {
        Worker {
            open: Arc::new(open),
            patience,
            jobs: Mutex::new(Line {
                generation: 0,
                sender: None,
            }),
            alive: Arc::default(),
        }
    }

    /// Runs `job` on the thread and waits for it, no longer than the patience.
    pub fn call<R: Send + 'static>(
        &self,
        job: impl FnOnce(&S) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        let (reply, answer) = mpsc::channel();
        let state = Arc::new(AtomicU8::new(WAITING));
        let mine = state.clone();
        let generation = self.send(Box::new(move |store| {
            // A caller that stopped waiting gets nothing done behind its back.
            if mine
                .compare_exchange(WAITING, STARTED, Ordering::AcqRel, Ordering::Acquire)
                .is_err()
            {
                return true;
            }
            let answer = store.and_then(job);
            // A connection to a daemon that went away does not heal by itself: the next call opens anew.
            let keep = !matches!(&answer, Err(error) if error.kind == Kind::Unavailable);
            let _ = reply.send(answer);
            keep
        }))?;
        match answer.recv_timeout(self.patience) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => {
                self.give_up(generation);
                let begun = state
                    .compare_exchange(WAITING, ABANDONED, Ordering::AcqRel, Ordering::Acquire)
                    .is_err();
                Err(slow(self.patience, begun))
            }
            Err(RecvTimeoutError::Disconnected) => {
                self.give_up(generation);
                Err(Error::new(
                    Kind::Unavailable,
                    "the secret store failed in the middle of the call",
                )
                .hint("try again; gw starts it anew"))
            }
        }
    }

    /// Hands the job to the thread, starting one where there is none.
    fn send(&self, job: Job<S>) -> Result<u64> {
        let mut line = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let job = match &line.sender {
            Some(sender) => match sender.send(job) {
                Ok(()) => return Ok(line.generation),
                Err(mpsc::SendError(job)) => job,
            },
            None => job,
        };
        if self.alive.load(Ordering::Acquire) >= STUCK_MOST {
            return Err(slow(self.patience, false));
        }
        let sender = self.start()?;
        // The thread has just started and waits for this; were it gone, the reply's end would tell.
        let _ = sender.send(job);
        line.generation += 1;
        line.sender = Some(sender);
        Ok(line.generation)
    }

    fn start(&self) -> Result<Sender<Job<S>>> {
        let (sender, jobs) = mpsc::channel::<Job<S>>();
        let open = self.open.clone();
        self.alive.fetch_add(1, Ordering::AcqRel);
        let counted = Counted(self.alive.clone());
        std::thread::Builder::new()
            .name("gw-secrets".to_owned())
            .spawn(move || {
                let _counted = counted;
                // Ends when the senders are gone or a call panics; the store is dropped on the thread that made it.
                let _ = catch_unwind(AssertUnwindSafe(|| serve(&*open, jobs)));
            })
            .map_err(|error| {
                Error::internal("cannot start a thread for the secret store")
                    .cause(error)
                    .hint("raise the limit on threads")
            })?;
        Ok(sender)
    }

    /// Leaves the thread to itself, unless another caller did so already.
    fn give_up(&self, generation: u64) {
        let mut line = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if line.generation == generation {
            line.sender = None;
        }
    }
}

fn serve<S>(open: &Open<S>, jobs: Receiver<Job<S>>) {
    let mut store = None;
    for job in jobs {
        let opened = match store.take() {
            Some(store) => Ok(store),
            None => open(),
        };
        match opened {
            Ok(opened) => {
                if job(Ok(&opened)) {
                    store = Some(opened);
                }
            }
            Err(error) => {
                job(Err(error));
            }
        }
    }
}

/// One living thread, in the count while it lives.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn slow(patience: Duration, begun: bool) -> Error {
    let error = Error::new(
        Kind::Unavailable,
        format!(
            "the secret store did not answer within {} s",
            patience.as_secs_f32()
        ),
    );
    error.hint(if begun {
        "answer or dismiss its prompt, then look whether the change was made and try again"
    } else {
        "answer or dismiss its prompt, then try again; nothing was changed"
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use std::thread::{self, ThreadId};

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(30);

    /// A store that remembers which instance it is.
    fn counting(patience: Duration) -> (Worker<usize>, Arc<AtomicUsize>) {
        let opened = Arc::new(AtomicUsize::new(0));
        let counter = opened.clone();
        (
            Worker::new(patience, move || {
                Ok(counter.fetch_add(1, Ordering::SeqCst) + 1)
            }),
            opened,
        )
    }

    #[test]
    fn every_call_runs_on_one_thread() {
        let (worker, opened) = counting(LONG);
        let ids: Vec<ThreadId> = thread::scope(|scope| {
            let calls: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| worker.call(|_| Ok(thread::current().id())).unwrap()))
                .collect();
            calls.into_iter().map(|call| call.join().unwrap()).collect()
        });
        assert!(
            ids.iter()
                .all(|id| *id == ids[0] && *id != thread::current().id())
        );
        assert_eq!(opened.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_panic_costs_one_call() {
        let (worker, _) = counting(LONG);
        assert_eq!(worker.call(|store| Ok(*store)).unwrap(), 1);
        let error = worker
            .call::<()>(|_| panic!("as poisoned clients do"))
            .unwrap_err();
        assert_eq!(error.kind, Kind::Unavailable);
        assert_eq!(worker.call(|store| Ok(*store)).unwrap(), 2);
    }

    #[test]
    fn a_store_that_does_not_open_is_tried_again() {
        let tries = AtomicUsize::new(0);
        let worker = Worker::new(LONG, move || match tries.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Err(Error::new(Kind::Unavailable, "not yet")),
            _ => Ok(()),
        });
        assert_eq!(worker.call(|()| Ok(())).unwrap_err().message, "not yet");
        assert_eq!(worker.call(|()| Ok(())).unwrap_err().message, "not yet");
        worker.call(|()| Ok(())).unwrap();
    }

    #[test]
    fn a_store_that_went_away_is_opened_anew() {
        let (worker, _) = counting(LONG);
        assert_eq!(worker.call(|store| Ok(*store)).unwrap(), 1);
        assert!(
            worker
                .call::<()>(|_| Err(Error::invalid("the caller's mistake")))
                .is_err()
        );
        assert_eq!(worker.call(|store| Ok(*store)).unwrap(), 1);
        assert!(
            worker
                .call::<()>(|_| Err(Error::new(Kind::Unavailable, "gone")))
                .is_err()
        );
        assert_eq!(worker.call(|store| Ok(*store)).unwrap(), 2);
    }

    #[test]
    fn a_hanging_call_is_left_behind() {
        let (worker, _) = counting(SHORT);
        let (release, held) = mpsc::channel::<()>();
        let error = worker
            .call(move |_| held.recv().map_err(|_| Error::internal("let go")))
            .unwrap_err();
        assert_eq!(error.kind, Kind::Unavailable);
        assert!(error.hint.unwrap().contains("whether the change was made"));
        // The next one gets a thread and a store of its own. It may be slow on a busy machine: retried.
        let second = (0..STUCK_MOST).find_map(|_| worker.call(|store| Ok(*store)).ok());
        assert!(second.unwrap() > 1);
        drop(release);
    }

    #[test]
    fn what_waits_behind_a_hanging_call_is_not_done_later() {
        let (worker, _) = counting(SHORT);
        let worker = Arc::new(worker);
        let (release, held) = mpsc::channel::<()>();
        let (begun, running) = mpsc::channel::<()>();
        let (ended, finished) = mpsc::channel::<()>();
        let hanging = {
            let worker = worker.clone();
            thread::spawn(move || {
                worker.call(move |_| {
                    let _ = begun.send(());
                    let _ = held.recv();
                    drop(ended);
                    Ok(())
                })
            })
        };
        running.recv().unwrap();
        let sender = worker.jobs.lock().unwrap().sender.clone();
        let done = Arc::new(AtomicUsize::new(0));
        let late = done.clone();
        let behind = worker.call(move |_| Ok(late.fetch_add(1, Ordering::SeqCst)));
        // Given up while it waited, it must never run; otherwise it ran, on this thread's successor.
        let given_up = matches!(&behind, Err(error) if error.hint.as_deref().is_some_and(|hint| hint.contains("nothing was changed")));
        assert!(hanging.join().unwrap().is_err());
        drop(release);
        assert!(
            finished.recv().is_err(),
            "the hanging call has come to its end"
        );
        // A job sent down the old line comes after whatever was queued there.
        let (passed, through) = mpsc::channel::<()>();
        if let Some(sender) = sender {
            let _ = sender.send(Box::new(move |_| {
                drop(passed);
                true
            }));
        }
        let _ = through.recv();
        assert_eq!(done.load(Ordering::SeqCst), usize::from(!given_up));
    }

    fn all_end(alive: &AtomicUsize) {
        crate::wait::until("every thread has ended", || {
            (alive.load(Ordering::SeqCst) == 0).then_some(())
        });
    }

    #[test]
    fn threads_that_hang_are_bounded_and_come_back() {
        let (worker, opened) = counting(SHORT);
        let (release, held) = mpsc::channel::<()>();
        let held = Arc::new(Mutex::new(held));
        for _ in 0..20 {
            let held = held.clone();
            let call = worker.call(move |_| {
                held.lock()
                    .unwrap()
                    .recv()
                    .map_err(|_| Error::internal("let go"))
            });
            assert!(call.is_err());
        }
        assert!(opened.load(Ordering::SeqCst) <= STUCK_MOST);
        drop(release);
        all_end(&worker.alive);
        crate::wait::until("it answers again", || worker.call(|_| Ok(())).ok());
    }

    #[test]
    fn the_thread_ends_with_the_worker() {
        let (worker, _) = counting(LONG);
        worker.call(|_| Ok(())).unwrap();
        let alive = worker.alive.clone();
        assert_eq!(alive.load(Ordering::SeqCst), 1);
        drop(worker);
        all_end(&alive);
    }
}
