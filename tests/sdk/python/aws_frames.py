"""Event-stream frames as botocore reads them. A JSON object a line.

`random SEED COUNT`: streams of random frames, some damaged, and what botocore makes of them.
`failures`: the failures that Bedrock's streams may end in, by its service model.
`read FILE`: what botocore's client returns or raises, for each line of operation and stream.
"""

import io
import json
import random
import struct
import sys
import zlib

import botocore.session
from botocore.eventstream import EventStream, EventStreamBuffer
from botocore.exceptions import EventStreamError
from botocore.parsers import create_parser

# By the number of their type: <https://smithy.io/2.0/aws/amazon-eventstream.html>.
INTEGERS = {2: ">b", 3: ">h", 4: ">i", 5: ">q", 8: ">q"}
LETTERS = "abcXYZ019:-_. é€🦀"


def words(dice, most):
    return "".join(dice.choice(LETTERS) for _ in range(dice.randrange(most)))


def value(dice):
    """A value: the number of its type, as JSON, and its bytes."""
    kind = dice.randrange(10)
    if kind < 2:
        return kind, kind == 0, b""
    if kind in INTEGERS:
        size = struct.calcsize(INTEGERS[kind])
        number = dice.choice([0, -1, dice.randrange(-(2 ** (8 * size - 1)), 2 ** (8 * size - 1))])
        return kind, number, struct.pack(INTEGERS[kind], number)
    if kind == 9:
        data = dice.randbytes(16)
        return kind, data.hex(), data
    text = words(dice, 20)
    data = text.encode() if kind == 7 else dice.randbytes(dice.randrange(20))
    return kind, text if kind == 7 else data.hex(), struct.pack(">H", len(data)) + data


def frame(dice):
    headers, names, written = [], set(), b""
    for _ in range(dice.randrange(6)):
        name = words(dice, 12).encode()
        if name in names:
            continue
        names.add(name)
        kind, shown, data = value(dice)
        headers.append([name.decode(), kind, shown])
        written += bytes([len(name)]) + name + bytes([kind]) + data
    payload = dice.randbytes(dice.randrange(50))
    whole = struct.pack(">II", 16 + len(written) + len(payload), len(written))
    whole += struct.pack(">I", zlib.crc32(whole)) + written + payload
    whole += struct.pack(">I", zlib.crc32(whole))
    return {"headers": headers, "payload": payload.hex(), "bytes": whole.hex()}


def reading(stream):
    """What botocore's parser makes of it: headers and payload by frame, whether it fails, and what is left."""
    buffer, frames = EventStreamBuffer(), []
    buffer.add_data(stream)
    plain = lambda value: value.hex() if isinstance(value, bytes) else value
    try:
        for message in buffer:
            headers = [[name, plain(value)] for name, value in message.headers.items()]
            frames.append([headers, message.payload.hex()])
    except Exception as error:
        return {"frames": frames, "fails": type(error).__name__, "left": 0}
    return {"frames": frames, "fails": None, "left": len(buffer._data)}


def streams(seed, count):
    dice = random.Random(seed)
    for _ in range(count):
        frames = [frame(dice) for _ in range(dice.randrange(1, 5))]
        stream = bytearray(b"".join(bytes.fromhex(one["bytes"]) for one in frames))
        match dice.randrange(4):
            case 0:
                stream[dice.randrange(len(stream))] ^= 1 << dice.randrange(8)
            case 1:
                del stream[dice.randrange(len(stream)) :]
        yield {"frames": frames, "stream": stream.hex(), "botocore": reading(bytes(stream))}


MODEL = botocore.session.get_session().get_service_model("bedrock-runtime")
OPERATIONS = ["ConverseStream", "InvokeModelWithResponseStream"]


def failures():
    for operation in OPERATIONS:
        output = MODEL.operation_model(operation).get_event_stream_output()
        for name, member in output.members.items():
            if member.metadata.get("exception"):
                yield {"operation": operation, "name": name}


def read(path):
    for line in open(path):
        operation, stream = line.split()
        raw = io.BytesIO(bytes.fromhex(stream))
        raw.stream = lambda: iter(lambda: raw.read(7), b"")
        shape = MODEL.operation_model(operation).get_event_stream_output()
        parser = create_parser("rest-json")._event_stream_parser
        told = {"events": [], "code": None, "message": None}
        try:
            for event in EventStream(raw, shape, parser, operation):
                told["events"].append(event)
        except EventStreamError as error:
            told["code"] = error.response["Error"]["Code"]
            told["message"] = error.response["Error"]["Message"]
        yield told


match sys.argv[1:]:
    case ["random", seed, count]:
        lines = streams(int(seed), int(count))
    case ["failures"]:
        lines = failures()
    case ["read", path]:
        lines = read(path)
for line in lines:
    print(json.dumps(line))
