//! What one runs oneself, and anything that is compatible.

use super::super::{Auth::Header, Evidence, GEMINI, Vendor, at};
use super::makers::GEMINI_COUNT;
use super::*;
use crate::formats::FormatId::CohereEmbed;

/// Servers on the user's machine that speak all chat formats below one base URL.
const LOCAL: Vendor = Vendor {
    endpoints: &[CHAT, RESPONSES, MESSAGES, EMBED, COMPLETE],
    local: true,
    ..COMPATIBLE
};

pub(super) const ROWS: &[Vendor] = &[
    // https://docs.ollama.com/api/openai-compatibility and https://docs.ollama.com/api/anthropic-compatibility
    Vendor {
        id: "ollama",
        title: "Ollama",
        docs: "https://docs.ollama.com/api/openai-compatibility",
        base_url: "http://127.0.0.1:11434/v1",
        endpoints: &[
            CHAT, RESPONSES, MESSAGES, EMBED, COMPLETE, IMAGES, SPEAK, TRANSCRIBE,
        ],
        env: "OLLAMA_API_KEY",
        features: features(DOCUMENTED, DOCUMENTED, schema(Evidence::Unchecked)),
        ..LOCAL
    },
    // https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
    Vendor {
        id: "vllm",
        title: "vLLM",
        docs: "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
        base_url: "http://127.0.0.1:8000/v1",
        endpoints: &[
            CHAT,
            RESPONSES,
            MESSAGES,
            EMBED,
            COUNT_TOKENS,
            COMPLETE,
            RERANK,
            on_host(at(CohereRerank, "/v2/rerank")),
            on_host(at(CohereEmbed, "/v2/embed")),
            TRANSCRIBE,
            TRANSLATE,
        ],
        env: "VLLM_API_KEY",
        features: features(DOCUMENTED, DOCUMENTED, schema(Evidence::Unchecked)),
        ..LOCAL
    },
    // https://docs.sglang.ai/basic_usage/openai_api.html
    Vendor {
        id: "sglang",
        title: "SGLang",
        docs: "https://docs.sglang.ai/basic_usage/openai_api.html",
        base_url: "http://127.0.0.1:30000/v1",
        endpoints: &[CHAT, MESSAGES, EMBED, COUNT_TOKENS, COMPLETE, RERANK],
        features: features(DOCUMENTED, UNCHECKED, schema(Evidence::Unchecked)),
        ..LOCAL
    },
    // https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md; newer builds may listen on 9931
    Vendor {
        id: "llama-cpp",
        title: "llama.cpp server",
        docs: "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
        evidence: Evidence::Measured,
        base_url: "http://127.0.0.1:8080/v1",
        endpoints: &[
            CHAT,
            RESPONSES,
            MESSAGES,
            EMBED,
            COUNT_TOKENS,
            COMPLETE,
            RERANK,
            TRANSCRIBE,
        ],
        env: "LLAMA_API_KEY",
        features: features(MEASURED, MEASURED, schema(Evidence::Measured)),
        ..LOCAL
    },
    // https://lmstudio.ai/docs/developer and https://lmstudio.ai/docs/advanced/structured-output
    Vendor {
        id: "lm-studio",
        title: "LM Studio",
        docs: "https://lmstudio.ai/docs/developer",
        base_url: "http://127.0.0.1:1234/v1",
        env: "LM_API_TOKEN",
        features: features(DOCUMENTED, DOCUMENTED, schema(Evidence::Documented)),
        ..LOCAL
    },
    // https://docs.litellm.ai/docs/simple_proxy
    Vendor {
        id: "litellm",
        title: "LiteLLM Proxy",
        docs: "https://docs.litellm.ai/docs/simple_proxy",
        base_url: "http://127.0.0.1:4000/v1",
        endpoints: &[
            CHAT,
            RESPONSES,
            MESSAGES,
            EMBED,
            COUNT_TOKENS,
            INPUT_TOKENS,
            COMPLETE,
            RERANK,
            IMAGES,
            SPEAK,
            TRANSCRIBE,
            MODERATE,
            FILES,
            BATCHES,
        ],
        env: "LITELLM_PROXY_API_KEY",
        features: features(DOCUMENTED, DOCUMENTED, schema(Evidence::Unchecked)),
        ..LOCAL
    },
    // https://huggingface.co/docs/text-generation-inference
    Vendor {
        id: "tgi",
        title: "Text Generation Inference",
        docs: "https://huggingface.co/docs/text-generation-inference",
        base_url: "http://127.0.0.1:3000/v1",
        endpoints: &[CHAT],
        features: features(DOCUMENTED, UNCHECKED, schema(Evidence::Unchecked)),
        ..LOCAL
    },
    // https://huggingface.co/docs/text-embeddings-inference: OpenAI's form is not in what could be read of it
    Vendor {
        id: "tei",
        title: "Text Embeddings Inference",
        docs: "https://huggingface.co/docs/text-embeddings-inference",
        evidence: Evidence::Unchecked,
        base_url: "http://127.0.0.1:3000/v1",
        endpoints: &[EMBED],
        models: "",
        features: NO_CHAT,
        ..LOCAL
    },
    // Any server with the API of https://platform.openai.com/docs/api-reference/chat
    Vendor {
        id: "openai-compatible",
        title: "Any OpenAI-compatible API",
        docs: "https://platform.openai.com/docs/api-reference/chat",
        // What stands beside Responses counts where a provider is said to speak it.
        endpoints: &[
            CHAT,
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
            RERANK,
            on_host(at(CohereRerank, "/v2/rerank")),
        ],
        ..COMPATIBLE
    },
    // Any server with the API of https://docs.anthropic.com/en/api/messages
    Vendor {
        id: "anthropic-compatible",
        title: "Any Anthropic-compatible API",
        docs: "https://docs.anthropic.com/en/api/messages",
        endpoints: &[MESSAGES, COUNT_TOKENS, MESSAGE_BATCHES],
        auth: Header("x-api-key"),
        headers: &[ANTHROPIC_VERSION],
        ..COMPATIBLE
    },
    // Any server with the API of https://ai.google.dev/api/generate-content
    Vendor {
        id: "gemini-compatible",
        title: "Any Gemini-compatible API",
        docs: "https://ai.google.dev/api/generate-content",
        endpoints: &[GEMINI, GEMINI_COUNT],
        auth: Header("x-goog-api-key"),
        models: "/v1beta/models?pageSize=1000",
        ..COMPATIBLE
    },
    // `gw mock`
    Vendor {
        id: "mock",
        title: "gw mock (simulator)",
        evidence: Evidence::Measured,
        base_url: "http://127.0.0.1:4010/v1",
        endpoints: &[
            CHAT,
            RESPONSES,
            MESSAGES,
            EMBED,
            COUNT_TOKENS,
            INPUT_TOKENS,
            COMPACT,
            on_host(GEMINI_COUNT),
            on_host(GEMINI),
            FILES,
            BATCHES,
        ],
        features: features(MEASURED, MEASURED, schema(Evidence::Measured)),
        ..LOCAL
    },
];
