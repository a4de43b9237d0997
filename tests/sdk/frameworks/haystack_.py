"""Haystack: its generators, and its agent."""

import os

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"

import json

from common import CLAUDE, GPT, PROMPT, TASK, Thing, get_time, get_weather, run, streamed
from haystack.components.agents import Agent
from haystack.components.generators.chat import OpenAIChatGenerator, OpenAIResponsesChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.tools import create_tool_from_function
from haystack.utils import Secret
from haystack_integrations.components.generators.anthropic import AnthropicChatGenerator

ASKED = [ChatMessage.from_user(PROMPT)]


def plain(generator):
    return generator().run(ASKED)["replies"][0].text


def stream(generator):
    pieces = []
    text = generator(streaming_callback=lambda chunk: pieces.append(chunk.content)).run(ASKED)["replies"][0].text
    assert text == "".join(pieces), pieces
    return streamed(pieces)


def tools(generator, **more):
    offered = [create_tool_from_function(tool) for tool in (get_weather, get_time)]
    agent = Agent(chat_generator=generator(), tools=offered, system_prompt="You are terse.", **more)
    agent.warm_up()
    return agent.run([ChatMessage.from_user(TASK)])["messages"][-1].text


def tools_streamed(generator):
    pieces = []
    text = tools(generator, streaming_callback=lambda chunk: pieces.append(chunk.content))
    assert text == "".join(pieces), pieces
    return streamed(pieces)


def structured(generator):
    return json.loads(generator(response_format=Thing).run(ASKED)["replies"][0].text)


CASES = {"plain": plain, "stream": stream, "tools": tools, "tools streamed": tools_streamed, "structured": structured}


def openai(kind, wanted):
    def make(base, key):
        def generator(response_format=None, **more):
            if response_format:
                more["generation_kwargs"] = {wanted: response_format}
            return kind(model=GPT, api_base_url=f"{base}/v1", api_key=Secret.from_token(key), max_retries=0, **more)

        return generator

    return make


run("haystack-ai", "openai-chat", openai(OpenAIChatGenerator, "response_format"), **CASES)
run("haystack-ai", "openai-responses", openai(OpenAIResponsesChatGenerator, "text_format"), **CASES)


def messages(base, key):
    """It has no parameter for the address: Anthropic's client below it takes that from the environment."""
    os.environ["ANTHROPIC_BASE_URL"] = base

    def generator(response_format=None, **more):
        if response_format:
            schema = {**response_format.model_json_schema(), "additionalProperties": False}
            more["generation_kwargs"] = {"output_config": {"format": {"type": "json_schema", "schema": schema}}}
        return AnthropicChatGenerator(model=CLAUDE, api_key=Secret.from_token(key), max_retries=0, **more)

    return generator


run("anthropic-haystack", "anthropic-messages", messages, **CASES)
