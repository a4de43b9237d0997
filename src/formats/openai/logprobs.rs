//! How likely the tokens of an answer were, both directions: `choices[].logprobs.content`.
//! <https://platform.openai.com/docs/api-reference/chat/object>

use crate::chat::Logprob;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Deserialize, Serialize)]
struct Token {
    token: String,
    #[serde(default)]
    logprob: f64,
    #[serde(default)]
    bytes: Option<Vec<u8>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    top_logprobs: Vec<Token>,
}

impl From<Token> for Logprob {
    fn from(token: Token) -> Logprob {
        Logprob {
            token: token.token,
            logprob: token.logprob,
            bytes: token.bytes,
            top: token.top_logprobs.into_iter().map(Logprob::from).collect(),
        }
    }
}

impl From<&Logprob> for Token {
    fn from(given: &Logprob) -> Token {
        Token {
            token: given.token.clone(),
            logprob: given.logprob,
            bytes: given
                .bytes
                .clone()
                .or_else(|| Some(given.token.clone().into_bytes())),
            top_logprobs: given.top.iter().map(Token::from).collect(),
        }
    }
}

/// The list of tokens; what is none is left out.
pub fn read(content: &str) -> Vec<Logprob> {
    let tokens: Vec<Token> = serde_json::from_str(content).unwrap_or_default();
    tokens.into_iter().map(Logprob::from).collect()
}

/// The list of tokens, each with its likeliest ones, though there may be none.
pub fn write(given: &[Logprob]) -> Value {
    let tokens = given.iter().map(|one| {
        let mut token = json!(Token::from(one));
        if one.top.is_empty() {
            token["top_logprobs"] = json!([]);
        }
        token
    });
    tokens.collect()
}
