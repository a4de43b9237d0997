"""Amazon's client: Bedrock's InvokeModel, with Anthropic's messages in it."""

import json

from amazon import make, raw, signed
from common import CITY, PROMPT, RESULTS, SCHEMA, SYSTEM, THINKS, TOOLS_PROMPT, check, must, png

DEFAULTS = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 2000,
    "system": SYSTEM,
    "messages": [{"role": "user", "content": PROMPT}],
}
ASKED = {"role": "user", "content": TOOLS_PROMPT}
TOOLS = [{"name": name, "description": f"Tells {name}", "input_schema": CITY} for name in RESULTS]
THINK = {"model": THINKS, "thinking": {"type": "enabled", "budget_tokens": 1024}}


def outcome(answer: dict) -> tuple[dict, dict]:
    parts = answer["content"]
    return answer, {
        "text": "".join(part["text"] for part in parts if part["type"] == "text"),
        "thought": "".join(part["thinking"] for part in parts if part["type"] == "thinking"),
        "calls": [[part["name"], part["input"]] for part in parts if part["type"] == "tool_use"],
        "finish": answer["stop_reason"],
        "usage": [answer["usage"]["input_tokens"], answer["usage"]["output_tokens"]],
    }


def ask(client, model="mock", **more):
    answer = client.invoke_model(modelId=model, body=json.dumps({**DEFAULTS, **more}))
    must(answer["contentType"] == "application/json", answer)
    return outcome(json.loads(answer["body"].read()))


def stream(client, model="mock", **more):
    """The events as they come, and what they add up to."""
    answer = client.invoke_model_with_response_stream(modelId=model, body=json.dumps({**DEFAULTS, **more}))
    events, message, pieces = [], None, {}
    for piece in answer["body"]:
        event = json.loads(piece["chunk"]["bytes"])
        events.append(event)
        match event["type"]:
            case "message_start":
                message = json.loads(json.dumps(event["message"]))
            case "content_block_start":
                must(event["index"] == len(message["content"]), event)
                message["content"].append(dict(event["content_block"]))
                pieces[event["index"]] = ""
            case "content_block_delta":
                block, delta = message["content"][event["index"]], event["delta"]
                for name in ("text", "thinking", "signature"):
                    if delta["type"] == f"{name}_delta":
                        block[name] = (block.get(name) or "") + delta[name]
                if delta["type"] == "input_json_delta":
                    pieces[event["index"]] += delta["partial_json"]
            case "content_block_stop":
                if message["content"][event["index"]]["type"] == "tool_use":
                    message["content"][event["index"]]["input"] = json.loads(pieces[event["index"]] or "{}")
            case "message_delta":
                message["stop_reason"] = event["delta"]["stop_reason"]
                message["usage"].update({name: count for name, count in event["usage"].items() if count is not None})
    must(events[-1]["type"] == "message_stop", events[-1])
    return {"events": events, "message": message}, outcome(message)[1]


def calls(client, message, first, folded, **more):
    """Two calls at once, then both results; what was said goes back as it came."""
    wanted = [part for part in message["content"] if part["type"] == "tool_use"]
    must([part["name"] for part in wanted] == list(RESULTS), message)
    results = [{"type": "tool_result", "tool_use_id": part["id"], "content": RESULTS[part["name"]]} for part in wanted]
    conversation = [ASKED, {"role": "assistant", "content": message["content"]}, {"role": "user", "content": results}]
    answer, after = ask(client, messages=conversation, tools=TOOLS, **more)
    must(all(result in after["text"] for result in RESULTS.values()), after)
    return [first, answer], [folded, after]


def tools(client, **more):
    answer, folded = ask(client, messages=[ASKED], tools=TOOLS, **more)
    return calls(client, answer, answer, folded, **more)


def tools_streamed(client):
    answer, folded = stream(client, messages=[ASKED], tools=TOOLS)
    return calls(client, answer["message"], answer, folded)


def image(client):
    source = {"type": "base64", "media_type": "image/png", "data": png()}
    parts = [{"type": "image", "source": source}, {"type": "text", "text": "What is it?"}]
    answer, folded = ask(client, messages=[{"role": "user", "content": parts}])
    must("image/png" in folded["text"], folded)
    return answer, folded


def structured(client):
    answer, folded = ask(client, output_config={"format": {"type": "json_schema", "schema": SCHEMA}})
    must(set(json.loads(folded["text"])) == set(SCHEMA["properties"]), folded)
    return answer, folded


def thinking(case):
    def run(client):
        whole, folded = case(client, **THINK)
        must(folded["thought"], folded)
        return whole, folded

    return run


def length(client):
    answer, folded = ask(client, max_tokens=16)
    must(folded["finish"] == "max_tokens", folded)
    return answer, folded


check(
    ask,
    stream,
    {
        "tools": tools,
        "tools streamed": tools_streamed,
        "image": image,
        "structured output": structured,
        "thinking": thinking(ask),
        "thinking streamed": thinking(stream),
        "thinking and tools": lambda client: tools(client, **THINK),
        "cut off": length,
        "raw response": raw(ask),
        "signed requests": signed(ask),
    },
    make,
)
