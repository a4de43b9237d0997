"""LangChain: chat models, and the agent that loops."""

from common import CLAUDE, GPT, PROMPT, TASK, Thing, get_time, get_weather, run, streamed
from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI


def plain(model):
    return model.invoke(PROMPT).text


def stream(model):
    return streamed(piece.text for piece in model.stream(PROMPT))


def tools(model):
    agent = create_agent(model, [get_weather, get_time], system_prompt="You are terse.")
    return agent.invoke({"messages": [{"role": "user", "content": TASK}]})["messages"][-1].text


def tools_streamed(model):
    agent = create_agent(model, [get_weather, get_time], system_prompt="You are terse.")
    parts = agent.stream({"messages": [{"role": "user", "content": TASK}]}, stream_mode="messages")
    return streamed(part.text for part, _ in parts if part.type == "AIMessageChunk")


def structured(model):
    return model.with_structured_output(Thing).invoke(PROMPT)


CASES = {"plain": plain, "stream": stream, "tools": tools, "tools streamed": tools_streamed, "structured": structured}


def chat(base, key):
    return ChatOpenAI(model=GPT, base_url=f"{base}/v1", api_key=key, max_retries=0)


def responses(base, key):
    return ChatOpenAI(model=GPT, base_url=f"{base}/v1", api_key=key, max_retries=0, use_responses_api=True)


def messages(base, key):
    return ChatAnthropic(model=CLAUDE, base_url=base, api_key=key, max_retries=0)


run("langchain-openai", "openai-chat", chat, **CASES)
run("langchain-openai", "openai-responses", responses, **CASES)
run("langchain-anthropic", "anthropic-messages", messages, **CASES)
