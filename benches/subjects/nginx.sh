# The yardstick: nginx, one worker, as a gateway that checks a key and forwards.
# shellcheck shell=bash
set -euo pipefail
# shellcheck source=benches/subjects/shared.sh
. "$(dirname "$0")/shared.sh"
export PATH=$PATH:/usr/sbin
case $1 in
install) command -v nginx >/dev/null || packages nginx-light ;;
prepare)
  mkdir -p "$PLACE"/{body,proxy,fastcgi,uwsgi,scgi}
  key=nginx-$RANDOM$RANDOM$RANDOM
  sed -e "s|@PLACE@|$PLACE|; s|@KEY@|$key|; s|@UPSTREAM@|$UPSTREAM|; s|@LISTEN@|$LISTEN|" "$(dirname "$0")/nginx.conf.in" >"$PLACE/nginx.conf"
  printf 'openai\t/v1/chat/completions\tgpt-4o-mini\tAuthorization: Bearer %s\n' "$key" >"$PLACE/asks"
  ;;
serve) exec nginx -e "$PLACE/nginx.error.log" -c "$PLACE/nginx.conf" ;;
version) nginx -v 2>&1 | cut -d/ -f2 ;;
esac
