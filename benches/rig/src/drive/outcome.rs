//! What is known of a load once it is over.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// What came of it.
#[derive(Default)]
pub struct Outcome {
    /// Answers a second.
    pub rate: f64,
    /// CPU time of the subject for each answer, with what it did behind its answers.
    pub cost: Duration,
    /// How many those are.
    pub answers: u64,
    /// CPU time of the subject for each of them that it used after that: known once it has caught up, see [`crate::bench`].
    pub later: Rc<Cell<Duration>>,
    /// CPU time of the subject for each write of the upstream.
    pub piece: Duration,
    /// The part of that CPU time that was used behind the last answer.
    pub behind: f64,
    /// The parts of their cores that the subject, the upstream, and upstream and load tool together used.
    pub busy: f64,
    pub upstream: f64,
    pub rig: f64,
    /// The part of the time that the machine's host gave to others, of the core that lacked more of it.
    pub stolen: f64,
    /// From when a request was due, in order of length. Not of callers that never pause and of answers that come whole.
    pub first_byte: Vec<Duration>,
    pub first_text: Vec<Duration>,
    pub whole: Vec<Duration>,
}
