//! How much of each thing that limits look at.

use crate::resources::limit::Metric;

/// Of one request, or of many together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    pub requests: u64,
    /// Tokens, of every kind of input: also read from and written to a cache.
    pub input: u64,
    /// Tokens, reasoning included.
    pub output: u64,
    /// Money, in picodollars.
    pub pico: u64,
    /// Requests that run.
    pub parallel: u64,
}

impl Amounts {
    /// What a limit on this metric looks at.
    pub fn of(&self, metric: Metric) -> u64 {
        match metric {
            Metric::Tokens => self.input.saturating_add(self.output),
            Metric::Input => self.input,
            Metric::Output => self.output,
            Metric::Requests => self.requests,
            Metric::Parallel => self.parallel,
            Metric::Spend => self.pico,
        }
    }

    fn each(&mut self, other: &Amounts, change: fn(u64, u64) -> u64) {
        self.requests = change(self.requests, other.requests);
        self.input = change(self.input, other.input);
        self.output = change(self.output, other.output);
        self.pico = change(self.pico, other.pico);
        self.parallel = change(self.parallel, other.parallel);
    }

    pub fn add(&mut self, other: &Amounts) {
        self.each(other, u64::saturating_add);
    }

    pub(super) fn take(&mut self, other: &Amounts) {
        self.each(other, u64::saturating_sub);
    }

    /// Has nothing more of what a limit on this metric looks at.
    pub(super) fn clear(&mut self, metric: Metric) {
        match metric {
            Metric::Tokens => (self.input, self.output) = (0, 0),
            Metric::Input => self.input = 0,
            Metric::Output => self.output = 0,
            Metric::Requests => self.requests = 0,
            Metric::Parallel => self.parallel = 0,
            Metric::Spend => self.pico = 0,
        }
    }

    /// What is held until it is settled: requests count at once.
    pub(super) fn held(mut self) -> Amounts {
        self.requests = 0;
        self
    }
}
