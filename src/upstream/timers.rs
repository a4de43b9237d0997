//! How long each step of a call may take: the gateway's settings, the provider's in their place, the route's in
//! place of both. Must not know how a step is timed.

use crate::resources::{Millis, provider::Provider, route::Route};
use std::time::Duration;

/// The timers of one upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// A connection with TLS, from the name on.
    pub connect: Duration,
    /// From the request sent to the first content of a stream.
    pub first_content: Duration,
    /// Between two events of a stream.
    pub idle: Duration,
    /// From the request sent to the end of an answer that is not a stream.
    pub answer: Duration,
}

impl Default for Timers {
    fn default() -> Timers {
        Timers {
            connect: Duration::from_secs(10),
            first_content: Duration::from_secs(120),
            idle: Duration::from_secs(60),
            answer: Duration::from_secs(600),
        }
    }
}

impl Timers {
    /// With the provider's own in their place.
    pub fn of_provider(self, spec: &Provider) -> Timers {
        self.but(
            spec.connect_timeout,
            spec.first_byte_timeout,
            spec.idle_timeout,
            spec.answer_timeout,
        )
    }

    /// With the route's in their place.
    pub fn of_route(self, spec: &Route) -> Timers {
        self.but(
            spec.connect_timeout,
            spec.first_byte_timeout,
            spec.idle_timeout,
            spec.answer_timeout,
        )
    }

    fn but(
        self,
        connect: Option<Millis>,
        first_content: Option<Millis>,
        idle: Option<Millis>,
        answer: Option<Millis>,
    ) -> Timers {
        let or = |own: Option<Millis>, default| own.map_or(default, |own| own.std());
        Timers {
            connect: or(connect, self.connect),
            first_content: or(first_content, self.first_content),
            idle: or(idle, self.idle),
            answer: or(answer, self.answer),
        }
    }
}
