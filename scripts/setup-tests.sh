#!/usr/bin/env bash
# Installs what the tests need beside a Rust toolchain: system packages where they are missing (Debian, Ubuntu), and
# the official clients, frameworks and coding agents, in exact versions, into target/test-env. Does nothing where
# everything is there already; fails where something is missing in the end.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
env=${GW_TEST_ENV:-${CARGO_TARGET_DIR:-$root/target}/test-env}

say() { printf 'setup-tests: %s\n' "$*"; }
has() { command -v "$1"; }

# What a tool is taken from, and how to see that it is there.
wanted() {
  missing=()
  need() { # need PACKAGE CHECK...
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
  }
  need gcc has cc
  need libc6-dev test -e /usr/include/stdlib.h
  need bash has bash
  need ca-certificates test -e /etc/ssl/certs/ca-certificates.crt
  need curl has curl
  need python3 has python3
  need python3-venv python3 -c 'import ensurepip, venv'
  need nodejs has node
  need npm has npm
  # A keyring on a bus of its own.
  need gnome-keyring has gnome-keyring-daemon
  need dbus has dbus-run-session
  need libglib2.0-bin has gdbus
  # Disks that are full or lose power, terminals, processes.
  need e2fsprogs has mkfs.ext4
  need mount has mount
  need mount has losetup
  need bsdutils has script
  need coreutils has stty
  need procps has ps
  need procps has kill
  # A linter for metrics.
  need prometheus has promtool
}

# Some live where only root's path leads.
export PATH=$PATH:/usr/sbin:/sbin
if [ "$(uname)" = Linux ]; then
  wanted
  if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo -n)
    if has apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
      say "installing ${missing[*]}"
      ${as_root[@]+"${as_root[@]}"} apt-get update -qq
      ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
      wanted
    fi
  fi
  if [ ${#missing[@]} -gt 0 ]; then
    say "missing and not to be installed from here: ${missing[*]}"
    exit 1
  fi
fi

mkdir -p "$env"

# installed NAME WANTED: whether NAME was set up from files of this sum.
installed() { [ "$(cat "$env/$1.done" 2>/dev/null)" = "$2" ]; }

# packages PLACE PYTHON LIST: a Python environment with these packages. A hundred take a quarter of the time with uv.
packages() {
  "$2" -m venv "$1"
  { { "$env/uv/bin/uv" --version >/dev/null 2>&1 ||
      { python3 -m venv "$env/uv" && "$env/uv/bin/pip" install --quiet --disable-pip-version-check uv==0.13.8; }; } &&
    "$env/uv/bin/uv" pip install --quiet --python "$1/bin/python" --no-deps -r "$3"; } ||
    "$1/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$3"
}

python=$(sha256sum "$root/tests/sdk/python/requirements.txt" | cut -d' ' -f1)
if ! installed python "$python"; then
  say "installing the Python clients into $env/python"
  rm -rf "$env/python" "$env/python.done"
  python3 -m venv "$env/python"
  "$env/python/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$root/tests/sdk/python/requirements.txt"
  "$env/python/bin/pip" check --disable-pip-version-check >/dev/null
  echo "$python" >"$env/python.done"
fi

# Frameworks, in an environment for each list of those that go together: they want different clients below them.
for list in "$root"/tests/sdk/frameworks/*.txt; do
  name=$(basename "$list" .txt)
  frameworks=$(sha256sum "$list" | cut -d' ' -f1)
  installed "frameworks/$name" "$frameworks" && continue
  say "installing frameworks into $env/frameworks/$name"
  rm -rf "$env/frameworks/$name" "$env/frameworks/$name.done"
  mkdir -p "$env/frameworks"
  packages "$env/frameworks/$name" python3 "$list"
  "$env/frameworks/$name/bin/pip" check --disable-pip-version-check >/dev/null
  echo "$frameworks" >"$env/frameworks/$name.done"
done

node=$(cat "$root"/tests/sdk/node/package*.json | sha256sum | cut -d' ' -f1)
if ! installed node "$node"; then
  say "installing the JavaScript clients into $env/node"
  rm -rf "$env/node" "$env/node.done"
  mkdir -p "$env/node"
  cp "$root"/tests/sdk/node/package*.json "$env/node/"
  (cd "$env/node" && npm ci --silent --no-audit --no-fund)
  echo "$node" >"$env/node.done"
fi

# Agents that are not to be had for this platform, or for want of a Python, are left out, and their tests say so.
agents=$(cat "$root"/tests/agents/{npm,requirements}.txt | sha256sum | cut -d' ' -f1)
if ! installed agents "$agents"; then
  say "installing coding agents into $env/agents"
  rm -rf "$env/agents" "$env/agents.done"
  mkdir -p "$env/agents"
  platform=$(node -p 'process.platform + "-" + process.arch')
  sed -e '/^#/d' -e "s/PLATFORM/$platform/" "$root/tests/agents/npm.txt" |
    xargs npm install --prefix "$env/agents" --no-save --no-package-lock --omit=optional --ignore-scripts \
      --silent --no-audit --no-fund || say "there are no coding agents for $platform"
  for name in python3 python3.12 python3.11 python3.10; do
    "$name" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null || continue
    packages "$env/agents/python" "$name" "$root/tests/agents/requirements.txt"
    break
  done
  echo "$agents" >"$env/agents.done"
fi
say "ready in $env"
