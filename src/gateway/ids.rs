//! Ids of requests: ULIDs in the order in which the workers take them, whatever the wall clock does. The time in one is
//! the wall clock's, but never before that of an earlier id; a counter tells those of one millisecond apart. Must not
//! know what ids are for.

use std::sync::atomic::{AtomicU64, Ordering};
use ulid::Ulid;

/// What every id begins with.
const PREFIX: &str = "req_";
/// Bits of the counter behind the millisecond.
const COUNTER: u32 = 16;

/// Where all workers take their ids from.
#[derive(Debug, Default)]
pub struct Ids {
    /// Millisecond and counter of the newest one.
    last: AtomicU64,
}

impl Ids {
    /// Ids that come after this one, which may be no id.
    pub fn after(newest: Option<&str>) -> Ids {
        let newest = newest
            .and_then(|id| Ulid::from_string(id.strip_prefix(PREFIX)?).ok())
            .map_or(0, |id| (id.0 >> (128 - 48 - COUNTER)) as u64);
        Ids {
            last: AtomicU64::new(newest),
        }
    }

    /// The next id; `wall` is in milliseconds, and the random bits keep ids from being guessed.
    pub fn next(&self, wall: i64, random: u64) -> String {
        let wall = u64::try_from(wall).unwrap_or(0) << COUNTER;
        let next = |last: u64| Some(wall.max(last.saturating_add(1)));
        let last = match self
            .last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
        {
            Ok(last) | Err(last) => last,
        };
        let high = wall.max(last.saturating_add(1));
        let id = Ulid((u128::from(high) << 64) | u128::from(random));
        let mut text = [0; ulid::ULID_LEN];
        let mut out = String::with_capacity(PREFIX.len() + ulid::ULID_LEN);
        out.push_str(PREFIX);
        out.push_str(id.array_to_str(&mut text));
        out
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use std::sync::Arc;

    const NOW: i64 = 1_790_000_000_000;

    #[test]
    fn the_time_of_an_id_is_the_wall_clocks() {
        let id = Ids::default().next(NOW, 7);
        let ulid = Ulid::from_string(id.strip_prefix(PREFIX).unwrap()).unwrap();
        assert_eq!((ulid.timestamp_ms(), ulid.0 as u64), (NOW as u64, 7));
    }

    #[test]
    fn ids_of_many_workers_are_in_the_order_in_which_they_are_taken() {
        let ids = Arc::new(Ids::default());
        let mut all: Vec<String> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|worker| {
                    let ids = ids.clone();
                    scope.spawn(move || {
                        let taken: Vec<String> = (0..5000)
                            .map(|_| ids.next(NOW, u64::MAX - worker))
                            .collect();
                        assert!(taken.is_sorted(), "each sees its own in order");
                        taken
                    })
                })
                .collect();
            workers
                .into_iter()
                .flat_map(|worker| worker.join().unwrap())
                .collect()
        });
        assert!(all.iter().all(|id| *id < ids.next(NOW, 0)));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 20_000);
    }

    #[test]
    fn ids_never_go_back_when_the_clock_does() {
        let ids = Ids::default();
        let walls = [NOW, NOW + 5_000_000_000, NOW, NOW + 1, 0, i64::MIN, NOW + 2];
        let taken: Vec<String> = walls.iter().map(|wall| ids.next(*wall, 0)).collect();
        assert!(taken.is_sorted(), "{taken:?}");
        // A gateway that starts anew goes on behind them.
        let newest = taken.last().unwrap();
        assert!(Ids::after(Some(newest)).next(NOW, 0) > *newest);
    }

    #[test]
    fn the_last_id_there_can_be_is_no_trouble() {
        for newest in [
            "req_7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
            "req_",
            "",
            "adm_1",
            "req_8",
            "x",
        ] {
            let ids = Ids::after(Some(newest));
            let (one, other) = (ids.next(NOW, 1), ids.next(NOW, 2));
            assert!(one < other, "{newest}");
        }
    }
}
