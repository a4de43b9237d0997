//! The vendors, a row each. Values come from the vendors' own documentation, linked above each row.

use super::{
    Auth::{Bearer, Entra, Google, Header},
    Endpoint, GEMINI, Vendor, at,
};
use crate::formats::FormatId::{
    AnthropicCount, AnthropicMessages, CohereRerank, Gemini, GeminiCount, OpenaiChat,
    OpenaiCompletions, OpenaiEmbeddings, OpenaiImageEdits, OpenaiImageVariations, OpenaiImages,
    OpenaiModerations, OpenaiResponses, OpenaiSpeech, OpenaiTranscriptions, OpenaiTranslations,
    Rerank, ResponsesCompact, ResponsesCount,
};
use crate::formats::{Passes, Quirks, StreamUsage};

/// What an OpenAI-compatible vendor is unless its row says otherwise.
const COMPATIBLE: Vendor = Vendor {
    id: "",
    title: "",
    base_url: "",
    regions: &[],
    endpoints: &[
        at(OpenaiChat, "/chat/completions"),
        at(OpenaiEmbeddings, "/embeddings"),
    ],
    auth: Bearer,
    env: "",
    models: "/models",
    query: &[],
    headers: &[],
    passes: Passes::NONE,
    catalog: "",
    own_names: &[],
    local: false,
    quirks: Quirks::COMPATIBLE,
};

/// What vendors have in common that send usage in every stream unasked: nothing to ask for, nothing to hide.
const UNASKED: Quirks = Quirks {
    stream_usage: StreamUsage::Unasked,
    ..Quirks::COMPATIBLE
};

/// What OpenAI-compatible vendors take that have its newer chat format, too.
const BOTH: &[Endpoint] = &[
    at(OpenaiChat, "/chat/completions"),
    at(OpenaiResponses, "/responses"),
    at(OpenaiEmbeddings, "/embeddings"),
];

/// What Anthropic itself takes.
const MESSAGES: &[Endpoint] = &[
    at(AnthropicMessages, "/messages"),
    at(AnthropicCount, "/messages/count_tokens"),
];

/// Where Gemini counts, behind its host.
const GEMINI_COUNT: Endpoint = at(GeminiCount, "/v1beta/models/{model}:countTokens");

/// Servers on the user's machine that speak all chat formats below one base URL.
const LOCAL: Vendor = Vendor {
    endpoints: &[
        at(OpenaiChat, "/chat/completions"),
        at(OpenaiResponses, "/responses"),
        at(AnthropicMessages, "/messages"),
        at(OpenaiEmbeddings, "/embeddings"),
    ],
    local: true,
    ..COMPATIBLE
};

/// Those that count as Anthropic does, too.
const COUNTING: Vendor = Vendor {
    endpoints: &[
        at(OpenaiChat, "/chat/completions"),
        at(OpenaiResponses, "/responses"),
        at(AnthropicMessages, "/messages"),
        at(OpenaiEmbeddings, "/embeddings"),
        at(AnthropicCount, "/messages/count_tokens"),
    ],
    ..LOCAL
};

/// The API version Anthropic's reference asks for: <https://docs.anthropic.com/en/api/versioning>.
const ANTHROPIC_VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

/// Every vendor.
pub static VENDORS: &[Vendor] = &[
    // https://platform.openai.com/docs/api-reference
    Vendor {
        id: "openai",
        title: "OpenAI",
        base_url: "https://api.openai.com/v1",
        endpoints: &[
            at(OpenaiChat, "/chat/completions"),
            at(OpenaiResponses, "/responses"),
            at(OpenaiEmbeddings, "/embeddings"),
            at(ResponsesCount, "/responses/input_tokens"),
            at(ResponsesCompact, "/responses/compact"),
            at(OpenaiCompletions, "/completions"),
            at(OpenaiImages, "/images/generations"),
            at(OpenaiImageEdits, "/images/edits"),
            at(OpenaiImageVariations, "/images/variations"),
            at(OpenaiSpeech, "/audio/speech"),
            at(OpenaiTranscriptions, "/audio/transcriptions"),
            at(OpenaiTranslations, "/audio/translations"),
            at(OpenaiModerations, "/moderations"),
        ],
        env: "OPENAI_API_KEY",
        catalog: "openai",
        quirks: Quirks::NONE,
        ..COMPATIBLE
    },
    // https://docs.anthropic.com/en/api/messages
    Vendor {
        id: "anthropic",
        title: "Anthropic",
        base_url: "https://api.anthropic.com/v1",
        endpoints: MESSAGES,
        auth: Header("x-api-key"),
        env: "ANTHROPIC_API_KEY",
        headers: &[ANTHROPIC_VERSION],
        catalog: "anthropic",
        ..COMPATIBLE
    },
    // https://ai.google.dev/api; embeddings in OpenAI's form: https://ai.google.dev/gemini-api/docs/openai
    Vendor {
        id: "gemini",
        title: "Google Gemini",
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
        quirks: Quirks::NONE,
        ..COMPATIBLE
    },
    // The same models behind OpenAI's form: https://ai.google.dev/gemini-api/docs/openai
    Vendor {
        id: "gemini-openai",
        title: "Google Gemini (OpenAI-compatible)",
        base_url: "https://generativelanguage.googleapis.com/v1beta/openai",
        env: "GEMINI_API_KEY",
        catalog: "google",
        ..COMPATIBLE
    },
    // https://learn.microsoft.com/azure/ai-services/openai/reference: one host a resource, one path a deployment; 2024-10-21 is the last dated generally available version. Deployments cannot be listed with the key.
    Vendor {
        id: "azure",
        title: "Azure OpenAI",
        base_url: "https://{account}.openai.azure.com",
        endpoints: &[
            at(OpenaiChat, "/openai/deployments/{model}/chat/completions"),
            at(OpenaiEmbeddings, "/openai/deployments/{model}/embeddings"),
        ],
        auth: Entra("api-key"),
        env: "AZURE_OPENAI_API_KEY",
        models: "",
        query: &[("api-version", "2024-10-21")],
        catalog: "azure",
        quirks: Quirks::NONE,
        ..COMPATIBLE
    },
    // https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference; the hosts of `global` and of the
    // multi-regions: https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations. Models are listed to the
    // publisher's own page alone.
    Vendor {
        id: "vertex",
        title: "Google Vertex AI",
        base_url: "https://{region}-aiplatform.googleapis.com",
        regions: &[
            ("global", "https://aiplatform.googleapis.com"),
            ("us", "https://aiplatform.us.rep.googleapis.com"),
            ("eu", "https://aiplatform.eu.rep.googleapis.com"),
        ],
        endpoints: &[
            Endpoint {
                streams: "/v1/projects/{project}/locations/{region}/publishers/google/models/{model}:streamGenerateContent?alt=sse",
                ..at(
                    Gemini,
                    "/v1/projects/{project}/locations/{region}/publishers/google/models/{model}:generateContent",
                )
            },
            at(
                GeminiCount,
                "/v1/projects/{project}/locations/{region}/publishers/google/models/{model}:countTokens",
            ),
        ],
        auth: Google,
        models: "",
        catalog: "google",
        quirks: Quirks::NONE,
        ..COMPATIBLE
    },
    // https://console.groq.com/docs/openai and https://console.groq.com/docs/responses-api
    Vendor {
        id: "groq",
        title: "Groq",
        base_url: "https://api.groq.com/openai/v1",
        endpoints: &[
            at(OpenaiChat, "/chat/completions"),
            at(OpenaiResponses, "/responses"),
        ],
        env: "GROQ_API_KEY",
        catalog: "groq",
        // Refuses thoughts: https://github.com/janhq/jan/issues/8136
        quirks: Quirks {
            thoughts: None,
            ..UNASKED
        },
        own_names: &["groq/compound", "groq/compound-mini"],
        ..COMPATIBLE
    },
    // https://docs.mistral.ai/api: refuses unknown fields such as stream_options, and sends usage unasked
    Vendor {
        id: "mistral",
        title: "Mistral AI",
        base_url: "https://api.mistral.ai/v1",
        endpoints: &[
            at(OpenaiChat, "/chat/completions"),
            at(OpenaiResponses, "/responses"),
            at(OpenaiEmbeddings, "/embeddings"),
            at(ResponsesCount, "/responses/input_tokens"),
        ],
        env: "MISTRAL_API_KEY",
        catalog: "mistral",
        quirks: Quirks {
            thoughts: None,
            ..UNASKED
        },
        ..COMPATIBLE
    },
    // https://api-docs.deepseek.com and https://api-docs.deepseek.com/guides/anthropic_api
    Vendor {
        id: "deepseek",
        title: "DeepSeek",
        base_url: "https://api.deepseek.com",
        endpoints: &[
            at(OpenaiChat, "/chat/completions"),
            at(OpenaiResponses, "/responses"),
            at(AnthropicMessages, "/anthropic/v1/messages"),
        ],
        env: "DEEPSEEK_API_KEY",
        catalog: "deepseek",
        quirks: UNASKED,
        ..COMPATIBLE
    },
    // https://docs.together.ai/docs/openai-api-compatibility
    Vendor {
        id: "together",
        title: "Together AI",
        base_url: "https://api.together.xyz/v1",
        endpoints: BOTH,
        env: "TOGETHER_API_KEY",
        catalog: "together",
        quirks: UNASKED,
        ..COMPATIBLE
    },
    // https://docs.fireworks.ai/tools-sdks/openai-compatibility
    Vendor {
        id: "fireworks",
        title: "Fireworks AI",
        base_url: "https://api.fireworks.ai/inference/v1",
        endpoints: BOTH,
        env: "FIREWORKS_API_KEY",
        catalog: "fireworks",
        quirks: UNASKED,
        ..COMPATIBLE
    },
    // https://openrouter.ai/docs/api-reference/overview
    Vendor {
        id: "openrouter",
        title: "OpenRouter",
        base_url: "https://openrouter.ai/api/v1",
        endpoints: &[
            at(OpenaiChat, "/chat/completions"),
            at(OpenaiResponses, "/responses"),
            at(AnthropicMessages, "/messages"),
            at(OpenaiEmbeddings, "/embeddings"),
        ],
        env: "OPENROUTER_API_KEY",
        // Which application calls: https://openrouter.ai/docs/app-attribution
        passes: Passes {
            headers: &["http-referer", "x-title", "x-openrouter-title"],
            ..Passes::NONE
        },
        catalog: "openrouter",
        // Every id has two parts; those of its own routers begin with its name.
        own_names: &["openrouter/*"],
        quirks: Quirks {
            seals_reasoning: true,
            ..UNASKED
        },
        ..COMPATIBLE
    },
    // https://docs.x.ai/docs/api-reference
    Vendor {
        id: "xai",
        title: "xAI",
        base_url: "https://api.x.ai/v1",
        endpoints: &[
            at(OpenaiChat, "/chat/completions"),
            at(OpenaiResponses, "/responses"),
        ],
        env: "XAI_API_KEY",
        catalog: "x-ai",
        quirks: Quirks {
            seals_reasoning: true,
            ..Quirks::COMPATIBLE
        },
        ..COMPATIBLE
    },
    // https://inference-docs.cerebras.ai/resources/openai
    Vendor {
        id: "cerebras",
        title: "Cerebras",
        base_url: "https://api.cerebras.ai/v1",
        endpoints: &[at(OpenaiChat, "/chat/completions")],
        env: "CEREBRAS_API_KEY",
        catalog: "cerebras",
        // Under this name alone: https://github.com/QwenLM/qwen-code/issues/11045
        quirks: Quirks {
            thoughts: Some("reasoning"),
            ..UNASKED
        },
        ..COMPATIBLE
    },
    // https://platform.xiaomimimo.com
    Vendor {
        id: "xiaomi",
        title: "Xiaomi MiMo",
        base_url: "https://api.xiaomimimo.com/v1",
        endpoints: &[at(OpenaiChat, "/chat/completions")],
        env: "MIMO_API_KEY",
        quirks: Quirks {
            stream_usage: StreamUsage::Unasked,
            ..Quirks::NONE
        },
        ..COMPATIBLE
    },
    // https://docs.perplexity.ai/api-reference/chat-completions-post
    Vendor {
        id: "perplexity",
        title: "Perplexity",
        base_url: "https://api.perplexity.ai",
        endpoints: &[at(OpenaiChat, "/chat/completions")],
        env: "PERPLEXITY_API_KEY",
        models: "",
        catalog: "perplexity",
        quirks: UNASKED,
        ..COMPATIBLE
    },
    // https://docs.api.nvidia.com/nim/reference/llm-apis
    Vendor {
        id: "nvidia",
        title: "NVIDIA NIM",
        base_url: "https://integrate.api.nvidia.com/v1",
        env: "NVIDIA_API_KEY",
        // Every id has two parts.
        own_names: &["nvidia/*"],
        ..COMPATIBLE
    },
    // https://docs.ollama.com/api/openai-compatibility and https://docs.ollama.com/api/anthropic-compatibility
    Vendor {
        id: "ollama",
        title: "Ollama",
        base_url: "http://127.0.0.1:11434/v1",
        env: "OLLAMA_API_KEY",
        ..LOCAL
    },
    // https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
    Vendor {
        id: "vllm",
        title: "vLLM",
        base_url: "http://127.0.0.1:8000/v1",
        env: "VLLM_API_KEY",
        ..COUNTING
    },
    // https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
    Vendor {
        id: "llama-cpp",
        title: "llama.cpp server",
        base_url: "http://127.0.0.1:8080/v1",
        env: "LLAMA_API_KEY",
        ..COUNTING
    },
    // https://lmstudio.ai/docs/developer
    Vendor {
        id: "lm-studio",
        title: "LM Studio",
        base_url: "http://127.0.0.1:1234/v1",
        env: "LM_API_TOKEN",
        ..LOCAL
    },
    // Any server with the API of https://platform.openai.com/docs/api-reference/chat
    Vendor {
        id: "openai-compatible",
        title: "Any OpenAI-compatible API",
        // What stands beside Responses counts where a provider is said to speak it.
        endpoints: &[
            at(OpenaiChat, "/chat/completions"),
            at(OpenaiEmbeddings, "/embeddings"),
            at(ResponsesCount, "/responses/input_tokens"),
            at(ResponsesCompact, "/responses/compact"),
            at(OpenaiCompletions, "/completions"),
            at(OpenaiImages, "/images/generations"),
            at(OpenaiImageEdits, "/images/edits"),
            at(OpenaiImageVariations, "/images/variations"),
            at(OpenaiSpeech, "/audio/speech"),
            at(OpenaiTranscriptions, "/audio/transcriptions"),
            at(OpenaiTranslations, "/audio/translations"),
            at(OpenaiModerations, "/moderations"),
            at(Rerank, "/rerank"),
            Endpoint {
                from_host: true,
                ..at(CohereRerank, "/v2/rerank")
            },
        ],
        ..COMPATIBLE
    },
    // Any server with the API of https://docs.anthropic.com/en/api/messages
    Vendor {
        id: "anthropic-compatible",
        title: "Any Anthropic-compatible API",
        endpoints: MESSAGES,
        auth: Header("x-api-key"),
        headers: &[ANTHROPIC_VERSION],
        ..COMPATIBLE
    },
    // Any server with the API of https://ai.google.dev/api/generate-content
    Vendor {
        id: "gemini-compatible",
        title: "Any Gemini-compatible API",
        endpoints: &[GEMINI, GEMINI_COUNT],
        auth: Header("x-goog-api-key"),
        models: "/v1beta/models?pageSize=1000",
        ..COMPATIBLE
    },
    // `gw mock`
    Vendor {
        id: "mock",
        title: "gw mock (simulator)",
        base_url: "http://127.0.0.1:4010/v1",
        endpoints: &[
            at(OpenaiChat, "/chat/completions"),
            at(OpenaiResponses, "/responses"),
            at(AnthropicMessages, "/messages"),
            at(OpenaiEmbeddings, "/embeddings"),
            at(AnthropicCount, "/messages/count_tokens"),
            at(ResponsesCount, "/responses/input_tokens"),
            at(ResponsesCompact, "/responses/compact"),
            Endpoint {
                from_host: true,
                ..GEMINI_COUNT
            },
            Endpoint {
                from_host: true,
                ..GEMINI
            },
        ],
        ..LOCAL
    },
];
