"""The official Anthropic client's messages."""

import json

import anthropic
from common import CITY, CLIENT, GW, PROMPT, RESULTS, SCHEMA, SYSTEM, THINKS, TOOLS_PROMPT, Thing, check, must, png

DEFAULTS = {"model": "mock", "max_tokens": 2000, "system": SYSTEM, "messages": [{"role": "user", "content": PROMPT}]}
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


def ask(client, **more):
    return outcome(client.messages.create(**{**DEFAULTS, **more}).model_dump())


def stream(client, **more):
    """The events as they come, and what they add up to."""
    events, answer, pieces = [], None, {}
    for event in client.messages.create(stream=True, **{**DEFAULTS, **more}):
        event = event.model_dump()
        events.append(event)
        match event["type"]:
            case "message_start":
                answer = json.loads(json.dumps(event["message"]))
            case "content_block_start":
                must(event["index"] == len(answer["content"]), event)
                answer["content"].append(dict(event["content_block"]))
                pieces[event["index"]] = ""
            case "content_block_delta":
                block, delta = answer["content"][event["index"]], event["delta"]
                for name in ("text", "thinking", "signature"):
                    if delta["type"] == f"{name}_delta":
                        block[name] = (block.get(name) or "") + delta[name]
                if delta["type"] == "input_json_delta":
                    pieces[event["index"]] += delta["partial_json"]
            case "content_block_stop":
                if answer["content"][event["index"]]["type"] == "tool_use":
                    answer["content"][event["index"]]["input"] = json.loads(pieces[event["index"]] or "{}")
            case "message_delta":
                answer["stop_reason"] = event["delta"]["stop_reason"]
                answer["usage"].update({name: count for name, count in event["usage"].items() if count is not None})
    must(events[-1]["type"] == "message_stop", events[-1])
    return events, outcome(answer)[1]


def helper(client, **more):
    """What the client's own accumulator makes of the events, and how many text events there were."""
    with client.messages.stream(**{**DEFAULTS, **more}) as events:
        pieces = list(events.text_stream)
        answer = events.get_final_message().model_dump()
    whole, folded = outcome(answer)
    must("".join(pieces) == folded["text"], pieces)
    return {"answer": whole, "pieces": pieces}, folded | {"pieces": len(pieces)}


def calls(client, first, folded, **more):
    """Two calls at once, then both results; thoughts go back as they came."""
    wanted = [part for part in first["content"] if part["type"] == "tool_use"]
    must([part["name"] for part in wanted] == list(RESULTS), first)
    said = [{name: value for name, value in part.items() if value is not None} for part in first["content"]]
    results = [{"type": "tool_result", "tool_use_id": part["id"], "content": RESULTS[part["name"]]} for part in wanted]
    conversation = [ASKED, {"role": "assistant", "content": said}, {"role": "user", "content": results}]
    answer, after = ask(client, messages=conversation, tools=TOOLS, **more)
    must(all(result in after["text"] for result in RESULTS.values()), after)
    return [first, answer], [folded, after]


def tools(client, **more):
    return calls(client, *ask(client, messages=[ASKED], tools=TOOLS, **more), **more)


def tools_streamed(client):
    first, folded = helper(client, messages=[ASKED], tools=TOOLS)
    return calls(client, first["answer"], folded)


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


def parse(client):
    answer = client.messages.parse(**DEFAULTS, output_format=Thing)
    must(isinstance(answer.parsed_output, Thing), answer)
    return outcome(answer.model_dump())


def parse_streamed(client):
    with client.messages.stream(**DEFAULTS, output_format=Thing) as events:
        answer = events.get_final_message()
    must(isinstance(answer.parsed_output, Thing), answer)
    return outcome(answer.model_dump())


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


def runner(streamed: bool):
    """The client's own loop calls these; by default it asks the server to hold the conversation."""

    def run(client):
        heard = []

        @anthropic.beta_tool
        def get_weather(city: str) -> str:
            """Tells get_weather"""
            heard.append(city)
            return RESULTS["get_weather"]

        @anthropic.beta_tool
        def get_time(city: str) -> str:
            """Tells get_time"""
            heard.append(city)
            return RESULTS["get_time"]

        more = {"stream": True} if streamed else {}
        turns = client.beta.messages.tool_runner(
            model="mock", max_tokens=500, messages=[ASKED], tools=[get_weather, get_time], **more
        )
        answers = [(turn.get_final_message() if streamed else turn).model_dump() for turn in turns]
        must(len(heard) == 2 and len(answers) == 2, answers)
        whole, folded = zip(*map(outcome, answers))
        must(all(text in folded[1]["text"] for text in [*RESULTS.values(), TOOLS_PROMPT]), folded[1])
        return list(whole), list(folded)

    return run


def count(client):
    asked = {name: DEFAULTS[name] for name in ("model", "system", "messages")}
    few = client.messages.count_tokens(**asked).input_tokens
    many = client.messages.count_tokens(**asked, tools=TOOLS).input_tokens
    beta = client.beta.messages.count_tokens(**asked, tools=TOOLS).input_tokens
    must(0 < few < many == beta, [few, many, beta])
    return [few, many], None


def raw(client):
    answer = client.messages.with_raw_response.create(**DEFAULTS)
    must(answer.headers.get("request-id") or answer.headers.get("x-amzn-requestid"), dict(answer.headers))
    whole, folded = outcome(answer.parse().model_dump())
    return whole, folded | {"status": answer.status_code, "type": answer.headers["content-type"]}


def models(client):
    """What gw lists is its own; that it lists, gives, answers and refuses is the same."""
    listed = [model.id for model in client.models.list()]
    must("mock" in {name.rsplit("/")[-1] for name in listed}, listed)
    must(client.models.retrieve(listed[0]).id == listed[0], listed)
    try:
        client.models.retrieve("no-such-model")
    except anthropic.NotFoundError as error:
        return None, [error.status_code, ask(client, model=listed[0])[1]]


def make(base, key):
    """The client itself, or one of its maker's for a cloud that has the same API."""
    more = {"max_retries": 0, "timeout": 30}
    match CLIENT:
        case "Bedrock":
            return anthropic.AnthropicBedrock(base_url=base, api_key=key, aws_region="us-east-1", **more)
        case "Vertex AI":
            return anthropic.AnthropicVertex(base_url=f"{base}/v1", access_token=key, project_id="p", region="global", **more)
        case "Foundry":
            # Foundry has it behind a path of its own, gw has not.
            return anthropic.AnthropicFoundry(base_url=base if base == GW else f"{base}/anthropic", api_key=key, **more)
    return anthropic.Anthropic(base_url=base, api_key=key, **more)


# What clouds have not, or their clients.
LACKS = {
    "Bedrock": ["token count", "models", "tool runner", "tool runner streamed"],
    "Vertex AI": ["models", "tool runner", "tool runner streamed"],
    "Foundry": ["models"],
}
CASES = {
    name: case
    for name, case in {
        "stream helper": helper,
        "tools": tools,
        "tools streamed": tools_streamed,
        "image": image,
        "structured output": structured,
        "thinking": thinking(ask),
        "thinking streamed": thinking(stream),
        "thinking and tools": lambda client: tools(client, **THINK),
        "cut off": length,
        "parse": parse,
        "parse streamed": parse_streamed,
        "tool runner": runner(False),
        "tool runner streamed": runner(True),
        "token count": count,
        "raw response": raw,
        "models": models,
    }.items()
    if name not in LACKS.get(CLIENT, [])
}
check(ask, stream, CASES, make)
