"""One call with an official client: CLIENT URL KEY. Prints what came of it as one line of JSON."""

import json
import sys

import anthropic
import openai

client, url, key = sys.argv[1:4]
turn = [{"role": "user", "content": "hi"}]
try:
    if client == "openai":
        made = openai.OpenAI(base_url=f"{url}/v1", api_key=key)
        made.chat.completions.create(model="mock", max_tokens=5, messages=turn)
    else:
        made = anthropic.Anthropic(base_url=url, api_key=key)
        made.messages.create(model="mock", max_tokens=5, messages=turn)
    print(json.dumps("served"))
except (openai.APIStatusError, anthropic.APIStatusError) as error:
    print(json.dumps({"class": type(error).__name__, "status": error.status_code, "code": getattr(error, "code", None)}))
