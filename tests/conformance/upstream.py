"""The upstream of the conformance run: the recordings' own replay server, which also keeps the bytes of each request.

The model a request asks for names the recording that answers it (`case-ID`), and stands for the request: `/_/sent/MODEL`
gives the request's bytes once. Knows nothing of gw.

    upstream.py TOOLS EXCHANGES
"""

import json
import re
import sys
import threading
import urllib.parse
from http.server import ThreadingHTTPServer

sys.path.insert(0, sys.argv[1])
import replay  # noqa: E402

SENT, LOCK = {}, threading.Lock()
# The model in the path, as Gemini has it, and as Bedrock does.
IN_PATH = re.compile(r"/models/([^/:?]+):")
ENCODED = re.compile(r"/model/([^/?]+)/converse")


def model_of(path, raw):
    found = ENCODED.search(path)
    if found:
        return urllib.parse.unquote(found.group(1))
    found = IN_PATH.search(urllib.parse.unquote(path))
    if found:
        return found.group(1)
    try:
        return json.loads(raw).get("model")
    except (ValueError, AttributeError):
        return None


class Handler(replay.H):
    # A head and a body are two writes, which would wait for each other.
    disable_nagle_algorithm = True

    def read(self):
        raw = super().read()
        if not self.path.startswith("/_/"):
            with LOCK:
                SENT[model_of(self.path, raw)] = raw
        return raw

    def admin(self, url, raw):
        if not url.path.startswith("/_/sent/"):
            return super().admin(url, raw)
        with LOCK:
            sent = SENT.pop(urllib.parse.unquote(url.path[len("/_/sent/") :]), None)
        self.send_response(404 if sent is None else 200)
        self.send_header("content-length", str(len(sent or b"")))
        self.end_headers()
        self.wfile.write(sent or b"")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A caller that hangs up is no news."""


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Handler)
    server.store, server.verbose = replay.Store(sys.argv[2:], False), False
    print(f"upstream: http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
