//! One thing done to each of many, spread over the cores: what a start does to tens of thousands of records. Must not know what.

use std::{
    panic::resume_unwind,
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
    thread,
};

/// With fewer than this many for each thread none is worth its start.
const WORTH: usize = 256;

/// What becomes of each item, in their order.
pub fn map<T: Sync, U: Send>(items: &[T], each: impl Fn(&T) -> U + Sync) -> Vec<U> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = (items.len() / WORTH).clamp(1, cores);
    let share = items.len().div_ceil(threads).max(1);
    let (first, rest) = items.split_at(share.min(items.len()));
    thread::scope(|scope| {
        let each = &each;
        let others: Vec<_> = rest
            .chunks(share)
            .map(|chunk| scope.spawn(move || chunk.iter().map(each).collect::<Vec<U>>()))
            .collect();
        let mut all: Vec<U> = Vec::with_capacity(items.len());
        all.extend(first.iter().map(each));
        for other in others {
            all.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        all
    })
}

/// The same for items that are fetched one after the other while those that are there are worked on.
pub fn as_they_come<T: Send, U: Send>(
    items: impl Iterator<Item = T>,
    each: impl Fn(T) -> U + Sync,
) -> Vec<U> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (give, take) = mpsc::channel::<(usize, Vec<T>)>();
    let (take, done) = (Mutex::new(take), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let share = lock(&take).recv();
            let Ok((at, share)) = share else { break };
            let share: Vec<U> = share.into_iter().map(&each).collect();
            lock(&done).push((at, share));
        }
    };
    thread::scope(|scope| {
        let mut items = items.fuse();
        let mut helpers = 1..cores;
        for at in 0.. {
            let share: Vec<T> = items.by_ref().take(WORTH).collect();
            let full = share.len() == WORTH;
            // Nobody has let go of the other end.
            let _ = give.send((at, share));
            if !full {
                break;
            }
            if helpers.next().is_some() {
                scope.spawn(work);
            }
        }
        drop(give);
        work();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().flat_map(|(_, share)| share).collect()
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Two things at the same time.
pub fn both<T, U: Send>(here: impl FnOnce() -> T, there: impl FnOnce() -> U + Send) -> (T, U) {
    thread::scope(|scope| {
        let there = scope.spawn(there);
        let here = here();
        let there = there.join().unwrap_or_else(|panic| resume_unwind(panic));
        (here, there)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_done_once_and_the_order_stays() {
        for count in [0, 1, WORTH, 2 * WORTH - 1, 2 * WORTH, 10 * WORTH + 7] {
            let items: Vec<usize> = (0..count).collect();
            let doubled: Vec<usize> = items.iter().map(|item| item * 2).collect();
            assert_eq!(map(&items, |item| item * 2), doubled);
            assert_eq!(as_they_come(items.into_iter(), |item| item * 2), doubled);
        }
        assert_eq!(both(|| 1, || "two"), (1, "two"));
    }
}
