"""instructor: answers in a schema, whole and in parts. Texts and loops of tools are the clients' below it."""

import anthropic
import instructor
import openai
from common import CLAUDE, GPT, PROMPT, Thing, run


def text_of(answer):
    """Without a schema it hands out what the client below it returns."""
    if isinstance(answer, openai.types.chat.ChatCompletion):
        return answer.choices[0].message.content
    return answer.output_text if isinstance(answer, openai.types.responses.Response) else answer.content[0].text


def plain(client):
    return text_of(client.create(response_model=None, messages=[{"role": "user", "content": PROMPT}]))


def stream(client):
    parts = list(client.create_partial(response_model=Thing, messages=[{"role": "user", "content": PROMPT}]))
    assert len(parts) > 1, parts
    return parts[-1].model_dump()


def structured(client):
    return client.create(response_model=Thing, messages=[{"role": "user", "content": PROMPT}])


CASES = {"plain": plain, "stream": stream, "structured": structured}


def openai_(mode):
    def make(base, key):
        client = openai.OpenAI(base_url=f"{base}/v1", api_key=key, max_retries=0)
        return instructor.from_openai(client, mode=mode, model=GPT)

    return make


def messages(base, key):
    client = anthropic.Anthropic(base_url=base, api_key=key, max_retries=0)
    return instructor.from_anthropic(client, model=CLAUDE, max_tokens=1024)


run("instructor", "openai-chat", openai_(instructor.Mode.TOOLS), **CASES)
run("instructor", "openai-responses", openai_(instructor.Mode.RESPONSES_TOOLS), **CASES)
run("instructor", "anthropic-messages", messages, **CASES)
