//! The model that counters are held against: it keeps every event for ever and adds up what a window has each time anew.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::{Amounts, Refusal, Reserved, Second, Standing, Subject};
use crate::resources::limit::{Limit, Span, Window};
use jiff::{Timestamp, ToSpan, civil::DateTime, tz::TimeZone};

/// One account of the model.
pub struct Naive {
    pub subject: Subject,
    pub limits: Vec<Limit>,
    /// What was used in which second.
    events: Vec<(Second, Amounts)>,
    running: Vec<Amounts>,
    /// By limit, how often it was in the way.
    pub refused: Vec<u64>,
}

/// The calendar window that a second lies in.
fn calendar(span: Span, at: Second) -> (Second, Second) {
    let zoned = Timestamp::from_second(i64::from(at)).unwrap();
    let time: DateTime = zoned.to_zoned(TimeZone::UTC).datetime();
    let day = time.date();
    let hour = day.at(time.hour(), 0, 0, 0);
    let (begin, length) = match span {
        Span::Minute => (day.at(time.hour(), time.minute(), 0, 0), 1.minute()),
        Span::Hour => (hour, 1.hour()),
        Span::Day => (day.at(0, 0, 0, 0), 1.day()),
        Span::Month => (day.first_of_month().at(0, 0, 0, 0), 1.month()),
    };
    let second = |time: DateTime| {
        let zoned = time.to_zoned(TimeZone::UTC).unwrap();
        u32::try_from(zoned.timestamp().as_second()).unwrap()
    };
    (second(begin), second(begin.checked_add(length).unwrap()))
}

impl Naive {
    pub fn new(subject: Subject, limits: &[Limit]) -> Naive {
        Naive {
            subject,
            limits: limits.to_vec(),
            events: Vec::new(),
            running: Vec::new(),
            refused: vec![0; limits.len()],
        }
    }

    /// What of the events counts for a limit at a time.
    fn counted(&self, limit: &Limit, now: Second) -> Vec<(Second, u64)> {
        let inside = |at: Second| match limit.window {
            Window::Total => true,
            Window::Now => false,
            Window::Rolling(span) => u64::from(at) + span.seconds() > u64::from(now),
            Window::Calendar(span) => {
                let (begin, end) = calendar(span, now);
                (begin..end).contains(&at)
            }
        };
        let events = self.events.iter().filter(|(at, _)| inside(*at));
        let mut counted: Vec<_> = events
            .map(|(at, used)| (*at, used.of(limit.metric)))
            .filter(|(_, used)| *used > 0)
            .collect();
        counted.sort();
        counted
    }

    pub fn used(&self, limit: &Limit, now: Second) -> u64 {
        self.counted(limit, now).iter().map(|(_, used)| used).sum()
    }

    fn held(&self, limit: &Limit) -> u64 {
        let running = self.running.iter();
        running.map(|it| it.held().of(limit.metric)).sum()
    }

    /// When so much of what is used counts no more.
    fn leaves(&self, limit: &Limit, much: u64, now: Second) -> Option<Second> {
        match limit.window {
            Window::Calendar(span) => Some(calendar(span, now).1),
            Window::Rolling(span) => {
                let mut gone = 0;
                let mut counted = self.counted(limit, now).into_iter();
                let last = counted.find(|(_, used)| {
                    gone += used;
                    gone >= much
                });
                last.map(|(at, _)| at + span.seconds() as u32)
            }
            _ => None,
        }
    }

    /// What is in the way of so much.
    pub fn refusals(&self, asked: &Amounts, now: Second, shadow: bool) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        for limit in self.limits.iter().filter(|it| it.shadow == shadow) {
            let (used, reserved) = (self.used(limit, now), self.held(limit));
            let asked = asked.of(limit.metric);
            if asked == 0 || used + reserved + asked <= limit.amount {
                continue;
            }
            let over = used + reserved + asked - limit.amount;
            let reset = match () {
                () if asked > limit.amount => None,
                () if over <= reserved => Some(now + 1),
                () => self.leaves(limit, over.min(used), now),
            };
            refusals.push(Refusal {
                subject: self.subject.clone(),
                limit: *limit,
                used,
                reserved,
                asked,
                reset,
                retry_after: reset.map(|reset| (reset - now).max(1)),
            });
        }
        refusals
    }

    pub fn note_refused(&mut self, asked: &Amounts, now: Second) {
        let mut over = self.refusals(asked, now, false);
        over.extend(self.refusals(asked, now, true));
        for (limit, refused) in self.limits.iter().zip(&mut self.refused) {
            *refused += u64::from(over.iter().any(|it| it.limit == *limit));
        }
    }

    pub fn reserve(&mut self, asked: &Amounts, now: Second) {
        self.running.push(*asked);
        let counts = Amounts {
            requests: asked.requests,
            ..Amounts::default()
        };
        self.events.push((now, counts));
    }

    pub fn settle(&mut self, reserved: &Reserved, used: &Amounts) {
        let is = |it: &Amounts| *it == reserved.amounts;
        let place = self.running.iter().position(is).unwrap();
        self.running.remove(place);
        let at_once = |(at, it): &(Second, Amounts)| {
            *at == reserved.at
                && *it
                    == Amounts {
                        requests: reserved.amounts.requests,
                        ..Amounts::default()
                    }
        };
        let place = self.events.iter().position(at_once).unwrap();
        self.events[place].1 = *used;
    }

    pub fn standings(&self, now: Second) -> Vec<Standing> {
        let standing = |(limit, refused): (&Limit, &u64)| {
            let (used, reserved) = (self.used(limit, now), self.held(limit));
            Standing {
                limit: *limit,
                used,
                reserved,
                refused: *refused,
                left: limit.amount.saturating_sub(used + reserved),
                reset: Some(used)
                    .filter(|used| *used > 0)
                    .and_then(|used| self.leaves(limit, used, now)),
            }
        };
        self.limits
            .iter()
            .zip(&self.refused)
            .map(standing)
            .collect()
    }
}
