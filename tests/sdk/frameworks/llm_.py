"""llm, as the library it also is, with its plugin for Anthropic."""

import json
import os
import tempfile

# It keeps keys and logs in its user's directory.
os.environ["LLM_USER_PATH"] = tempfile.mkdtemp()

import llm
from common import CLAUDE, GPT, PROMPT, TASK, Thing, get_time, get_weather, run, streamed
from llm.default_plugins.openai_models import Chat, Responses
from llm_anthropic import ClaudeMessages


def plain(model):
    return model.prompt(PROMPT, stream=False).text()


def stream(model):
    return streamed(model.prompt(PROMPT))


def tools(model):
    return model.chain(TASK, system="You are terse.", tools=[get_weather, get_time], stream=False).text().strip()


def tools_streamed(model):
    return streamed(model.chain(TASK, system="You are terse.", tools=[get_weather, get_time])).strip()


def structured(model):
    return json.loads(model.prompt(PROMPT, schema=Thing, stream=False).text())


CASES = {"plain": plain, "stream": stream, "tools": tools, "tools streamed": tools_streamed, "structured": structured}


def openai(kind):
    def make(base, key):
        return kind(GPT, key=key, model_name=GPT, api_base=f"{base}/v1", supports_schema=True, supports_tools=True)

    return make


def messages(base, key):
    os.environ["ANTHROPIC_BASE_URL"] = base
    model = ClaudeMessages(CLAUDE, use_structured_outputs=True)
    model.key = key
    return model


run("llm", "openai-chat", openai(Chat), **CASES)
run("llm", "openai-responses", openai(Responses), **CASES)
run("llm-anthropic", "anthropic-messages", messages, **CASES)
