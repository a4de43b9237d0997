"""The official Anthropic client against gw, with an OpenAI and an Anthropic upstream."""

import json

import anthropic
from common import CITY, ERRORS, PROMPT, RESULTS, SCHEMA, SYSTEM, TOOLS_PROMPT, check, png

MESSAGES = [{"role": "user", "content": PROMPT}]
TOOLS = [{"name": name, "description": f"Tells {name}", "input_schema": CITY} for name in RESULTS]


def common(answer: dict) -> dict:
    parts = answer["content"]
    return {
        "text": "".join(part["text"] for part in parts if part["type"] == "text"),
        "calls": [[part["name"], part["input"]] for part in parts if part["type"] == "tool_use"],
        "finish": answer["stop_reason"],
        "usage": [answer["usage"]["input_tokens"], answer["usage"]["output_tokens"]],
    }


def ask(client, model, **more):
    answer = client.messages.create(model=model, **{"max_tokens": 500, "system": SYSTEM, "messages": MESSAGES, **more}).model_dump()
    return answer, common(answer)


def stream(client, model, **more):
    """What the client's own accumulator makes of the events, and how many text events there were."""
    with client.messages.stream(model=model, **{"max_tokens": 500, "system": SYSTEM, "messages": MESSAGES, **more}) as events:
        pieces = list(events.text_stream)
        answer = events.get_final_message().model_dump()
    outcome = common(answer)
    assert "".join(pieces) == outcome["text"], pieces
    return {"answer": answer, "pieces": pieces}, outcome | {"pieces": len(pieces)}


def tools(client, model):
    """Two calls at once, then both results."""
    return calls(client, model, ask(client, model, messages=[{"role": "user", "content": TOOLS_PROMPT}], tools=TOOLS))


def tools_streamed(client, model):
    answer, outcome = stream(client, model, messages=[{"role": "user", "content": TOOLS_PROMPT}], tools=TOOLS)
    return calls(client, model, (answer["answer"], outcome))


def calls(client, model, first):
    answer, outcome = first
    wanted = [part for part in answer["content"] if part["type"] == "tool_use"]
    assert [part["name"] for part in wanted] == list(RESULTS), answer
    said = [{"type": "tool_use", "id": part["id"], "name": part["name"], "input": part["input"]} for part in wanted]
    results = [{"type": "tool_result", "tool_use_id": part["id"], "content": RESULTS[part["name"]]} for part in wanted]
    conversation = [
        {"role": "user", "content": TOOLS_PROMPT},
        {"role": "assistant", "content": said},
        {"role": "user", "content": results},
    ]
    second, after = ask(client, model, messages=conversation, tools=TOOLS)
    assert all(result in after["text"] for result in RESULTS.values()), after
    return [answer, second], [outcome, after]


def image(client, model):
    source = {"type": "base64", "media_type": "image/png", "data": png()}
    parts = [{"type": "image", "source": source}, {"type": "text", "text": "What is it?"}]
    answer, outcome = ask(client, model, messages=[{"role": "user", "content": parts}])
    assert "image/png" in outcome["text"], outcome
    return answer, outcome


def structured(client, model):
    answer, outcome = ask(client, model, output_config={"format": {"type": "json_schema", "schema": SCHEMA}})
    assert set(json.loads(outcome["text"])) == set(SCHEMA["properties"]), outcome
    return answer, outcome


check(
    "anthropic",
    {
        "plain": ask,
        "stream": stream,
        "tools": tools,
        "tools streamed": tools_streamed,
        "image": image,
        "structured": structured,
    },
    lambda base, key: anthropic.Anthropic(base_url=base, api_key=key, max_retries=0, timeout=30),
    ERRORS,
)
