"""Makes src/catalog/models.tsv and docs/price-differences.tsv out of the data of others.

Run by refresh.sh, which brings the packages. Prices are those of genai-prices; what it does not say (buckets, tiers, models)
comes from LiteLLM, but only where both agree on what the rest of the model costs. Limits and capabilities come from LiteLLM, then
models.dev; release dates from models.dev, else from the dates in names, else the day on which models.dev first had a price, which
model-prices knows. own.tsv is over all of them: facts from the vendors' own
pages, each with its link.
"""

import gzip, json, re, sys
from datetime import date
from decimal import Decimal
from pathlib import Path

from litellm_prices import PLACES, litellm_prices, of, price

genai_file, litellm_file, modelsdev_file, history_file, root = map(Path, sys.argv[1:6])
versions = dict(item.split("=") for item in sys.argv[6:])
root_data = Path(__file__).parent
today = date.today().isoformat()

# Letter, name, version, date, licence, link. The date is that of the package, which is no older than what it says.
SOURCES = {
    "g": ("genai-prices", "MIT", "https://github.com/pydantic/genai-prices"),
    "l": ("litellm", "MIT", "https://github.com/BerriAI/litellm"),
    "m": ("models.dev", "MIT", "https://github.com/sst/models.dev"),
    "p": ("model-prices", "MIT", "https://github.com/wakamex/model-prices"),
    "v": ("vendor", "-", "https://github.com/pydantic/genai-prices/tree/main/prices"),
}

# The vendors of gw by their id at genai-prices: their providers at LiteLLM, what its keys begin with, and their id at models.dev.
VENDORS = {
    "anthropic": (["anthropic"], "", "anthropic"),
    "aws": (["bedrock", "bedrock_converse"], "bedrock/", "amazon-bedrock"),
    "azure": (["azure", "azure_ai"], "azure/", "azure"),
    "baseten": (["baseten"], "baseten/", "baseten"),
    "cerebras": (["cerebras"], "cerebras/", "cerebras"),
    "cohere": (["cohere", "cohere_chat"], "cohere/", "cohere"),
    "databricks": (["databricks"], "databricks/", "databricks"),
    "deepseek": (["deepseek"], "deepseek/", "deepseek"),
    "fireworks": (["fireworks_ai", "fireworks_ai-embedding-models"], "fireworks_ai/", "fireworks-ai"),
    "google": (["gemini"], "gemini/", "google"),
    "groq": (["groq"], "groq/", "groq"),
    "minimax": (["minimax"], "minimax/", "minimax"),
    "mistral": (["mistral"], "mistral/", "mistral"),
    "moonshotai": (["moonshot"], "moonshot/", "moonshotai"),
    "novita": (["novita"], "novita/", "novita-ai"),
    "openai": (["openai"], "", "openai"),
    "openrouter": (["openrouter"], "openrouter/", "openrouter"),
    "perplexity": (["perplexity"], "perplexity/", "perplexity"),
    "together": (["together_ai"], "together_ai/", "togetherai"),
    "voyageai": (["voyage"], "voyage/", ""),
    "x-ai": (["xai"], "xai/", "xai"),
    "zai": (["zai"], "zai/", "zai"),
}

# Those who sell what others make: of these only what genai-prices lists is taken.
RESELLERS = {"aws", "azure", "baseten", "databricks", "fireworks", "novita", "openrouter", "together"}

GENAI = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write_5m",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_reasoning_mtok": "reasoning",
    "input_audio_mtok": "audio",
    "cache_audio_read_mtok": "audio_cached",
    "output_audio_mtok": "audio_output",
    "input_image_mtok": "image",
    "output_image_mtok": "image_output",
    "web_searches_kcount": "searches",
    "input_audio_hours": "seconds",
}
# What is paid for beside that and no answer counts: a model with one of these is not priced, since that would be too little.
APART = {"requests_kcount", "output_video_mtok", "input_video_mtok", "output_citation_mtok", "input_mchars", "input_text_messages_kcount",
         "input_document_kpages", "input_annotated_document_kpages"}
# `audio_hours` of what is spoken and heard at once.
LIVE = {"audio_hours"}

ORDER = ["input", "cache_read", "cache_write_5m", "cache_write_1h", "cache_write", "output", "reasoning", "audio", "audio_cached",
         "image", "audio_output", "image_output", "other_models", "searches", "search_units", "seconds"]
TIERS = ["", "batch", "flex", "priority", "fast", "regional", "other"]


def text(number):
    shown = format(Decimal(number).normalize(), "f")
    return shown if Decimal(shown) != 0 else "0"


def place(name):
    bucket, *rest = name.split("@")
    above = next((int(word[6:]) for word in rest if word.startswith("above-")), 0)
    tier = next((word for word in rest if not word.startswith("above-")), "")
    return TIERS.index(tier), above, ORDER.index(bucket)


# ---- genai-prices ----

def in_force(prices):
    """The last entry that has begun; of prices by the time of day the dearest, so that a budget is never overrun."""
    if not isinstance(prices, list):
        return prices
    begun = [e for e in prices if "constraint" not in e or e["constraint"].get("start_date", "9") <= today]
    hourly = [e for e in prices if "start_time" in e.get("constraint", {})]
    base = lambda e: (lambda p: p["base"] if isinstance(p, dict) else p)(e["prices"].get("input_mtok", 0))
    found = begun[-1:] + hourly
    return max(found, key=base)["prices"] if found else {}


def spread(prices, tier=""):
    out = {}
    for key, value in prices.items():
        if key not in GENAI:
            continue
        bucket = GENAI[key]
        places = PLACES.get(bucket, 6)
        if isinstance(value, dict):
            out[of(bucket, tier)] = price(value["base"], places)
            for step in value["tiers"]:
                out[of(bucket, tier, step["start"])] = price(step["price"], places)
        else:
            out[of(bucket, tier)] = price(value, places)
    return out


def genai_prices(model):
    prices = in_force(model["prices"])
    if APART & prices.keys() or (LIVE & prices.keys() and "input_audio_hours" not in prices):
        return {}
    out = spread(prices)
    for variant in model.get("price_variants", []):
        start = variant.get("constraint", {}).get("start_date", "")
        when = variant["when"]
        if start > today or list(when) not in (["service_tier"], ["processing"]):
            continue
        tier = when.get("service_tier") or when["processing"]
        if tier in ("flex", "priority", "fast", "batch"):
            out.update(spread(variant["prices"], tier))
    return out


NO_VOICES = "^(?!.*-[tT][tT][sS](?:$|-))"


def rules(match):
    """Names as rules. Regular expressions are all "and a date", which gw strips by itself, "and a version" of Google's, whose numbers
    begin with a nought, or "but no voices", which have rows of their own."""
    out = []
    for kind, rule in match.items():
        if kind in ("or", "and"):
            for inner in rule:
                out += rules(inner)
        elif kind in ("equals", "ends_with"):
            out.append("=" + rule.lower())
        elif kind == "starts_with":
            out.append("^" + rule.lower())
        elif kind == "contains":
            out.append("*" + rule.lower())
        elif kind == "regex" and rule == NO_VOICES:
            pass
        elif kind == "regex" and rule.endswith("-\\d"):
            out.append("^" + rule.lstrip("^").removesuffix("\\d").replace("\\", "") + "0")
        elif kind == "regex":
            assert rule.endswith(("\\d{8}$", "\\d{2}$")), f"a new kind of pattern: {rule}"
        else:
            raise ValueError(f"a new kind of rule: {kind} {rule}")
    return [name for name in out if " " not in name and "\t" not in name]


SHAPES = [re.compile(r"-\d{4}-\d\d-\d\d$"), re.compile(r"-\d{8}$"), re.compile(r"@\d{8}$"), re.compile(r"-latest$")]


def undated(name):
    for shape in SHAPES:
        found = shape.search(name)
        if found and found.start():
            return name[: found.start()]


class Row:
    def __init__(self, vendor, id, names):
        self.vendor, self.id, self.names = vendor, id, names
        self.window = self.output = self.released = self.ends = None
        self.can, self.cannot, self.prices = set(), set(), {}
        self.known_can = False
        self.priced, self.limited, self.dated = "", "", ""

    def line(self):
        can = ",".join([*(word for word in WORDS if word in self.can), *("!" + word for word in WORDS if word in self.cannot - self.can)])
        prices = " ".join(f"{name}={text(value)}" for name, value in sorted(self.prices.items(), key=lambda it: place(it[0])))
        sources = f"{self.priced if self.prices else ''}/{self.limited}/{self.dated}"
        fields = [self.id, self.window, self.output, self.released, self.ends, can, prices, " ".join(self.names), sources]
        return "\t".join("" if field is None else str(field) for field in fields)


def find(rows, name):
    """As gw finds the row of a name."""
    name = name.lower()
    for candidate in filter(None, (name, undated(name))):
        for row in rows:
            if "=" + candidate in row.names:
                return row
        begins = [(len(rule), row) for row in rows for rule in row.names if rule[0] == "^" and candidate.startswith(rule[1:])]
        if begins:
            return max(begins, key=lambda it: it[0])[1]
        for row in rows:
            if any(rule[0] == "*" and rule[1:] in candidate for rule in row.names):
                return row


# ---- LiteLLM ----

def litellm_can(entry):
    can = set()
    says = lambda *names: any(entry.get(f"supports_{name}") for name in names)
    modalities = entry.get("supported_modalities", [])
    outputs = entry.get("supported_output_modalities", [])
    for word, yes in (
        ("tools", says("function_calling")),
        ("images", says("vision", "image_input", "embedding_image_input") or "image" in modalities),
        ("schema", says("response_schema", "native_structured_output")),
        ("audio", says("audio_input") or "audio" in modalities or entry.get("mode") == "audio_transcription"),
        ("video", says("video_input") or "video" in modalities),
        ("pdf", says("pdf_input")),
        ("reasoning", says("reasoning")),
        ("caching", says("prompt_caching")),
        ("search", says("web_search")),
        ("embeddings", entry.get("mode") == "embedding"),
        ("rerank", entry.get("mode") == "rerank"),
        ("transcription", entry.get("mode") == "audio_transcription"),
        ("speech", entry.get("mode") == "audio_speech"),
        ("image-output", entry.get("mode") in ("image_generation", "image_edit") or "image" in outputs),
        ("audio-output", says("audio_output") or "audio" in outputs or entry.get("mode") == "audio_speech"),
    ):
        if yes:
            can.add(word)
    return can


WORDS = ["tools", "images", "schema", "audio", "video", "pdf", "reasoning", "caching", "search", "embeddings", "rerank", "transcription",
         "speech", "image-output", "audio-output"]
MODES = {None, "chat", "completion", "responses", "embedding", "rerank", "audio_transcription", "audio_speech", "image_generation", "realtime",
         "moderation"}


def modelsdev_can(model):
    inputs, outputs = model["modalities"]["input"], model["modalities"]["output"]
    cost = model.get("cost") or {}
    pairs = (("tools", model["tool_call"]), ("images", "image" in inputs), ("schema", model.get("structured_output")), ("audio", "audio" in inputs),
             ("video", "video" in inputs), ("pdf", "pdf" in inputs), ("reasoning", model["reasoning"]), ("caching", "cache_read" in cost),
             ("image-output", "image" in outputs), ("audio-output", "audio" in outputs))
    return {word for word, yes in pairs if yes}


genai = json.loads(genai_file.read_text())
litellm = json.loads(litellm_file.read_text())
litellm.pop("sample_spec", None)
modelsdev = json.loads(gzip.open(modelsdev_file).read())
modelsdev = modelsdev.get("providers", modelsdev)
history = json.loads(history_file.read_text())["prices"]
# Before that it had not listed long what was new.
HISTORY_BEGINS = "2025-08"
own = [line.split("\t") for line in (root_data / "own.tsv").read_text().splitlines() if line and not line.startswith("#")]

differences, out = [], []
for vendor in genai:
    if vendor["id"] not in VENDORS:
        continue
    providers, prefix, dev = VENDORS[vendor["id"]]
    rows = []
    for model in vendor["models"]:
        row = Row(vendor["id"], model["id"], rules(model["match"]))
        row.window = model.get("context_window")
        row.limited = "g" if row.window else ""
        row.prices = genai_prices(model)
        row.priced = "g"
        row.apart = not row.prices and bool(in_force(model["prices"]))
        row.ends = "deprecated" if model.get("deprecated") else None
        row.dated = "g" if row.ends else ""
        rows.append(row)
    theirs = {}
    for key, entry in litellm.items():
        if entry.get("litellm_provider") in providers and entry.get("mode") in MODES:
            name = key.removeprefix(prefix) if key.startswith(prefix) else key
            name = name.removeprefix("azure_ai/").removeprefix("cohere/").removeprefix("accounts/fireworks/models/")
            if name.count("/") <= (2 if vendor["id"] in RESELLERS else 0) or not prefix:
                theirs.setdefault(name.lower(), entry)
    # The entry that says most of a row: of its very name, else of one of its names.
    best = {}
    for name, entry in theirs.items():
        row = find(rows, name)
        if row is None:
            continue
        rank = (name == row.id.lower(), "=" + name in row.names, undated(name) is None)
        if id(row) not in best or rank > best[id(row)][0]:
            best[id(row)] = (rank, name, entry, row)
    for rank, name, entry, row in best.values():
        mine, other = row.prices, litellm_prices(entry)
        same = all(mine[key] == other[key] for key in ("input", "output", "cache_read") if key in mine and key in other)
        exact = rank[0] or rank[1]
        for key in sorted(mine.keys() & other.keys(), key=place):
            if mine[key] != other[key] and exact:
                differences.append((vendor["id"], row.id, key, mine[key], other[key]))
        if mine and same and exact:
            more = {key: value for key, value in other.items() if key not in mine}
            # A tier that is known already is not pieced together from two sources.
            tiers = {place(key)[:2] for key in mine}
            more = {key: value for key, value in more.items() if place(key)[0] == 0 and place(key)[1] == 0 or place(key)[:2] not in tiers}
            if more:
                row.prices = {**mine, **more}
                row.priced = "gl"
        elif not mine and not row.apart and exact and other:
            row.prices, row.priced = other, "l"
        row.can, row.known_can = litellm_can(entry), True
        row.output = entry.get("max_output_tokens") if isinstance(entry.get("max_output_tokens"), int) else None
        if not row.window and isinstance(entry.get("max_input_tokens"), int):
            row.window = entry["max_input_tokens"]
        row.limited = "".join(dict.fromkeys((row.limited or "") + "l"))
        if entry.get("deprecation_date") and exact:
            row.ends, row.dated = entry["deprecation_date"], "l"
    if vendor["id"] not in RESELLERS:
        for name, entry in theirs.items():
            if find(rows, name) is not None or name.startswith("ft:"):
                continue
            prices = litellm_prices(entry)
            if not prices or not any(prices.values()):
                continue
            row = Row(vendor["id"], name, ["=" + name])
            row.prices, row.priced, row.limited = prices, "l", "l"
            window, most = entry.get("max_input_tokens"), entry.get("max_output_tokens")
            row.window, row.output = (value if isinstance(value, int) and value else None for value in (window, most))
            row.can, row.known_can = litellm_can(entry), True
            row.ends = entry.get("deprecation_date")
            row.dated = "l" if row.ends else ""
            rows.append(row)
    # models.dev: dates, and what the others do not say.
    dates = {}
    for name, model in modelsdev.get(dev, {"models": {}})["models"].items():
        row = find(rows, name)
        if row is None:
            continue
        # Of a row for all dated versions of a model the first one.
        version = (undated(name.lower()) or "") in (row.id.lower(), undated(row.id.lower()))
        rank = (name.lower() == row.id.lower(), "=" + name.lower() in row.names, version)
        if any(rank):
            if id(row) not in dates or rank > dates[id(row)][0]:
                dates[id(row)] = (rank, row, model)
    for _, row, model in dates.values():
        released = model.get("release_date", "")
        if re.fullmatch(r"\d{4}-\d\d-\d\d", released):
            row.released, row.dated = released, "".join(dict.fromkeys(row.dated + "m"))
        used = False
        said = (("tools", model["tool_call"]), ("images", "image" in model["modalities"]["input"]), ("schema", model.get("structured_output")))
        row.cannot = {word for word, yes in said if yes is False}
        used |= bool(row.cannot - row.can)
        if not row.known_can:
            row.can, row.known_can, used = modelsdev_can(model), True, True
        if not row.output and model["limit"].get("output"):
            row.output, used = model["limit"]["output"], True
        if not row.window and model["limit"].get("context"):
            row.window, used = model["limit"]["context"], True
        if used:
            row.limited = "".join(dict.fromkeys(row.limited + "m"))
    for row in rows:
        if not row.released:
            stamps = [re.search(r"[-@](20\d\d)-?(\d\d)-?(\d\d)(?:$|-v|:)", name) for name in [row.id, *row.names]]
            days = sorted("-".join(found.groups()) for found in stamps if found and found[2] <= "12" and found[3] <= "31")
            if days:
                row.released, row.dated = days[0], "".join(dict.fromkeys(row.dated + row.priced[:1]))
        first = history.get(VENDORS[vendor["id"]][2], {}).get(row.id, {}).get("standard")
        first = first[0]["rates"]["valid_from"][:10] if first else ""
        if not row.released and first > HISTORY_BEGINS:
            row.released, row.dated = first, "".join(dict.fromkeys(row.dated + "p"))
        # Google prices sound apart only where it costs more than text: https://ai.google.dev/gemini-api/docs/pricing
        if vendor["id"] == "google" and "audio" in row.can and not any(name.startswith("audio") for name in row.prices):
            for name, value in list(row.prices.items()):
                for text_of, sound in (("input", "audio"), ("cache_read", "audio_cached")):
                    if name.split("@")[0] == text_of:
                        row.prices[name.replace(text_of, sound, 1)] = value
        # Voices answer with sound alone.
        if vendor["id"] == "google" and "-tts" in row.id:
            for name, value in list(row.prices.items()):
                if name.split("@")[0] == "output":
                    row.prices.setdefault(name.replace("output", "audio_output", 1), value)
        # An hour in the cache costs twice the input wherever Anthropic's models are served, five minutes 1.25 times:
        # https://platform.claude.com/docs/en/build-with-claude/prompt-caching
        if "claude" in row.id:
            for name, value in list(row.prices.items()):
                if name.split("@")[0] == "cache_write_5m":
                    long, plain = name.replace("5m", "1h", 1), name.replace("cache_write_5m", "input", 1)
                    if row.prices.get(plain) and value == row.prices[plain] * Decimal("1.25"):
                        row.prices.setdefault(long, row.prices[plain] * 2)
        for line in own:
            if (line[0], line[1]) == (row.vendor, row.id):
                _, _, field, value, _ = line
                if field in ("released", "ends"):
                    setattr(row, field, value)
                    row.dated = "".join(dict.fromkeys(row.dated + "v"))
                elif field in ("window", "output"):
                    setattr(row, field, int(value))
                    row.limited = "".join(dict.fromkeys(row.limited + "v"))
                else:
                    row.prices[field] = Decimal(value)
                    row.priced = "".join(dict.fromkeys(row.priced + "v"))
        # Who takes for flexible requests what batches cost takes it of long prompts too: both are half of the usual price at
        # OpenAI (https://platform.openai.com/docs/guides/flex-processing) and Google (https://ai.google.dev/gemini-api/docs/pricing).
        for name, value in list(row.prices.items()):
            bucket, *rest = name.split("@")
            if rest and rest[0] == "batch" and len(rest) == 2 and row.prices.get(bucket + "@flex") == row.prices.get(bucket + "@batch"):
                row.prices.setdefault(f"{bucket}@flex@{rest[1]}", value)
        if not row.can and not row.cannot and not row.window and not row.output:
            row.limited = ""
        elif not row.limited:
            row.limited = row.priced[:1]
        if not row.released and not row.ends:
            row.dated = ""
    assert all("\t" not in field for row in rows for field in row.names)
    head = " ".join(["@" + vendor["id"], *vendor.get("fallback_model_providers", [])])
    out += [head, *(row.line() for row in sorted(rows, key=lambda row: row.id))]

head = ["# Made by scripts/catalogue/refresh.sh; not to be edited. What stands where: catalog/table.rs."]
for letter, (name, licence, link) in SOURCES.items():
    version, day = versions[name].split(",")
    head.append("\t".join(["#source", letter, name, version, day, licence, link]))
(root / "src/catalog/models.tsv").write_text("\n".join(head + out) + "\n")

head = "# Where the sources say different prices: vendor, model, price, what genai-prices says (taken, unless own.tsv says otherwise), what LiteLLM says.\n"
lines = ["\t".join([vendor, id, key, text(a), text(b)]) for vendor, id, key, a, b in differences]
(root / "docs/price-differences.tsv").write_text(head + "\n".join(lines) + "\n")
print(f"{sum(not line.startswith('@') for line in out)} models, {len(differences)} differences")
