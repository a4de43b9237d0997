#!/usr/bin/env bash
# gw against nginx and a lean forwarder on the same machine: requests a second and CPU a request, plain and translated.
#
#     benches/nginx/run.sh [PASSES] [SECONDS]
#
# The subject of a pass has core 0 to itself; upstream and load tool, one process, have core 1. 64 kept-alive connections,
# 200-byte requests, 1 KiB answers, passes interleaved, medians printed. Everything that gw does by default is on: key check,
# routing, usage, cost, request log. Ratios are worth something, absolute figures belong to the machine. A run that cannot be
# believed says so and fails.
set -euo pipefail
passes=${1:-5}
seconds=${2:-5}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
profile=${PROFILE:-release}
gw=${GW:-$target/$profile/gw}

export PATH=$PATH:/usr/sbin
if ! command -v nginx >/dev/null || ! command -v python3 >/dev/null; then
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends nginx-light python3 >/dev/null
fi
[ -n "${GW:-}" ] || (cd "$root" && cargo build --quiet --profile "$profile")
(cd "$root/benches/rig" && CARGO_TARGET_DIR=$target/rig cargo build --quiet --release)
rig=$target/rig/release/rig

place=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$place"
}
trap finish EXIT
for name in $(compgen -e | grep '^GW_' || true); do unset "$name"; done
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
export HOME=$place XDG_RUNTIME_DIR=$place GW_NO_INPUT=1 GW_SECRETS=sealed NO_COLOR=1

await() { # await FILE PID
  for _ in $(seq 500); do
    [ -s "$1" ] && return
    kill -0 "$2" || { echo "a process ended early" >&2; cat "$place"/*.log >&2; exit 1; }
    sleep 0.02
  done
  echo "waited in vain for $1" >&2
  exit 1
}

mkfifo "$place/subjects"
taskset -c 1 "$rig" drive "$passes" "$seconds" "$place/upstream" <"$place/subjects" &
drive=$!
pids+=("$drive")
exec 3>"$place/subjects"
await "$place/upstream" "$drive"
upstream=$(cat "$place/upstream")

taskset -c 0 "$gw" serve --data-dir "$place/data" --listen 127.0.0.1:0 --admin-listen "unix:$place/gw.sock" --ready-file "$place/gw.json" 3>&- >"$place/gw.log" 2>&1 &
gw_pid=$!
pids+=("$gw_pid")
await "$place/gw.json" "$gw_pid"
url=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["url"])' "$place/gw.json")
export GW_ADMIN_URL=unix:$place/gw.sock
{
  "$gw" user create bench
  for format in openai anthropic; do
    echo upstream | "$gw" provider create "$format" --vendor "$format-compatible" --base-url "http://$upstream/v1" --credential-stdin --verify=false
    "$gw" -q key create "$format" --user bench --output-file "$place/$format.key"
    "$gw" route create "$format" --key "$format" --to "$format"
  done
} >/dev/null
plain=$(cat "$place/openai.key")
translated=$(cat "$place/anthropic.key")

listen=127.0.0.1:$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
sed -e "s|@PLACE@|$place|; s|@KEY@|$plain|; s|@UPSTREAM@|$upstream|; s|@LISTEN@|$listen|" "$here/nginx.conf.in" >"$place/nginx.conf"
mkdir -p "$place"/{body,proxy,fastcgi,uwsgi,scgi}
taskset -c 0 nginx -e "$place/nginx.error.log" -c "$place/nginx.conf" 3>&- &
nginx_pid=$!
pids+=("$nginx_pid")
await "$place/nginx.pid" "$nginx_pid"

taskset -c 0 "$rig" lean "$upstream" "$plain" "$place/lean.jsonl" "$place/lean" 3>&- &
lean_pid=$!
pids+=("$lean_pid")
await "$place/lean" "$lean_pid"

{
  echo "nginx $nginx_pid http://$listen $plain"
  echo "lean-hyper $lean_pid http://$(cat "$place/lean") $plain"
  echo "gw $gw_pid $url $plain"
  echo "gw-translated $gw_pid $url $translated"
} >&3
exec 3>&-
wait "$drive"
