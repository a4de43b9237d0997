#!/usr/bin/env bash
# Installs what the tests need beside a Rust toolchain: system packages where they are missing (Debian, Ubuntu), and
# the official clients into target/test-env. Does nothing where everything is there already.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
env=${GW_TEST_ENV:-${CARGO_TARGET_DIR:-$root/target}/test-env}

say() { printf 'setup-tests: %s\n' "$*"; }

missing=()
need() { # need PACKAGE CHECK...: PACKAGE is wanted unless CHECK succeeds
  local package=$1
  shift
  "$@" >/dev/null 2>&1 || missing+=("$package")
}
has() { command -v "$1"; }

need gcc has cc
need libc6-dev test -e /usr/include/stdlib.h
need python3 has python3
need python3-venv python3 -c 'import ensurepip, venv'
need gnome-keyring has gnome-keyring-daemon
need dbus has dbus-run-session
need libglib2.0-bin has gdbus
need nodejs has node
need npm has npm

if [ ${#missing[@]} -gt 0 ]; then
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo -n)
  if command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
    say "installing ${missing[*]}"
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  else
    say "cannot install ${missing[*]}: install them by hand; tests that need them say that they skip"
  fi
fi

mkdir -p "$env"

python_wanted=$(sha256sum "$root/tests/sdk/python/requirements.txt" | cut -d' ' -f1)
if [ "$(cat "$env/python.done" 2>/dev/null)" != "$python_wanted" ]; then
  say "installing the Python clients into $env/python"
  rm -rf "$env/python"
  python3 -m venv "$env/python"
  # uv resolves in seconds what takes pip minutes.
  "$env/python/bin/pip" install --quiet --disable-pip-version-check uv
  VIRTUAL_ENV="$env/python" "$env/python/bin/uv" pip install --quiet -r "$root/tests/sdk/python/requirements.txt"
  echo "$python_wanted" >"$env/python.done"
fi

if command -v npm >/dev/null; then
  node_wanted=$(sha256sum "$root/tests/sdk/node/package.json" | cut -d' ' -f1)
  if [ "$(cat "$env/node.done" 2>/dev/null)" != "$node_wanted" ]; then
    say "installing the JavaScript clients into $env/node"
    mkdir -p "$env/node"
    cp "$root/tests/sdk/node/package.json" "$env/node/"
    (cd "$env/node" && npm install --silent --no-audit --no-fund)
    echo "$node_wanted" >"$env/node.done"
  fi
fi
say "ready in $env"
