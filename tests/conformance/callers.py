"""Callers of gw in each format: bare HTTP, and the official clients, whose answers are brought into the canonical outcome
of the recordings' own programs. Knows nothing of how outcomes are judged.
"""

import array
import base64
import http.client
import json
import threading
import urllib.parse

import compare
import outcome

PATIENCE = 30
LOCAL = threading.local()
PATHS = {
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "anthropic-messages": "/v1/messages",
    "openai-embeddings": "/v1/embeddings",
    "cohere-chat": "/v2/chat",
    "cohere-embed": "/v2/embed",
}


# Formats whose paths say the model and whether the answer is streamed.
BY_PATH = {"gemini", "bedrock-converse"}


def path(api, model, stream, sse=True):
    if api not in BY_PATH:
        return PATHS[api]
    model = urllib.parse.quote(model, safe="")
    if api == "bedrock-converse":
        return f"/model/{model}/converse" + ("-stream" if stream else "")
    if not stream:
        return f"/v1beta/models/{model}:generateContent"
    return f"/v1beta/models/{model}:streamGenerateContent" + ("?alt=sse" if sse else "")


def credential(api, key):
    if api == "anthropic-messages":
        return {"x-api-key": key, "anthropic-version": "2023-06-01"}
    return {"x-goog-api-key": key} if api == "gemini" else {"authorization": f"Bearer {key}"}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


def raw(url, target, headers, body=None):
    """One exchange over a connection that this thread keeps. Raises what stands for a hang or a broken answer."""
    host = urllib.parse.urlsplit(url).netloc
    kept = LOCAL.__dict__.setdefault("connections", {})
    method = "GET" if body is None else "POST"
    for fresh in (False, True):
        connection = kept.get(host)
        if connection is None or fresh:
            connection = kept[host] = http.client.HTTPConnection(host, timeout=PATIENCE)
            fresh = True
        try:
            connection.request(method, target, body, {"content-type": "application/json", **headers})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            # A connection that had been idle was closed in between.
            kept.pop(host).close()
            if fresh:
                raise
        except Exception:
            kept.pop(host).close()
            raise


def call_ids(said):
    """The ids of the calls in what an API said, in order, wherever they stand."""
    ids = []

    def walk(node):
        if isinstance(node, list):
            for item in node:
                walk(item)
        elif isinstance(node, dict):
            kind = node.get("type")
            if kind in ("function_call", "custom_tool_call"):
                ids.append(node.get("call_id"))
            elif kind == "tool_use":
                ids.append(node.get("id"))
            for name, value in node.items():
                if name == "tool_calls" and isinstance(value, list):
                    ids.extend(call.get("id") for call in value if isinstance(call, dict))
                # In an event of Cohere's there is one.
                elif name == "tool_calls" and isinstance(value, dict):
                    ids.append(value.get("id"))
                elif name in ("functionCall", "function_call") and isinstance(value, dict):
                    ids.append(value.get("id"))
                elif name == "toolUse" and isinstance(value, dict):
                    # What the provider runs itself is no call of the caller's.
                    ids.append(value.get("toolUseId") if value.get("type") != "server_tool_use" else None)
                # Arguments are the caller's own.
                elif name not in ("args", "arguments", "input"):
                    walk(value)

    walk(said)
    return list(dict.fromkeys(id for id in ids if id))


def gemini(base, body, key):
    """The official client of Gemini; the other three are the recordings' own."""
    from google import genai
    from google.genai import errors, types

    out = outcome.new()
    client = genai.Client(
        api_key=key,
        http_options=types.HttpOptions(base_url=base, api_version="v1beta", timeout=PATIENCE * 1000),
    )
    ask = {"model": body["model"], "contents": "go", "config": body["config"]}
    try:
        if body["stream"]:
            said = client.models.generate_content_stream(**ask)
        else:
            said = [client.models.generate_content(**ask)]
        for one in said:
            one = outcome.D(one.model_copy(update={"sdk_http_response": None}))
            outcome.ge_from(camel(one), out)
    except errors.APIError as error:
        out["error"] = {"status": error.code, "type": error.status}
    if out["tools"] and out["finish"] == "stop":
        out["finish"] = "tool"
    return out


class Heard:
    """Bedrock's official client with an API key, whose answers are kept."""

    def __init__(self):
        import boto3
        import botocore
        from botocore.config import Config

        config = Config(
            retries={"max_attempts": 0}, read_timeout=PATIENCE, signature_version=botocore.UNSIGNED, max_pool_connections=20
        )
        self.client = boto3.client("bedrock-runtime", region_name="us-east-1", endpoint_url="http://127.0.0.1:9", config=config)
        self.meta = self.client.meta
        self.meta.events.register("before-send", self.address)

    def address(self, request, **_):
        """Where it goes, and the key, as `AWS_BEARER_TOKEN_BEDROCK` would have it."""
        request.url = request.url.replace("http://127.0.0.1:9", LOCAL.base)
        request.headers["authorization"] = f"Bearer {LOCAL.key}"

    def converse(self, **ask):
        said = self.client.converse(**ask)
        LOCAL.said.append(said)
        return said

    def converse_stream(self, **ask):
        return {"stream": self.each(self.client.converse_stream(**ask)["stream"])}

    def each(self, stream):
        for event in stream:
            LOCAL.said.append(event)
            yield event


def converse(base, body, key):
    """Through the recordings' own program, over a client of ours."""
    import botocore.exceptions

    LOCAL.base, LOCAL.key = base, key
    if not isinstance(outcome._C.get("b"), Heard):
        outcome._C["b"] = Heard()
    try:
        return outcome.converse(base, body["body"], model=body["model"], stream=body["stream"])
    except botocore.exceptions.EventStreamError as error:
        return {**outcome.new(), "error": {"status": None, "type": error.response["Error"]["Code"]}}


def cohere_client(base, key):
    import cohere

    return cohere.ClientV2(api_key=key, base_url=base, timeout=PATIENCE)


def cohere_chat(base, body, key):
    """Cohere's official client."""
    from cohere.core.api_error import ApiError

    out, ask = outcome.new(), {name: value for name, value in body.items() if name != "stream"}
    once = {"request_options": {"max_retries": 0}}
    try:
        if body["stream"]:
            for event in cohere_client(base, key).chat_stream(**ask, **once):
                cohere_event(outcome.D(event), out)
        else:
            cohere_whole(outcome.D(cohere_client(base, key).chat(**ask, **once)), out)
    except ApiError as error:
        out["error"] = {"status": error.status_code, "type": None}
    out["tools"] = [[name, outcome.J(arguments)] for name, arguments in out["tools"]]
    return out


def cohere_end(said, out):
    out["finish"], used = outcome.fin(said.get("finish_reason")), said.get("usage") or {}
    tokens = used.get("tokens") or {}
    if tokens:
        counts = [tokens.get("input_tokens"), tokens.get("output_tokens"), used.get("cached_tokens")]
        out["usage"] = outcome.u(*(None if count is None else int(count) for count in counts))


def cohere_content(content, out):
    out["text"] += content.get("text") or ""
    out["reasoning"] += content.get("thinking") or ""


def cohere_whole(said, out):
    message = said["message"]
    for content in message.get("content") or []:
        cohere_content(content, out)
    for call in message.get("tool_calls") or []:
        out["tools"].append([call["function"]["name"], call["function"]["arguments"]])
    cohere_end(said, out)


def cohere_event(said, out):
    """One event, as the client gives it to its caller."""
    message = (said.get("delta") or {}).get("message") or {}
    cohere_content(message.get("content") or {}, out)
    called = (message.get("tool_calls") or {}).get("function") or {}
    if said["type"] == "tool-call-start":
        out["tools"].append([called["name"], called.get("arguments") or ""])
    elif said["type"] == "tool-call-delta":
        out["tools"][said["index"]][1] += called["arguments"]
    elif said["type"] == "message-end":
        cohere_end(said["delta"], out)


def vectors(api, base, key, model, texts):
    """What the official client of a format of embeddings returns: the vectors, or the status of an error."""
    if api == "cohere-embed":
        from cohere.core.api_error import ApiError

        ask = {"model": model, "texts": texts, "input_type": "search_document", "embedding_types": ["float"]}
        try:
            said = cohere_client(base, key).embed(**ask, request_options={"max_retries": 0})
        except ApiError as error:
            return error.status_code
        return said.embeddings.float_
    import openai

    try:
        said = outcome.oai(f"{base}/v1", key, {}).embeddings.create(model=model, input=texts)
    except openai.APIStatusError as error:
        return error.status_code
    return [one.embedding for one in said.data]


def recorded_vectors(said):
    """The same out of what a provider of either format said."""
    if isinstance(said.get("embeddings"), dict):
        return said["embeddings"].get("float")
    each = [one["embedding"] for one in sorted(said["data"], key=lambda one: one["index"])]
    return [list(array.array("f", base64.b64decode(one))) if isinstance(one, str) else one for one in each]


# What a format calls by the caller's own names.
OPEN = {"args", "response"}


def camel(node):
    """The names of the wire, which the client turns into its own."""
    if isinstance(node, list):
        return [camel(item) for item in node]
    if not isinstance(node, dict):
        return node
    turned = {}
    for name, value in node.items():
        if value is not None:
            head, *tail = name.split("_")
            turned[head + "".join(map(str.capitalize, tail))] = value if name in OPEN else camel(value)
    return turned


def made(api, expected, model):
    """A small request that asks for an answer like the expected one."""
    if api not in BY_PATH | {"cohere-chat"}:
        return compare.req(api, expected, model, None)
    names = sorted({call[0] for call in expected["outcome"].get("tools") or []})
    schema = {"type": "object", "properties": {}, "additionalProperties": True}
    if api == "bedrock-converse":
        specs = [{"toolSpec": {"name": n, "description": n, "inputSchema": {"json": schema}}} for n in names]
        asked = {"messages": [{"role": "user", "content": [{"text": "go"}]}], "inferenceConfig": {"maxTokens": 4096}}
        asked.update({"toolConfig": {"tools": specs}} if names else {})
        return {"model": model, "stream": expected["stream"], "body": asked}
    if api == "cohere-chat":
        tools = [{"type": "function", "function": {"name": n, "description": n, "parameters": schema}} for n in names]
        asked = {"model": model, "messages": [{"role": "user", "content": "go"}], "stream": expected["stream"]}
        return {**asked, **({"tools": tools} if names else {})}
    tools = [{"function_declarations": [{"name": n, "description": n, "parameters_json_schema": schema} for n in names]}]
    config = {"max_output_tokens": 4096, **({"tools": tools} if names else {})}
    return {"model": model, "stream": expected["stream"], "config": config}


def through_client(api, gateway, key, body):
    """What the official client returns, and the ids of the calls in it."""
    LOCAL.said = []
    if api == "gemini":
        got = gemini(gateway, body, key)
    elif api == "bedrock-converse":
        got = converse(gateway, body, key)
    elif api == "cohere-chat":
        got = cohere_chat(gateway, body, key)
    else:
        drive = {"openai-chat": outcome.chat, "openai-responses": outcome.responses, "anthropic-messages": outcome.messages}
        got = drive[api](f"{gateway}/v1", body, key=key)
    return got, call_ids(LOCAL.said)


def listen():
    """Keeps what the clients return as they are asked for it: the canonical outcome has no ids."""
    dump = outcome.D

    def kept(said):
        told = dump(said)
        LOCAL.said.append(told)
        return told

    outcome.D = kept


def events(body):
    """What a recorded answer says, as JSON: the events of a stream, or the one document."""
    if body[:1] == b"\0":
        return messages(body)
    text = body.lstrip()
    if text[:1] in (b"{", b"["):
        try:
            return [json.loads(text)]
        except ValueError:
            return []
    return outcome.sse_events(body)


def messages(body):
    """What the messages of a binary stream say, each under its name."""
    from botocore.eventstream import EventStreamBuffer

    buffer = EventStreamBuffer()
    buffer.add_data(body)
    return [
        {one.headers.get(":event-type") or one.headers.get(":exception-type"): json.loads(one.payload or b"{}")} for one in buffer
    ]
