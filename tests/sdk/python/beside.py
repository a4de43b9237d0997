"""What OpenAI's own client does beside chats."""

import base64
import io
import json

import openai
from common import finish, hold, must, png

# A batch's requests.
LINES = b"".join(
    json.dumps(
        {
            "custom_id": name,
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": model, "messages": [{"role": "user", "content": "hello"}]},
        }
    ).encode()
    + b"\n"
    for name, model in (("a", "mock"), ("b", "mock-429"))
)
WAVE = ("a.wav", b"RIFF" + bytes(996))


def embeddings(client):
    answer = client.embeddings.create(model="mock-embedding", input=["a", "b"])
    must(len(answer.data) == 2, answer)
    return answer.model_dump(), None


def completion(client):
    return client.completions.create(model="mock", prompt="hello", max_tokens=99).model_dump(), None


def completion_streamed(client):
    options = {"include_usage": True}
    chunks = client.completions.create(model="mock", prompt="hello", max_tokens=99, stream=True, stream_options=options)
    chunks = [chunk.model_dump() for chunk in chunks]
    must(len(chunks) > 5 and chunks[-1]["usage"], chunks)
    return chunks, None


def moderation(client):
    answer = client.moderations.create(model="mock", input=["a cat", "violence"])
    must([result.flagged for result in answer.results] == [False, True], answer)
    return answer.model_dump(), None


def picture(client):
    answer = client.images.generate(model="mock", prompt="a cat", n=2)
    must(len(answer.data) == 2 and base64.b64decode(answer.data[0].b64_json), answer)
    return answer.model_dump(), None


def picture_streamed(client):
    events = client.images.generate(model="mock", prompt="a cat", stream=True, partial_images=2)
    events = [event.model_dump() for event in events]
    must([event["type"].split(".")[1] for event in events] == ["partial_image"] * 2 + ["completed"], events)
    return events, None


def picture_changed(client):
    picture = ("a.png", io.BytesIO(base64.b64decode(png())), "image/png")
    answer = client.images.edit(model="mock", image=picture, prompt="a dog")
    must("by mock" in answer.data[0].revised_prompt, answer)
    return answer.model_dump(), None


def speech(client):
    answer = client.audio.speech.create(model="mock", input="hello", voice="alloy")
    must(answer.content.startswith(b"ID3"), answer.content[:9])
    return [len(answer.content), answer.response.headers["content-type"]], None


def speech_streamed(client):
    with client.audio.speech.with_streaming_response.create(model="mock-bytes-1000000", input="hello", voice="alloy") as answer:
        return sum(map(len, answer.iter_bytes())), None


def transcription(client):
    return client.audio.transcriptions.create(model="mock", file=WAVE).model_dump(), None


def transcription_streamed(client):
    events = [event.model_dump() for event in client.audio.transcriptions.create(model="mock", file=WAVE, stream=True)]
    must(events[-1]["type"] == "transcript.text.done", events)
    return events, None


def transcription_plain(client):
    return client.audio.transcriptions.create(model="mock", file=WAVE, response_format="text"), None


def translation(client):
    return client.audio.translations.create(model="mock", file=WAVE).model_dump(), None


def refused(client):
    try:
        client.audio.transcriptions.create(model="mock-429", file=WAVE)
    except openai.RateLimitError as error:
        return "asked to answer 429" in str(error), None


def files(client):
    """Ids are each their own, so that they are left out."""
    made = client.files.create(file=("in.jsonl", LINES), purpose="batch")
    content = client.files.content(made.id).read()
    must(content == LINES, content)
    must(made.id in [file.id for file in client.files.list()], made)
    batch = client.batches.create(input_file_id=made.id, endpoint="/v1/chat/completions", completion_window="24h")
    done = client.batches.retrieve(batch.id)
    rows = [json.loads(line) for line in client.files.content(done.output_file_id).text.splitlines()]
    told = [[row["custom_id"], row["response"]["status_code"]] for row in rows]
    must(told == [["a", 200], ["b", 429]], rows)
    gone = client.files.delete(made.id)
    try:
        client.files.retrieve(made.id)
    except openai.NotFoundError:
        return [made.bytes, made.filename, batch.status, done.status, done.request_counts.model_dump(), told, gone.deleted], None


hold(
    {
        "embeddings": embeddings,
        "completion": completion,
        "completion streamed": completion_streamed,
        "moderation": moderation,
        "picture": picture,
        "picture streamed": picture_streamed,
        "picture changed": picture_changed,
        "speech": speech,
        "speech streamed": speech_streamed,
        "transcription": transcription,
        "transcription streamed": transcription_streamed,
        "transcription as text": transcription_plain,
        "translation": translation,
        "error 429 to a form": refused,
        "files and batches": files,
    },
    lambda base, key: openai.OpenAI(base_url=f"{base}/v1", api_key=key, max_retries=0, timeout=30),
    only_same=True,
)
finish()
