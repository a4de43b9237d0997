"""What recorded answers cost by LiteLLM's own reading of their usage and its own calculator. One JSON line a case on standard output:
what it was, what it costs, and the prices LiteLLM reckoned with. Takes the recordings; knows nothing of gw but how its prices are spelt."""

import json, os, sys
from pathlib import Path

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = os.environ["LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS"] = "True"
import litellm
from litellm.cost_calculator import batch_cost_calculator
from litellm.litellm_core_utils.llm_cost_calc.utils import generic_cost_per_token
from litellm.llms.anthropic.chat.transformation import AnthropicConfig
from litellm.llms.bedrock.chat.converse_transformation import AmazonConverseConfig
from litellm.llms.vertex_ai.gemini.vertex_and_google_ai_studio_gemini import VertexGeminiConfig
from litellm.responses.utils import ResponseAPILoggingUtils
from litellm.types.utils import Usage

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts/catalogue"))
from litellm_prices import litellm_prices

litellm.suppress_debug_info = True

# The recordings' word for a provider: LiteLLM's, what its keys begin with, and the catalogue's.
PROVIDERS = {
    "openai": ("openai", "", "openai"),
    "anthropic": ("anthropic", "", "anthropic"),
    "gemini": ("gemini", "gemini/", "google"),
    "vertex": ("gemini", "gemini/", "google"),
    "bedrock": ("bedrock", "", "aws"),
    "groq": ("groq", "groq/", "groq"),
    "xai": ("xai", "xai/", "x-ai"),
    "deepseek": ("deepseek", "deepseek/", "deepseek"),
    "mistral": ("mistral", "mistral/", "mistral"),
    "openrouter": ("openrouter", "openrouter/", "openrouter"),
    "together": ("together_ai", "together_ai/", "together"),
}
FORMATS = {"openai-chat", "openai-responses", "anthropic-messages", "gemini", "converse"}


def events(text):
    for line in text.splitlines():
        if line.startswith("data:") and line[5:].strip() not in ("", "[DONE]"):
            try:
                yield json.loads(line[5:])
            except ValueError:
                pass


def answers(record):
    body = record.get("response_body") or ""
    if record.get("stream") or body.lstrip().startswith(("data:", "event:", ":")):
        return list(events(body))
    try:
        whole = json.loads(body)
    except ValueError:
        return []
    return whole if isinstance(whole, list) else [whole]


def merged(usages):
    """Counts of a stream, the later over the earlier where they say anything."""
    out = {}
    for usage in usages:
        out.update({key: value for key, value in (usage or {}).items() if value is not None})
    return out


def read(api, said):
    """The usage and the tier, as LiteLLM reads them."""
    said = [item for item in said if isinstance(item, dict)]
    tiers = []
    if api == "openai-chat":
        raw = merged(item.get("usage") for item in said)
        usage = Usage(**raw) if "prompt_tokens" in raw else None
        tiers = [item.get("service_tier") for item in said]
    elif api == "openai-responses":
        whole = [item.get("response", item) for item in said if item.get("type", "response.completed").endswith(("completed", "incomplete"))]
        raw = merged(item.get("usage") for item in whole)
        usage = ResponseAPILoggingUtils._transform_response_api_usage_to_chat_usage(raw) if "input_tokens" in raw else None
        tiers = [item.get("service_tier") for item in whole]
    elif api == "anthropic-messages":
        raw = merged([*(item["message"].get("usage") for item in said if isinstance(item.get("message"), dict)), *(item.get("usage") for item in said)])
        usage = AnthropicConfig().calculate_usage(usage_object=raw, reasoning_content=None) if "input_tokens" in raw else None
        tiers = [raw.get("service_tier")]
    elif api == "gemini":
        raw = merged(item.get("usageMetadata") for item in said)
        usage = VertexGeminiConfig._calculate_usage({"usageMetadata": raw}) if "promptTokenCount" in raw else None
        words = {"ON_DEMAND_FLEX": "flex", "ON_DEMAND_PRIORITY": "priority"}
        tiers = [raw.get("serviceTier"), words.get(raw.get("trafficType"))]
    else:
        raw = merged(item.get("usage") for item in said)
        usage = AmazonConverseConfig()._transform_usage(raw) if "inputTokens" in raw else None
    tier = next((tier for tier in reversed(tiers) if tier in ("flex", "priority", "batch")), None)
    # Google counts what tools brought beside the prompt, and LiteLLM not at all.
    brought = raw.get("toolUsePromptTokenCount") or 0 if api == "gemini" else 0
    return usage, tier, brought


def priced(record, usage, tier, brought):
    provider, prefix, vendor = PROVIDERS[record["provider"]]
    model = record["model"]
    entry = litellm.model_cost.get(prefix + model) or litellm.model_cost.get(model)
    if not entry or not usage:
        return None
    try:
        info = dict(litellm.get_model_info(model=model, custom_llm_provider=provider))
    except Exception:
        return None
    # The table's own entry is what is reckoned with: not what is guessed of models by the pattern of their names.
    info.update(entry)
    # gw takes the dearest hour of the day for every one.
    info.pop("off_peak_pricing", None)
    if tier == "batch":
        cost = sum(batch_cost_calculator(usage=usage, model=model, custom_llm_provider=provider, model_info=info))
    else:
        cost = sum(generic_cost_per_token(model=model, usage=usage, custom_llm_provider=provider, service_tier=tier, model_info=info))
    prices = {name: format(value, "f") for name, value in litellm_prices(entry).items()}
    return {"id": record["id"], "api": record["api"], "vendor": vendor, "model": model, "tier": tier or "standard", "cost": cost, "prices": prices, "brought": brought,
            "made": record.get("made", False), "body": record["response_body"], "stream": bool(record.get("stream"))}


def constructed():
    """Long prompts and tiers, which nobody recorded: answers as providers document them."""
    def chat(id, model, prompt, cached, output, tier, provider="openai", **details):
        usage = {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output,
                 "prompt_tokens_details": {"cached_tokens": cached, **details}, "completion_tokens_details": {"reasoning_tokens": output // 3}}
        body = {"id": id, "object": "chat.completion", "model": model, "service_tier": tier,
                "choices": [{"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}], "usage": usage}
        return {"id": id, "api": "openai-chat", "provider": provider, "model": model, "response_body": json.dumps(body), "made": True}

    def messages(id, model, input, cached, short, long, output, tier):
        usage = {"input_tokens": input, "cache_read_input_tokens": cached, "cache_creation_input_tokens": short + long, "output_tokens": output,
                 "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long}, "service_tier": tier}
        body = {"id": id, "type": "message", "role": "assistant", "model": model, "content": [{"type": "text", "text": "a"}],
                "stop_reason": "end_turn", "usage": usage}
        return {"id": id, "api": "anthropic-messages", "provider": "anthropic", "model": model, "response_body": json.dumps(body), "made": True}

    def gemini(id, model, prompt, cached, output, thoughts, tier, audio=0):
        details = [{"modality": "TEXT", "tokenCount": prompt - audio}] + ([{"modality": "AUDIO", "tokenCount": audio}] if audio else [])
        usage = {"promptTokenCount": prompt, "cachedContentTokenCount": cached, "candidatesTokenCount": output, "thoughtsTokenCount": thoughts,
                 "totalTokenCount": prompt + output + thoughts, "promptTokensDetails": details, "trafficType": tier}
        body = {"candidates": [{"content": {"role": "model", "parts": [{"text": "a"}]}, "finishReason": "STOP", "index": 0}], "usageMetadata": usage}
        return {"id": id, "api": "gemini", "provider": "gemini", "model": model, "response_body": json.dumps(body), "made": True}

    for tier in ("default", "flex", "priority"):
        for prompt in (1_000, 272_000, 272_001, 900_000):
            yield chat(f"long-{tier}-{prompt}", "gpt-5.4", prompt, prompt // 2, 3_000, tier)
        yield chat(f"tier-{tier}", "gpt-5-mini", 12_345, 2_048, 777, tier)
    for prompt in (1_000, 272_001):
        yield chat(f"batch-{prompt}", "gpt-5.4", prompt, 0, 3_000, "batch")
    for prompt in (199_999, 200_000, 200_001):
        yield chat(f"xai-{prompt}", "grok-4.3", prompt, 100, 50, "default", "xai")
    yield chat("sound", "gpt-audio-1.5", 500, 0, 90, "default", audio_tokens=400)
    for tier in ("ON_DEMAND", "ON_DEMAND_FLEX", "ON_DEMAND_PRIORITY"):
        for prompt in (1_000, 200_000, 200_001, 900_000):
            yield gemini(f"gemini-{tier}-{prompt}", "gemini-2.5-pro", prompt, prompt // 4, 500, 250, tier)
    yield gemini("gemini-sound", "gemini-2.5-flash", 1_000, 0, 20, 30, "ON_DEMAND", audio=600)
    for model in ("claude-opus-4-6", "claude-sonnet-4-5", "claude-haiku-4-5"):
        for tier in ("standard", "batch"):
            # What LiteLLM reckons of batches knows no hour in the cache.
            yield messages(f"{model}-{tier}", model, 1_000, 5_000, 300, 40 if tier == "standard" else 0, 600, tier)
    for input in (150_000, 200_000, 200_001, 500_000):
        yield messages(f"claude-long-{input}", "claude-sonnet-4-5", input, 0, 0, 0, 900, "standard")


def main():
    seen = set()
    with open(sys.argv[1]) as file:
        records = [json.loads(line) for line in file]
    for record in [*records, *constructed()]:
        api = {"bedrock": "converse"}.get(record.get("api"), record.get("api"))
        if record["provider"] not in PROVIDERS or api not in FORMATS or not record.get("model") or (record.get("status") or 200) >= 400:
            continue
        if not record.get("response_body"):
            continue
        try:
            usage, tier, brought = read(api, answers(record))
        except Exception as error:
            print(json.dumps({"id": record["id"], "unread": f"{type(error).__name__}: {error}"}))
            continue
        case = priced(record, usage, tier, brought)
        if case is None:
            continue
        case["api"] = api
        key = (case["vendor"], case["model"], case["tier"], case["cost"], str(usage))
        if key not in seen:
            seen.add(key)
            print(json.dumps(case))


main()
