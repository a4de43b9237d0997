//! How large a request may come to be, before anybody has answered it. Must not know limits.

use crate::catalog::{self, Facts};
use crate::chat::{Op, estimate};
use crate::formats::{count, peek::Peek};

/// How long an answer may be where neither the request nor what is known of the model says so.
const UNSAID: u64 = 4_096;

/// The longest body that is counted by what is written in it; of longer ones the length of their text is taken.
const COUNTED: usize = 256 << 10;

/// What a request may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Tokens of the prompt, estimated.
    pub input: u64,
    answer: Answer,
}

/// The tokens of what comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Answer {
    /// There are none.
    #[default]
    None,
    Said(u64),
    /// The request does not say; so many answers are wanted.
    Unsaid(u64),
}

impl Sizes {
    pub fn of(op: Op, peek: &Peek<'_>, body: &[u8]) -> Sizes {
        let choices = u64::from(peek.choices.max(1));
        let answer = || match peek.max_output {
            Some(most) => Answer::Said(most.saturating_mul(choices)),
            None => Answer::Unsaid(choices),
        };
        let text = || estimate(peek.text_bytes);
        match op {
            Op::Chat if body.len() <= COUNTED => Sizes {
                input: count::estimate::estimate(body, weights(peek)).max(1),
                answer: answer(),
            },
            Op::Chat | Op::Completions | Op::Compact => Sizes {
                input: text(),
                answer: answer(),
            },
            Op::Embeddings => Sizes {
                input: text(),
                answer: Answer::None,
            },
            // What these use their providers alone know.
            Op::Count | Op::Forward(_) | Op::Keep(_) => Sizes::default(),
        }
    }

    /// Whether it is known how long the answer may be.
    pub fn said(&self) -> bool {
        !matches!(self.answer, Answer::Unsaid(_))
    }

    /// How long the answer of a model may be; of one that is not known yet as usual.
    pub fn output(&self, facts: Option<&Facts>) -> u64 {
        let longest = || facts.and_then(|facts| facts.max_output).unwrap_or(UNSAID);
        match self.answer {
            Answer::None => 0,
            Answer::Said(most) => most,
            Answer::Unsaid(choices) => longest().saturating_mul(choices),
        }
    }

    /// What of such an answer there must be room for: all of it where the request says how long it may be.
    pub fn least(&self, longest: u64) -> u64 {
        match self.said() {
            true => longest,
            false => longest.min(1),
        }
    }
}

fn weights(peek: &Peek<'_>) -> &'static crate::chat::Weights {
    catalog::weights(peek.model.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peek(max_output: Option<u64>, choices: u32) -> Peek<'static> {
        Peek {
            max_output,
            choices,
            text_bytes: 400,
            ..Peek::default()
        }
    }

    #[test]
    fn what_is_said_is_held_to_and_what_is_not_is_as_long_as_may_be() {
        let body = br#"{"messages":[{"role":"user","content":"hello there"}]}"#;
        let said = Sizes::of(Op::Chat, &peek(Some(50), 2), body);
        assert_eq!(
            (said.output(None), said.least(100), said.said()),
            (100, 100, true)
        );
        let unsaid = Sizes::of(Op::Chat, &peek(None, 0), body);
        assert_eq!((unsaid.output(None), unsaid.least(4_096)), (4_096, 1));
        assert!((5..20).contains(&unsaid.input), "{unsaid:?}");
        let facts = catalog::facts(None, None);
        let facts = Facts {
            max_output: Some(9),
            ..facts
        };
        assert_eq!(unsaid.output(Some(&facts)), 9);
        for (op, input) in [
            (Op::Embeddings, 100),
            (Op::Forward("openai-images"), 0),
            (Op::Keep("files"), 0),
            (Op::Count, 0),
        ] {
            let sizes = Sizes::of(op, &peek(None, 0), b"{}");
            assert_eq!(
                (sizes.input, sizes.output(Some(&facts))),
                (input, 0),
                "{op:?}"
            );
        }
    }
}
