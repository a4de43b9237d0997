//! The line of an answer's head that tells the time (RFC 9110 section 6.6.1), written once a second and not for each answer.

use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};
use std::cell::{Cell, RefCell};

/// One worker's.
#[derive(Default)]
pub struct Date {
    line: RefCell<String>,
    /// On the worker's clock: from then on it is another second.
    until: Cell<u64>,
}

impl Date {
    /// Hands over the line as it is `now`, on the worker's clock in milliseconds.
    pub fn with<T>(&self, now: u64, hand: impl FnOnce(&[u8]) -> T) -> T {
        if now >= self.until.get() {
            self.set(now, Timestamp::now());
        }
        hand(self.line.borrow().as_bytes())
    }

    fn set(&self, now: u64, wall: Timestamp) {
        let left = 1_000 - wall.as_millisecond().rem_euclid(1_000);
        self.until.set(now + left.unsigned_abs());
        // A time that has no such name is not told.
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&wall);
        *self.line.borrow_mut() = date.map_or(String::new(), |date| format!("date: {date}\r\n"));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_second_has_one_line() {
        let date = Date::default();
        date.set(5_000, "1994-11-06T08:49:37.250Z".parse().unwrap());
        let line = |now| date.with(now, |line| String::from_utf8(line.to_vec()).unwrap());
        let told = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
        assert_eq!((line(5_000).as_str(), line(5_749).as_str()), (told, told));
        assert_ne!(line(5_750), told);
    }
}
