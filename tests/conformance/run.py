"""The conformance run: every cell (caller's format <- upstream's format) over the recordings.

Reads what it needs to know as JSON from standard input (`main` lists it) and writes one verdict a line to the file named
there; counting them and holding them against the bar is tests/conformance.rs.
"""

import concurrent.futures
import json
import multiprocessing
import sys
import traceback

PLAN = json.load(sys.stdin) if __name__ == "__main__" else None
STATE = {}
# Models that take different things of a request, whom the translated ones ask for.
MODELS = {
    "openai-chat": ["gpt-4o", "gpt-5.2", "o4-mini"],
    "openai-responses": ["gpt-4o", "gpt-5.2", "o4-mini"],
    "anthropic-messages": ["claude-3-5-haiku", "claude-sonnet-4-5", "claude-opus-4-8"],
    "gemini": ["gemini-2.5-flash", "gemini-3-pro"],
    "bedrock-converse": [
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "us.amazon.nova-2-lite-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/k3x1",
        "global.anthropic.claude-opus-4-8",
    ],
    "cohere-chat": ["command-a-03-2025", "command-a-reasoning-08-2025", "command-r7b-12-2024"],
    "cohere-embed": ["embed-v4.0"],
    "openai-embeddings": ["text-embedding-3-small"],
}

# Formats of vectors, which are held against the recordings themselves.
VECTORS = {"openai-embeddings", "cohere-embed"}

# Spellings of one document.
SPELLED = [
    {"ensure_ascii": False, "separators": (",", ":")},
    {"ensure_ascii": True},
    {"ensure_ascii": False, "indent": 2},
]


def spelled(body, number):
    return json.dumps(body, **SPELLED[number % len(SPELLED)]).encode()


def target(caller, upstream, record=None, chunk="event"):
    """The way to an upstream: of those for this cell the one that stands for the record's provider."""
    ways = [
        way for way in STATE["plan"]["ways"]
        if (way["caller"], way["upstream"], way["chunk"]) == (caller, upstream, chunk)
    ]
    of_provider = [way for way in ways if way["providers"] and record and record["provider"] in way["providers"]]
    return (of_provider or [way for way in ways if not way["providers"]])[0]


def request(api, record, model, number):
    """The recorded request in its caller's own form, for this model; made where none was recorded."""
    body = recordings.native_body(record)
    if body is None:
        body = callers.made(api, record["expected"] or {"outcome": {}, "stream": record["stream"]}, model)
        body.pop("config", None)
        body = body.get("body", body)
    if api == "bedrock-converse":
        return spelled(body, number)
    if api == "gemini":
        return spelled({name: value for name, value in body.items() if name != "stream"}, number)
    return spelled({**body, "model": model}, number)


def send(way, api, record, model, number):
    body = request(api, record, model, number)
    sse = api != "gemini" or (record["query"] or {}).get("alt") == "sse"
    stream = record["stream"] if api in callers.BY_PATH else False
    answer = callers.raw(
        STATE["plan"]["gateway"],
        callers.path(api, model, stream, sse),
        callers.credential(api, way["key"]),
        body,
    )
    kept = callers.raw(STATE["plan"]["replay"], f"/_/sent/{model}", {})
    return body, (kept.body if kept.status == 200 else None), answer, sse


def same(task):
    """A format's own cell: the recorded request through gw, bare."""
    api, record = task["caller"], record_of(task)
    way = target(api, api, record, task["chunk"])
    model = f"case-{record['id']}-{task['number']}"
    body, sent, answer, sse = send(way, api, record, model, task["number"])
    asked = json.loads(body)
    asks_usage = api == "openai-chat" and asked.get("stream") is True and not way["providers"]
    asks_usage = asks_usage and not (asked.get("stream_options") or {}).get("include_usage")
    recorded = b"".join(replay.body_parts(dict(record), {"_sse": sse} if api == "gemini" else {}))
    rows = []
    if task["chunk"] == "event" and recordings.native_body(record) is not None:
        rows.append(("requests", judge.same_request(answer, sent, body, asks_usage)))
    said = callers.events(recorded)
    verdict = judge.same_answer(answer, record["status"] or 200, recorded, said, asks_usage)
    return rows + [(recordings.kind(record), verdict)]


def crossed_request(task):
    """A recorded request to an upstream of another format, which answers something plain."""
    api, upstream, record = task["caller"], task["upstream"], record_of(task)
    plain = STATE["plain"][upstream, record["stream"]]
    names = MODELS[upstream]
    model = f"{names[task['number'] % len(names)]}-case-{plain}-{task['number']}"
    _, sent, answer, _ = send(target(api, upstream), api, record, model, task["number"])
    mistake = None
    if sent is not None:
        mistake = STATE["judges"].mistake(upstream, json.loads(sent))
    refused = (record["status"] or 200) >= 400
    return [("requests", judge.crossed_request(answer, sent, mistake, refused))]


def crossed_answer(task):
    """A recorded answer of an upstream, to the official client of another format."""
    caller, record = task["caller"], record_of(task)
    expected = record["expected"]
    way = target(caller, record["api"], record, task["chunk"])
    model = f"case-{record['id']}-{task['number']}"
    body = callers.made(caller, expected, model)
    got, ids = callers.through_client(caller, STATE["plan"]["gateway"], way["key"], body)
    recorded = b"".join(replay.body_parts(dict(record), {"_sse": True}))
    said = callers.events(recorded)
    status = record["status"] or 200
    want_ids = callers.call_ids(said)
    verdict = judge.crossed_answer(caller, expected["outcome"], got, want_ids, ids, status, said)
    return [(recordings.kind(record), verdict)]


def crossed_vectors(task):
    """A recorded answer of vectors, to the official client of the other format."""
    caller, record = task["caller"], record_of(task)
    way = target(caller, record["api"], record, task["chunk"])
    model, status = f"case-{record['id']}-{task['number']}", record["status"] or 200
    said = callers.events(b"".join(replay.body_parts(dict(record), {})))
    want = callers.recorded_vectors(said[0]) if status < 400 else []
    texts = ["text"] * max(len(want or []), 1)
    got = [] if want is None else callers.vectors(caller, STATE["plan"]["gateway"], way["key"], model, texts)
    return [(recordings.kind(record), judge.crossed_vectors(caller, want, got, status))]


DO = {"vectors": crossed_vectors, "same": same, "request": crossed_request, "answer": crossed_answer}


def record_of(task):
    return STATE["records"][task["id"]]


def do(task):
    """One task; whatever goes wrong in it is a finding too."""
    try:
        rows = DO[task["do"]](task)
    except Exception as error:
        what = "requests" if task["do"] == "request" else recordings.kind(record_of(task))
        rows = [(what, ("wrong", f"{type(error).__name__}: {str(error)[:200]} {traceback.format_exc(limit=-1)[-200:]}"))]
    return [
        {
            "caller": task["caller"],
            "upstream": task["upstream"],
            "what": what,
            "chunk": task["chunk"],
            "id": task["id"],
            "provider": record_of(task)["provider"],
            "verdict": verdict,
            "reason": reason,
        }
        for what, (verdict, reason) in rows
    ]


def batch(tasks):
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        return [row for rows in pool.map(do, tasks) for row in rows]


def tasks(plan, chosen):
    """Everything to be done, in an order that mixes the cells."""
    cells = {(way["caller"], way["upstream"]) for way in plan["ways"]}
    chunks = sorted({way["chunk"] for way in plan["ways"]})
    out = []

    def task(what, caller, upstream, record, chunk="event"):
        out.append({"do": what, "caller": caller, "upstream": upstream, "id": record["id"], "chunk": chunk, "number": len(out)})

    for caller, upstream in sorted(cells):
        for record in chosen[upstream]:
            # The client that fails over a recording says nothing of what it is.
            usable = record["expected"] and record["expected"]["class"] != "client_exception"
            streamed = [chunk for chunk in chunks if chunk == "event" or recordings.kind(record) == "streams"]
            for chunk in streamed:
                if caller == upstream:
                    task("same", caller, upstream, record, chunk)
                elif caller in VECTORS:
                    task("vectors", caller, upstream, record, chunk)
                elif usable:
                    task("answer", caller, upstream, record, chunk)
        if caller != upstream:
            for record in chosen[caller]:
                if recordings.native_body(record) is not None:
                    task("request", caller, upstream, record)
    return sorted(out, key=lambda one: one["id"])


def plain_answers(by_format):
    """For each format and way of answering a small recorded answer of text alone."""
    found = {}
    for api, records in by_format.items():
        for record in records:
            expected = record["expected"]
            rounded = api == "cohere-embed" and "float" not in record["request_body"].get("embedding_types", [])
            if api in VECTORS and record["status"] == 200 and not rounded:
                found.setdefault((api, record["stream"]), (0, record["id"]))
                continue
            if expected and expected["class"] == "ok" and expected["outcome"].get("finish") == "stop" and not expected["outcome"]["tools"]:
                said = record.get("response_body") or record.get("response_body_b64") or ""
                size, key = len(said), (api, record["stream"])
                if key not in found or size < found[key][0]:
                    found[key] = (size, record["id"])
    return {key: id for key, (_, id) in found.items()}


def main():
    """The plan: `tools`, `recordings` (folders), `gateway`, `replay` (URLs), `ways` (`caller`, `upstream`, `chunk`,
    `providers`, `key`), `full`, `out`."""
    plan = PLAN
    by_format = recordings.load(plan["recordings"])
    chosen = {api: records if plan["full"] else recordings.sample(records) for api, records in by_format.items()}
    STATE.update(
        plan=plan,
        records={record["id"]: record for records in by_format.values() for record in records},
        plain=plain_answers(by_format),
        judges=schemas.Judges(f"{plan['recordings']}/specs"),
    )
    for way in plan["ways"]:
        if way["caller"] != way["upstream"]:
            # Made before the processes part: types of clients take long to load.
            STATE["judges"].validator(way["upstream"])
    callers.listen()
    todo = tasks(plan, chosen)
    batches = [todo[at : at + 40] for at in range(0, len(todo), 40)]
    # Forked: the recordings and schemas are there already.
    with multiprocessing.get_context("fork").Pool(2) as pool, open(plan["out"], "w") as out:
        for rows in pool.imap_unordered(batch, batches):
            out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


if __name__ == "__main__":
    sys.path.insert(0, PLAN["tools"])
    import callers
    import judge
    import recordings
    import replay
    import schemas

    main()
