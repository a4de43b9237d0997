//! How likely the words of an answer were, both directions: pieces of text with the likelihoods of the tokens they are
//! made of. <https://docs.cohere.com/reference/chat>

use crate::chat::Logprob;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Piece {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    logprobs: Option<Vec<f64>>,
}

impl From<Piece> for Logprob {
    /// A piece is as likely as its tokens are together.
    fn from(piece: Piece) -> Logprob {
        Logprob {
            token: piece.text.unwrap_or_default(),
            logprob: piece.logprobs.unwrap_or_default().iter().sum(),
            ..Logprob::default()
        }
    }
}

/// One piece or a list of them; what is none is left out.
pub fn read(given: &str) -> Vec<Logprob> {
    let many = serde_json::from_str::<Vec<Piece>>(given);
    let all = many.or_else(|_| serde_json::from_str(given).map(|one| vec![one]));
    let all = all.unwrap_or_default().into_iter();
    all.filter(|piece| piece.logprobs.is_some())
        .map(Logprob::from)
        .collect()
}

/// One piece. The numbers of its tokens only the provider knows.
pub fn write(given: &Logprob) -> Value {
    json!({"text": given.token, "token_ids": [], "logprobs": [given.logprob]})
}
