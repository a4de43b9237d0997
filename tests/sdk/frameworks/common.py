"""What the programs of frameworks share: the task, and saying what came of it.

A program does five things with each integration of its framework: a plain answer, a stream, a loop of tools in which
the model calls one, sees its result, calls another and then answers, the same streamed, and an answer in a schema;
straight at the simulator, and through gw before an upstream of each kind. Each prints one line of JSON: the package, the
format it speaks, where, the case and its outcome, or the error. tests/clients knows what there must be.
"""

import asyncio
import contextlib
import inspect
import json
import os
import sys
import traceback

import pydantic

GW = os.environ["GW_URL"]
MOCK = os.environ["MOCK_URL"]
# Kind of upstream -> a key whose route leads there.
KEYS = json.loads(os.environ["GW_KEYS"])

GPT, CLAUDE = "gpt-4.1", "claude-sonnet-4-5"
PROMPT = "Say hello, Grüße, 你好 and 👋."
# What the simulator's script waits for.
TASK = "Use the tools, one after the other."
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}

called = []
# One for everything: what a case leaves open is closed in it later.
loop = asyncio.new_event_loop()


def get_weather(city: str) -> str:
    """Tells the weather in a city.

    Args:
        city: The city's name.
    """
    called.append(["get_weather", city])
    return "sunny, 21 °C"


def get_time(city: str) -> str:
    """Tells the time in a city.

    Args:
        city: The city's name.
    """
    called.append(["get_time", city])
    return "12:00"


class Thing(pydantic.BaseModel):
    """A thing."""

    name: str
    size: int
    tags: list[str]


def streamed(pieces) -> str:
    """The text of a stream, which has to have come in pieces."""
    pieces = [piece for piece in pieces if piece]
    if len(pieces) < 4:
        raise AssertionError(f"not streamed: {pieces}")
    return "".join(pieces)


def run(package: str, speaks: str, make, **cases) -> None:
    """Runs the cases at every place. `make(base, key)` makes what they take; they may be async."""
    for place, base, key in [("simulator", MOCK, "sk-any"), *(("gw " + kind, GW, key) for kind, key in KEYS.items())]:
        for name, case in cases.items():
            called.clear()
            line = {"package": package, "speaks": speaks, "place": place, "case": name}
            try:
                # What a framework prints is not what a program says.
                with contextlib.redirect_stdout(sys.stderr):
                    outcome = case(make(base, key))
                    if inspect.isawaitable(outcome):
                        outcome = loop.run_until_complete(outcome)
                if isinstance(outcome, pydantic.BaseModel):
                    outcome = outcome.model_dump()
                line["outcome"] = {"called": list(called), "text": outcome} if name.startswith("tools") else outcome
            except Exception as error:  # What it raises is the finding.
                where = traceback.extract_tb(error.__traceback__)[-1]
                line["error"] = f"{type(error).__name__} at {os.path.basename(where.filename)}:{where.lineno}: {error}"
            print(json.dumps(line), flush=True)
