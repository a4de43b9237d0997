# TensorZero's gateway. As a server it is shipped in a container image alone; its wheel (https://pypi.org/project/tensorzero/)
# carries the same Rust code, which `patch_openai_client` starts behind a port of its own in the caller's process
# (https://www.tensorzero.com/docs/gateway/clients/): so here, in a process in which Python has no part in requests. The port
# cannot be chosen. For speed: https://www.tensorzero.com/docs/deployment/optimize-latency-and-throughput; its observability
# writes to ClickHouse and is off, which is faster than any way of writing; keys want Postgres and are off.
# shellcheck shell=bash
set -euo pipefail
# shellcheck source=benches/subjects/shared.sh
. "$(dirname "$0")/shared.sh"
version=2026.6.0
venv=$CACHE/tensorzero-$version

case $1 in
install) wheel "$venv" "tensorzero==$version" ;;
prepare)
  cat >"$PLACE/tensorzero.toml" <<EOF
[gateway]
observability.enabled = false

[models.fixed-model]
routing = ["upstream"]

[models.fixed-model.providers.upstream]
type = "openai"
api_base = "http://$UPSTREAM/v1/"
model_name = "fixed-model"
api_key_location = "none"
EOF
  cat >"$PLACE/serve.py" <<'EOF'
import os, sys, threading
import tensorzero
config, listens = sys.argv[1:]
gateway = tensorzero._start_http_gateway(config_file=config, clickhouse_url=None, postgres_url=None, valkey_url=None, async_setup=False)
with open(listens + ".new", "w") as file:
    print(gateway.base_url.removeprefix("http://").split("/")[0], file=file)
os.replace(listens + ".new", listens)
threading.Event().wait()
EOF
  printf 'openai\t/openai/v1/chat/completions\ttensorzero::model_name::fixed-model\n' >"$PLACE/asks"
  ;;
serve)
  no_proxies
  rm -f "$PLACE/listens"
  export TENSORZERO_DISABLE_PSEUDONYMOUS_USAGE_ANALYTICS=1
  exec "$venv/bin/python" "$PLACE/serve.py" "$PLACE/tensorzero.toml" "$PLACE/listens"
  ;;
version) echo "$version" ;;
esac
