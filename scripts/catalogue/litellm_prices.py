"""What LiteLLM's table says a model costs, in gw's words: prices by `BUCKET[@TIER][@above-TOKENS]`. For the table of models, and for
the test that holds gw's costs against LiteLLM's."""

import re
from decimal import Decimal

# Decimals of a price: https://github.com/BerriAI/litellm has dollars for one token or second, gw for a million, a thousand or an hour.
PLACES = {"searches": 9, "search_units": 9, "seconds": 12}

LITELLM = {
    "input_cost_per_token": ("input", 6),
    "output_cost_per_token": ("output", 6),
    "output_cost_per_reasoning_token": ("reasoning", 6),
    "cache_read_input_token_cost": ("cache_read", 6),
    "cache_creation_input_token_cost": ("cache_write_5m", 6),
    "cache_creation_input_token_cost_above_1hr": ("cache_write_1h", 6),
    "input_cost_per_audio_token": ("audio", 6),
    "cache_read_input_audio_token_cost": ("audio_cached", 6),
    "output_cost_per_audio_token": ("audio_output", 6),
    "input_cost_per_image_token": ("image", 6),
    "output_cost_per_image_token": ("image_output", 6),
    "input_cost_per_query": ("search_units", 3),
    "input_cost_per_second": ("seconds", 0),
}
SUFFIX = {"": "", "batches": "batch", "flex": "flex", "priority": "priority"}


def of(bucket, tier="", above=0):
    return bucket + (f"@{tier}" if tier else "") + (f"@above-{above}" if above else "")


def price(value, places=6):
    """To as many decimals as there are picodollars for; finer prices are rounded."""
    return Decimal(value).quantize(Decimal(1).scaleb(-places)).normalize()


KEY = re.compile(r"^(?P<base>.+?)(?:_above_(?P<above>\d+)k_tokens)?(?:_(?P<tier>batches|flex|priority))?$")


def litellm_prices(entry):
    out = {}
    for key, value in entry.items():
        found = KEY.match(key)
        if not found or found["base"] not in LITELLM or not isinstance(value, (int, float)):
            continue
        bucket, power = LITELLM[found["base"]]
        tier, above = SUFFIX[found["tier"] or ""], int(found["above"] or 0) * 1000
        # xAI's longer prompts begin at the length that is named: https://docs.x.ai/docs/models
        if above and entry.get("litellm_provider") == "xai":
            above -= 1
        amount = Decimal(repr(value)).scaleb(power)
        if bucket == "seconds":
            amount *= 3600
        out[of(bucket, tier, above)] = price(amount, PLACES.get(bucket, 6))
    # Nought stands for "not paid by this" there.
    if out.get("input") == 0 and len([value for value in out.values() if value > 0]) > 0:
        del out["input"]
    if entry.get("mode") in ("embedding", "rerank", "audio_transcription") and out.get("output") == 0:
        del out["output"]
    searches = entry.get("search_context_cost_per_query", {}).get("search_context_size_medium")
    if searches and len(set(entry["search_context_cost_per_query"].values())) == 1:
        out["searches"] = price(Decimal(repr(searches)) * 1000, 9)
    # What Anthropic charges for answers that stay in the United States and for fast ones, as a factor over all tokens.
    for word, tier in (("us", "regional"), ("fast", "fast")):
        factor = entry.get("provider_specific_entry", {}).get(word)
        if factor:
            for name, value in list(out.items()):
                if "@" not in name and name != "searches":
                    out[of(name, tier)] = price(value * Decimal(repr(factor)))
    reasoning = [name for name in out if name.startswith("reasoning") and out[name] == out.get(name.replace("reasoning", "output"))]
    for name in reasoning:
        del out[name]
    return out
