//! Why an answer ended: <https://ai.google.dev/api/generate-content#FinishReason>.

use crate::chat::Stop;

/// The reasons in the order of their numbers, as clients of Vertex AI ask for them (`enum-encoding=int`).
pub const NUMBERED: &[&str] = &[
    "FINISH_REASON_UNSPECIFIED",
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
    "MODEL_ARMOR",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "IMAGE_OTHER",
    "UNEXPECTED_TOOL_CALL",
    "NO_IMAGE",
];

/// What a reason means; there is none of its own for a call.
pub fn read(reason: &str, called: bool) -> Stop {
    match reason {
        "STOP" if called => Stop::Tool,
        "MAX_TOKENS" => Stop::Length,
        "SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII"
        | "MODEL_ARMOR" | "NO_IMAGE" => Stop::Filter,
        image if image.starts_with("IMAGE_") => Stop::Filter,
        "OTHER" | "UNEXPECTED_TOOL_CALL" | "TOO_MANY_TOOL_CALLS" | "MISSING_THOUGHT_SIGNATURE" => {
            Stop::Fault
        }
        malformed if malformed.starts_with("MALFORMED_") => Stop::Fault,
        _ => Stop::End,
    }
}

/// The reason a caller is told.
pub fn write(stop: Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Tool | Stop::Sequence => "STOP",
        Stop::Length => "MAX_TOKENS",
        Stop::Filter => "SAFETY",
        // What is not whole is not said to have ended well.
        Stop::Pause | Stop::Fault => "OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_meaning() {
        for (reason, called, want) in [
            ("STOP", false, Stop::End),
            ("STOP", true, Stop::Tool),
            ("MAX_TOKENS", true, Stop::Length),
            ("SAFETY", true, Stop::Filter),
            ("IMAGE_OTHER", false, Stop::Filter),
            ("MODEL_ARMOR", false, Stop::Filter),
            ("MALFORMED_FUNCTION_CALL", false, Stop::Fault),
            ("MALFORMED_RESPONSE", false, Stop::Fault),
            ("SOMETHING_NEW", false, Stop::End),
        ] {
            assert_eq!(read(reason, called), want, "{reason}");
        }
        for stop in [Stop::End, Stop::Length, Stop::Filter, Stop::Fault] {
            assert_eq!(read(write(stop), false), stop);
        }
    }
}
