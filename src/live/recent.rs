//! The last hour: what came to an end in each second, and who was busy in the last minute. Pure; seconds are handed in.

use super::cell::Sum;
use crate::store::journal::sums::Histogram;
use std::collections::{HashMap, VecDeque};

/// Seconds that are remembered.
pub const HOUR: usize = 3_600;
/// Seconds that "now" means for percentiles and for who is busy.
pub const MINUTE: usize = 60;
/// The busy are counted in steps of so many seconds.
const STEP: u64 = 10;

/// What each of the last seconds came to.
#[derive(Debug, Default)]
pub struct Recent {
    /// The newest last, one a second.
    seconds: VecDeque<Sum>,
    /// The second of the newest.
    newest: u64,
    /// Times of the last minute, one a second; where nothing ended there is none.
    times: VecDeque<Option<Box<(Histogram, Histogram)>>>,
}

impl Recent {
    /// What came to an end up to this second and since the last call.
    pub fn note(&mut self, second: u64, sum: &Sum, latency: &Histogram, first: &Histogram) {
        let before = self.newest;
        let new = match self.seconds.is_empty() {
            true => 1,
            false => second.saturating_sub(before).min(HOUR as u64),
        };
        self.newest = second.max(before);
        for _ in 0..new {
            self.seconds.push_back(Sum::default());
            self.times.push_back(None);
        }
        while self.seconds.len() > HOUR {
            self.seconds.pop_front();
        }
        while self.times.len() > MINUTE {
            self.times.pop_front();
        }
        if let Some(last) = self.seconds.back_mut() {
            last.add(sum);
        }
        if latency.count > 0
            && let Some(last) = self.times.back_mut()
        {
            let (all, content) = &mut **last.get_or_insert_default();
            all.merge(latency);
            content.merge(first);
        }
    }

    /// The last so many seconds together.
    pub fn last(&self, seconds: usize) -> Sum {
        let mut all = Sum::default();
        let last = self.seconds.iter().rev().take(seconds);
        last.for_each(|sum| all.add(sum));
        all
    }

    /// The last so many seconds one by one, the oldest first.
    pub fn each(&self, seconds: usize) -> impl Iterator<Item = &Sum> {
        let from = self.seconds.len().saturating_sub(seconds);
        self.seconds.range(from..)
    }

    /// How long requests of the last minute took, and until their first content.
    pub fn times(&self) -> (Histogram, Histogram) {
        let mut all = (Histogram::default(), Histogram::default());
        for second in self.times.iter().flatten() {
            all.0.merge(&second.0);
            all.1.merge(&second.1);
        }
        all
    }
}

/// Who was busy in the last minute, by name.
#[derive(Debug, Default)]
pub struct Busy {
    /// By step, the newest last.
    steps: VecDeque<(u64, HashMap<Box<str>, Sum>)>,
}

impl Busy {
    pub fn note(&mut self, second: u64, name: &str, sum: &Sum) {
        let step = second / STEP;
        if self.steps.back().is_none_or(|(newest, _)| *newest < step) {
            self.steps.push_back((step, HashMap::new()));
        }
        if let Some((_, last)) = self.steps.back_mut() {
            match last.get_mut(name) {
                Some(all) => all.add(sum),
                None => _ = last.insert(name.into(), *sum),
            }
        }
        self.forget(second);
    }

    /// Lets go of what is older than a minute.
    pub fn forget(&mut self, second: u64) {
        let oldest = (second / STEP).saturating_sub(MINUTE as u64 / STEP - 1);
        while self.steps.front().is_some_and(|(step, _)| *step < oldest) {
            self.steps.pop_front();
        }
    }

    /// The busiest first.
    pub fn list(&self, most: usize) -> Vec<(String, Sum)> {
        let mut all: HashMap<&str, Sum> = HashMap::new();
        for (_, names) in &self.steps {
            for (name, sum) in names {
                all.entry(name).or_default().add(sum);
            }
        }
        let list = all.into_iter().map(|(name, sum)| (name.to_owned(), sum));
        let mut list: Vec<(String, Sum)> = list.collect();
        list.sort_by(|(a, one), (b, other)| {
            other.requests.cmp(&one.requests).then_with(|| a.cmp(b))
        });
        list.truncate(most);
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(requests: u64) -> Sum {
        Sum {
            requests,
            ..Sum::default()
        }
    }

    #[test]
    fn seconds_without_anything_count_as_such() {
        let mut recent = Recent::default();
        let mut fine = Histogram::default();
        fine.add(5);
        recent.note(100, &sum(1), &fine, &fine);
        recent.note(100, &sum(2), &Histogram::default(), &Histogram::default());
        recent.note(103, &sum(4), &fine, &fine);
        let each: Vec<u64> = recent.each(10).map(|sum| sum.requests).collect();
        assert_eq!(each, [3, 0, 0, 4]);
        assert_eq!((recent.last(2).requests, recent.last(60).requests), (4, 7));
        assert_eq!(recent.times().0.percentile(500), Some(5));
        // An hour of sleep.
        recent.note(100_000, &sum(8), &fine, &fine);
        assert_eq!(
            (recent.last(HOUR).requests, recent.seconds.len()),
            (8, HOUR)
        );
        // A clock that goes back.
        recent.note(50, &sum(1), &fine, &fine);
        assert_eq!(recent.last(1).requests, 9);
    }

    #[test]
    fn the_busy_are_those_of_the_last_minute() {
        let mut busy = Busy::default();
        busy.note(0, "a", &sum(9));
        busy.note(55, "b", &sum(2));
        busy.note(59, "b", &sum(1));
        let shown = |busy: &Busy| -> Vec<(String, u64)> {
            let list = busy.list(9).into_iter();
            list.map(|(name, sum)| (name, sum.requests)).collect()
        };
        assert_eq!(shown(&busy), [("a".into(), 9), ("b".into(), 3)]);
        assert_eq!(busy.list(1).len(), 1);
        busy.forget(60);
        assert_eq!(shown(&busy), [("b".into(), 3)]);
        busy.forget(1_000);
        assert_eq!(shown(&busy), []);
    }
}
