//! Those that host the models they make.

use super::super::{
    Auth::{Bearer, Header},
    Endpoint, Evidence, GEMINI, Vendor, at,
};
use super::*;
use crate::formats::FormatId::{CohereChat, CohereEmbed, GeminiCount};

/// Where Gemini counts, behind its host.
pub(super) const GEMINI_COUNT: Endpoint = at(GeminiCount, "/v1beta/models/{model}:countTokens");

pub(super) const ROWS: &[Vendor] = &[
    // https://platform.openai.com/docs/api-reference
    Vendor {
        id: "openai",
        title: "OpenAI",
        docs: "https://platform.openai.com/docs/api-reference",
        evidence: Evidence::Measured,
        base_url: "https://api.openai.com/v1",
        endpoints: &[
            CHAT,
            RESPONSES,
            EMBED,
            INPUT_TOKENS,
            COMPACT,
            COMPLETE,
            IMAGES,
            IMAGE_EDITS,
            IMAGE_VARIATIONS,
            SPEAK,
            TRANSCRIBE,
            TRANSLATE,
            MODERATE,
            FILES,
            BATCHES,
        ],
        env: "OPENAI_API_KEY",
        catalog: "openai",
        features: features(MEASURED, MEASURED, schema(Evidence::Measured)),
        quirks: Quirks::NONE,
        ..COMPATIBLE
    },
    // https://docs.anthropic.com/en/api/messages; its form of OpenAI's chat is for trials and ignores much of a request:
    // https://docs.anthropic.com/en/api/openai-sdk
    Vendor {
        id: "anthropic",
        title: "Anthropic",
        docs: "https://docs.anthropic.com/en/api/messages",
        evidence: Evidence::Measured,
        base_url: "https://api.anthropic.com/v1",
        endpoints: &[MESSAGES, COUNT_TOKENS, FILES, MESSAGE_BATCHES],
        auth: Header("x-api-key"),
        env: "ANTHROPIC_API_KEY",
        headers: &[ANTHROPIC_VERSION],
        // A page holds 20 unless more are asked for, 1000 at most: https://docs.anthropic.com/en/api/models-list
        models: "/models?limit=1000",
        catalog: "anthropic",
        features: features(MEASURED, MEASURED, schema(Evidence::Measured)),
        ..COMPATIBLE
    },
    // https://ai.google.dev/api; embeddings in OpenAI's form: https://ai.google.dev/gemini-api/docs/openai
    Vendor {
        id: "gemini",
        title: "Google Gemini",
        docs: "https://ai.google.dev/api",
        evidence: Evidence::Measured,
        base_url: "https://generativelanguage.googleapis.com",
        endpoints: &[
            GEMINI,
            GEMINI_COUNT,
            Endpoint {
                auth: Some(Bearer),
                ..at(OpenaiEmbeddings, "/v1beta/openai/embeddings")
            },
        ],
        auth: Header("x-goog-api-key"),
        env: "GEMINI_API_KEY",
        catalog: "google",
        // A page holds 50 unless more are asked for, 1000 at most.
        models: "/v1beta/models?pageSize=1000",
        features: features(MEASURED, MEASURED, schema(Evidence::Measured)),
        quirks: Quirks::NONE,
        ..COMPATIBLE
    },
    // The same models behind OpenAI's form: https://ai.google.dev/gemini-api/docs/openai
    Vendor {
        id: "gemini-openai",
        title: "Google Gemini (OpenAI-compatible)",
        docs: "https://ai.google.dev/gemini-api/docs/openai",
        base_url: "https://generativelanguage.googleapis.com/v1beta/openai",
        endpoints: &[CHAT, EMBED, IMAGES],
        env: "GEMINI_API_KEY",
        catalog: "google",
        features: features(DOCUMENTED, UNCHECKED, schema(Evidence::Unchecked)),
        ..COMPATIBLE
    },
    // https://docs.mistral.ai/api: refuses unknown fields such as stream_options, and sends usage unasked
    Vendor {
        id: "mistral",
        title: "Mistral AI",
        docs: "https://docs.mistral.ai/api",
        evidence: Evidence::Measured,
        base_url: "https://api.mistral.ai/v1",
        regions: &[
            ("eu", "https://api.eu.mistral.ai/v1"),
            ("us", "https://api.us.mistral.ai/v1"),
        ],
        endpoints: &[
            CHAT,
            RESPONSES,
            EMBED,
            INPUT_TOKENS,
            MODERATE,
            SPEAK,
            TRANSCRIBE,
            FILES,
        ],
        env: "MISTRAL_API_KEY",
        catalog: "mistral",
        features: features(MEASURED, MEASURED, schema(Evidence::Measured)),
        // The members of a request are those of its own client: https://github.com/mistralai/client-python
        quirks: Quirks {
            thoughts: None,
            seed: "random_seed",
            refuses: &["user", "modalities", "audio"],
            ..UNASKED
        },
        ..COMPATIBLE
    },
    // https://api-docs.deepseek.com and https://api-docs.deepseek.com/guides/anthropic_api
    Vendor {
        id: "deepseek",
        title: "DeepSeek",
        docs: "https://api-docs.deepseek.com",
        evidence: Evidence::Measured,
        base_url: "https://api.deepseek.com",
        endpoints: &[
            CHAT,
            RESPONSES,
            Endpoint {
                auth: Some(Header("x-api-key")),
                ..at(AnthropicMessages, "/anthropic/v1/messages")
            },
            FILES,
        ],
        env: "DEEPSEEK_API_KEY",
        catalog: "deepseek",
        // In chat a schema is refused.
        features: features(MEASURED, MEASURED, object(Evidence::Documented)),
        quirks: UNASKED,
        ..COMPATIBLE
    },
    // https://docs.x.ai/docs/api-reference: chat is called legacy there
    Vendor {
        id: "xai",
        title: "xAI",
        docs: "https://docs.x.ai/docs/api-reference",
        evidence: Evidence::Measured,
        base_url: "https://api.x.ai/v1",
        regions: &[("us", "https://us.api.x.ai/v1")],
        endpoints: &[CHAT, RESPONSES, COMPLETE],
        env: "XAI_API_KEY",
        catalog: "x-ai",
        features: features(MEASURED, MEASURED, schema(Evidence::Unchecked)),
        quirks: Quirks {
            seals_reasoning: true,
            ..NEWER
        },
        ..COMPATIBLE
    },
    // https://docs.perplexity.ai/api-reference/chat-completions-post; tools are in its own client:
    // https://github.com/perplexityai/perplexity-py
    Vendor {
        id: "perplexity",
        title: "Perplexity",
        docs: "https://docs.perplexity.ai/api-reference",
        evidence: Evidence::Measured,
        base_url: "https://api.perplexity.ai",
        endpoints: &[
            CHAT,
            at(OpenaiResponses, "/v1/responses"),
            at(OpenaiEmbeddings, "/v1/embeddings"),
            at(Files, "/v1/files"),
            at(OpenaiBatches, "/v1/batches"),
        ],
        env: "PERPLEXITY_API_KEY",
        models: "/v1/models",
        catalog: "perplexity",
        features: features(MEASURED, DOCUMENTED, schema(Evidence::Measured)),
        quirks: UNASKED,
        ..COMPATIBLE
    },
    // https://docs.cohere.com/reference
    Vendor {
        id: "cohere",
        title: "Cohere",
        docs: "https://docs.cohere.com/reference",
        evidence: Evidence::Measured,
        base_url: "https://api.cohere.com",
        endpoints: &[
            at(CohereChat, "/v2/chat"),
            at(CohereEmbed, "/v2/embed"),
            at(CohereRerank, "/v2/rerank"),
        ],
        env: "CO_API_KEY",
        // A page holds 20 unless more are asked for, 1000 at most: https://docs.cohere.com/reference/list-models
        models: "/v1/models?page_size=1000",
        catalog: "cohere",
        features: features(MEASURED, MEASURED, schema(Evidence::Measured)),
        quirks: Quirks::NONE,
        ..COMPATIBLE
    },
    // The same models behind OpenAI's form: https://docs.cohere.com/docs/compatibility-api
    Vendor {
        id: "cohere-openai",
        title: "Cohere (OpenAI-compatible)",
        docs: "https://docs.cohere.com/docs/compatibility-api",
        base_url: "https://api.cohere.ai/compatibility/v1",
        env: "CO_API_KEY",
        models: "",
        catalog: "cohere",
        features: features(DOCUMENTED, UNCHECKED, schema(Evidence::Unchecked)),
        ..COMPATIBLE
    },
    // https://docs.ai21.com/reference/jamba-1-6-api-ref; its list of models is empty for whoever asks, with a key or none
    Vendor {
        id: "ai21",
        title: "AI21",
        docs: "https://docs.ai21.com/reference/jamba-1-6-api-ref",
        base_url: "https://api.ai21.com/studio/v1",
        endpoints: &[CHAT],
        env: "AI21_API_KEY",
        models: "",
        features: features(DOCUMENTED, DOCUMENTED, object(Evidence::Documented)),
        ..COMPATIBLE
    },
    // https://platform.kimi.ai/docs/api/overview
    Vendor {
        id: "moonshot",
        title: "Moonshot AI (Kimi)",
        docs: "https://platform.kimi.ai/docs/api/overview",
        base_url: "https://api.moonshot.ai/v1",
        regions: &[("cn", "https://api.moonshot.cn/v1")],
        endpoints: &[
            CHAT,
            RESPONSES,
            on_host(at(AnthropicMessages, "/anthropic/v1/messages")),
            FILES,
            BATCHES,
        ],
        env: "MOONSHOT_API_KEY",
        catalog: "moonshotai",
        // https://platform.kimi.ai/docs/guide/response_format
        features: features(DOCUMENTED, DOCUMENTED, schema(Evidence::Documented)),
        quirks: NEWER,
        ..COMPATIBLE
    },
    // https://www.kimi.com/coding/docs
    Vendor {
        id: "kimi-code",
        title: "Kimi for Coding",
        docs: "https://www.kimi.com/coding/docs",
        evidence: Evidence::Unchecked,
        base_url: "https://api.kimi.com/coding/v1",
        endpoints: &[CHAT],
        env: "KIMI_API_KEY",
        models: "",
        features: features(UNCHECKED, UNCHECKED, None),
        ..COMPATIBLE
    },
    // https://docs.z.ai/api-reference; no list of models is documented
    Vendor {
        id: "zai",
        title: "Z.ai",
        docs: "https://docs.z.ai/api-reference/introduction",
        base_url: "https://api.z.ai/api/paas/v4",
        regions: &[("cn", "https://open.bigmodel.cn/api/paas/v4")],
        endpoints: &[
            CHAT,
            EMBED,
            IMAGES,
            SPEAK,
            TRANSCRIBE,
            MODERATE,
            on_host(at(AnthropicMessages, "/api/anthropic/v1/messages")),
            FILES,
            BATCHES,
        ],
        env: "ZAI_API_KEY",
        models: "",
        catalog: "zai",
        // https://docs.z.ai/guides/tools/stream-tool; formats of answers are in its own client.
        features: features(DOCUMENTED, DOCUMENTED, object(Evidence::Documented)),
        ..COMPATIBLE
    },
    // https://platform.minimax.io/docs/api-reference/text-openai-api and …/text-anthropic-api
    Vendor {
        id: "minimax",
        title: "MiniMax",
        docs: "https://platform.minimax.io/docs/api-reference/text-openai-api",
        base_url: "https://api.minimax.io/v1",
        regions: &[("cn", "https://api.minimaxi.com/v1")],
        endpoints: &[
            CHAT,
            RESPONSES,
            on_host(at(AnthropicMessages, "/anthropic/v1/messages")),
        ],
        env: "MINIMAX_API_KEY",
        catalog: "minimax",
        features: features(DOCUMENTED, DOCUMENTED, schema(Evidence::Unchecked)),
        quirks: NEWER,
        ..COMPATIBLE
    },
    // https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope: a key is bound to a region
    Vendor {
        id: "alibaba",
        title: "Alibaba Cloud Model Studio",
        docs: "https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope",
        evidence: Evidence::Measured,
        base_url: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        regions: &[
            ("cn", "https://dashscope.aliyuncs.com/compatible-mode/v1"),
            ("us", "https://dashscope-us.aliyuncs.com/compatible-mode/v1"),
        ],
        endpoints: &[
            CHAT,
            RESPONSES,
            EMBED,
            on_host(at(AnthropicMessages, "/apps/anthropic/v1/messages")),
        ],
        env: "DASHSCOPE_API_KEY",
        features: features(MEASURED, MEASURED, schema(Evidence::Unchecked)),
        ..COMPATIBLE
    },
    // https://platform.xiaomimimo.com
    Vendor {
        id: "xiaomi",
        title: "Xiaomi MiMo",
        docs: "https://platform.xiaomimimo.com",
        evidence: Evidence::Measured,
        base_url: "https://api.xiaomimimo.com/v1",
        endpoints: &[
            CHAT,
            on_host(at(AnthropicMessages, "/anthropic/v1/messages")),
        ],
        env: "MIMO_API_KEY",
        features: features(MEASURED, MEASURED, schema(Evidence::Unchecked)),
        quirks: Quirks {
            stream_usage: StreamUsage::Unasked,
            thoughts: None,
            ..NEWER
        },
        ..COMPATIBLE
    },
    // https://docs.voyageai.com/reference
    Vendor {
        id: "voyage",
        title: "Voyage AI",
        docs: "https://docs.voyageai.com/reference",
        evidence: Evidence::Measured,
        base_url: "https://api.voyageai.com/v1",
        endpoints: &[EMBED, RERANK],
        env: "VOYAGE_API_KEY",
        models: "",
        catalog: "voyageai",
        features: NO_CHAT,
        ..COMPATIBLE
    },
    // https://jina.ai/embeddings
    Vendor {
        id: "jina",
        title: "Jina AI",
        docs: "https://jina.ai/embeddings",
        evidence: Evidence::Unchecked,
        base_url: "https://api.jina.ai/v1",
        endpoints: &[EMBED, RERANK],
        env: "JINA_API_KEY",
        models: "",
        features: NO_CHAT,
        ..COMPATIBLE
    },
];
