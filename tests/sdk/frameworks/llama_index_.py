"""LlamaIndex: models, and the agent that loops."""

import os

# The tokenizer that counts for it comes from the network otherwise.
os.environ["LLAMA_INDEX_CACHE_DIR"] = os.environ.get("TMPDIR", "/tmp")

from common import CLAUDE, GPT, PROMPT, TASK, Thing, get_time, get_weather, run, streamed
from llama_index.core.agent.workflow import AgentStream, FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.anthropic import Anthropic
from llama_index.llms.openai import OpenAI, OpenAIResponses

ASKED = [ChatMessage(role="user", content=PROMPT)]


def plain(model):
    return model.chat(ASKED).message.content


def stream(model):
    return streamed(piece.delta for piece in model.stream_chat(ASKED))


def agent(model, **more):
    offered = [FunctionTool.from_defaults(tool) for tool in (get_weather, get_time)]
    return FunctionAgent(tools=offered, llm=model, system_prompt="You are terse.", **more)


async def tools(model):
    return str(await agent(model, streaming=False).run(TASK))


async def tools_streamed(model):
    run = agent(model).run(TASK)
    pieces = [event.delta async for event in run.stream_events() if isinstance(event, AgentStream)]
    await run
    return streamed(pieces)


def structured(model):
    return model.as_structured_llm(Thing).chat(ASKED).raw


CASES = {"plain": plain, "stream": stream, "tools": tools, "tools streamed": tools_streamed, "structured": structured}


def chat(base, key):
    return OpenAI(model=GPT, api_base=f"{base}/v1", api_key=key, max_retries=0)


def responses(base, key):
    return OpenAIResponses(model=GPT, api_base=f"{base}/v1", api_key=key, max_retries=0)


def messages(base, key):
    return Anthropic(model=CLAUDE, base_url=base, api_key=key, max_retries=0)


run("llama-index-llms-openai", "openai-chat", chat, **CASES)
run("llama-index-llms-openai", "openai-responses", responses, **CASES)
run("llama-index-llms-anthropic", "anthropic-messages", messages, **CASES)
