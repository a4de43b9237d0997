# A lean forwarder on hyper, part of the rig: what a gateway costs that does no more than forward, count and write a line.
# shellcheck shell=bash
set -euo pipefail
case $1 in
install) ;;
prepare) printf 'openai\t/v1/chat/completions\tgpt-4o-mini\tAuthorization: Bearer lean-key\n' >"$PLACE/asks" ;;
serve) exec "$RIG" lean "$LISTEN" "$UPSTREAM" lean-key "$PLACE/lean.jsonl" ;;
version) echo ;;
esac
