//! Clouds: each customer's address is another one.

use super::super::{
    Auth::{Aws, Bearer, BearerIn, Entra, Google, Headers},
    CONVERSE, Endpoint, Evidence, INVOKE, Vendor, at,
};
use super::*;
use crate::formats::FormatId::{AnthropicVertex, AnthropicVertexCount, Gemini, GeminiCount};

/// A path at Vertex AI, where one says project and place.
macro_rules! placed {
    ($path:literal) => {
        concat!("/v1/projects/{project}/locations/{region}", $path)
    };
}

/// Models of Anthropic's, and of Google's own, by their names at Vertex AI.
const CLAUDE: &[&str] = &["claude-*"];
const GEMINIS: &[&str] = &["gemini-*"];
/// OpenAI's, by theirs at Bedrock.
const OPENAI: &[&str] = &["*openai.*"];

pub(super) const ROWS: &[Vendor] = &[
    // https://learn.microsoft.com/azure/ai-services/openai/reference: one host a resource, one path a deployment;
    // 2024-10-21 is the last dated generally available version. Paths are those of OpenAI's own client for it. Deployments
    // cannot be listed with the key.
    Vendor {
        id: "azure",
        title: "Azure OpenAI",
        docs: "https://learn.microsoft.com/azure/ai-services/openai/reference",
        evidence: Evidence::Measured,
        base_url: "https://{account}.openai.azure.com",
        endpoints: &[
            at(OpenaiChat, "/openai/deployments/{model}/chat/completions"),
            at(OpenaiEmbeddings, "/openai/deployments/{model}/embeddings"),
            at(OpenaiCompletions, "/openai/deployments/{model}/completions"),
            at(
                OpenaiImages,
                "/openai/deployments/{model}/images/generations",
            ),
            at(OpenaiImageEdits, "/openai/deployments/{model}/images/edits"),
            at(OpenaiSpeech, "/openai/deployments/{model}/audio/speech"),
            at(
                OpenaiTranscriptions,
                "/openai/deployments/{model}/audio/transcriptions",
            ),
            at(
                OpenaiTranslations,
                "/openai/deployments/{model}/audio/translations",
            ),
        ],
        auth: Entra("api-key"),
        env: "AZURE_OPENAI_API_KEY",
        models: "",
        query: &[("api-version", "2024-10-21")],
        catalog: "azure",
        features: features(DOCUMENTED, DOCUMENTED, schema(Evidence::Documented)),
        quirks: Quirks::NONE,
        ..COMPATIBLE
    },
    // https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle: no version, and the deployment's name in
    // the body. What its list of models holds is not documented.
    Vendor {
        id: "azure-v1",
        title: "Azure OpenAI (v1 paths)",
        docs: "https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle",
        base_url: "https://{account}.openai.azure.com/openai/v1",
        endpoints: &[CHAT, RESPONSES, EMBED],
        auth: Entra("api-key"),
        env: "AZURE_OPENAI_API_KEY",
        models: "",
        catalog: "azure",
        features: features(DOCUMENTED, DOCUMENTED, schema(Evidence::Documented)),
        quirks: Quirks::NONE,
        ..COMPATIBLE
    },
    // https://learn.microsoft.com/azure/ai-foundry/foundry-models/how-to/use-foundry-models-claude; the headers are those of
    // Anthropic's own client for it. It lists nothing.
    Vendor {
        id: "foundry-anthropic",
        title: "Anthropic on Microsoft Foundry",
        docs: "https://learn.microsoft.com/azure/ai-foundry/foundry-models/how-to/use-foundry-models-claude",
        base_url: "https://{account}.services.ai.azure.com/anthropic",
        endpoints: &[
            at(AnthropicMessages, "/v1/messages"),
            at(AnthropicCount, "/v1/messages/count_tokens"),
        ],
        auth: Headers(&["x-api-key", "api-key"]),
        env: "ANTHROPIC_FOUNDRY_API_KEY",
        headers: &[ANTHROPIC_VERSION],
        models: "",
        catalog: "anthropic",
        features: features(DOCUMENTED, DOCUMENTED, schema(Evidence::Unchecked)),
        ..COMPATIBLE
    },
    // https://learn.microsoft.com/azure/ai-foundry/foundry-models/concepts/endpoints: models of all makers on the same paths
    Vendor {
        id: "foundry",
        title: "Microsoft Foundry",
        docs: "https://learn.microsoft.com/azure/ai-foundry/foundry-models/concepts/endpoints",
        base_url: "https://{account}.services.ai.azure.com/openai/v1",
        endpoints: &[CHAT, RESPONSES, EMBED],
        auth: Entra("api-key"),
        env: "AZURE_OPENAI_API_KEY",
        models: "",
        catalog: "azure",
        features: features(DOCUMENTED, UNCHECKED, schema(Evidence::Unchecked)),
        quirks: NEWER,
        ..COMPATIBLE
    },
    // https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference; the hosts of `global` and of the
    // multi-regions: https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations. Models are listed to the
    // publisher's own page alone.
    Vendor {
        id: "vertex",
        title: "Google Vertex AI",
        docs: "https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference",
        evidence: Evidence::Measured,
        base_url: "https://{region}-aiplatform.googleapis.com",
        regions: &[
            ("global", "https://aiplatform.googleapis.com"),
            ("us", "https://aiplatform.us.rep.googleapis.com"),
            ("eu", "https://aiplatform.eu.rep.googleapis.com"),
        ],
        endpoints: &[
            // https://docs.anthropic.com/en/api/claude-on-vertex-ai
            Endpoint {
                streams: placed!("/publishers/anthropic/models/{model}:streamRawPredict"),
                models: CLAUDE,
                ..at(
                    AnthropicVertex,
                    placed!("/publishers/anthropic/models/{model}:rawPredict"),
                )
            },
            // https://cloud.google.com/vertex-ai/generative-ai/docs/start/openai: ids with their maker in front.
            Endpoint {
                models: &["*/*"],
                ..at(OpenaiChat, placed!("/endpoints/openapi/chat/completions"))
            },
            Endpoint {
                streams: placed!("/publishers/google/models/{model}:streamGenerateContent?alt=sse"),
                models: GEMINIS,
                ..at(
                    Gemini,
                    placed!("/publishers/google/models/{model}:generateContent"),
                )
            },
            Endpoint {
                models: CLAUDE,
                ..at(
                    AnthropicVertexCount,
                    placed!("/publishers/anthropic/models/count-tokens:rawPredict"),
                )
            },
            Endpoint {
                models: GEMINIS,
                ..at(
                    GeminiCount,
                    placed!("/publishers/google/models/{model}:countTokens"),
                )
            },
        ],
        auth: Google,
        models: "",
        catalog: "google",
        features: features(MEASURED, MEASURED, schema(Evidence::Documented)),
        quirks: Quirks::NONE,
        ..COMPATIBLE
    },
    // https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html; models are listed by
    // another host
    Vendor {
        id: "bedrock",
        title: "Amazon Bedrock",
        docs: "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html",
        evidence: Evidence::Measured,
        base_url: "https://bedrock-runtime.{region}.amazonaws.com",
        regions: &[("cn-*", "https://bedrock-runtime.{region}.amazonaws.com.cn")],
        endpoints: &[
            Endpoint {
                models: &["*anthropic.*"],
                ..INVOKE
            },
            Endpoint {
                models: OPENAI,
                ..at(OpenaiChat, "/openai/v1/chat/completions")
            },
            Endpoint {
                models: OPENAI,
                ..at(OpenaiResponses, "/openai/v1/responses")
            },
            // For all others, and for callers of its own for all.
            CONVERSE,
        ],
        auth: Aws("bedrock"),
        env: "AWS_BEARER_TOKEN_BEDROCK",
        models: "",
        catalog: "aws",
        features: features(MEASURED, MEASURED, schema(Evidence::Measured)),
        ..COMPATIBLE
    },
    // https://docs.aws.amazon.com/bedrock/latest/userguide/bedrock-mantle.html
    Vendor {
        id: "bedrock-mantle",
        title: "Amazon Bedrock (mantle)",
        docs: "https://docs.aws.amazon.com/bedrock/latest/userguide/bedrock-mantle.html",
        base_url: "https://bedrock-mantle.{region}.api.aws/v1",
        endpoints: &[
            CHAT,
            RESPONSES,
            on_host(at(AnthropicMessages, "/anthropic/v1/messages")),
            on_host(at(AnthropicCount, "/anthropic/v1/messages/count_tokens")),
        ],
        auth: Aws("bedrock-mantle"),
        env: "AWS_BEARER_TOKEN_BEDROCK",
        headers: &[ANTHROPIC_VERSION],
        catalog: "aws",
        features: features(DOCUMENTED, DOCUMENTED, schema(Evidence::Unchecked)),
        ..COMPATIBLE
    },
    // https://docs.aws.amazon.com/claude-platform/latest/userguide/making-requests.html; a key is sent as Anthropic's own
    // client for it does
    Vendor {
        id: "claude-aws",
        title: "Claude Platform on AWS",
        docs: "https://docs.aws.amazon.com/claude-platform/latest/userguide/making-requests.html",
        base_url: "https://aws-external-anthropic.{region}.api.aws/v1",
        endpoints: &[MESSAGES, COUNT_TOKENS],
        auth: Aws("aws-external-anthropic"),
        env: "ANTHROPIC_AWS_API_KEY",
        headers: &[ANTHROPIC_VERSION, ("anthropic-workspace-id", "{account}")],
        models: "",
        catalog: "anthropic",
        features: features(DOCUMENTED, DOCUMENTED, schema(Evidence::Documented)),
        ..COMPATIBLE
    },
    // https://docs.databricks.com/machine-learning/model-serving/score-foundation-models.html: the base is that of a
    // workspace, https://WORKSPACE/serving-endpoints
    Vendor {
        id: "databricks",
        title: "Databricks",
        docs: "https://docs.databricks.com/machine-learning/model-serving/score-foundation-models.html",
        endpoints: &[
            CHAT,
            RESPONSES,
            at(AnthropicMessages, "/anthropic/v1/messages"),
            EMBED,
            COMPLETE,
        ],
        env: "DATABRICKS_TOKEN",
        models: "",
        catalog: "databricks",
        features: features(DOCUMENTED, UNCHECKED, schema(Evidence::Unchecked)),
        ..COMPATIBLE
    },
    // https://docs.snowflake.com/en/user-guide/snowflake-cortex/cortex-rest-api
    Vendor {
        id: "snowflake",
        title: "Snowflake Cortex",
        docs: "https://docs.snowflake.com/en/user-guide/snowflake-cortex/cortex-rest-api",
        base_url: "https://{account}.snowflakecomputing.com/api/v2/cortex/v1",
        endpoints: &[
            CHAT,
            Endpoint {
                models: CLAUDE,
                ..MESSAGES
            },
        ],
        auth: Bearer,
        env: "SNOWFLAKE_TOKEN",
        models: "",
        // Tools with models of OpenAI and Anthropic alone.
        features: features(DOCUMENTED, DOCUMENTED, schema(Evidence::Documented)),
        quirks: NEWER,
        ..COMPATIBLE
    },
    // https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility
    Vendor {
        id: "cloudflare",
        title: "Cloudflare Workers AI",
        docs: "https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility",
        base_url: "https://api.cloudflare.com/client/v4/accounts/{account}/ai/v1",
        endpoints: &[CHAT, RESPONSES, MESSAGES, EMBED],
        env: "CLOUDFLARE_API_TOKEN",
        models: "",
        features: features(DOCUMENTED, UNCHECKED, schema(Evidence::Unchecked)),
        ..COMPATIBLE
    },
    // https://developers.cloudflare.com/ai-gateway/usage/chat-completion: the project is the gateway's name; the keys of those
    // behind it are Cloudflare's to keep
    Vendor {
        id: "cloudflare-gateway",
        title: "Cloudflare AI Gateway",
        docs: "https://developers.cloudflare.com/ai-gateway/usage/chat-completion",
        base_url: "https://gateway.ai.cloudflare.com/v1/{account}/{project}/compat",
        endpoints: &[CHAT],
        auth: BearerIn("cf-aig-authorization"),
        env: "CLOUDFLARE_API_TOKEN",
        models: "",
        features: features(DOCUMENTED, UNCHECKED, schema(Evidence::Unchecked)),
        ..COMPATIBLE
    },
];
