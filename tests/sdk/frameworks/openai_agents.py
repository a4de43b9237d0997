"""The OpenAI Agents SDK, over both of OpenAI's formats."""

import agents
import openai
from common import GPT, PROMPT, TASK, Thing, get_time, get_weather, run, streamed

agents.set_tracing_disabled(True)


def agent(model, **more):
    return agents.Agent(name="Tester", instructions="You are terse.", model=model, **more)


async def plain(model):
    return (await agents.Runner.run(agent(model), PROMPT)).final_output


async def pieces(answer):
    return streamed(
        [
            event.data.delta
            async for event in answer.stream_events()
            if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
        ]
    )


async def stream(model):
    return await pieces(agents.Runner.run_streamed(agent(model), PROMPT))


TOOLS = [agents.function_tool(tool) for tool in (get_weather, get_time)]


async def tools(model):
    return (await agents.Runner.run(agent(model, tools=TOOLS), TASK)).final_output


async def tools_streamed(model):
    return await pieces(agents.Runner.run_streamed(agent(model, tools=TOOLS), TASK))


async def structured(model):
    return (await agents.Runner.run(agent(model, output_type=Thing), PROMPT)).final_output


CASES = {"plain": plain, "stream": stream, "tools": tools, "tools streamed": tools_streamed, "structured": structured}


def client(base, key):
    return openai.AsyncOpenAI(base_url=f"{base}/v1", api_key=key, max_retries=0)


run("openai-agents", "openai-chat", lambda base, key: agents.OpenAIChatCompletionsModel(GPT, client(base, key)), **CASES)
run("openai-agents", "openai-responses", lambda base, key: agents.OpenAIResponsesModel(GPT, client(base, key)), **CASES)
