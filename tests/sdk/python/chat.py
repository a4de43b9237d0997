"""The official OpenAI client against gw, with an OpenAI and an Anthropic upstream."""

import json

import openai
from common import CITY, ERRORS, PROMPT, RESULTS, SCHEMA, SYSTEM, TOOLS_PROMPT, check, png

MESSAGES = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": PROMPT}]
TOOLS = [
    {"type": "function", "function": {"name": name, "description": f"Tells {name}", "parameters": CITY}} for name in RESULTS
]
FORMAT = {"type": "json_schema", "json_schema": {"name": "thing", "strict": True, "schema": SCHEMA}}


def common(message: dict, finish: str, usage: dict | None) -> dict:
    calls = [[call["function"]["name"], json.loads(call["function"]["arguments"])] for call in message.get("tool_calls") or []]
    tokens = usage and [usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]]
    return {"text": message.get("content") or "", "calls": calls, "finish": finish, "usage": tokens}


def ask(client, model, **more):
    answer = client.chat.completions.create(model=model, **{"messages": MESSAGES, **more}).model_dump()
    choice = answer["choices"][0]
    return answer, common(choice["message"], choice["finish_reason"], answer["usage"])


def stream(client, model, usage=True, **more):
    """The chunks, and what they add up to."""
    options = {"stream_options": {"include_usage": True}} if usage else {}
    chunks = [
        chunk.model_dump()
        for chunk in client.chat.completions.create(model=model, stream=True, **options, **{"messages": MESSAGES, **more})
    ]
    message, finish, used = {"content": "", "tool_calls": []}, None, None
    for chunk in chunks:
        used = chunk.get("usage") or used
        for choice in chunk["choices"]:
            finish = choice["finish_reason"] or finish
            message["content"] += choice["delta"].get("content") or ""
            for call in choice["delta"].get("tool_calls") or []:
                if call["index"] == len(message["tool_calls"]):
                    message["tool_calls"].append({"id": call["id"], "function": {"name": call["function"]["name"], "arguments": ""}})
                message["tool_calls"][call["index"]]["function"]["arguments"] += call["function"]["arguments"] or ""
    return chunks, common(message, finish, used) | {"message": message} if message["tool_calls"] else common(message, finish, used)


def without_ids(outcome: dict) -> dict:
    return {key: value for key, value in outcome.items() if key != "message"}


def tools(client, model):
    """Two calls at once, then both results."""
    first, outcome = ask(client, model, messages=[{"role": "user", "content": TOOLS_PROMPT}], tools=TOOLS)
    message = first["choices"][0]["message"]
    assert [call["function"]["name"] for call in message["tool_calls"]] == list(RESULTS), message
    second, after = results(client, model, message["tool_calls"])
    return [first, second], [outcome, after]


def tools_streamed(client, model):
    chunks, outcome = stream(client, model, messages=[{"role": "user", "content": TOOLS_PROMPT}], tools=TOOLS)
    calls = [{"type": "function", **call} for call in outcome["message"]["tool_calls"]]
    second, after = results(client, model, calls)
    return [chunks, second], [without_ids(outcome), after]


def results(client, model, calls):
    conversation = [{"role": "user", "content": TOOLS_PROMPT}, {"role": "assistant", "content": None, "tool_calls": calls}]
    for call in calls:
        conversation.append({"role": "tool", "tool_call_id": call["id"], "content": RESULTS[call["function"]["name"]]})
    answer, outcome = ask(client, model, messages=conversation, tools=TOOLS)
    assert all(result in outcome["text"] for result in RESULTS.values()), outcome
    return answer, outcome


def image(client, model):
    url = {"url": f"data:image/png;base64,{png()}"}
    parts = [{"type": "image_url", "image_url": url}, {"type": "text", "text": "What is it?"}]
    answer, outcome = ask(client, model, messages=[{"role": "user", "content": parts}])
    assert "image/png" in outcome["text"], outcome
    return answer, outcome


def structured(client, model):
    answer, outcome = ask(client, model, response_format=FORMAT)
    assert set(json.loads(outcome["text"])) == set(SCHEMA["properties"]), outcome
    return answer, outcome


def no_usage(client, model):
    """Usage that was not asked for does not show, though gw asks for it upstream."""
    chunks, outcome = stream(client, model, usage=False)
    assert outcome["usage"] is None, outcome
    return chunks, outcome


check(
    "openai",
    {
        "plain": ask,
        "stream": stream,
        "stream without usage": no_usage,
        "tools": tools,
        "tools streamed": tools_streamed,
        "image": image,
        "structured": structured,
    },
    lambda base, key: openai.OpenAI(base_url=f"{base}/v1", api_key=key, max_retries=0, timeout=30),
    ERRORS,
)
