//! What one account has used in each window and what it holds for requests that run. Time is told, and where it is told out of
//! order the latest holds. Must not know of other accounts, threads or files.

mod unsaved;

use super::period::{Period, SPANS};
use super::trail::{Cell, Trail};
use super::{Amounts, Refusal, Second, Standing, Subject};
use crate::resources::limit::{Limit, Metric, Window};
pub use unsaved::Change;
use unsaved::{New, Unsaved};

/// What an account takes at most in memory, whatever its traffic and its limits (those, which are few, not counted).
pub const MOST_BYTES: usize = 32 << 10;
/// Of that for what is used by second, in all.
const TRAILS: usize = MOST_BYTES - (2 << 10);
/// For a window of a minute: as much as it can come to.
const MINUTE: usize = 800;
/// What is made ahead in each that is longer.
const AHEAD: usize = 1 << 10;

/// How long waits that have no end that is known are: requests that run end when they do.
const SOON: u32 = 1;

/// What one account has used.
#[derive(Debug, Default)]
pub struct Ledger {
    limits: Box<[Limit]>,
    /// How often each limit was in the way.
    refused: Box<[u64]>,
    /// Of the record the limits are from.
    version: u64,
    /// The latest second that was told.
    now: Second,
    held: Amounts,
    total: Amounts,
    /// By [`SPANS`].
    periods: [Period; SPANS.len()],
    tokens: Trail<[u32; 2]>,
    requests: Trail<u32>,
    spend: Trail<u64>,
    unsaved: Unsaved,
}

/// All of a ledger that is kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    pub now: Second,
    pub held: Amounts,
    pub total: Amounts,
    pub periods: [Period; SPANS.len()],
    /// Tokens, requests and spend: how far each looks back, and what was used in which second.
    pub trails: [(u32, Cells); 3],
}

/// What was used in which second, oldest first.
pub type Cells = Vec<(Second, [u64; 2])>;

impl From<Image> for Ledger {
    /// With nothing held, and without limits.
    fn from(image: Image) -> Ledger {
        let now = image.now;
        let [tokens, requests, spend] = image.trails;
        Ledger {
            now,
            total: image.total,
            periods: image.periods,
            tokens: Trail::restored(tokens, TRAILS, now),
            requests: Trail::restored(requests, TRAILS, now),
            spend: Trail::restored(spend, TRAILS, now),
            ..Ledger::default()
        }
    }
}

/// The seconds that a rolling window looks back.
fn rolling(limit: &Limit) -> Option<u32> {
    match limit.window {
        Window::Rolling(span) => u32::try_from(span.seconds()).ok(),
        _ => None,
    }
}

/// The figure of a metric, of tokens kept as a pair and of everything else as the first.
fn figure(metric: Metric, [first, second]: [u64; 2]) -> u64 {
    match metric {
        Metric::Tokens => first.saturating_add(second),
        Metric::Output => second,
        _ => first,
    }
}

impl Ledger {
    /// Has these limits from here on, unless it has those of a newer version. Gives whether that is something new.
    pub fn limit(&mut self, limits: &[Limit], version: u64, now: Second) -> bool {
        self.advance(now);
        if version < self.version || (version == self.version && *limits == *self.limits) {
            return false;
        }
        self.version = version;
        let same = |limit: &Limit| {
            let mut before = self.limits.iter().zip(&self.refused);
            let same =
                before.find(|(it, _)| (it.metric, it.window) == (limit.metric, limit.window));
            same.map_or(0, |(_, refused)| *refused)
        };
        self.refused = limits.iter().map(same).collect();
        self.limits = limits.into();
        let lengths = |these: &[Metric]| {
            let of = limits.iter().filter(|limit| these.contains(&limit.metric));
            let mut lengths: Vec<u32> = of.filter_map(rolling).collect();
            lengths.sort_unstable();
            lengths.dedup();
            lengths
        };
        let tokens = lengths(&[Metric::Tokens, Metric::Input, Metric::Output]);
        let requests = lengths(&[Metric::Requests]);
        let spend = lengths(&[Metric::Spend]);
        let all = [&tokens, &requests, &spend];
        let short = |lengths: &Vec<u32>| lengths.last().is_some_and(|length| *length <= 60);
        let long = |lengths: &Vec<u32>| lengths.last().is_some_and(|length| *length > 60);
        let shorts = all.iter().filter(|it| short(it)).count();
        let longs = all.iter().filter(|it| long(it)).count().max(1);
        let share = (TRAILS - shorts * MINUTE - (longs - 1) * AHEAD) / longs;
        let most = |lengths: &Vec<u32>| if short(lengths) { MINUTE } else { share };
        let now = self.now;
        self.tokens.configure(&tokens, most(&tokens), now);
        self.requests.configure(&requests, most(&requests), now);
        self.spend.configure(&spend, most(&spend), now);
        // How far it looks back is kept too.
        self.unsaved.everything();
        true
    }

    /// Goes on to this time, and lets go what no window looks at any more.
    pub fn advance(&mut self, now: Second) {
        if now <= self.now {
            return;
        }
        self.now = now;
        for (period, span) in self.periods.iter_mut().zip(SPANS) {
            if now >= period.end {
                *period = Period::at(span, now);
            }
        }
        self.tokens.advance(now);
        self.requests.advance(now);
        self.spend.advance(now);
    }

    /// The latest time it was told.
    pub fn now(&self) -> Second {
        self.now
    }

    /// Whether nothing is held.
    pub fn idle(&self) -> bool {
        self.held == Amounts::default()
    }

    /// What limits of this kind do not allow of what is asked, in their order.
    pub fn over<'a>(&'a self, asked: &'a Amounts, shadow: bool) -> impl Iterator<Item = &'a Limit> {
        let limits = self.limits.iter().filter(move |it| it.shadow == shadow);
        limits.filter(|limit| self.is_over(limit, asked))
    }

    /// Counts for each limit that does not allow what is asked that it was in the way; those in shadow too.
    pub fn note_refused(&mut self, asked: &Amounts) {
        for at in 0..self.limits.len() {
            let over = self
                .limits
                .get(at)
                .is_some_and(|limit| self.is_over(limit, asked));
            if let Some(refused) = self.refused.get_mut(at).filter(|_| over) {
                *refused += 1;
            }
        }
    }

    fn is_over(&self, limit: &Limit, asked: &Amounts) -> bool {
        let asked = asked.of(limit.metric);
        let there = self.used(limit).saturating_add(self.held.of(limit.metric));
        asked > 0 && there.saturating_add(asked) > limit.amount
    }

    /// Reserves, whatever the limits say; gives the second in which it counts.
    pub fn reserve(&mut self, asked: &Amounts) -> Second {
        self.held.add(&asked.held());
        // The places are made in order of time, so that settling finds them.
        self.tokens.mark(self.now);
        self.spend.mark(self.now);
        if asked.requests > 0 {
            self.change(&Change {
                at: self.now,
                requests: asked.requests as i64,
                ..Change::default()
            });
        }
        self.now
    }

    /// Puts what was used in the place of what was reserved at that second.
    pub fn settle(&mut self, reserved: &Amounts, at: Second, used: &Amounts) {
        self.held.take(&reserved.held());
        self.change(&Change {
            at,
            requests: used.requests.wrapping_sub(reserved.requests) as i64,
            input: used.input,
            output: used.output,
            pico: used.pico,
        });
    }

    fn change(&mut self, change: &Change) {
        if !change.is_nothing() {
            self.count(change);
            self.unsaved.note(change);
        }
    }

    /// What is new since this was last asked.
    pub fn unsaved(&mut self) -> New {
        self.unsaved.take(self.held)
    }

    /// All of it is to be written out.
    pub fn write_whole(&mut self) {
        self.unsaved.everything();
    }

    /// All of it that is kept.
    pub fn image(&self) -> Image {
        fn kept<C: Cell>(trail: &Trail<C>) -> (u32, Cells) {
            let cells = trail.iter().map(|(second, cell)| (second, cell.get()));
            (trail.horizon(), cells.collect())
        }
        Image {
            now: self.now,
            held: Amounts {
                parallel: 0,
                ..self.held
            },
            total: self.total,
            periods: self.periods,
            trails: [kept(&self.tokens), kept(&self.requests), kept(&self.spend)],
        }
    }

    /// It is this time, though later times were told: nothing was used later.
    pub fn clamp(&mut self, now: Second) {
        if now >= self.now {
            return self.advance(now);
        }
        self.now = now;
        for (period, span) in self.periods.iter_mut().zip(SPANS) {
            if period.begin > now {
                *period = Period {
                    used: period.used,
                    ..Period::at(span, now)
                };
            }
        }
        self.tokens.clamp(now);
        self.requests.clamp(now);
        self.spend.clamp(now);
        self.unsaved.everything();
    }

    /// Counts what was used in a second.
    pub fn count(&mut self, change: &Change) {
        let at = change.at;
        let more = Amounts {
            requests: change.requests.max(0) as u64,
            input: change.input,
            output: change.output,
            pico: change.pico,
            parallel: 0,
        };
        let less = Amounts {
            requests: change.requests.min(0).unsigned_abs(),
            ..Amounts::default()
        };
        let running = self.periods.iter_mut().filter(|period| period.has(at));
        let sums = running.map(|period| &mut period.used);
        for sum in sums.chain([&mut self.total]) {
            sum.add(&more);
            sum.take(&less);
        }
        if more.requests > 0 {
            self.requests.add(at, [more.requests, 0]);
        }
        if less.requests > 0 {
            self.requests.take(at, [less.requests, 0]);
        }
        if more.input > 0 || more.output > 0 {
            self.tokens.add(at, [more.input, more.output]);
        }
        if more.pico > 0 {
            self.spend.add(at, [more.pico, 0]);
        }
    }

    /// What is used in a limit's window.
    fn used(&self, limit: &Limit) -> u64 {
        match limit.window {
            Window::Total => self.total.of(limit.metric),
            Window::Calendar(span) => {
                let at = SPANS.iter().position(|it| *it == span);
                let period = at.and_then(|at| self.periods.get(at));
                period.map_or(0, |period| period.used.of(limit.metric))
            }
            Window::Rolling(span) => {
                let length = span.seconds() as u32;
                let pair = match limit.metric {
                    Metric::Tokens | Metric::Input | Metric::Output => self.tokens.used(length),
                    Metric::Requests => self.requests.used(length),
                    Metric::Spend => self.spend.used(length),
                    Metric::Parallel => [0; 2],
                };
                figure(limit.metric, pair)
            }
            Window::Now => 0,
        }
    }

    /// When so much of what is used in a limit's window counts no more.
    fn leaves(&self, limit: &Limit, much: u64) -> Option<Second> {
        fn leaves<C: Cell>(trail: &Trail<C>, limit: &Limit, much: u64) -> Option<Second> {
            let metric = limit.metric;
            trail.leaves(rolling(limit)?, much, |pair| figure(metric, pair))
        }
        match (limit.window, limit.metric) {
            (Window::Calendar(span), _) => Some(Period::at(span, self.now).end),
            (Window::Rolling(_), Metric::Requests) => leaves(&self.requests, limit, much),
            (Window::Rolling(_), Metric::Spend) => leaves(&self.spend, limit, much),
            (Window::Rolling(_), _) => leaves(&self.tokens, limit, much),
            _ => None,
        }
    }

    /// When nothing of what is used in a limit's window counts any more.
    fn whole(&self, limit: &Limit) -> Option<Second> {
        fn empties<C: Cell>(trail: &Trail<C>, limit: &Limit) -> Option<Second> {
            trail.empties(rolling(limit)?, |pair| figure(limit.metric, pair))
        }
        match (limit.window, limit.metric) {
            (Window::Calendar(span), _) => Some(Period::at(span, self.now).end),
            (Window::Rolling(_), Metric::Requests) => empties(&self.requests, limit),
            (Window::Rolling(_), Metric::Spend) => empties(&self.spend, limit),
            (Window::Rolling(_), _) => empties(&self.tokens, limit),
            _ => None,
        }
    }

    /// Why a limit does not allow what is asked.
    pub fn refusal(&self, subject: &Subject, limit: &Limit, asked: &Amounts) -> Refusal {
        let asked = asked.of(limit.metric);
        let (used, reserved) = (self.used(limit), self.held.of(limit.metric));
        let over = used.saturating_add(reserved).saturating_add(asked);
        let over = over.saturating_sub(limit.amount);
        let reset = match asked > limit.amount {
            true => None,
            // What runs is in the way; when it ends is not known.
            false if over <= reserved => Some(self.now.saturating_add(SOON)),
            false => self.leaves(limit, over.min(used)),
        };
        Refusal {
            subject: subject.clone(),
            limit: *limit,
            used,
            reserved,
            asked,
            reset,
            retry_after: reset.map(|at| at.saturating_sub(self.now).max(SOON)),
        }
    }

    /// Forgets what a limit sees as used, or everything.
    pub fn reset(&mut self, limit: Option<&Limit>) {
        let now = self.now;
        match limit.map(|limit| (limit.metric, limit.window)) {
            None => {
                self.total = Amounts::default();
                for period in &mut self.periods {
                    period.used = Amounts::default();
                }
                self.tokens.clear(|_| [0; 2], now);
                self.requests.clear(|_| [0; 2], now);
                self.spend.clear(|_| [0; 2], now);
            }
            Some((metric, Window::Total)) => self.total.clear(metric),
            Some((metric, Window::Calendar(span))) => {
                for (period, of) in self.periods.iter_mut().zip(SPANS) {
                    if of == span {
                        period.used.clear(metric);
                    }
                }
            }
            Some((metric, Window::Rolling(_))) => match metric {
                Metric::Tokens => self.tokens.clear(|_| [0; 2], now),
                Metric::Input => self.tokens.clear(|[_, output]| [0, output], now),
                Metric::Output => self.tokens.clear(|[input, _]| [input, 0], now),
                Metric::Requests => self.requests.clear(|_| [0; 2], now),
                Metric::Spend => self.spend.clear(|_| [0; 2], now),
                Metric::Parallel => {}
            },
            Some((_, Window::Now)) => {}
        }
        self.unsaved.everything();
    }

    /// How each limit stands.
    pub fn standings(&self) -> Vec<Standing> {
        let standing = |(limit, refused): (&Limit, &u64)| {
            let (used, reserved) = (self.used(limit), self.held.of(limit.metric));
            Standing {
                limit: *limit,
                used,
                reserved,
                left: limit.amount.saturating_sub(used.saturating_add(reserved)),
                refused: *refused,
                reset: Some(used)
                    .filter(|used| *used > 0)
                    .and_then(|_| self.whole(limit)),
            }
        };
        self.limits
            .iter()
            .zip(&self.refused)
            .map(standing)
            .collect()
    }

    /// What it takes in memory, beside its limits.
    #[cfg(test)]
    pub fn allocated(&self) -> usize {
        size_of::<Ledger>()
            + self.tokens.allocated()
            + self.requests.allocated()
            + self.spend.allocated()
            + self.unsaved.allocated()
    }
}
