"""What Spring AI sends, as plain HTTP: the bodies of its OpenAI and Anthropic models, and the heads of Java's client.

The bodies are those of `OpenAiChatModel` and `AnthropicChatModel` of Spring AI 1.1 over `OpenAiApi` and `AnthropicApi`:
https://github.com/spring-projects/spring-ai/tree/1.1.x/models/spring-ai-openai and .../spring-ai-anthropic. Over http
Java's client offers HTTP/2 with each request and does not tell how long a body is: servers that take the offer for more
than one lose the body (https://github.com/Kludex/uvicorn/issues/2722).
"""

import http.client
import json
import urllib.parse

from common import CLAUDE, GPT, PROMPT, TASK, Thing, get_time, get_weather, run, streamed

KNOWN = {tool.__name__: tool for tool in (get_weather, get_time)}
DRAFT = "https://json-schema.org/draft/2020-12/schema"
CITY = {
    "$schema": DRAFT,
    "type": "object",
    "properties": {"city": {"type": "string", "description": "The city's name."}},
    "required": ["city"],
    "additionalProperties": False,
}
# As it writes a class: the properties in order, all required, nothing beside them.
SCHEMA = {
    "$schema": DRAFT,
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "size": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["name", "size", "tags"],
    "additionalProperties": False,
}
UPGRADE = {
    "Connection": "Upgrade, HTTP2-Settings",
    "Upgrade": "h2c",
    "HTTP2-Settings": "AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAABgAGAAY",
    "User-Agent": "Java-http-client/21.0.8",
}


class Http:
    """Its two clients: `RestClient` for whole answers, and `WebClient` for streams."""

    def __init__(self, base: str, path: str, headers: dict):
        self.address = urllib.parse.urlsplit(base).netloc
        self.path = path
        self.headers = headers | {"Content-Type": "application/json"}

    def send(self, body: dict, headers: dict):
        connection = http.client.HTTPConnection(self.address, timeout=60)
        chunked = {"Transfer-Encoding": "chunked"}
        parts = iter([json.dumps(body, ensure_ascii=False).encode()])
        connection.request("POST", self.path, parts, self.headers | headers | chunked, encode_chunked=True)
        answer = connection.getresponse()
        if answer.status != 200:
            raise AssertionError(f"{answer.status}: {answer.read().decode()}")
        return answer

    def whole(self, body: dict) -> dict:
        accept = {"Accept": "application/octet-stream, application/json, application/*+json, */*"}
        return json.load(self.send(body, UPGRADE | accept))

    def events(self, body: dict):
        for line in self.send(body, {"Accept": "*/*", "User-Agent": "ReactorNetty/1.2.9"}):
            data = line.decode().removeprefix("data:").strip()
            if line.startswith(b"data:") and data != "[DONE]":
                yield json.loads(data)


def result(name: str, arguments: dict) -> str:
    """What a tool returns goes to the model as JSON, a text too."""
    return json.dumps(KNOWN[name](**arguments), ensure_ascii=False)


def unquoted(text: str) -> str:
    return text.replace('"12:00"', "12:00")


class OpenAi:
    def __init__(self, base, key):
        self.http = Http(base, "/v1/chat/completions", {"Authorization": f"Bearer {key}"})

    def body(self, messages, stream=False, **more):
        return {"messages": messages, "model": GPT, "stream": stream, "temperature": 0.7, **more}

    def plain(self, **more):
        answer = self.http.whole(self.body([{"content": PROMPT, "role": "user"}], **more))
        return answer["choices"][0]["message"]["content"]

    def stream(self):
        options = {"stream_options": {"include_usage": True}}
        events = self.http.events(self.body([{"content": PROMPT, "role": "user"}], stream=True, **options))
        return streamed([choice["delta"].get("content") for event in events for choice in event["choices"]])

    def said(self, body):
        return self.http.whole(self.body(**body))["choices"][0]["message"]

    def said_streamed(self, body):
        """A piece of a call that has an id begins one, others add to the last: so does its `OpenAiStreamFunctionCallingHelper`."""
        said = {"content": [], "tool_calls": []}
        for event in self.http.events(self.body(stream=True, **body)):
            for choice in event["choices"]:
                said["content"].append(choice["delta"].get("content") or "")
                for call in choice["delta"].get("tool_calls") or []:
                    if call.get("id"):
                        said["tool_calls"].append({**call, "function": {"arguments": "", **call["function"]}})
                    else:
                        said["tool_calls"][-1]["function"]["arguments"] += call["function"].get("arguments") or ""
        return {**said, "content": "" if said["tool_calls"] else streamed(said["content"])}

    def tools_streamed(self):
        return self.tools(self.said_streamed)

    def tools(self, ask=None):
        offered = [
            {"type": "function", "function": {"description": f"Tells {name}.", "name": name, "parameters": CITY}} for name in KNOWN
        ]
        messages = [{"content": "You are terse.", "role": "system"}, {"content": TASK, "role": "user"}]
        while True:
            said = (ask or self.said)({"messages": messages, "tools": offered})
            if not said.get("tool_calls"):
                return unquoted(said["content"])
            calls = [{name: call[name] for name in ("id", "type", "function")} for call in said["tool_calls"]]
            # Nothing said is no text, or none at all.
            text = {"content": said["content"]} if said.get("content") is not None else {}
            messages.append({**text, "role": "assistant", "tool_calls": calls})
            for call in calls:
                name = call["function"]["name"]
                data = result(name, json.loads(call["function"]["arguments"]))
                messages.append({"content": data, "role": "tool", "name": name, "tool_call_id": call["id"]})

    def structured(self):
        schema = {"name": "custom_schema", "schema": SCHEMA, "strict": True}
        return Thing.model_validate_json(self.plain(response_format={"type": "json_schema", "json_schema": schema}))


class Anthropic:
    def __init__(self, base, key):
        headers = {
            "x-api-key": key,
            "anthropic-version": "2023-06-01",
            "anthropic-beta": "tools-2024-04-04,pdfs-2024-09-25,structured-outputs-2025-11-13",
        }
        self.http = Http(base, "/v1/messages", headers)

    def body(self, messages, stream=False, **more):
        """It has a text for the system even where there is none."""
        return {"model": CLAUDE, "messages": messages, "system": "", "max_tokens": 500, "stream": stream, "temperature": 0.8, **more}

    def user(self, text):
        return {"content": [{"type": "text", "text": text}], "role": "user"}

    def plain(self, **more):
        return self.http.whole(self.body([self.user(PROMPT)], **more))["content"][0]["text"]

    def stream(self):
        events = self.http.events(self.body([self.user(PROMPT)], stream=True))
        return streamed([event["delta"].get("text") for event in events if event["type"] == "content_block_delta"])

    def said(self, body):
        return self.http.whole(self.body(**body))["content"]

    def said_streamed(self, body):
        blocks = []
        for event in self.http.events(self.body(stream=True, **body)):
            if event["type"] == "content_block_start":
                blocks.append({**event["content_block"], "pieces": []})
            elif event["type"] == "content_block_delta":
                blocks[-1]["pieces"].append(event["delta"].get("text") or event["delta"].get("partial_json") or "")
        for block in blocks:
            pieces = block.pop("pieces")
            if block["type"] == "tool_use":
                block["input"] = json.loads("".join(pieces))
            else:
                block["text"] = streamed(pieces)
        return blocks

    def tools_streamed(self):
        return self.tools(self.said_streamed)

    def tools(self, ask=None):
        offered = [{"name": name, "description": f"Tells {name}.", "input_schema": CITY} for name in KNOWN]
        messages = [self.user(TASK)]
        while True:
            said = (ask or self.said)({"messages": messages, "tools": offered, "system": "You are terse."})
            calls = [block for block in said if block["type"] == "tool_use"]
            if not calls:
                return unquoted(said[0]["text"])
            kept = [{name: call[name] for name in ("type", "id", "name", "input")} for call in calls]
            messages.append({"content": kept, "role": "assistant"})
            results = [
                {"type": "tool_result", "tool_use_id": call["id"], "content": result(call["name"], call["input"])} for call in calls
            ]
            messages.append({"content": results, "role": "user"})

    def structured(self):
        return Thing.model_validate_json(self.plain(output_format={"type": "json_schema", "schema": SCHEMA}))


NAMES = ("plain", "stream", "tools", "tools streamed", "structured")
CASES = {name: lambda model, name=name: getattr(model, name.replace(" ", "_"))() for name in NAMES}

run("spring-ai", "openai-chat", OpenAi, **CASES)
run("spring-ai", "anthropic-messages", Anthropic, **CASES)
