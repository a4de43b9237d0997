"""Amazon's client: Bedrock's Converse."""

import base64
import json

from amazon import make, raw, signed
from common import CITY, PROMPT, RESULTS, SCHEMA, SYSTEM, THINKS, TOOLS_PROMPT, check, must, png

DEFAULTS = {
    "modelId": "mock",
    "system": [{"text": SYSTEM}],
    "messages": [{"role": "user", "content": [{"text": PROMPT}]}],
    "inferenceConfig": {"maxTokens": 2000},
}
ASKED = {"role": "user", "content": [{"text": TOOLS_PROMPT}]}
TOOLS = {
    "tools": [
        {"toolSpec": {"name": name, "description": f"Tells {name}", "inputSchema": {"json": CITY}}} for name in RESULTS
    ]
}
THINK = {"modelId": THINKS, "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}}


def outcome(content: list, finish: str, usage: dict) -> dict:
    # Others' seals travel in blocks of their own, which say nothing.
    thoughts = [block["reasoningContent"].get("reasoningText") for block in content if "reasoningContent" in block]
    called = [block["toolUse"] for block in content if "toolUse" in block]
    return {
        "text": "".join(block.get("text", "") for block in content),
        "thought": "".join(thought["text"] for thought in thoughts if thought),
        "calls": [[call["name"], call["input"]] for call in called],
        "finish": finish,
        "usage": [usage["inputTokens"], usage["outputTokens"], usage["totalTokens"]],
    }


def asked(more: dict) -> dict:
    more = {"modelId" if name == "model" else name: value for name, value in more.items()}
    return {**DEFAULTS, **more}


def ask(client, **more):
    answer = client.converse(**asked(more))
    answer.pop("ResponseMetadata")
    # How long it took is nobody's business.
    answer.pop("metrics")
    return answer, outcome(answer["output"]["message"]["content"], answer["stopReason"], answer["usage"])


def stream(client, **more):
    """The events as they come, and what they add up to."""
    events, content, inputs, finish, usage = [], [], {}, None, None
    for event in client.converse_stream(**asked(more))["stream"]:
        events.append(event)
        if start := event.get("contentBlockStart"):
            must(start["contentBlockIndex"] == len(content), event)
            content.append({"toolUse": start["start"]["toolUse"]})
            inputs[start["contentBlockIndex"]] = ""
        elif piece := event.get("contentBlockDelta"):
            index, delta = piece["contentBlockIndex"], piece["delta"]
            if index == len(content):
                content.append({"reasoningContent": {}} if "reasoningContent" in delta else {"text": ""})
            if "text" in delta:
                content[index]["text"] += delta["text"]
            elif "toolUse" in delta:
                inputs[index] += delta["toolUse"]["input"]
            else:
                thought = content[index]["reasoningContent"]
                for name, text in delta["reasoningContent"].items():
                    if name == "redactedContent":
                        thought[name] = thought.get(name, b"") + text
                    else:
                        told = thought.setdefault("reasoningText", {"text": ""})
                        told[name] = told.get(name, "") + text
        elif end := event.get("contentBlockStop"):
            if end["contentBlockIndex"] in inputs:
                content[end["contentBlockIndex"]]["toolUse"]["input"] = json.loads(inputs[end["contentBlockIndex"]] or "{}")
        elif end := event.get("messageStop"):
            finish = end["stopReason"]
        elif "metadata" in event:
            usage = event["metadata"]["usage"]
            event["metadata"].pop("metrics")
    must("metadata" in events[-1], events[-1])
    return {"events": events, "content": content}, outcome(content, finish, usage)


def calls(client, content, first, folded, **more):
    """Two calls at once, then both results; what was said goes back as it came."""
    wanted = [block["toolUse"] for block in content if "toolUse" in block]
    must([call["name"] for call in wanted] == list(RESULTS), content)
    results = [
        {"toolResult": {"toolUseId": call["toolUseId"], "content": [{"text": RESULTS[call["name"]]}]}} for call in wanted
    ]
    conversation = [ASKED, {"role": "assistant", "content": content}, {"role": "user", "content": results}]
    answer, after = ask(client, messages=conversation, toolConfig=TOOLS, **more)
    must(all(result in after["text"] for result in RESULTS.values()), after)
    return [first, answer], [folded, after]


def tools(client, **more):
    answer, folded = ask(client, messages=[ASKED], toolConfig=TOOLS, **more)
    return calls(client, answer["output"]["message"]["content"], answer, folded, **more)


def tools_streamed(client):
    answer, folded = stream(client, messages=[ASKED], toolConfig=TOOLS)
    return calls(client, answer["content"], answer, folded)


def image(client):
    picture = {"image": {"format": "png", "source": {"bytes": base64.b64decode(png())}}}
    answer, folded = ask(client, messages=[{"role": "user", "content": [picture, {"text": "What is it?"}]}])
    must("image/png" in folded["text"], folded)
    return answer, folded


def structured(client):
    schema = {"jsonSchema": {"schema": json.dumps(SCHEMA), "name": "thing"}}
    answer, folded = ask(client, outputConfig={"textFormat": {"type": "json_schema", "structure": schema}})
    must(set(json.loads(folded["text"])) == set(SCHEMA["properties"]), folded)
    return answer, folded


def thinking(case):
    def run(client):
        whole, folded = case(client, **THINK)
        must(folded["thought"], folded)
        return whole, folded

    return run


def length(client):
    answer, folded = ask(client, inferenceConfig={"maxTokens": 16})
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
