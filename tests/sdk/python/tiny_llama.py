"""llama.cpp's own server over a model of a few hundred kilobytes with random weights, written on the spot.

    tiny_llama.py PORT

Prints its address once it listens and serves until it is ended. What it says is noise; its protocol, its usage counts
and its errors are those of a real inference server. Nothing is downloaded.
"""

import pathlib
import sys
import tempfile
import time

import gguf
import numpy
import xllamacpp

WIDTH, HEADS, LAYERS, INNER, CONTEXT = 32, 2, 1, 64, 4096
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6  # token types of the format
TEMPLATE = "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}{% endfor %}<assistant>"


def vocabulary() -> list[tuple[str, int]]:
    """Three control tokens, every byte, and the printable letters, so that noise is often readable."""
    tokens = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)]
    tokens += [(f"<0x{byte:02X}>", BYTE) for byte in range(256)]
    return tokens + [(chr(code), NORMAL) for code in range(0x21, 0x7F)] + [("\u2581", NORMAL)]


def write(path: pathlib.Path) -> None:
    random = numpy.random.default_rng(7)
    tokens = vocabulary()

    def noise(*shape: int) -> numpy.ndarray:
        return random.normal(0, 0.2, shape).astype(numpy.float32)

    model = gguf.GGUFWriter(str(path), "llama")
    model.add_name("gw-tiny")
    model.add_context_length(CONTEXT)
    model.add_embedding_length(WIDTH)
    model.add_block_count(LAYERS)
    model.add_feed_forward_length(INNER)
    model.add_head_count(HEADS)
    model.add_head_count_kv(HEADS)
    model.add_rope_dimension_count(WIDTH // HEADS)
    model.add_layer_norm_rms_eps(1e-5)
    model.add_vocab_size(len(tokens))
    model.add_tokenizer_model("llama")
    model.add_token_list([text.encode() for text, _ in tokens])
    model.add_token_scores([-float(place) for place in range(len(tokens))])
    model.add_token_types([kind for _, kind in tokens])
    model.add_unk_token_id(0)
    model.add_bos_token_id(1)
    model.add_eos_token_id(2)
    model.add_chat_template(TEMPLATE)
    model.add_tensor("token_embd.weight", noise(len(tokens), WIDTH))
    output = noise(len(tokens), WIDTH)
    # Only printable letters are ever said: half a character as the first token makes the server lose `message_start`.
    output[:259] = 0
    model.add_tensor("output.weight", output)
    model.add_tensor("output_norm.weight", numpy.ones(WIDTH, numpy.float32))
    for layer in range(LAYERS):
        for name in ("attn_norm", "ffn_norm"):
            model.add_tensor(f"blk.{layer}.{name}.weight", numpy.ones(WIDTH, numpy.float32))
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            model.add_tensor(f"blk.{layer}.{name}.weight", noise(WIDTH, WIDTH))
        for name, shape in (("ffn_gate", (INNER, WIDTH)), ("ffn_up", (INNER, WIDTH)), ("ffn_down", (WIDTH, INNER))):
            model.add_tensor(f"blk.{layer}.{name}.weight", noise(*shape))
    model.write_header_to_file()
    model.write_kv_data_to_file()
    model.write_tensors_to_file()
    model.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        path = pathlib.Path(place) / "gw-tiny.gguf"
        write(path)
        settings = xllamacpp.CommonParams()
        settings.model.path = str(path)
        settings.port = int(sys.argv[1])
        settings.n_ctx = CONTEXT
        settings.n_parallel = 2
        settings.warmup = False
        settings.cpuparams.n_threads = 1
        server = xllamacpp.Server(settings)
        print(f"listening {server.listening_address}", flush=True)
        while True:
            time.sleep(3600)


main()
