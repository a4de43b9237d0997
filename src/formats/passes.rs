//! What of a caller's request passes to an upstream of the same format beside the body: an allow-list for each format,
//! to which a vendor adds its own. What is not named stays here. Credentials are never among it.

/// The caller's own word for "this is the same request again", which official clients send. gw never makes one:
/// <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Request headers and query parameters that may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passes {
    /// Names in small letters.
    pub headers: &'static [&'static str],
    /// Beginnings of names, for what a vendor names openly.
    pub prefixes: &'static [&'static str],
    pub query: &'static [&'static str],
}

impl Passes {
    pub const NONE: Passes = Passes {
        headers: &[],
        prefixes: &[],
        query: &[],
    };

    /// <https://platform.openai.com/docs/api-reference/introduction>
    pub const OPENAI: Passes = Passes {
        headers: &["openai-beta", "x-client-request-id", IDEMPOTENCY_KEY],
        ..Passes::NONE
    };

    /// `anthropic-*` is an open list, `beta=true` is what clients of beta features say:
    /// <https://docs.anthropic.com/en/api/beta-headers>
    pub const ANTHROPIC: Passes = Passes {
        headers: &[IDEMPOTENCY_KEY],
        prefixes: &["anthropic-"],
        query: &["beta"],
    };

    /// What its own clients say of themselves and of how an answer is spelt; the key is none of it:
    /// <https://cloud.google.com/apis/docs/system-parameters>
    pub const GOOGLE: Passes = Passes {
        headers: &[
            "x-goog-api-client",
            "x-goog-request-params",
            "x-goog-user-project",
            "x-server-timeout",
        ],
        query: &["$alt", "alt", "$prettyPrint", "prettyPrint"],
        ..Passes::NONE
    };

    /// Guardrails, tracing and the like, which Bedrock takes beside the body; what Anthropic's API has in headers stands in
    /// the body there: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html>
    pub const BEDROCK: Passes = Passes {
        prefixes: &["x-amzn-bedrock-"],
        ..Passes::NONE
    };

    /// Of Anthropic's headers Vertex AI takes the features in beta alone; the version stands in the body:
    /// <https://docs.anthropic.com/en/api/claude-on-vertex-ai>
    pub const VERTEX: Passes = Passes {
        headers: &["anthropic-beta", "x-goog-user-project"],
        ..Passes::NONE
    };

    /// What its clients call the project that asks: <https://docs.cohere.com/reference/chat>
    pub const COHERE: Passes = Passes {
        headers: &["x-client-name"],
        ..Passes::NONE
    };

    /// What says how to answer or what is sent, and what the vendors above name. Which account is asked is the operator's to
    /// say, and none of it. The query passes but for credentials.
    pub const THROUGH: Passes = Passes {
        headers: &[
            "accept",
            "accept-language",
            "content-encoding",
            "content-language",
            "if-match",
            "if-modified-since",
            "if-none-match",
            "if-range",
            "if-unmodified-since",
            "openai-beta",
            "range",
            "x-client-request-id",
            "x-goog-api-client",
            "x-goog-request-params",
            IDEMPOTENCY_KEY,
        ],
        prefixes: &["anthropic-", "x-goog-upload-"],
        query: &[],
    };

    /// Whether this header may pass.
    pub fn header(&self, name: &[u8]) -> bool {
        self.headers.iter().any(|known| known.as_bytes() == name)
            || self
                .prefixes
                .iter()
                .any(|start| name.starts_with(start.as_bytes()))
    }
}
