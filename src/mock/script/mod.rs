//! A script: what a request asks the mock to do beside answering. Written as `status=429,retry-after=2` in the `x-mock`
//! header, as a flag for each item, and as a model name (`mock-429`, `mock-slow-800`, `slow?ms=800`) where a gateway in
//! between lets no header through: `items.rs` is the one table of what there is to say, `read.rs` has the spellings,
//! `when.rs` says to which requests the faults apply.

pub mod flags;
pub mod items;
mod read;
pub mod value;
pub mod when;

pub use value::{Framing, Spelling};
pub use when::When;

use serde_json::Value;
use std::time::Duration;

/// What to do to one request. Everything off is an honest, prompt answer. What each field does its item says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    pub status: Option<u16>,
    pub message: Option<String>,
    pub code: Option<String>,
    pub retry_after: Option<String>,
    pub retry_after_date: Option<Duration>,
    pub retry_after_ms: Option<String>,
    pub reset_in: Option<Duration>,
    pub error_status: Option<u16>,
    pub redirect: Option<String>,

    /// Which requests the faults are for; said nothing: all.
    pub when: When,

    pub delay_headers: Option<Duration>,
    pub delay_first: Option<Duration>,
    pub trickle: Option<Duration>,
    pub pace: Option<Duration>,
    pub read_pace: Option<Duration>,

    pub close_on_accept: bool,
    pub close_before: bool,
    pub reset_before: bool,
    pub early: Option<u16>,
    pub reset_in_header: bool,
    pub stall_in_header: bool,
    pub reset_after: Option<usize>,
    pub close_after: Option<usize>,
    pub stall_after: Option<usize>,
    pub requests: Option<usize>,
    pub idle: Option<Duration>,

    pub interim: Option<u16>,
    pub header: Vec<String>,
    pub headers: Option<usize>,
    pub header_bytes: Option<usize>,
    pub bad_header: bool,
    pub framing: Option<Framing>,

    pub html: bool,
    pub empty: bool,
    pub body: Option<String>,
    /// Bytes in plain; 0: the body is not compressed at all, and only said to be.
    pub gzip: Option<usize>,
    pub malformed_after: Option<usize>,
    pub bad_crc_after: Option<usize>,
    pub error_after: Option<usize>,
    pub failed_after: Option<usize>,
    pub long_line: Option<usize>,
    pub bad_text: bool,
    pub bad_arguments: bool,
    pub no_usage: bool,
    /// What stands for the prompt's tokens, the answer's, and both.
    pub bad_usage: Option<[Value; 3]>,

    pub events: Option<usize>,
    pub bytes: Option<usize>,
    pub cached: Option<u64>,
    pub cache_write: Option<u64>,
    pub call: Vec<String>,
    pub call_ids: bool,
    pub think: bool,
    pub filter: bool,
    pub refusal: bool,
    pub check_seals: bool,
    pub echo: bool,

    pub chunk: Option<usize>,
    pub cut: Option<usize>,
    pub cut_at: Option<usize>,
    pub comments: bool,
    pub sse: Spelling,
}

impl Script {
    /// Whether the answer is the honest, prompt one.
    pub fn is_plain(&self) -> bool {
        *self == Script::default()
    }

    /// The script of one request: with its faults where they apply to it, without them where not. `nth` of its model,
    /// counted from 1, `age` after the first of them.
    pub fn of_request(mut self, nth: u64, age: Duration) -> Script {
        if self.when == When::default() {
            return self;
        }
        if !self.when.holds(nth, age) {
            return self.well();
        }
        self.when = When::default();
        if self.says_not_how() {
            self.status = Some(500);
        }
        self
    }

    /// Whether nothing says in which way to fail.
    fn says_not_how(&self) -> bool {
        let bare = Script {
            message: None,
            code: None,
            retry_after: None,
            retry_after_date: None,
            retry_after_ms: None,
            reset_in: None,
            header: Vec::new(),
            ..self.clone()
        };
        bare == bare.clone().well()
    }

    /// The same without its faults.
    fn well(self) -> Script {
        Script {
            pace: self.pace,
            read_pace: self.read_pace,
            events: self.events,
            bytes: self.bytes,
            cached: self.cached,
            cache_write: self.cache_write,
            call: self.call,
            call_ids: self.call_ids,
            think: self.think,
            filter: self.filter,
            refusal: self.refusal,
            check_seals: self.check_seals,
            echo: self.echo,
            chunk: self.chunk,
            cut: self.cut,
            cut_at: self.cut_at,
            comments: self.comments,
            sse: self.sse,
            ..Script::default()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use items::{Group, ITEMS};

    #[test]
    fn what_counts_as_a_fault_the_table_says() {
        for item in ITEMS {
            let mut script = Script::default();
            script.set(item.name, item.sample()).unwrap();
            assert!(!script.is_plain(), "{}", item.name);
            let stays = matches!(item.group, Group::Answer | Group::Wire | Group::Pace);
            assert_eq!(script.well().is_plain(), !stays, "{}", item.name);
        }
    }

    #[test]
    fn faults_are_for_the_requests_that_they_are_said_to_be_for() {
        let of = |text: &str, nth| {
            let mut script = Script::default();
            script.add(text).unwrap();
            script.of_request(nth, Duration::ZERO)
        };
        let plain = |text: &str| {
            let mut script = Script::default();
            script.add(text).unwrap();
            script
        };
        for (said, first, second) in [
            ("fail-first", "status=500", ""),
            (
                "fail-first=1,status=429,retry-after=2",
                "status=429,retry-after=2",
                "",
            ),
            ("fail-first,retry-after=2", "status=500,retry-after=2", ""),
            (
                "fail-first,close-before,events=3",
                "close-before,events=3",
                "events=3",
            ),
            (
                "fail-first,delay-headers=1s,pace=5",
                "delay-headers=1s,pace=5",
                "pace=5",
            ),
            ("status=500", "status=500", "status=500"),
        ] {
            assert_eq!(of(said, 1), plain(first), "{said}");
            assert_eq!(of(said, 2), plain(second), "{said}");
        }
    }
}
