"""pydantic-ai: agents."""

from common import CLAUDE, GPT, PROMPT, TASK, Thing, get_time, get_weather, run, streamed
from pydantic_ai import Agent
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider


async def plain(model):
    return (await Agent(model).run(PROMPT)).output


async def stream(model):
    async with Agent(model).run_stream(PROMPT) as answer:
        return streamed([piece async for piece in answer.stream_text(delta=True, debounce_by=None)])


async def tools(model):
    agent = Agent(model, instructions="You are terse.", tools=[get_weather, get_time])
    return (await agent.run(TASK)).output


async def tools_streamed(model):
    agent = Agent(model, instructions="You are terse.", tools=[get_weather, get_time])
    async with agent.run_stream(TASK) as answer:
        return streamed([piece async for piece in answer.stream_text(delta=True, debounce_by=None)])


async def structured(model):
    return (await Agent(model, output_type=Thing).run(PROMPT)).output


CASES = {"plain": plain, "stream": stream, "tools": tools, "tools streamed": tools_streamed, "structured": structured}


def chat(base, key):
    return OpenAIChatModel(GPT, provider=OpenAIProvider(base_url=f"{base}/v1", api_key=key))


def responses(base, key):
    return OpenAIResponsesModel(GPT, provider=OpenAIProvider(base_url=f"{base}/v1", api_key=key))


def messages(base, key):
    return AnthropicModel(CLAUDE, provider=AnthropicProvider(base_url=base, api_key=key))


run("pydantic-ai-slim", "openai-chat", chat, **CASES)
run("pydantic-ai-slim", "openai-responses", responses, **CASES)
run("pydantic-ai-slim", "anthropic-messages", messages, **CASES)
