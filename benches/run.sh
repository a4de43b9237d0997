#!/usr/bin/env bash
# gw beside nginx, a bare and a lean forwarder on the same machine: what a request costs, what it waits, what streams and
# memory take. docs/benchmarks.md says how to read it.
#
#     benches/run.sh [--short] [--peers] [--passes N] [--seconds S] [--only TABLE,...] [--row NAME]...
#
# --row measures that row, beside nginx and the lean forwarder. --short takes a minute and shows that everything works; its
# figures are rough. GW=FILE measures that binary, PROFILE=fast builds release code with a shorter link, PRIORITY=none leaves
# the scheduler alone. A run that cannot be believed says so and fails. Linux, two cores.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
profile=${PROFILE:-release}
[ -n "${GW:-}" ] || (cd "$root" && cargo build --quiet --profile "$profile" --bin gw)
export GW=${GW:-$target/$profile/gw}
(cd "$here/rig" && CARGO_TARGET_DIR=$target/rig cargo build --quiet --release)
export RIG=$target/rig/release/rig
# What subjects are installed into, where they do not come with the machine.
export CACHE=$target/peers
export BENCH_SUBJECTS=$here/subjects
mkdir -p "$CACHE"
# What subjects write goes to memory: how long a disk takes to sync is no cost of theirs. TMPDIR=DIR has it on that disk.
[ -n "${TMPDIR:-}" ] || [ ! -w /dev/shm ] || TMPDIR=/dev/shm
BENCH_PLACE=$(mktemp -d "${TMPDIR:-/tmp}/gw-bench.XXXXXX")
export BENCH_PLACE
trap 'rm -rf "$BENCH_PLACE"' EXIT

# Figures are worth more where nothing else runs meanwhile. Where the scheduler allows it the rig comes before everything else,
# and so do subjects that are asked without a pause.
first=(chrt -f 10)
if [ "${PRIORITY:-}" = none ] || ! "${first[@]}" true 2>/dev/null; then first=(); fi
export BENCH_FIRST="${first[*]}"

mapfile -t subjects < <("$RIG" subjects "$@")
[ ${#subjects[@]} -gt 0 ] || exit 1
versions="rustc $(rustc --version | cut -d' ' -f2)"
for subject in "${subjects[@]}"; do
  bash "$BENCH_SUBJECTS/$subject.sh" install
  version=$(bash "$BENCH_SUBJECTS/$subject.sh" version)
  [ -z "$version" ] || versions+=", $subject $version"
done
commit=$(git -C "$root" rev-parse --short HEAD 2>/dev/null || true)
{
  echo "date      $(date -u +%F)"
  echo "machine   $(uname -sm), $(uname -r), $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
  echo "versions  $versions${commit:+, sources $commit}"
  echo "priority  ${first[*]:-none: what else runs on this machine is measured, too}${first[*]:+ for the rig, niceness -20 for subjects that are asked without a pause}"
  echo "state     in $BENCH_PLACE ($(stat -f -c %T "$BENCH_PLACE"))"
  echo "load      $(cut -d' ' -f1-3 /proc/loadavg) before the run"
  echo "command   benches/run.sh $*"
}
taskset -c 1 "${first[@]}" "$RIG" bench "$@"
