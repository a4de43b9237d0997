"""That the judge tells what is otherwise: a run in which everything is equal says nothing where it cannot."""

import judge


class Answer:
    def __init__(self, status, body=b"", **headers):
        self.status, self.body, self.headers = status, body, headers


WANT = {
    "text": "a",
    "reasoning": "",
    "tools": [["f", {"x": 1}]],
    "finish": "stop",
    "usage": {"in": 3, "out": 2, "cached": 1},
    "error": None,
}


def crossed(ids=("call_1",), caller="openai-chat", status=200, said=(), want=WANT, **changed):
    got = {**want, "finish": "tool", **changed}
    return judge.crossed_answer(caller, want, got, ["call_1"], list(ids), status, list(said))


def same(body, came, status=200, hides_usage=False):
    return judge.same_answer(Answer(status, came), 200, body, [{}], hides_usage)


def is_(verdict, wanted, reason=""):
    assert verdict[0] == wanted and reason in verdict[1], (verdict, wanted, reason)


# Answers between formats.
is_(crossed(), "equal")
is_(crossed(text="b"), "wrong", "text: b for a")
is_(crossed(reasoning="hm"), "wrong", "reasoning")
is_(crossed(tools=[["f", {"x": 2}]]), "wrong", "calls")
is_(crossed(tools=[]), "wrong", "calls")
is_(crossed(ids=["call_2"]), "wrong", "ids")
is_(crossed(ids=[]), "wrong", "ids")
is_(crossed(finish="length"), "wrong", "finish: length for stop")
is_(crossed(usage=None), "wrong", "usage.in")
is_(crossed(usage={"in": 3, "out": 2, "cached": 0}), "wrong", "usage.cached")
is_(crossed(error={"status": 500, "type": "api_error"}), "wrong", "error")
REFUSED = {**WANT, "error": {"status": 404, "type": "x"}}
is_(crossed(want=REFUSED, status=404, error=None), "wrong", "error None")
is_(crossed(want=REFUSED, status=404, error={"status": 400, "type": "x"}), "wrong")
is_(crossed(want=REFUSED, status=404, error={"status": 404, "type": "x"}), "equal")
is_(crossed(want=REFUSED, status=404, error={"status": 404, "type": None}), "wrong", "type")
NOT_FOUND = {"status": 404, "type": "invalid_request_error"}
is_(crossed(caller="anthropic-messages", want=REFUSED, status=404, error=NOT_FOUND), "wrong", "not_found_error")
NO_KEY = {**WANT, "error": {"status": 401, "type": "x"}}
is_(crossed(want=NO_KEY, status=401, error={"status": 502, "type": "x"}), "adapted", "credential")
INSIDE = [{"error": {"message": "x"}}]
is_(crossed(said=INSIDE, error={"status": 400, "type": "x"}), "adapted", "with status 200")

HERE = {"toolUse": {"name": "f", "type": "server_tool_use"}}
is_(crossed(said=[HERE], tools=[], finish="stop"), "adapted", "of the provider's own")
SOURCES = {"citationsContent": {"content": [{"text": "b"}], "citations": []}}
CITED = [{"output": {"message": {"content": [{"text": "a"}, SOURCES]}}}]
is_(crossed(said=CITED, text="ab"), "equal")
is_(crossed(said=CITED), "wrong", "text: a for ab")
is_(crossed(said=[{"output": [{"type": "message"}]}]), "equal")

# Answers of one format.
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\n'
is_(same(b"data: 1\n\n", b"data: 1\n\n"), "equal")
is_(same(b"data: 1\n\n", b"data: 2\n\n"), "wrong", "byte 6")
is_(same(b"data: 1\n\n", b"data: 1\n\n", status=500), "wrong", "status 500")
is_(same(b"data: 1\n\n" + USAGE, b"data: 1\n\n"), "wrong")
is_(same(b"data: 1\n\n" + USAGE, b"data: 1\n\n", hides_usage=True), "equal")
is_(same(b"data: 1\n\n", b"data: 1\n\ndata: [DONE]\n\n"), "adapted", "end mark")

# Requests of one format.
BODY = b'{"model":"m","stream":true}'
ASKING = b'{"stream_options":{"include_usage":true},"model":"m","stream":true}'
is_(judge.same_request(Answer(200), BODY, BODY, False), "equal")
is_(judge.same_request(Answer(200), ASKING, BODY, True), "equal")
is_(judge.same_request(Answer(200), ASKING, BODY, False), "wrong")
is_(judge.same_request(Answer(200), b'{"model": "m","stream":true}', BODY, True), "wrong")
is_(judge.same_request(Answer(404), None, BODY, False), "wrong", "404")
ELSEWHERE = b'{"error":{"message":"not here","code":"previous_response_not_found"}}'
is_(judge.same_request(Answer(400, ELSEWHERE), None, BODY, False), "refused", "not here")
is_(judge.same_request(Answer(500, ELSEWHERE), None, BODY, False), "wrong")
is_(same(b"{}", ELSEWHERE, status=400), "refused", "not here")

# Requests between formats.
TOLD = b'{"error":{"message":"leave out `n`","param":"n"}}'
is_(judge.crossed_request(Answer(200), b"{}", None, False), "equal")
is_(judge.crossed_request(Answer(200), b"{}", ".n: no", False), "wrong", ".n: no")
is_(judge.crossed_request(Answer(200), b"{}", ".n: no", True), "adapted")
is_(judge.crossed_request(Answer(502), b"{}", None, False), "wrong", "502")
is_(judge.crossed_request(Answer(400, TOLD), None, None, False), "refused", "`n`")
is_(judge.crossed_request(Answer(400, b'{"error":{"message":"no"}}'), None, None, False), "wrong")
is_(judge.crossed_request(Answer(500, TOLD), None, None, False), "wrong")
for lost, wanted in (("seed", "adapted"), ("tools", "wrong"), ("messages.content.image_url", "wrong"), ("tools (adapted)", "adapted")):
    is_(judge.crossed_request(Answer(200, **{"x-gw-dropped": f"user, {lost}"}), b"{}", None, False), wanted)

print("the judge judges")
