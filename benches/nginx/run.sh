#!/usr/bin/env bash
# gw against nginx on the same machine: requests a second and CPU a request, plain and translated.
#
#     benches/nginx/run.sh [PASSES] [SECONDS]
#
# The gateway under test has core 0 to itself; mock upstream and load tool share core 1. 64 kept-alive connections,
# 200-byte requests, 1 KiB answers, passes interleaved, medians printed. Everything that gw does by default is on: key
# check, routing, usage, cost, request log. Ratios are worth something, absolute figures belong to the machine.
set -euo pipefail
passes=${1:-5}
seconds=${2:-5}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
profile=${PROFILE:-release}
gw=${GW:-${CARGO_TARGET_DIR:-$root/target}/$profile/gw}

if ! command -v nginx >/dev/null || ! command -v wrk >/dev/null; then
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends nginx-light wrk procps python3 >/dev/null
fi
[ -n "${GW:-}" ] || (cd "$root" && cargo build --quiet --profile "$profile")

place=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$place"
}
trap finish EXIT
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
export HOME=$place XDG_RUNTIME_DIR=$place GW_NO_INPUT=1 GW_SECRETS=sealed NO_COLOR=1

field() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"; }
await() { # await FILE PID
  for _ in $(seq 500); do
    [ -s "$1" ] && return
    kill -0 "$2" || { echo "a process ended early" >&2; cat "$place"/*.log >&2; exit 1; }
    sleep 0.02
  done
  echo "waited in vain for $1" >&2
  exit 1
}

taskset -c 1 "$gw" mock --listen 127.0.0.1:0 --ready-file "$place/mock.json" --plain-bytes 1024 2>"$place/mock.log" &
pids+=($!)
await "$place/mock.json" $!
mock=$(field "$place/mock.json" url)

taskset -c 0 "$gw" serve --data-dir "$place/data" --listen 127.0.0.1:0 --admin-listen "unix:$place/gw.sock" --ready-file "$place/gw.json" >"$place/gw.log" 2>&1 &
gw_pid=$!
pids+=("$gw_pid")
await "$place/gw.json" "$gw_pid"
url=$(field "$place/gw.json" url)
export GW_ADMIN_URL=unix:$place/gw.sock
{
  "$gw" user create bench
  for upstream in openai anthropic; do
    echo upstream | "$gw" provider create "$upstream" --vendor "$upstream-compatible" --base-url "$mock/v1" --credential-stdin --verify=false
    "$gw" -q key create "$upstream" --user bench --output-file "$place/$upstream.key"
    "$gw" route create "$upstream" --key "$upstream" --to "$upstream"
  done
} >/dev/null
plain=$(cat "$place/openai.key")
translated=$(cat "$place/anthropic.key")

listen=127.0.0.1:$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
sed -e "s|@PLACE@|$place|; s|@KEY@|$plain|; s|@MOCK@|${mock#http://}|; s|@LISTEN@|$listen|" "$here/nginx.conf.in" >"$place/nginx.conf"
mkdir -p "$place"/{body,proxy,fastcgi,uwsgi,scgi}
taskset -c 0 nginx -e "$place/nginx.error.log" -c "$place/nginx.conf" &
pids+=($!)
await "$place/nginx.pid" $!
nginx_pid=
for _ in $(seq 250); do
  nginx_pid=$(pgrep -P "$(cat "$place/nginx.pid")" | head -1) && [ -n "$nginx_pid" ] && break
  sleep 0.02
done

ticks() { # user and system time of a process with all its threads, in clock ticks
  python3 -c 'import sys; rest = open(f"/proc/{sys.argv[1]}/stat").read().rsplit(")", 1)[1].split(); print(int(rest[11]) + int(rest[12]))' "$1"
}

# The figures of one pass as "NAME REQUESTS-A-SECOND CPU-MICROSECONDS".
measure() { # measure NAME PID URL KEY
  local before after out
  before=$(ticks "$2")
  out=$(GW_BENCH_KEY=$4 GW_BENCH_PATH=/v1/chat/completions taskset -c 1 wrk -t1 -c64 -d"${seconds}s" -s "$here/request.lua" "$3")
  after=$(ticks "$2")
  if grep -q 'Non-2xx\|Socket errors' <<<"$out"; then
    echo "$1: not every answer was good:" >&2
    echo "$out" >&2
    exit 1
  fi
  python3 - "$1" "$((after - before))" "$out" <<'PY'
import os, re, sys
name, ticks, out = sys.argv[1:]
requests = int(re.search(r"(\d+) requests in", out)[1])
rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])
print(name, rate, int(ticks) / os.sysconf("SC_CLK_TCK") * 1e6 / requests)
PY
}

for pass in $(seq 0 "$passes"); do
  {
    measure mock-alone "${pids[0]}" "$mock" "$plain"
    measure nginx "$nginx_pid" "http://$listen" "$plain"
    measure gw "$gw_pid" "$url" "$plain"
    measure gw-translated "$gw_pid" "$url" "$translated"
  } >"$place/pass"
  # The first pass warms up and does not count.
  [ "$pass" = 0 ] || cat "$place/pass" >>"$place/figures"
done

python3 - "$place/figures" "$passes" "$seconds" <<'PY'
import collections, statistics, sys
rates, costs = collections.defaultdict(list), collections.defaultdict(list)
for line in open(sys.argv[1]):
    name, rate, cost = line.split()
    rates[name].append(float(rate))
    costs[name].append(float(cost))
base = {"rate": statistics.median(rates["nginx"]), "cost": statistics.median(costs["nginx"])}
print(f"{sys.argv[2]} passes of {sys.argv[3]} s, medians")
print(f"{'subject':<16}{'requests/s':>12}{'/ nginx':>9}{'CPU µs':>9}{'/ nginx':>9}{'spread':>9}")
for name in rates:
    rate, cost = statistics.median(rates[name]), statistics.median(costs[name])
    spread = (max(rates[name]) - min(rates[name])) / rate
    print(f"{name:<16}{rate:>12,.0f}{rate / base['rate']:>9.2f}{cost:>9.1f}{cost / base['cost']:>9.2f}{spread:>9.0%}")
PY
