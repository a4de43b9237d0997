"""LiteLLM as a client."""

import json
import os

# Both come from the network otherwise.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = os.environ["LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS"] = "True"

import litellm
from common import CITY, CLAUDE, GPT, PROMPT, TASK, Thing, get_time, get_weather, run, streamed

litellm.telemetry = False
litellm.suppress_debug_info = True


def user(text):
    return [{"role": "user", "content": text}]


def plain(complete):
    return complete(messages=user(PROMPT)).choices[0].message.content


def stream(complete):
    return streamed(chunk.choices[0].delta.content for chunk in complete(messages=user(PROMPT), stream=True))


def loop(ask):
    """It has no loop of its own: this is the one of its guide. `ask(messages=, tools=)` gives a message and the text."""
    known = {tool.__name__: tool for tool in (get_weather, get_time)}
    offered = [{"type": "function", "function": {"name": name, "parameters": CITY}} for name in known]
    messages = [{"role": "system", "content": "You are terse."}, *user(TASK)]
    while True:
        said, text = ask(messages=messages, tools=offered)
        if not said.tool_calls:
            return text()
        messages.append(said)
        for call in said.tool_calls:
            result = known[call.function.name](**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})


def tools(complete):
    def ask(**request):
        said = complete(**request).choices[0].message
        return said, lambda: said.content

    return loop(ask)


def tools_streamed(complete):
    def ask(**request):
        chunks = list(complete(stream=True, **request))
        whole = litellm.stream_chunk_builder(chunks, messages=request["messages"])
        return whole.choices[0].message, lambda: streamed(chunk.choices[0].delta.content for chunk in chunks)

    return loop(ask)


def structured(complete):
    return json.loads(complete(messages=user(PROMPT), response_format=Thing).choices[0].message.content)


CASES = {"plain": plain, "stream": stream, "tools": tools, "tools streamed": tools_streamed, "structured": structured}


def client(model, path):
    def make(base, key):
        def complete(**request):
            return litellm.completion(model=model, api_base=base + path, api_key=key, num_retries=0, **request)

        return complete

    return make


run("litellm", "openai-chat", client(f"openai/{GPT}", "/v1"), **CASES)
run("litellm", "openai-responses", client(f"openai/responses/{GPT}", "/v1"), **CASES)
run("litellm", "anthropic-messages", client(f"anthropic/{CLAUDE}", ""), **CASES)
