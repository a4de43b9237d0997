//! The tables of a run, a file each.

pub mod footprint;
pub mod in_flight;
pub mod latency;
pub mod peers;
pub mod requests;
pub mod sizes;
pub mod streams;

use crate::Failure;
use crate::bench::{Bench, LEAN, NGINX};
use crate::drive::Outcome;
use crate::table::{median, number};

/// What a table is called by `--only`, what it shows, and how it is made.
pub struct Kind {
    pub name: &'static str,
    pub about: &'static str,
    pub print: fn(&mut Bench) -> Result<(), Failure>,
}

/// In the order in which they are measured; `footprint` has to see what the others left behind.
pub static TABLES: &[Kind] = &[
    Kind {
        name: "requests",
        about: "Requests of 200 bytes, answers of 1 KiB, 64 callers that never pause",
        print: requests::print,
    },
    Kind {
        name: "latency",
        about: "The same at a fixed rate, counted from when each request was due; what is added to the upstream's own time",
        print: latency::print,
    },
    Kind {
        name: "streams",
        about: "Streams of 50 events: at once (one write), unpaced (a write an event), paced (an event each 20 ms, 100 streams)",
        print: streams::print,
    },
    Kind {
        name: "peers",
        about: "Streams of 50 events beside other gateways: unpaced (16 streams), paced (an event each 40 ms, 10 streams)",
        print: peers::print,
    },
    Kind {
        name: "sizes",
        about: "Requests of agents' sizes, conversations with tools; answers of 1 KiB or of 50 unpaced events; 16 callers that never pause",
        print: sizes::print,
    },
    Kind {
        name: "footprint",
        about: "Start and memory",
        print: footprint::print,
    },
    Kind {
        name: "in-flight",
        about: "Memory while 1,000 requests of 300 KB are answered at once, each in 20 events over 5 s",
        print: in_flight::print,
    },
];

/// The heads of [`Compared::cells`], behind that of the figure itself.
pub const TO: [&str; 2] = ["÷ nginx", "÷ lean"];

/// What came of each row, pass by pass.
pub struct Compared<'a> {
    pub names: Vec<&'a str>,
    pub outcomes: &'a [Vec<Outcome>],
}

impl Compared<'_> {
    /// What an outcome says, by the row's place and the pass.
    pub fn figure(&self, what: impl Fn(&Outcome) -> f64) -> impl Fn(usize, usize) -> f64 {
        move |at, pass| what(&self.outcomes[at][pass])
    }

    /// The median of what a row's outcomes say.
    pub fn of(&self, at: usize, what: impl Fn(&Outcome) -> f64) -> f64 {
        self.median(at, &self.figure(what))
    }

    pub fn median(&self, at: usize, figure: &impl Fn(usize, usize) -> f64) -> f64 {
        median((0..self.outcomes[at].len()).map(|pass| figure(at, pass)))
    }

    /// What a row's answers cost after they were over, in microseconds each; nothing where it left nothing.
    pub fn later(&self, at: usize) -> String {
        match self.of(at, |outcome| outcome.later.get().as_secs_f64() * 1e6) {
            nothing if nothing < 0.05 => String::new(),
            later => number(later, 1),
        }
    }

    /// A row's figure to that of another.
    pub fn to(&self, name: &str, at: usize, figure: &impl Fn(usize, usize) -> f64) -> f64 {
        let other = self.names.iter().position(|known| *known == name);
        other.map_or(f64::NAN, |other| self.ratio(at, other, figure))
    }

    /// The median of what the ratio is within each pass, because a machine's speed drifts.
    pub fn ratio(&self, at: usize, other: usize, figure: &impl Fn(usize, usize) -> f64) -> f64 {
        self.median(at, &|at, pass| figure(at, pass) / figure(other, pass))
    }

    /// A row's figure, and how it is to nginx's and to that of the lean forwarder.
    pub fn cells(
        &self,
        at: usize,
        decimals: usize,
        figure: &impl Fn(usize, usize) -> f64,
    ) -> [String; 3] {
        [
            number(self.median(at, figure), decimals),
            number(self.to(NGINX, at, figure), 2),
            number(self.to(LEAN, at, figure), 2),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_of_what_was_measured_together() {
        // A machine that is half as fast in each pass as in the one before, and a row that takes twice as long on it.
        let outcomes = |rates: [f64; 3]| {
            rates.map(|rate| Outcome {
                rate,
                ..Outcome::default()
            })
        };
        let outcomes = [
            outcomes([4.0, 2.0, 1.0]).into(),
            outcomes([2.0, 1.0, 0.6]).into(),
        ];
        let compared = Compared {
            names: vec![NGINX, "other"],
            outcomes: &outcomes,
        };
        let rate = compared.figure(|outcome| outcome.rate);
        assert_eq!(compared.median(0, &rate), 2.0);
        assert_eq!(compared.to(NGINX, 1, &rate), 0.5);
        assert!(compared.to(LEAN, 1, &rate).is_nan());
    }
}
