//! The end of a long answer that passes through: where it says what it used, without the answer being held.

use crate::formats::{Format, Seen};

/// How much of the end is kept. What a reply says of usage is a few hundred bytes, and comes last.
const KEPT: usize = 16 << 10;

/// Where replies say what they used: all but Cohere's embeddings alike.
const USAGE: [&str; 2] = ["\"usage\"", "\"meta\""];

/// What came last.
#[derive(Default)]
pub struct Tail {
    kept: Vec<u8>,
    /// Bytes of the whole answer so far.
    length: u64,
}

impl Tail {
    /// Takes a piece. How long the answer is by now.
    pub fn push(&mut self, piece: &[u8]) -> u64 {
        self.length += piece.len() as u64;
        let piece = &piece[piece.len().saturating_sub(KEPT)..];
        // Twice as much before it is cut, so that small pieces move it rarely.
        if self.kept.len() + piece.len() > 2 * KEPT {
            self.kept.drain(..self.kept.len().saturating_sub(KEPT));
        }
        self.kept.extend_from_slice(piece);
        self.length
    }

    /// What the answer said of usage, read as the format reads a whole reply.
    pub fn observe(&self, format: &Format, seen: &mut Seen) {
        for key in USAGE {
            if let Some(usage) = last_object(&self.kept, key.as_bytes()) {
                let reply = [b"{", key.as_bytes(), b":", usage, b"}"].concat();
                return (format.observe_reply)(&reply, seen);
            }
        }
    }
}

/// The id that a long answer begins with.
pub fn id(begun: &[u8]) -> Option<String> {
    let at = memchr::memmem::find(begun, b"\"id\"")? + b"\"id\"".len();
    let rest = begun.get(at..)?.trim_ascii_start().strip_prefix(b":")?;
    let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<String>();
    values.next()?.ok()
}

/// The object behind the last key of this spelling. Inside a string quotes are escaped, so that what is found is a
/// key (or a value, behind which comes no colon).
fn last_object<'a>(json: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let at = memchr::memmem::rfind(json, key)? + key.len();
    let rest = json[at..].trim_ascii_start().strip_prefix(b":")?;
    let rest = rest.trim_ascii_start();
    let mut objects =
        serde_json::Deserializer::from_slice(rest).into_iter::<&serde_json::value::RawValue>();
    let object = objects.next()?.ok()?.get().as_bytes();
    object.starts_with(b"{").then_some(object)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::formats::{FormatId, format};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn usage_is_found_however_the_answer_was_cut(text in "[a-z\"\\\\{}: ]{0,200}", repeat in 1usize..400, cut in 1usize..40_000) {
            let text = serde_json::to_string(&text.repeat(repeat)).unwrap();
            let reply = format!("{{\"choices\":[{{\"message\":{{\"content\":{text}}}}}],\"usage\" : {{\"prompt_tokens\":7,\"completion_tokens\":3}},\"x\":1}}");
            let mut tail = Tail::default();
            reply.as_bytes().chunks(cut).for_each(|piece| _ = tail.push(piece));
            let mut seen = Seen::default();
            tail.observe(format(FormatId::OpenaiChat), &mut seen);
            let usage = seen.usage.unwrap();
            prop_assert_eq!((usage.input, usage.output), (7, 3));
        }
    }

    #[test]
    fn what_is_said_in_a_text_is_no_usage() {
        let told = |reply: &str| last_object(reply.as_bytes(), b"\"usage\"").map(<[u8]>::to_vec);
        assert_eq!(told(r#"{"text":"\"usage\":{\"prompt_tokens\":1}"}"#), None);
        assert_eq!(told(r#"{"text":"usage"}"#), None);
        assert_eq!(told(r#"{"usage":null}"#), None);
        assert_eq!(
            told(r#"{"usage":{"a":"}"}}"#),
            Some(br#"{"a":"}"}"#.to_vec())
        );
    }
}
