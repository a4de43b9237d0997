//! The tables of a run, a file each.

pub mod footprint;
pub mod in_flight;
pub mod latency;
pub mod peers;
pub mod requests;
pub mod sizes;
pub mod streams;

use crate::Failure;
use crate::bench::Bench;

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
