//! When places of a list want to be looked at. Putting a look off costs nothing: the place is looked at when it first wanted
//! to be, and says then when it wants to be next. Pure; times are numbers on whatever clock.

use std::{cmp::Reverse, collections::BinaryHeap};

/// No time at all.
pub const NEVER: u64 = u64::MAX;

/// Places by when they want to be looked at.
#[derive(Default)]
pub struct Agenda {
    looks: BinaryHeap<Reverse<(u64, usize)>>,
    /// By place: the earliest of its looks, the one that counts.
    wanted: Vec<u64>,
}

impl Agenda {
    /// The place wants to be looked at by then, or earlier.
    pub fn want(&mut self, place: usize, at: u64) {
        if at == NEVER {
            return;
        }
        if self.wanted.len() <= place {
            self.wanted.resize(place + 1, NEVER);
        }
        if let Some(wanted) = self.wanted.get_mut(place).filter(|wanted| at < **wanted) {
            *wanted = at;
            self.looks.push(Reverse((at, place)));
        }
    }

    /// A place whose look is due by now. Once taken it is not looked at again unless it wants to be.
    pub fn take(&mut self, now: u64) -> Option<usize> {
        while let Some(&Reverse((at, place))) = self.looks.peek().filter(|look| look.0.0 <= now) {
            self.looks.pop();
            if let Some(wanted) = self.wanted.get_mut(place).filter(|wanted| **wanted == at) {
                *wanted = NEVER;
                return Some(place);
            }
        }
        None
    }

    /// When the next look is due at the earliest; [`NEVER`]: none is wanted.
    pub fn next(&self) -> u64 {
        self.looks.peek().map_or(NEVER, |look| look.0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, btree_map::Entry};

    #[test]
    fn what_is_put_off_is_looked_at_once_and_asked_anew() {
        let mut agenda = Agenda::default();
        assert_eq!((agenda.take(9), agenda.next()), (None, NEVER));
        agenda.want(3, 50);
        agenda.want(3, 90);
        agenda.want(3, NEVER);
        assert_eq!((agenda.take(49), agenda.next()), (None, 50));
        assert_eq!(agenda.take(50), Some(3));
        assert_eq!((agenda.take(1_000), agenda.next()), (None, NEVER));
        // Later, then earlier: the earlier counts, and the later is not looked at a second time.
        agenda.want(3, 90);
        agenda.want(3, 70);
        assert_eq!((agenda.take(80), agenda.take(100)), (Some(3), None));
    }

    proptest! {
        /// Whoever has what it wants looked up at each look sees every deadline, none of them early or late.
        #[test]
        fn deadlines_are_met_however_they_are_moved(
            steps in proptest::collection::vec((0..6usize, 0..200u64, 0..20u64), 1..200),
        ) {
            let (mut agenda, mut deadlines) = (Agenda::default(), BTreeMap::new());
            let mut now = 0;
            for (place, pause, pass) in steps {
                deadlines.insert(place, now + pause);
                agenda.want(place, now + pause);
                now += pass;
                while let Some(place) = agenda.take(now) {
                    if let Entry::Occupied(deadline) = deadlines.entry(place) {
                        match *deadline.get() <= now {
                            true => _ = deadline.remove(),
                            false => agenda.want(place, *deadline.get()),
                        }
                    }
                }
                prop_assert!(deadlines.values().all(|deadline| *deadline > now));
                let first = deadlines.values().copied().min().unwrap_or(NEVER);
                prop_assert!(agenda.next() <= first);
            }
        }
    }
}
