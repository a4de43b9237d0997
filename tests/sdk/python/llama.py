"""Both official clients against a real inference server, straight and through gw, in both upstream formats.

At temperature 0 the server is deterministic, so that the same request must bring the same text either way.
"""

import os
import sys

import anthropic
import openai

GW = os.environ["GW_URL"]
STRAIGHT = os.environ["LLAMA_URL"]
KEYS = {"openai": os.environ["GW_KEY_OPENAI"], "anthropic": os.environ["GW_KEY_ANTHROPIC"]}
# Anthropic's client has no parameter for the temperature any more.
ASK = {"model": "gw-tiny", "extra_body": {"temperature": 0}, "max_tokens": 24, "messages": [{"role": "user", "content": "Name three colours."}]}


def chat(base: str, key: str, stream: bool) -> dict:
    client = openai.OpenAI(base_url=f"{base}/v1", api_key=key, max_retries=0, timeout=60)
    if not stream:
        answer = client.chat.completions.create(**ASK)
        return outcome(answer.choices[0].message.content, answer.choices[0].finish_reason, answer.usage.prompt_tokens, answer.usage.completion_tokens)
    text, finish, usage = "", None, None
    for chunk in client.chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True}):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    return outcome(text, finish, usage.prompt_tokens, usage.completion_tokens)


def messages(base: str, key: str, stream: bool) -> dict:
    client = anthropic.Anthropic(base_url=base, api_key=key, max_retries=0, timeout=60)
    if stream:
        with client.messages.stream(**ASK) as events:
            answer = events.get_final_message()
    else:
        answer = client.messages.create(**ASK)
    text = "".join(part.text for part in answer.content if part.type == "text")
    # Anthropic counts cached prompt tokens apart.
    prompt = answer.usage.input_tokens + (answer.usage.cache_read_input_tokens or 0)
    return outcome(text, answer.stop_reason, prompt, answer.usage.output_tokens)


def outcome(text: str, finish: str, prompt: int, output: int) -> dict:
    short = {"stop": "stop", "end_turn": "stop", "length": "length", "max_tokens": "length"}
    return {"text": text, "finish": short.get(finish, finish), "prompt": prompt, "output": output}


failed = 0
for name, run in (("openai", chat), ("anthropic", messages)):
    for stream in (False, True):
        expected = run(STRAIGHT, "none", stream)
        assert expected["output"] > 0 and expected["prompt"] > 0, expected
        for upstream, key in KEYS.items():
            got = run(GW, key, stream)
            failed += got != expected
            what = f"{name} client, {upstream} upstream, {'streamed' if stream else 'whole'}"
            print(f"{'ok  ' if got == expected else 'FAIL'} {what}{'' if got == expected else f': expected {expected}, got {got}'}", flush=True)
sys.exit(1 if failed else 0)
