"""The official OpenAI client's Responses."""

import json

import openai
from common import CITY, PROMPT, RESULTS, SCHEMA, SYSTEM, THINKS, TOOLS_PROMPT, Thing, check, must, png

DEFAULTS = {"model": "mock", "instructions": SYSTEM, "input": PROMPT}
ASKED = {"role": "user", "content": TOOLS_PROMPT}
TOOLS = [{"type": "function", "name": name, "description": f"Tells {name}", "parameters": CITY, "strict": False} for name in RESULTS]
# As a caller asks that keeps the conversation itself.
THINK = {"model": THINKS, "reasoning": {"effort": "low", "summary": "auto"}, "store": False, "include": ["reasoning.encrypted_content"]}


def outcome(answer: dict) -> tuple[dict, dict]:
    items = answer["output"]
    content = [part for item in items if item["type"] == "message" for part in item["content"]]
    thoughts = [part for item in items if item["type"] == "reasoning" for part in [*item["summary"], *(item.get("content") or [])]]
    usage = answer["usage"]
    return answer, {
        "text": "".join(part["text"] for part in content if part["type"] == "output_text"),
        "thought": "".join(part["text"] for part in thoughts),
        "calls": [[item["name"], json.loads(item["arguments"])] for item in items if item["type"] == "function_call"],
        "finish": [answer["status"], answer["incomplete_details"] and answer["incomplete_details"]["reason"]],
        "usage": usage and [usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]],
    }


def ask(client, **more):
    return outcome(client.responses.create(**{**DEFAULTS, **more}).model_dump())


def stream(client, **more):
    """The events as they come; their order is the format's promise."""
    events = [event.model_dump() for event in client.responses.create(stream=True, **{**DEFAULTS, **more})]
    kinds = [event["type"] for event in events]
    must(kinds[:2] == ["response.created", "response.in_progress"], kinds)
    must([event["sequence_number"] for event in events] == list(range(len(events))), events)
    must(len({event["response"]["id"] for event in events if "response" in event}) == 1, events)
    added = [event["item"]["id"] for event in events if event["type"] == "response.output_item.added"]
    done = [event["item"]["id"] for event in events if event["type"] == "response.output_item.done"]
    must(added == done == [item["id"] for item in events[-1]["response"]["output"]], events)
    whole, folded = outcome(events[-1]["response"])
    said = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    must(said == folded["text"], events)
    return events, folded


def helper(client, **more):
    """The client's own accumulator, and how many pieces there were."""
    with client.responses.stream(**{**DEFAULTS, **more}) as events:
        pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
        answer = events.get_final_response().model_dump()
    whole, folded = outcome(answer)
    must("".join(pieces) == folded["text"], pieces)
    return {"answer": whole, "pieces": pieces}, folded | {"pieces": len(pieces)}


def calls(client, first, folded, **more):
    """Two calls at once, then both results; what was said goes back as it came."""
    wanted = [item for item in first["output"] if item["type"] == "function_call"]
    must([item["name"] for item in wanted] == list(RESULTS), first)
    said = [{name: value for name, value in item.items() if value is not None and name != "parsed_arguments"} for item in first["output"]]
    results = [{"type": "function_call_output", "call_id": item["call_id"], "output": RESULTS[item["name"]]} for item in wanted]
    answer, after = ask(client, input=[ASKED, *said, *results], tools=TOOLS, **more)
    must(all(result in after["text"] for result in RESULTS.values()), after)
    return [first, answer], [folded, after]


def tools(client, **more):
    return calls(client, *ask(client, input=[ASKED], tools=TOOLS, **more), **more)


def tools_streamed(client):
    first, folded = helper(client, input=[ASKED], tools=TOOLS)
    return calls(client, first["answer"], folded)


def image(client):
    parts = [{"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{png()}"}, {"type": "input_text", "text": "What is it?"}]
    answer, folded = ask(client, input=[{"role": "user", "content": parts}])
    must("image/png" in folded["text"], folded)
    return answer, folded


def structured(client):
    answer, folded = ask(client, text={"format": {"type": "json_schema", "name": "thing", "strict": True, "schema": SCHEMA}})
    must(set(json.loads(folded["text"])) == set(SCHEMA["properties"]), folded)
    return answer, folded


def parse(client):
    answer = client.responses.parse(**DEFAULTS, text_format=Thing)
    must(isinstance(answer.output_parsed, Thing), answer)
    return outcome(answer.model_dump())


def parse_streamed(client):
    with client.responses.stream(**DEFAULTS, text_format=Thing) as events:
        answer = events.get_final_response()
    must(isinstance(answer.output_parsed, Thing), answer)
    return outcome(answer.model_dump())


def thinking(case):
    def run(client):
        whole, folded = case(client, **THINK)
        must(folded["thought"], folded)
        return whole, folded

    return run


def length(client):
    answer, folded = ask(client, max_output_tokens=16)
    must(folded["finish"] == ["incomplete", "max_output_tokens"], folded)
    return answer, folded


def count(client):
    few = client.responses.input_tokens.count(**DEFAULTS).input_tokens
    many = client.responses.input_tokens.count(**DEFAULTS, tools=TOOLS).input_tokens
    must(0 < few < many, [few, many])
    return [few, many], None


def continued(client):
    """A response that goes on from one that the server holds; refused where the upstream holds none, never cut short."""
    first = client.responses.create(**DEFAULTS)
    try:
        answer = client.responses.create(**{**DEFAULTS, "input": "And goodbye."}, previous_response_id=first.id)
    except openai.BadRequestError as error:
        must(error.param == "previous_response_id", error)
        return None, None
    must(answer.usage.input_tokens > first.usage.input_tokens, answer)
    return outcome(answer.model_dump())[0], None


def kept(client):
    """What the server holds is found until it is deleted; nothing is where the upstream holds nothing."""
    first = client.responses.create(**DEFAULTS)
    try:
        again = client.responses.retrieve(first.id)
    except openai.NotFoundError:
        return None, None
    must(again.output_text == first.output_text, again)
    asked = [item.model_dump() for item in client.responses.input_items.list(first.id)]
    client.responses.delete(first.id)
    try:
        client.responses.retrieve(first.id)
    except openai.NotFoundError:
        return [again.model_dump(), asked], None


def raw(client):
    answer = client.responses.with_raw_response.create(**DEFAULTS)
    must(answer.request_id, dict(answer.headers))
    whole, folded = outcome(answer.parse().model_dump())
    return whole, folded | {"status": answer.status_code, "type": answer.headers["content-type"]}


check(
    ask,
    stream,
    {
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
        "token count": count,
        "continued": continued,
        "kept": kept,
        "raw response": raw,
    },
    lambda base, key: openai.OpenAI(base_url=f"{base}/v1", api_key=key, max_retries=0, timeout=30),
)
