//! Families of APIs: what their errors look like, whatever is asked for. Must not know headers or paths.

use super::fault;
use crate::chat::Fault;

/// A family of APIs, as far as errors go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    Openai,
    Anthropic,
    Google,
    /// Errors that are a message and nothing else: Cohere, Amazon Bedrock.
    Message,
}

impl Api {
    /// An error body of this API.
    pub fn write_fault(self, fault: &Fault) -> Vec<u8> {
        match self {
            Api::Openai => fault::write_openai(fault),
            Api::Anthropic => fault::write_anthropic(fault),
            Api::Google => fault::write_google(fault),
            Api::Message => fault::write_message(fault),
        }
    }
}
