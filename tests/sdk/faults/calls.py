"""Calls through gw with the official OpenAI and Anthropic clients, and what each of them comes to.

Reads a list of calls as JSON from the file that `GW_CALLS` names and prints one line of JSON for each: what the client
returned, or what it raised and what it had handed over by then. tests/sdk/faults/ knows what each has to come to.
"""

import concurrent.futures
import json
import os

import anthropic
import openai

GW = os.environ["GW_URL"]
KEY = os.environ["GW_KEY"]
MORE = {"api_key": KEY, "max_retries": 0, "timeout": 60}
OPENAI = openai.OpenAI(base_url=GW, **MORE)
ANTHROPIC = anthropic.Anthropic(base_url=GW, **MORE)

TOOL = "get_weather"
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def said(call: dict) -> str:
    """What is asked. A long text is more than one read of a socket takes."""
    match call["asks"]:
        case "tool":
            return f"Please call {TOOL} for Athens"
        case "long":
            return "word " * 800_000
    return "Say hello, Grüße, 你好 and 👋."


def openai_call(call: dict, got: dict) -> None:
    client = OPENAI.with_options(base_url=f"{GW}/{call['route']}/v1", max_retries=call["retries"])
    tools = [{"type": "function", "function": {"name": TOOL, "parameters": CITY}}] if call["asks"] == "tool" else []
    answer = client.chat.completions.create(
        model=call["model"],
        max_tokens=500,
        messages=[{"role": "user", "content": said(call)}],
        stream=call["stream"],
        **({"tools": tools} if tools else {}),
    )
    if not call["stream"]:
        choice = answer.choices[0]
        got |= {"text": choice.message.content or "", "finish": choice.finish_reason}
        got["arguments"] = "".join(made.function.arguments for made in choice.message.tool_calls or [])
        return
    for chunk in answer:
        for choice in chunk.choices:
            got["text"] += choice.delta.content or ""
            got["arguments"] += "".join(made.function.arguments or "" for made in choice.delta.tool_calls or [])
            got["finish"] = choice.finish_reason or got["finish"]


def anthropic_call(call: dict, got: dict) -> None:
    client = ANTHROPIC.with_options(base_url=f"{GW}/{call['route']}", max_retries=call["retries"])
    tools = [{"name": TOOL, "input_schema": CITY}] if call["asks"] == "tool" else []
    answer = client.messages.create(
        model=call["model"],
        max_tokens=500,
        messages=[{"role": "user", "content": said(call)}],
        stream=call["stream"],
        **({"tools": tools} if tools else {}),
    )
    if not call["stream"]:
        got["text"] = "".join(part.text for part in answer.content if part.type == "text")
        got["arguments"] = "".join(json.dumps(part.input) for part in answer.content if part.type == "tool_use")
        got["finish"] = answer.stop_reason
        return
    for event in answer:
        if event.type == "content_block_delta":
            got["text"] += getattr(event.delta, "text", "")
            got["arguments"] += getattr(event.delta, "partial_json", "")
        if event.type == "message_delta":
            got["finish"] = event.delta.stop_reason


def raised(error: Exception) -> dict:
    """An exception as programs look at it."""
    body = getattr(error, "body", None)
    body = body if isinstance(body, dict) else {}
    # OpenAI's client takes the error out of its envelope.
    body = body.get("error", body)
    headers = getattr(getattr(error, "response", None), "headers", {})
    return {
        "class": type(error).__name__,
        "status": getattr(error, "status_code", None),
        "type": body.get("type"),
        "code": body.get("code"),
        "message": str(error),
        "headers": {name: headers[name] for name in ("retry-after", "retry-after-ms", "x-gw-origin") if name in headers},
    }


def run(call: dict) -> dict:
    """A call and the same again, as often as asked: each on the connection that the one before it left."""
    outcomes = []
    for _ in range(call["times"]):
        got = {"text": "", "arguments": "", "finish": None, "raised": None}
        try:
            {"openai": openai_call, "anthropic": anthropic_call}[call["client"]](call, got)
        except Exception as error:
            got["raised"] = raised(error)
        outcomes.append(got)
    return {"call": call["model"], "outcomes": outcomes}


with open(os.environ["GW_CALLS"], encoding="utf-8") as calls:
    CALLS = json.load(calls)
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    for outcome in pool.map(run, CALLS):
        print(json.dumps(outcome), flush=True)
