# What the walkthroughs share; sourced, not run. A walkthrough has a home of its own with nothing in it, simulators as its
# providers, and steps: each prints its command line as a terminal shows it, then what came, and compares all of that (and
# the exit code) with what stands below it. The first step that differs ends the walkthrough with the difference.
#
#   GW=./gw sh tests/walkthroughs/tetrate.sh
#
# With GW_RECORD=DIRECTORY what came is written there, a file for each step, and not compared.

# Nothing of the caller's own settings, state, credentials or proxies is to be seen from here on.
if [ -z "${GW_WALKTHROUGH:-}" ]; then
  GW=$(command -v "${GW:-gw}") || {
    echo "there is no gw: build it, and name it with GW=PATH" >&2
    exit 2
  }
  case $GW in /*) ;; *) GW=$PWD/$GW ;; esac
  exec env -i GW_WALKTHROUGH=1 GW="$GW" GW_RECORD="${GW_RECORD:-}" PATH="$PATH" TMPDIR="${TMPDIR:-/tmp}" LC_ALL=C.UTF-8 sh "$0" "$@"
fi
set -eu
record=$GW_RECORD
unset GW_WALKTHROUGH GW_RECORD

# Short, because the paths of sockets are.
place=$(mktemp -d "$TMPDIR/gwXXXXXX")
mkdir -m 700 "$place/home" "$place/run" "$place/bin" "$place/steps"
ln -s "$GW" "$place/bin/gw"
unset GW
export HOME="$place/home" XDG_RUNTIME_DIR="$place/run" PATH="$place/bin:$PATH"
cd "$HOME"

started='' steps=0
end() {
  status=$?
  trap - EXIT
  for pid in $started; do kill "$pid" 2>/dev/null || :; done
  for pid in $started; do wait "$pid" 2>/dev/null || :; done
  cd /
  rm -rf "$place"
  exit $status
}
trap end EXIT
trap 'exit 130' INT TERM

# What differs from run to run, and how it is written instead: places, ids, secrets, times, and where a name is cut off.
# Columns are as wide as their widest word, so that several spaces become two.
known="-e s|$place/home|~|g -e s|$place|PLACE|g"
steady() {
  # shellcheck disable=SC2086 # The list is of words without spaces.
  tr -d '\r' | sed -E $known \
    -e 's/sk-gw-[A-Za-z0-9_]+/sk-gw-SECRET/g' \
    -e 's/(req_)?01[0-9A-Z]{10}([0-9A-Z]{14})?/ID/g' \
    -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:]{8}(\.[0-9]+)?Z?/TIME/g' \
    -e 's/\b[0-9]{2}:[0-9]{2}:[0-9]{2}\b/TIME/g' \
    -e 's/\b(another|for) [0-9]+(m|s|ms)[0-9ms]*/\1 TOOK/g' -e 's/\b[0-9]+ ?ms\b/TOOK/g' -e 's/\b[0-9]+\.[0-9]+ ?s\b/TOOK/g' \
    -e 's/[^ →]+…/CUT…/g' -e 's/ {3,}/  /g' -e 's/  [0-9]+s($| )/  AGE\1/g' -e 's/  [0-9]+s($| )/  AGE\1/g' -e 's/ +$//'
}

# say TEXT: the heading of what comes next.
say() { printf '\n# %s\n' "$*"; }

# listens NAME COMMAND…: starts a server that writes its address to a file; $NAME is where it listens.
listens() {
  name=$1
  shift
  "$@" --listen 127.0.0.1:0 --ready-file "$place/$name.ready" >"$place/$name.log" 2>&1 &
  started="$started $!"
  printf '$ %s &\n' "$*"
  tries=0
  until [ -s "$place/$name.ready" ]; do
    tries=$((tries + 1))
    if [ $tries -gt 600 ] || ! kill -0 $! 2>/dev/null; then
      cat "$place/$name.log"
      exit 1
    fi
    sleep 0.05
  done
  url=$(sed -E 's/.*"url":"([^"]*)".*/\1/' "$place/$name.ready")
  eval "$name=\$url"
  known="$known -e s|${url#http://}|$name|g"
}

# A provider's stand-in: listens at $NAME.
simulator() {
  name=$1
  shift
  listens "$name" gw mock "$@"
}

# The gateway: at $gateway for callers, and for commands where they look for it by themselves.
serve() { listens gateway gw serve "$@"; }

# step CODE PATIENCE LINE: runs the line, again for so many tries until it is as it has to be.
step() {
  code=$1 tries=$2 line=$3 steps=$((steps + 1))
  # What is not compared is waited for a while.
  [ -z "$record" ] || [ "$tries" = 1 ] || tries=60
  cat >"$place/steps/wanted"
  printf '$ %s\n' "$line"
  while :; do
    got=0
    eval "$line" >"$place/steps/came" 2>&1 </dev/null || got=$?
    steady <"$place/steps/came" >"$place/steps/got"
    [ $got = "$code" ] && cmp -s "$place/steps/wanted" "$place/steps/got" && break
    tries=$((tries - 1))
    if [ $tries -lt 1 ] && [ -n "$record" ] && [ $got = "$code" ]; then
      cp "$place/steps/got" "$record/$steps"
      break
    fi
    if [ $tries -lt 1 ]; then
      cat "$place/steps/came"
      printf '\nFAILED: %s\n' "$line"
      [ $got = "$code" ] || echo "exit code $got, and it had to be $code"
      diff -u "$place/steps/wanted" "$place/steps/got" | sed 1,2d
      exit 1
    fi
    sleep 0.05
  done
  cat "$place/steps/came"
}

# run LINE: runs it as a shell does; it has to succeed and print what stands on standard input.
run() { step 0 1 "$1"; }
# fails CODE LINE: the same for one that has to fail.
fails() { step "$1" 1 "$2"; }
# soon LINE: the same as `run` for what will be so in a moment.
soon() { step 0 400 "$1"; }

# chat TEXT [MODEL [MEMBERS]]: the body of a request; without a model where none is named.
chat() {
  printf '{%s%s"messages": [{"role": "user", "content": "%s"}]}' "${2:+\"model\": \"$2\", }" "${3:+$3, }" "$1"
}
