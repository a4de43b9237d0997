"""The official OpenAI client's chat completions."""

import json

import openai
from common import CITY, CLIENT, PROMPT, RESULTS, SCHEMA, SYSTEM, THINKS, TOOLS_PROMPT, Thing, check, must, png

MESSAGES = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": PROMPT}]
ASKED = {"role": "user", "content": TOOLS_PROMPT}
TOOLS = [
    {"type": "function", "function": {"name": name, "description": f"Tells {name}", "parameters": CITY}} for name in RESULTS
]
FORMAT = {"type": "json_schema", "json_schema": {"name": "thing", "strict": True, "schema": SCHEMA}}


def common(message: dict, finish: str, usage: dict | None) -> dict:
    calls = [[call["function"]["name"], json.loads(call["function"]["arguments"])] for call in message.get("tool_calls") or []]
    tokens = usage and [usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]]
    thought = message.get("reasoning_content") or ""
    return {"text": message.get("content") or "", "thought": thought, "calls": calls, "finish": finish, "usage": tokens}


def outcome(answer: dict) -> tuple[dict, dict]:
    choice = answer["choices"][0]
    return answer, common(choice["message"], choice["finish_reason"], answer["usage"])


def ask(client, model="mock", **more):
    return outcome(client.chat.completions.create(model=model, **{"messages": MESSAGES, **more}).model_dump())


def stream(client, model="mock", usage=True, **more):
    """The chunks, and what they add up to."""
    options = {"stream_options": {"include_usage": True}} if usage else {}
    message, finish, used, chunks = {"content": "", "reasoning_content": ""}, None, None, []
    for chunk in client.chat.completions.create(model=model, stream=True, **options, **{"messages": MESSAGES, **more}):
        chunk = chunk.model_dump()
        chunks.append(chunk)
        used = chunk.get("usage") or used
        for choice in chunk["choices"]:
            finish = choice["finish_reason"] or finish
            for name in message:
                message[name] += choice["delta"].get(name) or ""
    return chunks, common(message, finish, used)


def helper(client, model="mock", **more):
    """The client's own accumulator, and how many pieces there were."""
    options = {"stream_options": {"include_usage": True}}
    with client.chat.completions.stream(model=model, **options, **{"messages": MESSAGES, **more}) as events:
        pieces = [event.delta for event in events if event.type == "content.delta" and event.delta]
        answer = events.get_final_completion().model_dump()
    whole, folded = outcome(answer)
    must("".join(pieces) == folded["text"], pieces)
    return {"answer": whole, "pieces": pieces}, folded | {"pieces": len(pieces)}


def calls(client, first, folded, **more):
    """Two calls at once, then both results."""
    said = first["choices"][0]["message"]
    wanted = [{name: call[name] for name in ("id", "type", "function")} for call in said["tool_calls"]]
    for call in wanted:
        call["function"] = {name: call["function"][name] for name in ("name", "arguments")}
    must([call["function"]["name"] for call in wanted] == list(RESULTS), said)
    spoken = {"role": "assistant", "content": None, "tool_calls": wanted}
    if said.get("reasoning_content"):
        spoken["reasoning_content"] = said["reasoning_content"]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": RESULTS[call["function"]["name"]]} for call in wanted]
    answer, after = ask(client, messages=[ASKED, spoken, *results], tools=TOOLS, **more)
    must(all(result in after["text"] for result in RESULTS.values()), after)
    return [first, answer], [folded, after]


def tools(client, **more):
    return calls(client, *ask(client, messages=[ASKED], tools=TOOLS, **more), **more)


def tools_streamed(client):
    first, folded = helper(client, messages=[ASKED], tools=TOOLS)
    return calls(client, first["answer"], folded)


def image(client):
    url = {"url": f"data:image/png;base64,{png()}"}
    parts = [{"type": "image_url", "image_url": url}, {"type": "text", "text": "What is it?"}]
    answer, folded = ask(client, messages=[{"role": "user", "content": parts}])
    must("image/png" in folded["text"], folded)
    return answer, folded


def structured(client):
    answer, folded = ask(client, response_format=FORMAT)
    must(set(json.loads(folded["text"])) == set(SCHEMA["properties"]), folded)
    return answer, folded


def parse(client):
    answer = client.chat.completions.parse(model="mock", messages=MESSAGES, response_format=Thing)
    must(isinstance(answer.choices[0].message.parsed, Thing), answer)
    return outcome(answer.model_dump())


def parse_streamed(client):
    with client.chat.completions.stream(model="mock", messages=MESSAGES, response_format=Thing) as events:
        answer = events.get_final_completion()
    must(isinstance(answer.choices[0].message.parsed, Thing), answer)
    return outcome(answer.model_dump())


def no_usage(client):
    """Usage that was not asked for does not show, though gw asks for it upstream."""
    chunks, folded = stream(client, usage=False)
    must(folded["usage"] is None, folded)
    return chunks, folded


def thinking(case):
    def run(client):
        whole, folded = case(client, model=THINKS, reasoning_effort="low")
        must("thought" not in folded or folded["thought"], folded)
        return whole, folded

    return run


def length(client):
    answer, folded = ask(client, max_tokens=16)
    must(folded["finish"] == "length", folded)
    return answer, folded


def raw(client):
    answer = client.chat.completions.with_raw_response.create(model="mock", messages=MESSAGES)
    must(answer.request_id, dict(answer.headers))
    whole, folded = outcome(answer.parse().model_dump())
    return whole, folded | {"status": answer.status_code, "type": answer.headers["content-type"]}


def models(client):
    """What gw lists is its own; that it lists, gives, answers and refuses is the same."""
    listed = [model.id for model in client.models.list()]
    must("mock" in {name.rsplit("/")[-1] for name in listed}, listed)
    must(client.models.retrieve(listed[0]).id == listed[0], listed)
    try:
        client.models.retrieve("no-such-model")
    except openai.NotFoundError as error:
        return None, [error.status_code, ask(client, model=listed[0])[1]]


def make(base, key):
    """The client itself, also as Azure's newer path wants it, or its maker's for deployments there."""
    more = {"max_retries": 0, "timeout": 30}
    match CLIENT:
        case "Azure":
            return openai.AzureOpenAI(azure_endpoint=base, api_version="2024-10-21", api_key=key, **more)
        case "Azure v1":
            return openai.OpenAI(base_url=f"{base}/openai/v1", api_key=key, default_headers={"api-key": key}, **more)
        case "Entra":
            return openai.AzureOpenAI(azure_endpoint=base, api_version="2024-10-21", azure_ad_token=key, **more)
    return openai.OpenAI(base_url=f"{base}/v1", api_key=key, **more)


check(
    ask,
    stream,
    {
        "stream without usage": no_usage,
        "stream helper": helper,
        "tools": tools,
        "tools streamed": tools_streamed,
        "image": image,
        "structured output": structured,
        "thinking": thinking(ask),
        "thinking streamed": thinking(stream),
        "thinking and tools": lambda client: tools(client, model=THINKS, reasoning_effort="low"),
        "cut off": length,
        "parse": parse,
        "parse streamed": parse_streamed,
        "raw response": raw,
        "models": models,
    },
    make,
)
