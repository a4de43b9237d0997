"""Cohere's own client."""

import json

import cohere
from common import CITY, PROMPT, RESULTS, SCHEMA, SYSTEM, THINKS, TOOLS_PROMPT, check, must, png

DEFAULTS = {"model": "mock", "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": PROMPT}]}
ASKED = {"role": "user", "content": TOOLS_PROMPT}
TOOLS = [
    {"type": "function", "function": {"name": name, "description": f"Tells {name}", "parameters": CITY}} for name in RESULTS
]
THINK = {"model": THINKS, "thinking": {"type": "enabled", "token_budget": 1024}}


def outcome(answer: dict) -> tuple[dict, dict]:
    message, tokens = answer["message"], answer["usage"]["tokens"]
    parts, called = message.get("content") or [], message.get("tool_calls") or []
    return answer, {
        "text": "".join(part["text"] for part in parts if part["type"] == "text"),
        "thought": "".join(part["thinking"] for part in parts if part["type"] == "thinking"),
        "calls": [[call["function"]["name"], json.loads(call["function"]["arguments"])] for call in called],
        "finish": answer["finish_reason"],
        "usage": [tokens["input_tokens"], tokens["output_tokens"]],
    }


def ask(client, **more):
    return outcome(client.chat(**{**DEFAULTS, **more}).model_dump())


def stream(client, **more):
    """The events as they come, and what they add up to."""
    events, message, answer = [], {"content": [], "tool_plan": "", "tool_calls": []}, None
    for event in client.chat_stream(**{**DEFAULTS, **more}):
        event = event.model_dump()
        events.append(event)
        told = (event.get("delta") or {}).get("message") or {}
        match event["type"]:
            case "content-start":
                must(event["index"] == len(message["content"]), event)
                message["content"].append({name: text for name, text in told["content"].items() if text is not None})
            case "content-delta":
                for name, text in told["content"].items():
                    if text is not None:
                        part = message["content"][event["index"]]
                        part[name] = part.get(name, "") + text
            case "tool-plan-delta":
                message["tool_plan"] += told["tool_plan"]
            case "tool-call-start":
                must(event["index"] == len(message["tool_calls"]), event)
                message["tool_calls"].append(told["tool_calls"])
            case "tool-call-delta":
                message["tool_calls"][event["index"]]["function"]["arguments"] += told["tool_calls"]["function"]["arguments"]
            case "message-end":
                must(event["delta"]["finish_reason"] not in ("ERROR", "TIMEOUT"), event["delta"].get("error"))
                answer = {"message": message, **event["delta"]}
    must(answer and events[-1]["type"] == "message-end", events[-1:])
    return {"events": events, "message": message}, outcome(answer)[1]


def calls(client, message, first, folded, **more):
    """Two calls at once, then both results; what was said goes back as it came."""
    wanted = message["tool_calls"]
    must([call["function"]["name"] for call in wanted] == list(RESULTS), message)
    said = {"role": "assistant"} | {name: message[name] for name in ("content", "tool_plan", "tool_calls") if message.get(name)}
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": RESULTS[call["function"]["name"]]} for call in wanted
    ]
    answer, after = ask(client, messages=[ASKED, said, *results], tools=TOOLS, **more)
    must(all(result in after["text"] for result in RESULTS.values()), after)
    return [first, answer], [folded, after]


def tools(client, **more):
    answer, folded = ask(client, messages=[ASKED], tools=TOOLS, **more)
    return calls(client, answer["message"], answer, folded, **more)


def tools_streamed(client):
    answer, folded = stream(client, messages=[ASKED], tools=TOOLS)
    return calls(client, answer["message"], answer, folded)


def image(client):
    url = {"url": f"data:image/png;base64,{png()}"}
    parts = [{"type": "image_url", "image_url": url}, {"type": "text", "text": "What is it?"}]
    answer, folded = ask(client, messages=[{"role": "user", "content": parts}])
    must("image/png" in folded["text"], folded)
    return answer, folded


def structured(client):
    answer, folded = ask(client, response_format={"type": "json_object", "json_schema": SCHEMA})
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
    must(folded["finish"] == "MAX_TOKENS", folded)
    return answer, folded


def raw(client):
    answer = client.with_raw_response.chat(**DEFAULTS)
    whole, folded = outcome(answer.data.model_dump())
    return whole, folded | {"type": answer.headers["content-type"]}


def embed(client):
    answer = client.embed(model="mock", input_type="search_query", texts=["a", "b"], embedding_types=["float", "int8"])
    must(len(answer.embeddings.float_) == len(answer.embeddings.int8) == 2, answer)
    return answer.model_dump(), None


def rerank(client):
    answer = client.rerank(model="mock", query="red fish", documents=["a cat", "a red fish", "a fish"], top_n=2)
    must([found.index for found in answer.results] == [1, 2], answer)
    return answer.model_dump(), None


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
        "raw response": raw,
    },
    lambda base, key: cohere.ClientV2(api_key=key, base_url=base, timeout=30, log_warning_experimental_features=False),
    {"embed": embed, "rerank": rerank},
)
