"""The official Google client."""

import base64
import json

from common import CITY, CLIENT, PROMPT, RESULTS, SCHEMA, SYSTEM, THINKS, TOOLS_PROMPT, Thing, check, must, png
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials

DEFAULTS = {"system_instruction": SYSTEM}
DECLARED = [{"name": name, "description": f"Tells {name}", "parameters_json_schema": CITY} for name in RESULTS]
TOOLS = {"tools": [{"function_declarations": DECLARED}], "automatic_function_calling": {"disable": True}}
THINK = {"model": THINKS, "thinking_config": {"include_thoughts": True, "thinking_budget": 1024}}


def dump(answer) -> dict:
    """All of an answer but its head and what the client makes of it itself."""
    return answer.model_dump(mode="json", exclude={"sdk_http_response", "parsed", "automatic_function_calling_history"})


def parts(answer: dict) -> list:
    return [part for candidate in answer["candidates"] or [] for part in (candidate["content"] or {}).get("parts") or []]


def common(answers: list[dict]) -> dict:
    """What the answers, one or a stream of them, add up to."""
    said = [part for answer in answers for part in parts(answer)]
    usage = answers[-1]["usage_metadata"]
    # Not every format tells how much of what was said is thoughts.
    names = ("candidates_token_count", "thoughts_token_count")
    return {
        "text": "".join(part["text"] for part in said if part["text"] and not part["thought"]),
        "thought": "".join(part["text"] for part in said if part["text"] and part["thought"]),
        "calls": [[part["function_call"]["name"], part["function_call"]["args"]] for part in said if part["function_call"]],
        "finish": answers[-1]["candidates"][0]["finish_reason"],
        "usage": [usage["prompt_token_count"], sum(usage[name] or 0 for name in names), usage["total_token_count"]],
    }


def ask(client, model="mock", contents=PROMPT, **config):
    answer = dump(client.models.generate_content(model=model, contents=contents, config={**DEFAULTS, **config}))
    return answer, common([answer])


def stream(client, model="mock", contents=PROMPT, **config):
    chunks = client.models.generate_content_stream(model=model, contents=contents, config={**DEFAULTS, **config})
    answers = [dump(answer) for answer in chunks]
    return answers, common(answers) | {"pieces": sum(bool(part["text"] and not part["thought"]) for answer in answers for part in parts(answer))}


def said(answers: list[dict]) -> types.Content:
    """The model's turn as it goes back, with its seals."""
    return types.Content(role="model", parts=[types.Part.model_validate(part) for answer in answers for part in parts(answer)])


def calls(client, first, folded, **more):
    """Two calls at once, then both results; what was said goes back as it came."""
    answers = first if isinstance(first, list) else [first]
    wanted = [part["function_call"] for answer in answers for part in parts(answer) if part["function_call"]]
    must([call["name"] for call in wanted] == list(RESULTS), first)
    results = [
        types.Part(function_response=types.FunctionResponse(id=call["id"], name=call["name"], response={"output": RESULTS[call["name"]]}))
        for call in wanted
    ]
    asked = types.UserContent(parts=[types.Part(text=TOOLS_PROMPT)])
    answer, after = ask(client, contents=[asked, said(answers), types.UserContent(parts=results)], **TOOLS, **more)
    must(all(result in after["text"] for result in RESULTS.values()), after)
    return [first, answer], [folded, after]


def tools(client, **more):
    return calls(client, *ask(client, contents=TOOLS_PROMPT, **TOOLS, **more), **more)


def tools_streamed(client):
    return calls(client, *stream(client, contents=TOOLS_PROMPT, **TOOLS))


def image(client):
    picture = types.Part.from_bytes(data=base64.b64decode(png()), mime_type="image/png")
    answer, folded = ask(client, contents=[picture, "What is it?"])
    must("image/png" in folded["text"], folded)
    return answer, folded


def structured(client):
    answer, folded = ask(client, response_mime_type="application/json", response_json_schema=SCHEMA)
    must(set(json.loads(folded["text"])) == set(SCHEMA["properties"]), folded)
    return answer, folded


def parse(client):
    config = {"response_mime_type": "application/json", "response_schema": Thing}
    answer = client.models.generate_content(model="mock", contents=PROMPT, config=config)
    must(isinstance(answer.parsed, Thing), answer)
    whole = dump(answer)
    return whole, common([whole])


def thinking(case):
    def run(client):
        whole, folded = case(client, **THINK)
        must(folded["thought"], folded)
        return whole, folded

    return run


def length(client):
    answer, folded = ask(client, max_output_tokens=16)
    must(folded["finish"] == "MAX_TOKENS", folded)
    return answer, folded


def chat(client):
    """The client's own conversation, streamed."""
    conversation = client.chats.create(model="mock", config=DEFAULTS)
    turns = [[dump(answer) for answer in conversation.send_message_stream(text)] for text in (PROMPT, "And goodbye.")]
    heard = [content.parts[0].text for content in conversation.get_history() if content.role == "user"]
    must(heard == [PROMPT, "And goodbye."], heard)
    folded = [common(turn) for turn in turns]
    sizes = [turn.pop("usage")[0] for turn in folded]
    must(sizes[1] > 2 * sizes[0], sizes)
    return turns, folded


def runner(client):
    """The client's own loop calls these."""
    heard = []

    def get_weather(city: str) -> str:
        """Tells get_weather"""
        heard.append(city)
        return RESULTS["get_weather"]

    def get_time(city: str) -> str:
        """Tells get_time"""
        heard.append(city)
        return RESULTS["get_time"]

    answer, folded = ask(client, contents=TOOLS_PROMPT, tools=[get_weather, get_time])
    must(len(heard) == 2 and all(text in folded["text"] for text in [*RESULTS.values(), TOOLS_PROMPT]), folded)
    return answer, folded


def count(client):
    few = client.models.count_tokens(model="mock", contents=PROMPT).total_tokens
    many = client.models.count_tokens(model="mock", contents=PROMPT * 9).total_tokens
    must(0 < few < many, [few, many])
    return [few, many], None


def raw(client):
    answer = client.models.generate_content(model="mock", contents=PROMPT, config=DEFAULTS)
    head = {name.lower(): value for name, value in answer.sdk_http_response.headers.items()}
    whole = dump(answer)
    return whole, common([whole]) | {"type": head["content-type"]}


def models(client):
    """What gw lists is its own; that it lists, gives, answers and refuses is the same."""
    listed = [model.name for model in client.models.list()]
    must(all(name.startswith("models/") for name in listed), listed)
    must("mock" in {name.rsplit("/")[-1] for name in listed}, listed)
    must(client.models.get(model=listed[0]).name == listed[0], listed)
    try:
        client.models.get(model="no-such-model")
    except errors.ClientError as error:
        return None, [error.code, error.status, ask(client, model=listed[0])[1]]


def other_path(client, model="mock"):
    """The path that the JavaScript client takes."""
    return ask(client, model, http_options={"api_version": "v1beta"})


def make(base, key):
    """The client itself, or as it speaks to Vertex AI."""
    options = types.HttpOptions(base_url=base, timeout=30_000)
    if CLIENT == "Vertex AI":
        signed = Credentials(token=key)
        return genai.Client(vertexai=True, project="p", location="global", credentials=signed, http_options=options)
    return genai.Client(api_key=key, http_options=options)


# Vertex AI lists models in another way.
LACKS = {"Vertex AI": ["models", "the other version's path"]}
CASES = {
    name: case
    for name, case in {
        "tools": tools,
        "tools streamed": tools_streamed,
        "image": image,
        "structured output": structured,
        "thinking": thinking(ask),
        "thinking streamed": thinking(stream),
        "thinking and tools": lambda client: tools(client, **THINK),
        "cut off": length,
        "parse": parse,
        "chat": chat,
        "tool runner": runner,
        "token count": count,
        "raw response": raw,
        "models": models,
        "the other version's path": other_path,
    }.items()
    if name not in LACKS.get(CLIENT, [])
}
check(ask, stream, CASES, make)
