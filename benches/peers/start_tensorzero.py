"""Starts the gateway that TensorZero's wheel carries, and writes where it listens: `start_tensorzero.py CONFIG READY-FILE`.

The server as such is shipped as a container image alone; in the wheel it is what `patch_openai_client` starts in the
caller's process (https://www.tensorzero.com/docs/gateway/clients/), the same Rust code behind a port of its own. Python
has no part in requests.
"""

import os
import sys
import threading

import tensorzero

config, ready = sys.argv[1:]
gateway = tensorzero._start_http_gateway(
    config_file=config, clickhouse_url=None, postgres_url=None, valkey_url=None, async_setup=False
)
with open(ready + ".new", "w") as file:
    print(gateway.base_url, file=file)
os.replace(ready + ".new", ready)
threading.Event().wait()
