"""aider, by its scripting interface. It offers no tools and asks for no schemas: edits are blocks of text (tests/agents)."""

import os
import pathlib
import re
import tempfile

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = os.environ["LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS"] = "True"
# It looks for a repository around it and leaves its history there; prices come from the network where it has none.
os.chdir(tempfile.mkdtemp())
prices = pathlib.Path.home() / ".aider/caches/model_prices_and_context_window.json"
prices.parent.mkdir(parents=True, exist_ok=True)
prices.write_text('{"none": {}}')

from aider.coders import Coder
from aider.io import InputOutput
from aider.models import Model
from common import CLAUDE, GPT, PROMPT, run, streamed


def coder(model, **more):
    return Coder.create(main_model=Model(model), edit_format="ask", io=InputOutput(pretty=False, yes=True), use_git=False, **more)


def without_reminder(text):
    """The simulator repeats the last prompt: at its end may be what language aider wants its answers in, as it found it."""
    return re.sub(r"\s*(<system>\s*)?Reply in \w+\.\s*(</system>)?$", "", text.strip())


def plain(model):
    return without_reminder(coder(model, stream=False).run(PROMPT))


def stream(model):
    return without_reminder(streamed(coder(model).run_stream(PROMPT)))


CASES = {"plain": plain, "stream": stream}


def client(kind, model, path):
    def make(base, key):
        os.environ[f"{kind}_API_BASE"] = base + path
        os.environ[f"{kind}_API_KEY"] = key
        return model

    return make


run("aider-chat", "openai-chat", client("OPENAI", f"openai/{GPT}", "/v1"), **CASES)
run("aider-chat", "anthropic-messages", client("ANTHROPIC", f"anthropic/{CLAUDE}", ""), **CASES)
