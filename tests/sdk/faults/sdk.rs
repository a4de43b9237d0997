//! What the official clients make of an error: which class they raise for which status, and for one inside a stream.

use super::table::{Failed, Row};
use serde_json::Value;

/// The clients of one language.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sdk {
    Python,
    JavaScript,
}

/// Classes by status: of Python's openai and anthropic, of JavaScript's openai and anthropic.
#[rustfmt::skip]
pub const CLASSES: &[(u16, [&str; 4])] = &[
    (404, ["NotFoundError"; 4]),
    (408, ["APIStatusError", "RequestTimeoutError", "APIError", "RequestTimeoutError"]),
    (413, ["APIStatusError", "ContentTooLargeError", "APIError", "ContentTooLargeError"]),
    (429, ["RateLimitError"; 4]),
    (500, ["InternalServerError"; 4]),
    (502, ["InternalServerError"; 4]),
    (503, ["InternalServerError", "ServiceUnavailableError", "InternalServerError", "ServiceUnavailableError"]),
    (504, ["InternalServerError", "GatewayTimeoutError", "InternalServerError", "GatewayTimeoutError"]),
    (529, ["InternalServerError", "OverloadedError", "InternalServerError", "OverloadedError"]),
];

/// The class of an error inside a stream.
pub const IN_STREAM: [&str; 4] = ["APIError", "APIStatusError", "APIError", "APIError"];

impl Sdk {
    pub fn program(self) -> &'static str {
        match self {
            Sdk::Python => "calls.py",
            Sdk::JavaScript => "calls.mjs",
        }
    }

    fn at(self, client: &str) -> usize {
        usize::from(client == "anthropic") + if self == Sdk::JavaScript { 2 } else { 0 }
    }

    fn class(self, client: &str, status: u16) -> &'static str {
        let row = CLASSES.iter().find(|(known, _)| *known == status);
        row.unwrap_or_else(|| panic!("no class for {status}")).1[self.at(client)]
    }

    /// What a client must raise.
    pub fn expected(self, client: &str, row: &Row, failed: &Failed) -> String {
        let class = self.class(client, failed.told);
        format!(
            "{class} {} called {:?} with {:?}",
            failed.told,
            row.named(failed),
            failed.wait
        )
    }

    /// Whether a client raised that.
    pub fn raises(self, client: &str, row: &Row, failed: &Failed, outcome: &Value) -> bool {
        let raised = &outcome["raised"];
        let named = row.named(failed).filter(|_| client == "openai");
        let wait = raised["headers"]["retry-after"].as_str();
        let waits = match (failed.wait, wait.map(str::parse::<u64>)) {
            (None, None) => true,
            (Some((least, most)), Some(Ok(wait))) => (least..=most).contains(&wait),
            _ => false,
        };
        raised["class"] == self.class(client, failed.told)
            && raised["status"] == failed.told
            && raised["type"].is_string()
            && named.is_none_or(|named| raised["code"] == named)
            && raised["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty())
            && waits
    }

    /// Whether a client raised an error that came inside a stream.
    pub fn breaks(self, client: &str, outcome: &Value) -> bool {
        let raised = &outcome["raised"];
        raised["class"] == IN_STREAM[self.at(client)] && raised["type"].is_string()
    }
}
