"""What counts as equal, as adapted on purpose, as refused and as wrong. Each verdict is `(verdict, reason)`."""

import json
import re

EQUAL = ("equal", "")
# What gw adds where it asks for usage on its own account.
ASKED = re.compile(rb',?"stream_options":\{"include_usage":true\},?|,?"include_usage":true,?')

# Tools, images and schemas are carried or refused.
NEVER = re.compile(
    r"tools|functions|tools\.(function|parameters|input_schema|functionDeclarations)(\.\w+arameters\w*)?"
    r"|response_format(\.json_schema(\.schema)?)?|text(\.format(\.schema)?)?|output_config(\.format(\.schema)?)?"
    r"|generationConfig(\.response\w*Schema)?|(messages|input|contents)\..*image(?!_url\.detail).*"
    r"|toolConfig(\.tools(\.toolSpec(\.inputSchema)?)?)?|outputConfig(\.textFormat(\..*)?)?"
)


# How gw refuses to go on from what this key has not had made here: a recording's was made elsewhere.
MADE_ELSEWHERE = ("previous_response_not_found", "conversation_not_found", "thread_not_found")


def short(value, most=160):
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = text.replace("\r", "\\r").replace("\n", "\\n")
    return text if len(text) <= most else text[:most] + "…"


# Requests


def same_request(answer, sent, original, asks_usage):
    """Byte for byte, but for the question for usage."""
    if sent is None and made_elsewhere(answer):
        return "refused", told(answer)["message"]
    if sent is None:
        return "wrong", f"nothing was sent upstream: {answer.status} {short(told(answer).get('message', ''))}"
    if sent == original:
        return EQUAL
    if asks_usage:
        begin = next((i for i, (a, b) in enumerate(zip(sent, original)) if a != b), min(len(sent), len(original)))
        for start in range(begin, max(begin - 40, -1), -1):
            inserted = sent[start : start + len(sent) - len(original)]
            if sent[:start] + sent[start + len(inserted) :] == original and ASKED.fullmatch(inserted):
                return EQUAL
        # A `false` or `null` in its place was overwritten.
        if owned(sent) == owned(original):
            return EQUAL
    return "wrong", f"sent {short(sent.decode(errors='replace'))}"


def owned(body):
    return re.sub(rb'"stream_options":(null|\{[^{}]*\})', b"", body)


def told(answer):
    """The error in an answer of gw's own, in whichever format."""
    try:
        error = json.loads(answer.body)
        error = error[0] if isinstance(error, list) else error
        # Of some APIs a message is all there is.
        error = error if "error" not in error and "message" in error else error["error"]
        return (error if isinstance(error, dict) else {"message": str(error)})
    except (ValueError, KeyError, TypeError, IndexError):
        return {"message": answer.body[:200].decode(errors="replace")}


def made_elsewhere(answer):
    error = told(answer)
    code = error.get("code") or (error.get("details") or {}).get("error_code")
    return answer.status == 400 and code in MADE_ELSEWHERE


def crossed_request(answer, sent, mistake, was_refused):
    """Over to another format: valid there, or refused by the name of a field."""
    if sent is None:
        error = told(answer)
        message = error.get("message", "")
        names_field = "`" in message or error.get("param")
        if answer.status == 400 and names_field:
            return "refused", message
        return "wrong", f"{answer.status} without a word on a field: {short(message)}"
    if answer.status >= 500:
        return "wrong", f"{answer.status} {short(told(answer).get('message', ''))}"
    if mistake:
        if was_refused:
            return "adapted", f"invalid here, and refused by the provider when recorded: {mistake}"
        return "wrong", f"not valid upstream: {mistake}"
    dropped = answer.headers.get("x-gw-dropped")
    lost = [path for path in (dropped or "").split(", ") if NEVER.fullmatch(path)]
    if lost:
        return "wrong", f"dropped what may not be: {', '.join(lost)}"
    return ("adapted", f"x-gw-dropped: {dropped}") if dropped else EQUAL


# Answers


def told_otherwise(recorded, said, status):
    """What gw says on purpose in other words than the provider; `said`: what the answer is as JSON."""
    if recorded in (401, 402, 403) and status == 502:
        return "the provider refused gw's own credential: 502, so that no caller takes it for its own key"
    first = said[0] if said else None
    instead = isinstance(first, dict) and first.get("error") and not first.get("choices")
    if recorded < 400 and status >= 400 and instead:
        return "an error in the place of an answer, with status 200: told as the error it is"
    ends = [one.get("delta") or {} for one in said if isinstance(one, dict) and one.get("type") == "message-end"]
    if recorded < 400 and status >= 400 and any(end.get("finish_reason") == "ERROR" for end in ends):
        return "a failure at the end of a plan, with status 200: told as the error it is"
    if recorded >= 400 and status == recorded and not said:
        return "an error that is no JSON: told in the format's own shape"
    return None


def same_answer(answer, status, body, said, hides_usage):
    """Byte for byte, but for the usage that gw alone asked for."""
    want = without_usage(body) if hides_usage else body
    if answer.status == status and answer.body in (want, body):
        return EQUAL
    if made_elsewhere(answer):
        return "refused", told(answer)["message"]
    why = told_otherwise(status, said, answer.status)
    if why:
        return "adapted", why
    if answer.status != status:
        return "wrong", f"status {answer.status} for {status}: {short(told(answer).get('message', ''))}"
    if rest(answer.body, want) == b"data: [DONE]":
        return "adapted", "the stream had no end mark: added"
    at = next((i for i, (a, b) in enumerate(zip(answer.body, want)) if a != b), min(len(answer.body), len(want)))
    came, wanted = (short(text[at : at + 80].decode(errors="replace")) for text in (answer.body, want))
    return "wrong", f"differs at byte {at}: {came} for {wanted}"


def rest(longer, shorter):
    """What stands behind the shorter of two that are otherwise alike."""
    shorter = shorter.rstrip(b"\r\n")
    return longer[len(shorter) :].strip() if longer.startswith(shorter) else None


def without_usage(body):
    """The stream without the chunk that has usage and no choice."""
    frames = re.split(rb"(?<=\n\n)|(?<=\r\n\r\n)", body)

    def only_usage(frame):
        data = frame.strip()
        if not data.startswith(b"data:"):
            return False
        try:
            said = json.loads(data[5:])
        except ValueError:
            return False
        return isinstance(said, dict) and said.get("choices") == [] and bool(said.get("usage"))

    return b"".join(frame for frame in frames if not only_usage(frame))


# What the recordings' programs have no word for: Gemini's numbers in the place of names, and its guard.
ENDS = {"other:1": "stop", "other:2": "length", "other:MODEL_ARMOR": "filter"}


def bare(arguments):
    """Arguments of nothing, `null` and `{}` are one."""
    return None if arguments in ("", {}) else arguments


def calls(outcome):
    return sorted(json.dumps([name, bare(arguments)], sort_keys=True) for name, arguments in outcome.get("tools") or [])


def whole(outcome):
    """Whether a recording is an answer that has an end, and arguments that are JSON."""
    return outcome.get("finish") is not None and not any(isinstance(call[1], str) for call in outcome.get("tools") or [])


def differences(want, got, want_ids, got_ids):
    """What an outcome has otherwise, by the rules of the recordings' own programs, and the calls' ids beside it."""
    found = []

    def differs(name, wanted, came):
        found.append(f"{name}: {short(came)} for {short(wanted)}")

    for name in ("text", "reasoning"):
        if (want.get(name) or "").strip() != (got.get(name) or "").strip():
            differs(name, want.get(name), got.get(name))
    if calls(want) != calls(got):
        differs("calls", want["tools"], got["tools"])
    elif want_ids and want_ids != got_ids:
        differs("ids", want_ids, got_ids)
    elif len(got_ids) != len(got["tools"]) and not want_ids:
        differs("ids", f"{len(got['tools'])} of gw's own", got_ids)
    finish = ENDS.get(want["finish"], want["finish"])
    called = finish in ("stop", "tool") and want["tools"] and got["finish"] == "tool"
    if finish != got["finish"] and not called:
        differs("finish", finish, got["finish"])
    for name in ("in", "out", "cached"):
        if want["usage"] and (got["usage"] or {}).get(name) != want["usage"][name]:
            differs(f"usage.{name}", want["usage"], got["usage"])
            break
    return found


def uncounted(said):
    """Whether Gemini gives a total and no count of the prompt."""
    usages = [one.get("usageMetadata") for one in said if isinstance(one, dict)]
    last = [usage for usage in usages if usage][-1:]
    return bool(last) and "promptTokenCount" not in last[0]


def squeezed(text):
    return "".join((text or "").split())


def transcript(said):
    """The words of an answer that was spoken, in OpenAI's Chat."""
    choices = [choice for one in said if isinstance(one, dict) for choice in one.get("choices") or []]
    audio = [(choice.get("message") or choice.get("delta") or {}).get("audio") or {} for choice in choices]
    return "".join(one.get("transcript") or "" for one in audio)


def cited(said):
    """All the text of a whole answer of Bedrock's in which some stands beside its sources, where the recordings' own program
    does not look; none for any other answer."""
    output = said[0].get("output") if len(said) == 1 and isinstance(said[0], dict) else None
    message = output.get("message") if isinstance(output, dict) else None
    blocks = (message or {}).get("content") or []
    if not any("citationsContent" in block for block in blocks):
        return None
    texts = [block.get("citationsContent", {}).get("content", [block]) for block in blocks]
    return "".join(piece.get("text", "") for pieces in texts for piece in pieces)


def run_there(said):
    """The tools that Bedrock ran itself."""
    found = set()

    def walk(node):
        if isinstance(node, list):
            for item in node:
                walk(item)
        elif isinstance(node, dict):
            if node.get("type") == "server_tool_use":
                found.add(node.get("name"))
            for value in node.values():
                walk(value)

    walk(said)
    return found


# The types of errors that follow from their status, as these formats document them.
TYPES = {
    "anthropic-messages": {
        400: "invalid_request_error",
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        422: "invalid_request_error",
        429: "rate_limit_error",
        500: "api_error",
    },
    "gemini": {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        429: "RESOURCE_EXHAUSTED",
        500: "INTERNAL",
        503: "UNAVAILABLE",
        504: "DEADLINE_EXCEEDED",
    },
    "bedrock-converse": {
        400: "ValidationException",
        401: "AccessDeniedException",
        403: "AccessDeniedException",
        404: "ResourceNotFoundException",
        408: "ModelTimeoutException",
        413: "ValidationException",
        422: "ValidationException",
        429: "ThrottlingException",
        500: "InternalServerException",
        503: "ServiceUnavailableException",
        504: "ModelTimeoutException",
    },
}


# The APIs whose errors are a message alone.
UNTYPED = {"cohere-chat", "cohere-embed"}


def crossed_error(caller, came):
    """An error of the right status has the right type, too."""
    if caller in UNTYPED:
        return EQUAL
    kind = came.get("type")
    right = TYPES.get(caller, {}).get(came["status"], kind)
    if kind and kind == right:
        return EQUAL
    return "wrong", f"error {came['status']} of type {kind}" + (f" for {right}" if right else "")


def crossed_vectors(caller, want, got, status):
    """The vectors that the caller's client returned, against those of the recording, as floats of 32 bits."""
    if status >= 400 or isinstance(got, int):
        came = got if isinstance(got, int) else 200
        if came == status:
            return EQUAL
        why = told_otherwise(status, [], came)
        return ("adapted", why) if why else ("wrong", f"error {came} for {status}")
    if want is None:
        return "adapted", "the recording has nothing but rounded numbers, which gw does not ask for"
    if len(got) != len(want) or [len(one) for one in got] != [len(one) for one in want]:
        return "wrong", f"{[len(one) for one in got]} numbers for {[len(one) for one in want]}"
    apart = max((abs(a - b) for one, other in zip(got, want) for a, b in zip(one, other)), default=0)
    return EQUAL if apart < 1e-6 else ("wrong", f"numbers are {apart} apart")


def crossed_answer(caller, want, got, want_ids, got_ids, status, said):
    """What the caller's client returned, against what the upstream's own client did."""
    wanted, came = want.get("error"), got.get("error")
    if wanted or came:
        if wanted and came and wanted.get("status") == came.get("status"):
            return crossed_error(caller, came)
        why = told_otherwise(status, said, (came or {}).get("status") or 0)
        return ("adapted", why) if why else ("wrong", f"error {came} for {wanted}")
    text = cited(said)
    if text is not None:
        want = {**want, "text": text}
    theirs = run_there(said)
    if theirs:
        own = {**want, "tools": [call for call in want["tools"] if call[0] not in theirs]}
        if not differences(own, got, want_ids, got_ids):
            return "adapted", "what a tool of the provider's own was called with is no call of the caller's"
    spoken = transcript(said)
    if spoken and not want["text"] and got["text"] == spoken:
        return "adapted", "a spoken answer is given by its words"
    found = differences(want, got, want_ids, got_ids)
    if not found:
        return EQUAL
    apart = squeezed(want["reasoning"]) == squeezed(got["reasoning"])
    if apart and len(found) == 1 and found[0].startswith("reasoning"):
        return "adapted", "thoughts of several parts are parted by a blank line"
    if uncounted(said) and [one.split(":")[0] for one in found] == ["usage.in"]:
        return "adapted", "the prompt was not counted: the rest of the total"
    if not whole(want):
        return "adapted", f"the recording is no whole answer; {'; '.join(found)}"
    return "wrong", "; ".join(found)
