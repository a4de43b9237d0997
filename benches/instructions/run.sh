#!/usr/bin/env bash
# Instructions a request of two versions of gw, counted by callgrind: small changes show that drown in the noise of times.
#
#     benches/instructions/run.sh BASE [NEW]
#
# Each is a binary or a commit; NEW is the working tree unless given. Commits are built with the profile `fast` into
# target/instructions, once. Each figure is the difference between two runs, of COUNT and of twice COUNT requests, over COUNT:
# start-up and shutdown fall out. Everything that gw does by default is on: key check, routing, usage, cost, request log with
# content, state on disk. Requests come one at a time. `request` is the thread that serves them, steady to half a percent;
# `all` adds the log's writer, whose blocks are cut by the clock: steady to one or two. COUNT=4000 makes it steadier,
# CASES="plain stream" shorter; KEEP=DIR keeps callgrind's files, one a thread, for callgrind_annotate.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 2; }
count=${COUNT:-2000}
cases=${CASES:-plain translated stream translated-stream}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}

if ! command -v valgrind >/dev/null || ! command -v python3 >/dev/null; then
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends valgrind python3 >/dev/null
fi

# The binary of a version. Symbols stay in, for who looks into KEEP; they cost no instructions.
export CARGO_PROFILE_FAST_STRIP=none
binary() { # binary VERSION
  if [ -f "$1" ] && [ -x "$1" ]; then
    realpath "$1"
    return
  fi
  local commit kept tree=$target/instructions/tree
  commit=$(git -C "$root" rev-parse --verify --quiet "$1^{commit}") || { echo "\`$1\` is neither a binary nor a commit" >&2; exit 2; }
  kept=$target/instructions/gw-$commit
  if [ ! -x "$kept" ]; then
    if [ -d "$tree" ]; then git -C "$tree" checkout --quiet --detach "$commit"; else git -C "$root" worktree add --quiet --detach "$tree" "$commit"; fi
    (cd "$tree" && CARGO_TARGET_DIR=$target/instructions/build cargo build --quiet --profile fast --bin gw)
    cp "$target/instructions/build/fast/gw" "$kept"
  fi
  echo "$kept"
}
old=$(binary "$1")
if [ $# -ge 2 ]; then
  new=$(binary "$2")
else
  (cd "$root" && cargo build --quiet --profile fast --bin gw)
  new=$target/fast/gw
fi

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
  for _ in $(seq 3000); do
    [ -s "$1" ] && return
    kill -0 "$2" 2>/dev/null || { echo "a process ended early" >&2; tail -n 40 "$place"/*.log >&2; exit 1; }
    sleep 0.02
  done
  echo "waited in vain for $1" >&2
  exit 1
}

python3 "$here/drive.py" upstream "$place/upstream" &
pids+=($!)
await "$place/upstream" $!
upstream=$(cat "$place/upstream")

# Starts the gateway over DATA; `gateway` is its process and `url` where it listens. Further arguments stand before the binary.
start() { # start BINARY DATA [PREFIX...]
  local program=$1 data=$2
  shift 2
  rm -f "$place/ready.json"
  "$@" "$program" serve --threads 1 --data-dir "$data" --listen 127.0.0.1:0 --admin-listen "unix:$place/gw.sock" \
    --ready-file "$place/ready.json" >"$place/gw.log" 2>&1 &
  gateway=$!
  pids+=("$gateway")
  await "$place/ready.json" "$gateway"
  url=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["url"].rstrip("/"))' "$place/ready.json")
}
stop() {
  kill "$gateway"
  wait "$gateway" || { echo "gw serve failed" >&2; cat "$place/gw.log" >&2; exit 1; }
}

# A key with three limits, and a provider whose model has a price.
limited() { # limited BINARY NAME
  echo upstream | "$1" provider create limited --vendor openai-compatible --base-url "$upstream/v1" --credential-stdin --verify=false
  "$1" model create limited/fixed-model --provider limited --price-input 1 --price-output 2
  "$1" -q key create limited --user bench --output-file "$place/$2-limited.key" \
    --limit tokens=1000000000/hour --limit requests=1000000/minute --limit spend=1000000/month
  "$1" route create limited --key limited --to limited
}

# Records are made once for each version, by itself and at full speed; every run gets a copy.
prepare() { # prepare NAME BINARY
  start "$2" "$place/$1"
  export GW_ADMIN_URL=unix:$place/gw.sock
  {
    "$2" user create bench
    for format in openai anthropic; do
      echo upstream | "$2" provider create "$format" --vendor "$format-compatible" --base-url "$upstream/v1" --credential-stdin --verify=false
      "$2" -q key create "$format" --user bench --output-file "$place/$1-$format.key"
      "$2" route create "$format" --key "$format" --to "$format"
    done
    case " $cases " in *" limited "*) limited "$2" "$1" ;; esac
  } >/dev/null
  stop
}

# Instructions of a whole run of so many requests: of the thread that has most, and of all.
instructions() { # instructions NAME BINARY CASE COUNT
  local format=openai out=${KEEP:-$place}/callgrind.$1.$3.$4
  case $3 in translated*) format=anthropic ;; limited) format=limited ;; esac
  rm -rf "$place/data" "$out"*
  cp -r "$place/$1" "$place/data"
  start "$2" "$place/data" valgrind --tool=callgrind --quiet --fair-sched=yes --separate-threads=yes --callgrind-out-file="$out"
  python3 "$here/drive.py" call "$url" "$(cat "$place/$1-$format.key")" "$3" "$4" >&2
  stop
  sed -n 's/^totals: //p' "$out"-* | sort -rn | awk 'NR == 1 { most = $1 } { all += $1 } END { printf "%.0f %.0f\n", most, all }'
}

[ -z "${KEEP:-}" ] || mkdir -p "$KEEP"
prepare old "$old"
prepare new "$new"
printf '%-20s%12s%12s%9s%14s%12s%9s\n' instructions "request old" new ratio "all old" new ratio
for case in $cases; do
  line=
  for name in old new; do
    for requests in "$count" $((2 * count)); do line="$line $(instructions "$name" "${!name}" "$case" "$requests")"; done
  done
  python3 - "$case" "$count" $line <<'PY'
import sys
case, count, *totals = sys.argv[1:]
old_request, old_all, old_request2, old_all2, new_request, new_all, new_request2, new_all2 = map(int, totals)
def columns(old, new, width):
    old, new = old / int(count), new / int(count)
    return f"{old:>{width},.0f}{new:>12,.0f}{new / old:>9.3f}"
print(f"{case:<20}" + columns(old_request2 - old_request, new_request2 - new_request, 12) + columns(old_all2 - old_all, new_all2 - new_all, 14))
PY
done
