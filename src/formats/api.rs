//! Families of APIs: what their errors look like, whatever is asked for. Must not know headers or paths.

use super::fault;
use crate::chat::Fault;

/// Where Amazon's services say the kind of an error:
/// <https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization>.
pub const ERROR_TYPE: &str = "x-amzn-errortype";

/// A family of APIs, as far as errors go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    Openai,
    Anthropic,
    Google,
    /// Errors that are a message and nothing else: Cohere.
    Message,
    /// The same, with their names in a header: Amazon Bedrock.
    Amazon,
}

impl Api {
    /// An error body of this API.
    pub fn write_fault(self, fault: &Fault) -> Vec<u8> {
        match self {
            Api::Openai => fault::write_openai(fault),
            Api::Anthropic => fault::write_anthropic(fault),
            Api::Google => fault::write_google(fault),
            Api::Message | Api::Amazon => fault::write_message(fault),
        }
    }

    /// The header in which clients look for the kind of an error, and what it says.
    pub fn fault_header(self, fault: &Fault) -> Option<(&'static str, &'static str)> {
        match self {
            Api::Amazon => Some((ERROR_TYPE, fault::aws::name(fault))),
            Api::Openai | Api::Anthropic | Api::Google | Api::Message => None,
        }
    }
}
