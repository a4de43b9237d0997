#!/usr/bin/env python3
"""Both sides of a gateway whose instructions are counted: an upstream with fixed answers, and one caller.

    drive.py upstream READY-FILE              answers until it is ended; its address goes into the file
    drive.py call URL KEY CASE COUNT          so many requests one after the other on one connection, each checked

Every byte is the same in every run, so that what differs between two counts is the gateway. In paced streams an event is sent
once the caller has the one before, of which it tells the upstream beside the gateway.
"""
import json
import os
import socket
import sys
import threading

CHUNK = {"id": "chatcmpl-fixed", "object": "chat.completion.chunk", "created": 1760000000, "model": "fixed-model"}
# Events of text in a stream.
EVENTS = 32


def whole(head, mold, size):
    """An answer whose body has this size."""
    body = mold("")
    body = mold("x" * (size - len(body)))
    assert len(body) == size
    return [(f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}").encode()]


def stream(frames):
    """An answer as server-sent events, a chunk each."""
    chunks = [f"{len(frame):x}\r\n{frame}\r\n".encode() for frame in frames]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    # Nothing goes on to a caller before the first text.
    return [head + chunks[0] + chunks[1], *chunks[2:-1], chunks[-1] + b"0\r\n\r\n"]


def openai(text):
    choice = {"index": 0, "message": {"role": "assistant", "content": text, "refusal": None}, "logprobs": None, "finish_reason": "stop"}
    usage = {"prompt_tokens": 40, "completion_tokens": 180, "total_tokens": 220, "prompt_tokens_details": {"cached_tokens": 8}}
    return json.dumps({**CHUNK, "object": "chat.completion", "choices": [choice], "usage": usage}, separators=(",", ":"))


def anthropic(text):
    usage = {"input_tokens": 32, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 8, "output_tokens": 180}
    return json.dumps({"id": "msg_fixed", "type": "message", "role": "assistant", "model": "fixed-model", "content": [{"type": "text", "text": text}],
                       "stop_reason": "end_turn", "stop_sequence": None, "usage": usage}, separators=(",", ":"))


def openai_stream():
    def event(delta, finish=None, **more):
        return "data: " + json.dumps({**CHUNK, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}, separators=(",", ":")) + "\n\n"
    usage = {"prompt_tokens": 40, "completion_tokens": EVENTS, "total_tokens": 40 + EVENTS, "prompt_tokens_details": {"cached_tokens": 8}}
    last = "data: " + json.dumps({**CHUNK, "choices": [], "usage": usage}, separators=(",", ":")) + "\n\n"
    return stream([event({"role": "assistant", "content": ""})] + [event({"content": f" word {at}"}) for at in range(EVENTS)]
                  + [event({}, "stop"), last, "data: [DONE]\n\n"])


def anthropic_stream():
    def event(kind, **more):
        return f"event: {kind}\ndata: " + json.dumps({"type": kind, **more}, separators=(",", ":")) + "\n\n"
    usage = {"input_tokens": 32, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 8, "output_tokens": 1}
    message = {"id": "msg_fixed", "type": "message", "role": "assistant", "model": "fixed-model", "content": [], "stop_reason": None,
               "stop_sequence": None, "usage": usage}
    return stream([event("message_start", message=message), event("content_block_start", index=0, content_block={"type": "text", "text": ""})]
                  + [event("content_block_delta", index=0, delta={"type": "text_delta", "text": f" word {at}"}) for at in range(EVENTS)]
                  + [event("content_block_stop", index=0),
                     event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": EVENTS}),
                     event("message_stop")])


ANSWERS = {
    ("/v1/chat/completions", False): whole("", openai, 1024),
    ("/v1/chat/completions", True): openai_stream(),
    ("/v1/messages", False): whole("request-id: req_fixed\r\n", anthropic, 1024),
    ("/v1/messages", True): anthropic_stream(),
}

DONE = b"data: [DONE]\n\n"
# Case: whether streamed, what an answer ends with, bytes of the request.
CASES = {
    "plain": (False, b"", 200), "limited": (False, b"", 200), "translated": (False, b"", 200), "stream": (True, DONE, 200), "translated-stream": (True, DONE, 200),
    "paced": (True, DONE, 200), "plain-200k": (False, b"", 200_000), "translated-200k": (False, b"", 200_000),
}
# Whom a caller tells that it has an event: one for all that one script starts.
PACE = "\0gw-instructions-%d" % os.getpgrp()


class Lines:
    """A connection that is read in pieces of a wanted kind."""

    def __init__(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection, self.rest = connection, b""

    def more(self):
        piece = self.connection.recv(65536)
        if not piece:
            raise EOFError
        self.rest += piece

    def until(self, mark):
        while (at := self.rest.find(mark)) < 0:
            self.more()
        at += len(mark)
        taken, self.rest = self.rest[:at], self.rest[at:]
        return taken

    def exactly(self, size):
        while len(self.rest) < size:
            self.more()
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    def message(self, took=lambda chunk: None):
        """First line and body of a request or an answer; `took` is given each chunk."""
        head = self.until(b"\r\n\r\n").decode()
        first, *lines = head.split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines if line)
        if fields.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(self.until(b"\r\n"), 16):
                chunk = self.exactly(size + 2)[:-2]
                took(chunk)
                body += chunk
            self.until(b"\r\n")
            return first, body
        return first, self.exactly(int(fields.get("content-length", 0)))


def serve(connection, pace):
    lines = Lines(connection)
    try:
        while True:
            first, body = lines.message()
            path = first.split(" ")[1].split("?")[0]
            answer = ANSWERS[path, b'"stream":true' in body]
            if b"paced" not in body:
                connection.sendall(b"".join(answer))
                continue
            for piece in answer:
                connection.sendall(piece)
                for _ in range(piece.count(b"data: ")):
                    pace.recv(1)
    except (EOFError, ConnectionError):
        connection.close()


def upstream(ready):
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    pace = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    pace.bind(PACE)
    with open(ready + ".new", "w") as file:
        file.write("http://127.0.0.1:%d" % listener.getsockname()[1])
    os.rename(ready + ".new", ready)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, pace), daemon=True).start()


def conversation(size):
    """An agent's messages and tools: files it has read, and what its commands printed."""
    def tool(at):
        members = {name: {"type": "string", "description": f"The {name} that tool {at} works on, as an absolute path."} for name in ("path", "pattern", "text")}
        schema = {"type": "object", "properties": members, "required": ["path"], "additionalProperties": False}
        return {"type": "function", "function": {"name": f"tool_{at}", "description": "Reads, looks for or writes something. " * 12, "parameters": schema}}
    messages = [{"role": "system", "content": "You are an agent.\nAnswer with a call of a tool where one helps.\n" * 120}, {"role": "user", "content": "Mend the build."}]
    left, at = size - 40_000, 0
    while left > 0:
        call = {"id": f"call_{at}", "type": "function", "function": {"name": f"tool_{at % 20}", "arguments": json.dumps({"path": f"/src/file_{at}.rs", "text": "a\n\"b\""})}}
        messages.append({"role": "assistant", "content": f"I look at file {at}.", "tool_calls": [call]})
        lines = "".join(f"{line:>5}\tlet value_{line} = read(\"{at}\", {line})?; // \u00e9\n" for line in range(20 + at % 5 * 30))
        messages.append({"role": "tool", "tool_call_id": f"call_{at}", "content": lines})
        left, at = left - len(lines) - 400, at + 1
    return {"messages": messages, "tools": [tool(at) for at in range(20)]}


def call(url, key, case, count):
    streamed, end, size = CASES[case]
    paced = case.endswith("paced")
    body = {"model": "fixed-model", "max_tokens": 256, "stream": streamed, "messages": [{"role": "user", "content": "paced" if paced else ""}]}
    if streamed:
        body["stream_options"] = {"include_usage": True}
    if size > 1_000:
        body |= conversation(size)
    missing = size - len(json.dumps(body, separators=(",", ":")))
    body["messages"][-1]["content"] += "x" * missing
    body = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    pace = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    took = (lambda chunk: [pace.sendto(b".", PACE) for _ in range(chunk.count(b"data: "))]) if paced else (lambda chunk: None)
    host, port = url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)))
    lines = Lines(connection)
    request = (f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {key}\r\n"
               f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body
    for _ in range(count):
        connection.sendall(request)
        first, answer = lines.message(took)
        if " 200 " not in first or not answer.endswith(end) or len(answer) < 500:
            sys.exit(f"not the answer that was expected: {first}\n{answer.decode(errors='replace')}")


if __name__ == "__main__":
    if sys.argv[1] == "upstream":
        upstream(sys.argv[2])
    else:
        call(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))
