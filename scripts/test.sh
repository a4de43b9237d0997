#!/usr/bin/env bash
# Sets up what the tests need and runs them all, with a keyring of their own where there can be one. Arguments go to
# `cargo test`. The last lines list what was skipped and why, and count. Green is only a run in which nothing was skipped
# but for material that is no part of a checkout (ABSENT: recorded traffic): GW_TESTS_MAY_SKIP=1 lets all skips pass,
# GW_TESTS_MUST_RUN=1 (as .ci/run sets it) fails each test that skips, whatever for.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
# Where the tools for file systems are.
export PATH=$PATH:/usr/sbin:/sbin

set_up=yes
scripts/setup-tests.sh >&2 || set_up=
if [ -z "$set_up" ] && [ "${GW_TESTS_MUST_RUN:-}" = 1 ]; then
  echo "test: the setup failed" >&2
  exit 1
fi

run=()
if [ "$(uname)" = Linux ] && command -v dbus-run-session >/dev/null && command -v gdbus >/dev/null &&
  command -v gnome-keyring-daemon >/dev/null; then
  run=(tests/harness/with-keyring.sh)
fi

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
export GW_TESTS_SKIPPED=$place/skipped
: >"$GW_TESTS_SKIPPED"
code=0
${run[@]+"${run[@]}"} cargo test "$@" | tee "$place/out" || code=$?

grep -q '^test result:' "$place/out" || exit "$code"
sort -u "$GW_TESTS_SKIPPED"
skipped=$(sort -u "$GW_TESTS_SKIPPED" | wc -l)
if [ "$code" = 0 ] && [ "${GW_TESTS_MAY_SKIP:-}" != 1 ]; then
  if grep -q '^SKIPPED' "$GW_TESTS_SKIPPED"; then
    echo "test: not green, for what was skipped; GW_TESTS_MAY_SKIP=1 lets that pass"
    code=1
  elif [ -z "$set_up" ]; then
    echo "test: not green, for the setup failed; GW_TESTS_MAY_SKIP=1 lets that pass"
    code=1
  fi
fi
# A test that skips has passed in the eyes of cargo.
awk -v skipped="$skipped" '
  /^test result:/ { for (i = 2; i <= NF; i++) { if ($i == "passed;") passed += $(i - 1); if ($i == "failed;") failed += $(i - 1) } }
  END { printf "%d passed, %d failed, %d skipped\n", passed - skipped, failed, skipped }
' "$place/out"
exit "$code"
