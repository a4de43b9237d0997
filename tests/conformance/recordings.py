"""The recordings, and which of them a run looks at. Knows nothing of gw and of clients."""

import collections
import json

# What gw is held to. Whatever else was recorded is another format's.
FORMATS = ["openai-chat", "openai-responses", "anthropic-messages", "gemini", "bedrock-converse", "openai-embeddings"]
ENDPOINTS = {"chat", "responses", "messages", "generateContent", "streamGenerateContent", "embeddings"} | {"converse", "converse-stream"}
# Formats that the recordings call otherwise; version 1 of Cohere's embeddings has the bodies of version 2.
CALLED = {"cohere": "cohere-chat", "cohere.embed": "cohere-embed"}
FORMATS += CALLED.values()
ENDPOINTS |= {"cohere.v2.chat", "cohere.embed"}
# How many of a format's recordings of one kind a sample holds.
SAMPLE = 12


def load(folder):
    """Records by format, in order of their ids, each with what its own client made of it (`expected`, or none)."""
    with open(f"{folder}/expected.jsonl") as file:
        expected = {row["id"]: row for row in map(json.loads, file)}
    by_format = collections.defaultdict(list)
    with open(f"{folder}/exchanges.jsonl") as file:
        for record in map(json.loads, file):
            record["api"] = CALLED.get(record["api"], record["api"])
            if record["api"] in FORMATS and record["endpoint"] in ENDPOINTS and record["method"] == "POST":
                by_format[record["api"]].append({**record, "expected": expected.get(record["id"])})
    for records in by_format.values():
        records.sort(key=lambda record: record["id"])
    return by_format


def kind(record):
    """Which column of the table its answer stands in."""
    if (record["status"] or 200) >= 400:
        return "errors"
    return "streams" if record["stream"] else "replies"


def sample(records):
    """The same few of each kind every time, first of all one with each tag and one of each provider."""
    chosen = []
    for name in ("errors", "streams", "replies"):
        of_kind = [record for record in records if kind(record) == name]
        seen, first, rest = set(), [], []
        for record in of_kind:
            marks = {record["provider"], *record["tags"]}
            (first if marks - seen else rest).append(record)
            seen |= marks
        chosen += (first + rest)[:SAMPLE]
    return chosen


def native_body(record):
    """The recorded request as its caller sent it, but for `model` and for what had to be rebuilt; none if unknown."""
    body = record["request_body"]
    return body if isinstance(body, dict) else None
