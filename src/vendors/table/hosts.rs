//! Those that host models of many makers.

use super::super::{Evidence, Vendor, at};
use super::*;
use crate::formats::{Passes, Quirks, StreamUsage};

pub(super) const ROWS: &[Vendor] = &[
    // https://console.groq.com/docs/openai and https://console.groq.com/docs/responses-api
    Vendor {
        id: "groq",
        title: "Groq",
        docs: "https://console.groq.com/docs/openai",
        evidence: Evidence::Measured,
        base_url: "https://api.groq.com/openai/v1",
        endpoints: &[
            CHAT, RESPONSES, EMBED, SPEAK, TRANSCRIBE, TRANSLATE, FILES, BATCHES,
        ],
        env: "GROQ_API_KEY",
        catalog: "groq",
        features: features(MEASURED, MEASURED, schema(Evidence::Measured)),
        // Refuses thoughts: https://github.com/janhq/jan/issues/8136; and what its page of differences names.
        quirks: Quirks {
            max_tokens: "max_completion_tokens",
            thoughts: None,
            refuses: &["logprobs", "top_logprobs"],
            ..UNASKED
        },
        own_names: &["groq/compound", "groq/compound-mini"],
        ..COMPATIBLE
    },
    // https://inference-docs.cerebras.ai/resources/openai
    Vendor {
        id: "cerebras",
        title: "Cerebras",
        docs: "https://inference-docs.cerebras.ai/resources/openai",
        evidence: Evidence::Measured,
        base_url: "https://api.cerebras.ai/v1",
        endpoints: &[CHAT, COMPLETE],
        env: "CEREBRAS_API_KEY",
        catalog: "cerebras",
        features: features(MEASURED, MEASURED, schema(Evidence::Measured)),
        // Thoughts under this name alone: https://github.com/QwenLM/qwen-code/issues/11045
        quirks: Quirks {
            stream_usage: StreamUsage::Unasked,
            thoughts: Some("reasoning"),
            ..NEWER
        },
        ..COMPATIBLE
    },
    // https://docs.sambanova.ai; members and paths are those of its own client: https://github.com/sambanova/sambanova-python
    Vendor {
        id: "sambanova",
        title: "SambaNova",
        docs: "https://docs.sambanova.ai",
        base_url: "https://api.sambanova.ai/v1",
        endpoints: &[
            CHAT,
            RESPONSES,
            MESSAGES,
            EMBED,
            COUNT_TOKENS,
            COMPLETE,
            TRANSCRIBE,
            TRANSLATE,
        ],
        env: "SAMBANOVA_API_KEY",
        features: features(DOCUMENTED, DOCUMENTED, schema(Evidence::Documented)),
        ..COMPATIBLE
    },
    // https://docs.together.ai/docs/openai-api-compatibility; what is beside that page is in its own client:
    // https://github.com/togethercomputer/together-py
    Vendor {
        id: "together",
        title: "Together AI",
        docs: "https://docs.together.ai/docs/openai-api-compatibility",
        evidence: Evidence::Measured,
        base_url: "https://api.together.ai/v1",
        endpoints: &[
            CHAT, RESPONSES, MESSAGES, EMBED, COMPLETE, RERANK, IMAGES, SPEAK, TRANSCRIBE,
            TRANSLATE, FILES, BATCHES,
        ],
        env: "TOGETHER_API_KEY",
        catalog: "together",
        features: features(MEASURED, MEASURED, schema(Evidence::Measured)),
        quirks: UNASKED,
        ..COMPATIBLE
    },
    // https://docs.fireworks.ai/tools-sdks/openai-compatibility; the list of models below this base is not in it.
    Vendor {
        id: "fireworks",
        title: "Fireworks AI",
        docs: "https://docs.fireworks.ai/tools-sdks/openai-compatibility",
        base_url: "https://api.fireworks.ai/inference/v1",
        regions: &[("us", "https://us.api.fireworks.ai/inference/v1")],
        endpoints: &[CHAT, RESPONSES, MESSAGES, EMBED, COMPLETE],
        env: "FIREWORKS_API_KEY",
        catalog: "fireworks",
        // https://docs.fireworks.ai/structured-responses/structured-response-formatting
        features: features(DOCUMENTED, DOCUMENTED, schema(Evidence::Documented)),
        quirks: UNASKED,
        ..COMPATIBLE
    },
    // https://openrouter.ai/docs/api-reference/overview
    Vendor {
        id: "openrouter",
        title: "OpenRouter",
        docs: "https://openrouter.ai/docs/api-reference/overview",
        evidence: Evidence::Measured,
        base_url: "https://openrouter.ai/api/v1",
        regions: &[("eu", "https://eu.openrouter.ai/api/v1")],
        endpoints: &[
            CHAT, RESPONSES, MESSAGES, EMBED, RERANK, SPEAK, TRANSCRIBE, FILES,
        ],
        env: "OPENROUTER_API_KEY",
        // Which application calls: https://openrouter.ai/docs/app-attribution
        passes: Passes {
            headers: &["http-referer", "x-title", "x-openrouter-title"],
            ..Passes::NONE
        },
        catalog: "openrouter",
        features: features(MEASURED, MEASURED, schema(Evidence::Measured)),
        // Every id has two parts; those of its own routers begin with its name.
        own_names: &["openrouter/*"],
        quirks: Quirks {
            seals_reasoning: true,
            ..UNASKED
        },
        ..COMPATIBLE
    },
    // https://docs.aimlapi.com/quickstart/supported-sdks
    Vendor {
        id: "aimlapi",
        title: "AI/ML API",
        docs: "https://docs.aimlapi.com/quickstart/supported-sdks",
        base_url: "https://api.aimlapi.com/v1",
        endpoints: &[CHAT],
        env: "AIMLAPI_API_KEY",
        features: features(UNCHECKED, UNCHECKED, schema(Evidence::Unchecked)),
        ..COMPATIBLE
    },
    // https://docs.api.nvidia.com/nim/reference/llm-apis
    Vendor {
        id: "nvidia",
        title: "NVIDIA NIM",
        docs: "https://docs.api.nvidia.com/nim/reference/llm-apis",
        base_url: "https://integrate.api.nvidia.com/v1",
        env: "NVIDIA_API_KEY",
        features: features(UNCHECKED, UNCHECKED, schema(Evidence::Unchecked)),
        // Every id has two parts.
        own_names: &["nvidia/*"],
        ..COMPATIBLE
    },
    // https://huggingface.co/docs/inference-providers: it passes requests on to those who host
    Vendor {
        id: "huggingface",
        title: "Hugging Face Inference Providers",
        docs: "https://huggingface.co/docs/inference-providers",
        evidence: Evidence::Measured,
        base_url: "https://router.huggingface.co/v1",
        endpoints: &[CHAT, RESPONSES],
        env: "HF_TOKEN",
        features: features(MEASURED, MEASURED, schema(Evidence::Unchecked)),
        ..COMPATIBLE
    },
    // https://docs.baseten.co/development/model-apis/overview
    Vendor {
        id: "baseten",
        title: "Baseten",
        docs: "https://docs.baseten.co/development/model-apis/overview",
        evidence: Evidence::Measured,
        base_url: "https://inference.baseten.co/v1",
        endpoints: &[CHAT, MESSAGES],
        env: "BASETEN_API_KEY",
        catalog: "baseten",
        features: features(MEASURED, MEASURED, schema(Evidence::Unchecked)),
        ..COMPATIBLE
    },
    // https://docs.deepinfra.com/chat/overview
    Vendor {
        id: "deepinfra",
        title: "DeepInfra",
        docs: "https://docs.deepinfra.com/chat/overview",
        base_url: "https://api.deepinfra.com/v1/openai",
        endpoints: &[
            CHAT,
            EMBED,
            IMAGES,
            on_host(at(AnthropicMessages, "/anthropic/v1/messages")),
        ],
        env: "DEEPINFRA_API_KEY",
        // https://docs.deepinfra.com/chat/tool-calling, https://docs.deepinfra.com/chat/structured-outputs
        features: features(DOCUMENTED, DOCUMENTED, schema(Evidence::Documented)),
        ..COMPATIBLE
    },
    // https://docs.tokenfactory.nebius.com/api-reference/introduction
    Vendor {
        id: "nebius",
        title: "Nebius Token Factory",
        docs: "https://docs.tokenfactory.nebius.com/api-reference/introduction",
        base_url: "https://api.tokenfactory.nebius.com/v1",
        endpoints: &[CHAT, EMBED, COMPLETE, IMAGES],
        env: "NEBIUS_API_KEY",
        // https://docs.tokenfactory.nebius.com/ai-models-inference/json
        features: features(UNCHECKED, UNCHECKED, schema(Evidence::Documented)),
        ..COMPATIBLE
    },
    // https://novita.ai/docs/guides/llm-api
    Vendor {
        id: "novita",
        title: "Novita AI",
        docs: "https://novita.ai/docs/guides/llm-api",
        base_url: "https://api.novita.ai/openai/v1",
        endpoints: &[
            CHAT,
            EMBED,
            COMPLETE,
            on_host(at(AnthropicMessages, "/anthropic/v1/messages")),
        ],
        env: "NOVITA_API_KEY",
        catalog: "novita",
        features: features(UNCHECKED, UNCHECKED, object(Evidence::Unchecked)),
        ..COMPATIBLE
    },
    // https://docs.hyperbolic.xyz
    Vendor {
        id: "hyperbolic",
        title: "Hyperbolic",
        docs: "https://docs.hyperbolic.xyz",
        evidence: Evidence::Unchecked,
        base_url: "https://api.hyperbolic.xyz/v1",
        endpoints: &[CHAT],
        env: "HYPERBOLIC_API_KEY",
        models: "",
        ..COMPATIBLE
    },
    // https://docs.lambda.ai; whether it still serves is not known
    Vendor {
        id: "lambda",
        title: "Lambda",
        docs: "https://docs.lambda.ai",
        evidence: Evidence::Unchecked,
        base_url: "https://api.lambda.ai/v1",
        endpoints: &[CHAT],
        env: "LAMBDA_API_KEY",
        models: "",
        ..COMPATIBLE
    },
    // https://vercel.com/docs/ai-gateway/sdks-and-apis
    Vendor {
        id: "vercel",
        title: "Vercel AI Gateway",
        docs: "https://vercel.com/docs/ai-gateway/sdks-and-apis",
        base_url: "https://ai-gateway.vercel.sh/v1",
        endpoints: &[CHAT, RESPONSES, MESSAGES, EMBED],
        env: "AI_GATEWAY_API_KEY",
        // https://vercel.com/docs/ai-gateway/sdks-and-apis/openai-chat-completions
        features: features(DOCUMENTED, DOCUMENTED, schema(Evidence::Documented)),
        ..COMPATIBLE
    },
    // https://docs.ollama.com/cloud
    Vendor {
        id: "ollama-cloud",
        title: "Ollama Cloud",
        docs: "https://docs.ollama.com/cloud",
        base_url: "https://ollama.com/v1",
        endpoints: &[CHAT, RESPONSES, MESSAGES, EMBED, COMPLETE],
        env: "OLLAMA_API_KEY",
        features: features(DOCUMENTED, DOCUMENTED, schema(Evidence::Unchecked)),
        ..COMPATIBLE
    },
];
