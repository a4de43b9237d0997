//! How likely the pieces of a text were, where a request asks: made up, the same for the same piece.

use super::answer::Answer;
use super::ask::Ask;
use serde_json::{Value, json};

/// The piece itself and what might have stood in its place, `top` in all, the likeliest first.
fn choices(piece: &str, top: usize) -> Vec<(String, f64)> {
    let other = |at: usize| match at {
        0 => (piece.to_owned(), -0.125),
        at => (format!("mock{at}"), -2.5 - at as f64),
    };
    (0..top.max(1)).map(other).collect()
}

/// In OpenAI's form, one for each piece; nothing where none are asked for.
pub fn openai(ask: &Ask, pieces: &[String]) -> Option<Vec<Value>> {
    let top = ask.likely?;
    let token = |(token, likely): &(String, f64)| json!({"token": token, "logprob": likely, "bytes": token.as_bytes()});
    let piece = |piece: &String| {
        let choices = choices(piece, top);
        let mut chosen = token(&choices[0]);
        chosen["top_logprobs"] = choices.iter().take(top).map(token).collect();
        chosen
    };
    Some(pieces.iter().map(piece).collect())
}

/// In Google's form.
pub fn gemini(ask: &Ask, pieces: &[String]) -> Option<Value> {
    let top = ask.likely?;
    let candidate = |(token, likely): &(String, f64)| json!({"token": token, "tokenId": token.len(), "logProbability": likely});
    let all: Vec<Vec<(String, f64)>> = pieces.iter().map(|piece| choices(piece, top)).collect();
    let chosen: Vec<Value> = all.iter().map(|choices| candidate(&choices[0])).collect();
    let tops = all.iter().map(|choices| json!({"candidates": choices.iter().take(top).map(candidate).collect::<Vec<_>>()}));
    Some(json!({"chosenCandidates": chosen, "topCandidates": tops.collect::<Vec<_>>()}))
}

/// How likely a whole answer was, as Google tells it.
pub fn average(ask: &Ask, answer: &Answer) -> Option<f64> {
    ask.likely?;
    let first = |piece: &String| choices(piece, 1)[0].1;
    let sum: f64 = answer.pieces.iter().map(first).sum();
    (!answer.pieces.is_empty()).then(|| sum / answer.pieces.len() as f64)
}
