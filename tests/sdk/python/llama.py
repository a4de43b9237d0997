"""The official clients against a real inference server, straight and through gw, in each format it speaks.

At temperature 0 the server is deterministic, so that the same request must bring the same text either way.
"""

import json
import os

import anthropic
import openai
from google import genai
from google.genai import types

GW = os.environ["GW_URL"]
STRAIGHT = os.environ["LLAMA_URL"]
# Upstream format -> a key whose route leads there.
KEYS = json.loads(os.environ["GW_KEYS"])
MODEL, PROMPT, LIMIT = "gw-tiny", "Name three colours.", 24
SCHEMA = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"], "additionalProperties": False}


def outcome(text: str, cut: bool, prompt: int, output: int) -> dict:
    return {"text": text, "cut": cut, "prompt": prompt, "output": output}


def chat(base: str, key: str, stream: bool, schema: dict | None) -> dict:
    client = openai.OpenAI(base_url=f"{base}/v1", api_key=key, max_retries=0, timeout=60)
    asked = {"model": MODEL, "temperature": 0, "max_tokens": LIMIT, "messages": [{"role": "user", "content": PROMPT}]}
    if schema:
        asked["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
    if stream:
        # The client's own helper takes a cut-off answer for an error.
        chunks = list(client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
        choices = [choice for chunk in chunks for choice in chunk.choices]
        text, end, usage = "".join(choice.delta.content or "" for choice in choices), choices[-1].finish_reason, chunks[-1].usage
    else:
        answer = client.chat.completions.create(**asked)
        text, end, usage = answer.choices[0].message.content, answer.choices[0].finish_reason, answer.usage
    return outcome(text, end == "length", usage.prompt_tokens, usage.completion_tokens)


def responses(base: str, key: str, stream: bool, schema: dict | None) -> dict:
    client = openai.OpenAI(base_url=f"{base}/v1", api_key=key, max_retries=0, timeout=60)
    asked = {"model": MODEL, "temperature": 0, "max_output_tokens": LIMIT, "input": PROMPT}
    if schema:
        asked["text"] = {"format": {"type": "json_schema", "name": "answer", "strict": True, "schema": schema}}
    if stream:
        answer = [event for event in client.responses.create(**asked, stream=True)][-1].response
    else:
        answer = client.responses.create(**asked)
    return outcome(answer.output_text, answer.status == "incomplete", answer.usage.input_tokens, answer.usage.output_tokens)


def messages(base: str, key: str, stream: bool, schema: dict | None) -> dict:
    client = anthropic.Anthropic(base_url=base, api_key=key, max_retries=0, timeout=60)
    # This client has no parameter for the temperature any more.
    asked = {"model": MODEL, "extra_body": {"temperature": 0}, "max_tokens": LIMIT, "messages": [{"role": "user", "content": PROMPT}]}
    if schema:
        asked["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    if stream:
        with client.messages.stream(**asked) as events:
            answer = events.get_final_message()
    else:
        answer = client.messages.create(**asked)
    text = "".join(part.text for part in answer.content if part.type == "text")
    # Anthropic counts cached prompt tokens apart.
    prompt = answer.usage.input_tokens + (answer.usage.cache_read_input_tokens or 0)
    return outcome(text, answer.stop_reason == "max_tokens", prompt, answer.usage.output_tokens)


def gemini(base: str, key: str, stream: bool, schema: dict | None) -> dict:
    client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=base, timeout=60_000))
    config = {"temperature": 0, "max_output_tokens": LIMIT}
    if schema:
        config |= {"response_mime_type": "application/json", "response_json_schema": schema}
    asked = {"model": MODEL, "contents": PROMPT, "config": config}
    answers = list(client.models.generate_content_stream(**asked)) if stream else [client.models.generate_content(**asked)]
    usage, end = answers[-1].usage_metadata, answers[-1].candidates[0].finish_reason
    text = "".join(answer.text or "" for answer in answers)
    return outcome(text, end == types.FinishReason.MAX_TOKENS, usage.prompt_token_count, usage.candidates_token_count)


CALLERS = {"openai-chat": chat, "openai-responses": responses, "anthropic-messages": messages, "gemini": gemini}
# What the server says at its fullest: in Chat Completions it heeds schemas and tells when it was cut off.
EXPECTED = {way: chat(STRAIGHT, "none", False, schema) for way, schema in (("whole", None), ("structured", SCHEMA))}
EXPECTED["streamed"] = EXPECTED["whole"]
assert EXPECTED["whole"]["cut"] and EXPECTED["whole"]["output"] == LIMIT, EXPECTED
assert json.loads(EXPECTED["structured"]["text"]).keys() == SCHEMA["properties"].keys(), EXPECTED

for caller in os.environ["GW_CALLERS"].split():
    for upstream, key in KEYS.items():
        for way, expected in EXPECTED.items():
            # In its other formats the server pays no heed to schemas; its Responses never say that they were cut off.
            if way == "structured" and upstream != "openai-chat":
                continue
            if upstream == "openai-responses":
                expected = expected | {"cut": False}
            try:
                got = CALLERS[caller](GW, key, way == "streamed", SCHEMA if way == "structured" else None)
                wrong = "" if got == expected else f"expected {expected}, got {got}"
            except Exception as error:
                wrong = f"{type(error).__name__}: {error}"
            print("FAIL" if wrong else "ok", caller, upstream, way, wrong.replace("\n", " "), sep="\t", flush=True)
