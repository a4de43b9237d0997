"""DSPy: signatures, a stream of one's field, and the agent that loops with the model's own tool calls."""

import os
import tempfile

os.environ["DSPY_CACHEDIR"] = tempfile.mkdtemp()
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = os.environ["LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS"] = "True"

import dspy
from common import CLAUDE, GPT, PROMPT, TASK, Thing, get_time, get_weather, run, streamed


def plain(model):
    with dspy.context(lm=model):
        return dspy.Predict("question -> answer")(question=PROMPT).answer


async def stream(model):
    listener = dspy.streaming.StreamListener("answer")
    ask = dspy.streamify(dspy.Predict("question -> answer"), stream_listeners=[listener])
    with dspy.context(lm=model):
        pieces = [piece async for piece in ask(question=PROMPT)]
    return streamed([piece.chunk for piece in pieces if isinstance(piece, dspy.streaming.StreamResponse)]).strip()


def tools(model):
    with dspy.context(lm=model, adapter=dspy.ChatAdapter(use_native_function_calling=True)):
        return dspy.ReActV2("question -> answer", tools=[get_weather, get_time])(question=TASK).answer


async def tools_streamed(model):
    """The answer is an argument of the last call: what streams are its requests."""
    ask = dspy.streamify(dspy.ReActV2("question -> answer", tools=[get_weather, get_time]))
    with dspy.context(lm=model, adapter=dspy.ChatAdapter(use_native_function_calling=True)):
        *pieces, answer = [piece async for piece in ask(question=TASK)]
    assert len(pieces) > 3, pieces
    return answer.answer


def structured(model):
    signature = dspy.Signature({"text": (str, dspy.InputField()), "thing": (Thing, dspy.OutputField())})
    with dspy.context(lm=model, adapter=dspy.JSONAdapter()):
        return dspy.Predict(signature)(text=PROMPT).thing


CASES = {"plain": plain, "stream": stream, "tools": tools, "tools streamed": tools_streamed, "structured": structured}


def client(model, path, **more):
    def make(base, key):
        return dspy.LM(model, api_base=base + path, api_key=key, cache=False, num_retries=0, **more)

    return make


run("dspy", "openai-chat", client(f"openai/{GPT}", "/v1"), **CASES)
run("dspy", "openai-responses", client(f"openai/{GPT}", "/v1", model_type="responses"), **CASES)
run("dspy", "anthropic-messages", client(f"anthropic/{CLAUDE}", "/v1"), **CASES)
