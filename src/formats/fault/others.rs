//! Error bodies of APIs that gw knows and does not serve: a caller of one is to understand what it is told.

use crate::chat::Fault;
use serde_json::json;

/// Google's APIs: <https://cloud.google.com/apis/design/errors>
pub fn write_google(fault: &Fault) -> Vec<u8> {
    let status = match fault.status {
        400 | 405 | 413 | 415 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        500 => "INTERNAL",
        503 | 529 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "UNKNOWN",
    };
    json!({"error": {"code": fault.status, "message": fault.message, "status": status}})
        .to_string()
        .into_bytes()
}

/// Cohere: <https://docs.cohere.com/reference/errors>. Amazon Bedrock: <https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html>
pub fn write_message(fault: &Fault) -> Vec<u8> {
    json!({"message": fault.message}).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        let fault = Fault {
            status: 404,
            kind: "not_found".into(),
            message: "no \"such\" thing".into(),
            code: None,
            param: None,
        };
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(
            (text(&write_google(&fault)), text(&write_message(&fault))),
            (
                r#"{"error":{"code":404,"message":"no \"such\" thing","status":"NOT_FOUND"}}"#
                    .into(),
                r#"{"message":"no \"such\" thing"}"#.into()
            )
        );
    }
}
