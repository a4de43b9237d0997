//! Why an answer ended: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_MessageStopEvent.html>.

use crate::chat::Stop;

/// What a reason means.
pub fn read(reason: &str) -> Stop {
    match reason {
        "tool_use" => Stop::Tool,
        "max_tokens" | "model_context_window_exceeded" => Stop::Length,
        "stop_sequence" => Stop::Sequence,
        "guardrail_intervened" | "content_filtered" => Stop::Filter,
        malformed if malformed.starts_with("malformed_") => Stop::Fault,
        _ => Stop::End,
    }
}

/// The reason a caller is told.
pub fn write(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "end_turn",
        Stop::Length => "max_tokens",
        Stop::Tool => "tool_use",
        Stop::Filter => "content_filtered",
        Stop::Sequence => "stop_sequence",
        // There is no word for a pause; what is not whole is not said to have ended well.
        Stop::Pause | Stop::Fault => "malformed_model_output",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_meaning() {
        for (reason, stop) in [
            ("end_turn", Stop::End),
            ("tool_use", Stop::Tool),
            ("max_tokens", Stop::Length),
            ("model_context_window_exceeded", Stop::Length),
            ("stop_sequence", Stop::Sequence),
            ("guardrail_intervened", Stop::Filter),
            ("content_filtered", Stop::Filter),
            ("malformed_model_output", Stop::Fault),
            ("malformed_tool_use", Stop::Fault),
            ("something_new", Stop::End),
        ] {
            assert_eq!(read(reason), stop, "{reason}");
        }
    }
}
