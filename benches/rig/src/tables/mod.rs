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

/// What came of each row, over all passes.
pub struct Compared<'a> {
    pub names: Vec<&'a str>,
    pub outcomes: &'a [Vec<Outcome>],
}

impl Compared<'_> {
    /// The median of a row's figure.
    pub fn of(&self, at: usize, what: impl Fn(&Outcome) -> f64) -> f64 {
        median(self.outcomes[at].iter().map(what))
    }

    /// A row's figure among those of another.
    pub fn to(&self, name: &str, at: usize, figure: &impl Fn(usize) -> f64) -> f64 {
        let place = self.names.iter().position(|known| *known == name);
        place.map_or(f64::NAN, |other| figure(at) / figure(other))
    }

    /// A row's figure, and how it is to nginx's and to that of the lean forwarder.
    pub fn cells(&self, at: usize, decimals: usize, figure: &impl Fn(usize) -> f64) -> [String; 3] {
        [
            number(figure(at), decimals),
            number(self.to(NGINX, at, figure), 2),
            number(self.to(LEAN, at, figure), 2),
        ]
    }
}
