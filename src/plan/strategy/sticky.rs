//! The same target for the same conversation, key, user, prompt or header, so that what a provider has cached of it stays of
//! use: a rendezvous hash (Thaler and Ravishankar 1998) with weights. When a target comes or goes, only what was its own
//! moves.

use super::hash;
use crate::plan::{Ask, Caller, Choice, pool::Pool};
use crate::resources::route::StickyBy;
use memchr::memmem;
use std::borrow::Cow;

/// What a request is kept together by, as a number.
pub(super) fn of(by: &StickyBy, caller: &Caller, ask: &Ask<'_>) -> u64 {
    let (_, value) = kept_by(by, caller, ask);
    // Two callers that name their conversations alike have two conversations.
    let whose: &[u8] = match by {
        StickyBy::User => b"",
        _ => caller.key.as_bytes(),
    };
    hash::of([whose, &value])
}

/// What that is in words, and its value: a conversation without a name is as good as its key.
pub(in crate::plan) fn kept_by<'a>(
    by: &'a StickyBy,
    caller: &'a Caller,
    ask: &Ask<'a>,
) -> (&'a str, Cow<'a, [u8]>) {
    let key = ("key", Cow::Borrowed(caller.key.as_bytes()));
    let found = match by {
        StickyBy::Key => None,
        StickyBy::User => Some(("user", Cow::Borrowed(caller.user.as_bytes()))),
        StickyBy::Session => ask
            .session()
            .map(|text| ("session", text.as_bytes().into())),
        StickyBy::Prompt => Some(("prompt", Cow::Borrowed(beginning(ask.turns).as_bytes()))),
        StickyBy::Header(name) => {
            let value = ask.headers.get(name.as_str());
            value.map(|value| (name.as_str(), Cow::Borrowed(value)))
        }
    };
    found.unwrap_or(key)
}

/// A conversation's messages up to the first of its user's, as they are spelt: these stay as it grows. Of one that is a
/// text, all of it.
fn beginning(turns: &str) -> &str {
    let (mut depth, mut quoted, mut escaped, mut from) = (0_u32, false, false, 0);
    for (at, byte) in turns.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b',' | b']' if depth == 1 => {
                let message = turns.get(from..at).unwrap_or_default();
                if memmem::find(message.as_bytes(), b"\"user\"").is_some() {
                    return turns.get(..at).unwrap_or(turns);
                }
                from = at;
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    turns
}

/// Every target's lot for what is kept together; the smallest wins, and over many it wins as often as its weight says.
fn lot(choice: &Choice, pool: &Pool, together: u64) -> f64 {
    let mark = pool
        .targets
        .get(choice.place)
        .map_or(0, |target| target.mark);
    let hash = hash::mix(mark ^ together);
    // Between 0 and 1, neither of them.
    let even = ((hash >> 12) as f64 + 0.5) / (1_u64 << 52) as f64;
    -even.ln() / f64::from(choice.weight)
}

pub(super) fn order(tier: &mut [Choice], pool: &Pool, together: u64) {
    // Positive numbers sort as their bits do.
    tier.sort_by_cached_key(|choice| lot(choice, pool, together).to_bits());
}

pub(super) fn shares(tier: &[Choice], pool: &Pool, together: u64) -> Vec<f64> {
    let lots = tier
        .iter()
        .map(|choice| lot(choice, pool, together).to_bits());
    let first = lots.clone().min();
    // Targets written twice have one lot: the first of them is tried first.
    let winner = lots.clone().position(|lot| Some(lot) == first);
    let share = |at| if Some(at) == winner { 1.0 } else { 0.0 };
    (0..tier.len()).map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_known_by_all_until_its_users_first_word() {
        let system = r#"{"role":"system","content":"the \"user\", here]"}"#;
        let user = r#"{"role": "user", "content": [{"text": "a,b"}]}"#;
        let answer = r#"{"role":"assistant","content":"x"}"#;
        for first in [format!("[{user}"), format!("[{system}, {user}")] {
            for rest in [
                "]".to_owned(),
                format!(", {answer}]"),
                format!(" , {answer},{user}]"),
            ] {
                let turns = format!("{first}{rest}");
                assert_eq!(beginning(&turns).trim_end(), first);
            }
        }
        for turns in ["\"hello, you, there\"", "", "[[[", "[\"a\", \"b\"]", "]]"] {
            assert_eq!(beginning(turns), turns);
        }
    }
}
