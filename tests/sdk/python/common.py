"""What both client programs share: where things are, the cases' data, and comparing outcomes.

A case is run twice with the same client: straight against the mock, and through gw. Where gw talks to its upstream in
the client's own format the two answers must be equal in every field; where it translates, in everything that the
formats have in common: text, tool calls, finish, usage.
"""

import base64
import json
import os
import struct
import sys
import zlib

GW = os.environ["GW_URL"]
MOCK = os.environ["MOCK_URL"]
KEYS = {"openai": os.environ["GW_KEY_OPENAI"], "anthropic": os.environ["GW_KEY_ANTHROPIC"]}

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


def png() -> str:
    """A red pixel, base64."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0\xff\0\0"))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b"")).decode()


def check(client: str, cases: dict, make, error_cases: dict) -> None:
    """Runs every case against every upstream and exits with 1 where one differs.

    `cases`: name -> function(client, model) -> (all, common). `make(base, key)` makes a client.
    """
    failed = 0

    def report(name: str, wrong: str) -> None:
        nonlocal failed
        failed += bool(wrong)
        print(f"{'FAIL' if wrong else 'ok  '} {name}{': ' + wrong if wrong else ''}", flush=True)

    straight = make(MOCK, "any")
    for upstream, key in KEYS.items():
        through = make(GW, key)
        for name, case in cases.items():
            try:
                expected, got = case(straight, "mock"), case(through, "mock")
                wrong = differ(expected[1], got[1]) or (differ(expected[0], got[0]) if upstream == client else "")
            except Exception as error:  # a client's exception is the finding, not ours to handle
                wrong = f"{type(error).__name__}: {error}"
            report(f"{client} client, {upstream} upstream, {name}", wrong)
        for name, (model, key_used) in error_cases.items():
            expected = straight if key_used else make(MOCK, "any")
            wrong = ""
            outcome = failure(cases["plain"], through if key_used else make(GW, "sk-gw-wrong"), model)
            if key_used:
                wrong = differ(failure(cases["plain"], expected, model), outcome)
            elif outcome[:2] != ["AuthenticationError", 401]:
                wrong = f"expected a 401, got {outcome}"
            report(f"{client} client, {upstream} upstream, {name}", wrong)
    sys.exit(1 if failed else 0)


# Each its own model: one error must not make gw avoid the target of another.
ERRORS = {
    "error 400": ("mock-400", True),
    "error 401": ("mock", False),
    "error 429": ("mock-429", True),
    "error 500": ("mock-500", True),
}


def failure(case, client, model: str) -> list:
    """The exception that a client raises: its class, status, and what the mock said."""
    try:
        case(client, model)
    except Exception as error:
        said = "the mock was asked to answer" in str(error)
        return [type(error).__name__, getattr(error, "status_code", None), said]
    return ["no error", None, False]


def differ(expected, got, path: str = "$") -> str:
    """The first difference, or nothing."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in sorted(expected.keys() | got.keys()):
            if key not in expected or key not in got:
                return f"{path}.{key} is only in {'the answer' if key in got else 'what was expected'}"
            if wrong := differ(expected[key], got[key], f"{path}.{key}"):
                return wrong
        return ""
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        return next(filter(None, (differ(a, b, f"{path}[{i}]") for i, (a, b) in enumerate(zip(expected, got)))), "")
    return "" if expected == got else f"{path}: expected {json.dumps(expected)}, got {json.dumps(got)}"
