//! Whether the seals that a request brings back are this mock's own, to the letter: real providers refuse others'.

use super::ask::{Refusal, Wire};
use super::{anthropic, converse, gemini, responses};
use serde_json::Value;

/// A seal that Google lets pass in place of one, as its guide says.
const DUMMIES: [&str; 2] = [
    "skip_thought_signature_validator",
    "context_engineering_is_the_way_to_go",
];

/// Looks at all seals in a request.
pub fn check(wire: Wire, body: &Value) -> Result<(), Refusal> {
    match wire {
        Wire::Openai | Wire::Cohere => Ok(()),
        Wire::Responses => {
            for (at, item) in list(&body["input"]).iter().enumerate() {
                let seal = &item["encrypted_content"];
                let id = item["id"].as_str().unwrap_or("none");
                let message = format!(
                    "The encrypted content for item {id} could not be verified. Reason: Encrypted content could not be decrypted or parsed."
                );
                own(
                    seal,
                    &[responses::SEAL],
                    &message,
                    format!("input[{at}].encrypted_content"),
                )
                .map_err(|why| why.code("invalid_encrypted_content"))?;
            }
            Ok(())
        }
        Wire::Anthropic => {
            for (at, message) in list(&body["messages"]).iter().enumerate() {
                for (index, block) in list(&message["content"]).iter().enumerate() {
                    if block["type"] == "thinking" {
                        let path = format!("messages.{at}.content.{index}");
                        let message = format!("{path}: Invalid `signature` in `thinking` block");
                        own(&block["signature"], &[anthropic::SEAL], &message, path)?;
                    }
                }
            }
            Ok(())
        }
        Wire::Converse => {
            for (at, message) in list(&body["messages"]).iter().enumerate() {
                for (index, block) in list(&message["content"]).iter().enumerate() {
                    let path = format!("messages.{at}.content.{index}");
                    let seal = &block["reasoningContent"]["reasoningText"]["signature"];
                    let message = format!("{path}: Invalid `signature` in `thinking` block");
                    own(seal, &[converse::SEAL], &message, path)?;
                }
            }
            Ok(())
        }
        Wire::Gemini => {
            let contents = gemini::list(&body["contents"]);
            for part in contents
                .iter()
                .flat_map(|content| gemini::list(&content["parts"]))
            {
                let seal = gemini::field(part, "thoughtSignature");
                let known = [gemini::SEAL, DUMMIES[0], DUMMIES[1]];
                own(
                    seal,
                    &known,
                    "Thought signature is not valid.",
                    "contents".into(),
                )?;
            }
            Ok(())
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn own(seal: &Value, known: &[&str], message: &str, path: String) -> Result<(), Refusal> {
    match seal.as_str() {
        Some(seal) if !known.contains(&seal) => Err(Refusal::new(message, path)),
        _ => Ok(()),
    }
}
