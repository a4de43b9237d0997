# gw as it is without any settings, or with what VARIANT says changed.
# shellcheck shell=bash
set -euo pipefail
# shellcheck source=benches/subjects/shared.sh
. "$(dirname "$0")/shared.sh"
for name in $(compgen -e | grep '^GW_' || true); do unset "$name"; done
no_proxies
export GW_NO_INPUT=1 GW_SECRETS=sealed NO_COLOR=1 GW_ADMIN_URL=unix:${PLACE:-}/gw.sock
# Room for a thousand long requests at once; by default most of them are refused.
export GW_LIMITS__MAX_IN_FLIGHT_BYTES=4GiB
settings=() limits=()
case ${VARIANT:-} in
metadata) settings=(--log-content metadata) ;;
# Content may take so little that what the log keeps as it comes, to compress it later, has reached its bound at once: as after
# minutes without a pause.
sustained) export GW_LOGS__CONTENT_MAX_BYTES=64MiB ;;
unlogged) settings=(--log-content off) ;;
limited)
  limits=(--limit requests=1000000000/minute --limit tokens=1000000000000/hour --limit parallel=10000 --budget 9000000/month) ;;
esac
serve=("$GW" serve --data-dir "${PLACE:-}/data" --listen "${LISTEN:-}" --admin-listen "unix:${PLACE:-}/gw.sock" "${settings[@]}")
case $1 in
install) ;;
prepare)
  "${serve[@]}" --ready-file "$PLACE/ready" -- bash "$0" records
  ;;
records) # within a gateway that runs for this alone
  "$GW" user create bench
  for format in openai anthropic; do
    echo upstream | "$GW" provider create "$format" --vendor "$format-compatible" --base-url "http://$UPSTREAM/v1" --credential-stdin --verify=false
    "$GW" -q key create "$format" --user bench --output-file "$PLACE/$format.key" "${limits[@]}"
    "$GW" route create "$format" --key "$format" --to "$format"
  done
  row() { printf '%s\t/v1/chat/completions\t%s\tAuthorization: Bearer %s\n' "$1" "$2" "$(cat "$PLACE/$3.key")"; }
  { row openai gpt-4o-mini openai; row translated claude-haiku-4-5 anthropic; } >"$PLACE/asks"
  ;;
serve) exec "${serve[@]}" ;;
log) # rows written, rows dropped, contents dropped
  "$GW" status -o json | tr -d ' \n' | sed -E 's/.*"log":\{([^{}]*).*/\1/' | tr ',' '\n' | sed -nE 's/^"(written|rows_dropped|content_dropped)":([0-9]+)$/\1 \2/p'
  ;;
stored) # bytes of content to be compressed later
  "$GW" db stats -o json | tr -d ' \n' | sed -nE 's/.*"content":\{[^{}]*"stored":([0-9]+).*/\1/p'
  ;;
version) "$GW" --version | cut -d' ' -f2 ;;
esac
