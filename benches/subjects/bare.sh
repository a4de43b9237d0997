# A forwarder that knows no HTTP but the ends of messages, part of the rig: the least that a gateway could cost.
# shellcheck shell=bash
set -euo pipefail
case $1 in
install) ;;
prepare) printf 'openai\t/v1/chat/completions\tgpt-4o-mini\tAuthorization: Bearer bare-key\n' >"$PLACE/asks" ;;
serve) exec "$RIG" bare "$LISTEN" "$UPSTREAM" bare-key ;;
version) echo ;;
esac
