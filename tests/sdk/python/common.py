"""What the client programs share: where things are, the cases' data, and comparing outcomes.

A case is run with the same client straight against the mock, and through gw once for each upstream. Where gw talks to
its upstream in the client's own format the two answers must be equal in every field; where it translates, in everything
that the formats have in common: text, thoughts, tool calls, finish, usage.

A program may drive several clients of one format: `GW_CLIENT` says which.

Every cell prints one line, `ok` or `FAIL`, upstream, case and what is wrong, divided by tabs: tests/sdk.rs knows which
cells there must be.
"""

import base64
import json
import os
import re
import struct
import sys
import traceback
import zlib

import pydantic

GW = os.environ["GW_URL"]
MOCK = os.environ["MOCK_URL"]
# Upstream -> a key whose route leads there.
KEYS = json.loads(os.environ["GW_KEYS"])
# Those that speak the client's own format.
SAME = json.loads(os.environ["GW_SAME"])
CLIENT = os.environ["GW_CLIENT"]

SYSTEM = "You are terse."
PROMPT = "Say hello, Grüße, 你好 and 👋."
TOOLS_PROMPT = "Please call get_weather and get_time for Athens"
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
RESULTS = {"get_weather": "sunny, 21 °C", "get_time": "12:00"}
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "size": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["name", "size", "tags"],
    "additionalProperties": False,
}


class Thing(pydantic.BaseModel):
    """The same as a class, for the clients' helpers."""

    name: str
    size: int
    tags: list[str]


# The mock's model that thinks, whatever it is asked.
THINKS = "mock-think"


def png() -> str:
    """A red pixel, base64."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0\xff\0\0"))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b"")).decode()


def must(holds, what) -> None:
    if not holds:
        raise AssertionError(f"not as it must be: {what}")


def check(ask, stream, cases: dict, make, own: dict | None = None) -> None:
    """Runs every case against every upstream and exits with 1 where one differs.

    `cases`: name -> function(client) -> (all, common); `ask(client, model=)` and `stream(client, model=)` are the ones
    that errors are provoked with. `make(base, key)` makes a client. `own`: cases of the client's own format alone.
    """
    cases = {"plain": ask, "stream": stream, **cases}
    # Each its own model: one error must not make gw avoid the target of another.
    for status in (400, 429, 500):
        cases[f"error {status}"] = lambda client, model=f"mock-{status}": failure(lambda: ask(client, model=model))
    # The mock fails inside each format's stream with another status.
    cases["error in a stream"] = lambda client: without_status(failure(lambda: stream(client, model="mock-error-after-2")))
    hold(cases, make)
    hold(own or {}, make, only_same=True)
    for upstream in KEYS:
        _, refused = failure(lambda: ask(make(GW, "sk-gw-wrong")))
        report(upstream, "error 401", "" if refused["status"] == 401 else f"expected a 401, got {refused}")
    finish()


failed = 0


def report(upstream: str, case: str, wrong: str) -> None:
    global failed
    failed += bool(wrong)
    wrong = wrong.replace("\n", " ").replace("\t", " ")
    print("FAIL" if wrong else "ok", upstream, case, wrong, sep="\t", flush=True)


def finish() -> None:
    sys.exit(1 if failed else 0)


def hold(cases: dict, make, only_same: bool = False) -> None:
    """Holds what each case brings through gw against what it brings straight."""
    straight = make(MOCK, "any")
    expected = {name: attempt(case, straight) for name, case in cases.items()}
    for name, (_, wrong) in expected.items():
        report("the mock itself", name, wrong)
    for upstream, key in KEYS.items():
        if only_same and upstream not in SAME:
            continue
        through = make(GW, key)
        for name, case in cases.items():
            got, wrong = attempt(case, through)
            if wanted := expected[name][0]:
                wrong = wrong or differ(wanted[1], got[1]) or (differ(wanted[0], got[0]) if upstream in SAME else "")
            report(upstream, name, wrong)


def attempt(case, client) -> tuple:
    """What a case brings, and how it fails where it raises: that is the finding, not ours to handle."""
    try:
        return case(client), ""
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return None, f"{type(error).__name__} at {os.path.basename(place.filename)}:{place.lineno}: {error}"


def failure(run) -> tuple:
    """The exception that a client raises: its class, status, and whether it holds the mock's words."""
    try:
        run()
    except Exception as error:
        # Google's errors call it their code; OpenAI's have a word by that name.
        status = getattr(error, "status_code", None) or getattr(error, "code", None)
        status = status if isinstance(status, int) else amazons(error)
        said = {"class": type(error).__name__, "status": status, "said": "the mock was asked to" in str(error)}
        return said, said
    raise AssertionError("no error was raised")


def amazons(error) -> int | None:
    """The status of an error that Amazon's client raises; one inside a stream has none."""
    response = getattr(error, "response", None)
    return response.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(response, dict) else None


def without_status(outcome: tuple) -> tuple:
    whole, folded = outcome
    return whole, {name: value for name, value in folded.items() if name != "status"}


def differ(expected, got, path: str = "$") -> str:
    """The first difference, or nothing. The ids of responses and their items are each their own."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in sorted(expected.keys() | got.keys()):
            if key not in expected or key not in got:
                return f"{path}.{key} is only in {'the answer' if key in got else 'what was expected'}"
            if wrong := differ(expected[key], got[key], f"{path}.{key}"):
                return wrong
        return ""
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        return next(filter(None, (differ(a, b, f"{path}[{i}]") for i, (a, b) in enumerate(zip(expected, got)))), "")
    if isinstance(expected, str) and isinstance(got, str):
        expected, got = (re.sub(r"_[0-9a-f]{20,}", "_", text) for text in (expected, got))
    return "" if expected == got else f"{path}: expected {json.dumps(expected, default=repr)}, got {json.dumps(got, default=repr)}"
