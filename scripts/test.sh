#!/usr/bin/env bash
# Sets up what the tests need and runs them all, with a keyring of their own where there can be one. Arguments go to
# `cargo test`. Its output, and its last lines, are what this prints last.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

# Without network the tests still run; those that miss something say so.
scripts/setup-tests.sh >&2 || echo "test: the setup failed; tests that need it say that they skip" >&2

run=()
if [ "$(uname)" = Linux ] && command -v dbus-run-session gdbus gnome-keyring-daemon >/dev/null; then
  run=(tests/harness/with-keyring.sh)
fi
exec ${run[@]+"${run[@]}"} cargo test "$@"
