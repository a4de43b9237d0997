//! Which trace a request is part of: the caller's, where it says so (<https://www.w3.org/TR/trace-context/>), else one of its own,
//! whose id is the request's. All ids follow from the request's, so that nothing has to be remembered. Pure.

use crate::http1::fields::{Fields, text};
use http::HeaderName;

/// The header of both sides.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The place in a trace that a caller's request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    pub trace: u128,
    pub parent: u64,
    /// Whether the caller records it.
    pub sampled: bool,
}

/// A number in hexadecimal of exactly so many digits, small ones alone, and not nothing.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let small = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let good = text.len() == digits && text.bytes().all(small);
    let number = u128::from_str_radix(text, 16).ok()?;
    (good && number != 0).then_some(number)
}

impl Context {
    /// What the headers say; `None` where they say nothing, or nothing that is understood.
    pub fn read(headers: &Fields) -> Option<Context> {
        let mut lines = headers.all("traceparent");
        let (line, None) = (text(lines.next()?)?, lines.next()) else {
            return None;
        };
        let mut parts = line.trim().split('-');
        let (version, trace, parent, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        // Later versions may say more behind it.
        let known =
            version.len() == 2 && version != "ff" && (version != "00" || parts.next().is_none());
        let flags = u8::from_str_radix(flags, 16)
            .ok()
            .filter(|_| flags.len() == 2)?;
        let context = Context {
            trace: hex(trace, 32)?,
            parent: u64::try_from(hex(parent, 16)?).ok()?,
            sampled: flags & 1 == 1,
        };
        known.then_some(context)
    }
}

/// The number behind a request's id (`req_` and a ULID).
fn number(request: &str) -> u128 {
    let ulid = request.strip_prefix("req_").unwrap_or(request);
    ulid::Ulid::from_string(ulid).map_or(1, |ulid| ulid.0)
}

/// The trace of a request.
pub fn trace(request: &str, context: Option<&Context>) -> u128 {
    context.map_or_else(|| number(request).max(1), |context| context.trace)
}

/// The id of one of its spans: 0 is the request, the others are its attempts in order.
pub fn span(request: &str, place: usize) -> u64 {
    // Ids of one millisecond follow each other: they are mixed, as in <https://prng.di.unimi.it/splitmix64.c>.
    let mut mixed =
        (number(request) as u64).wrapping_add((place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)).max(1)
}

/// What an upstream is told of its attempt (the first is 1).
pub fn traceparent(request: &str, context: Option<&Context>, attempt: usize) -> String {
    let sampled = context.is_none_or(|context| context.sampled);
    format!(
        "00-{:032x}-{:016x}-{:02x}",
        trace(request, context),
        span(request, attempt),
        u8::from(sampled)
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn read(lines: &[&str]) -> Option<Context> {
        let lines = lines.iter().map(|line| ("traceparent", *line));
        Context::read(&lines.collect())
    }

    #[test]
    fn what_is_no_context_is_none() {
        let context = read(&[GOOD]).unwrap();
        assert_eq!(
            (context.parent, context.sampled),
            (0x00f0_67aa_0ba9_02b7, true)
        );
        assert_eq!(
            read(&["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more"])
                .map(|it| it.sampled),
            Some(false)
        );
        for bad in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        ] {
            assert_eq!(read(&[bad]), None, "{bad}");
        }
        assert_eq!((read(&[]), read(&[GOOD, GOOD])), (None, None));
    }

    #[test]
    fn upstreams_are_told_of_the_callers_trace() {
        let context = read(&[GOOD]);
        let request = "req_01ARZ3NDEKTSV4RRFFQ69G5FAV";
        let told = traceparent(request, context.as_ref(), 1);
        assert!(told.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && told.ends_with("-01"));
        let own = read(&[&traceparent(request, None, 1)]).unwrap();
        assert_eq!(own.trace, trace(request, None));
        assert_eq!(own.parent, span(request, 1));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_not(text in "[0-9a-f-]{0,60}") {
            let _ = read(&[&text]);
        }
        #[test]
        fn spans_of_neighbours_are_apart(at in any::<u64>(), place in 0usize..50, more in 1u128..50) {
            let id = |number: u128| format!("req_{}", ulid::Ulid(number));
            prop_assert_ne!(span(&id(at.into()), place), span(&id(u128::from(at) + more), place));
        }
    }
}
