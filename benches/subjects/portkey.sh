# Portkey's gateway (https://www.npmjs.com/package/@portkey-ai/gateway) in one process, as its README starts it, without its
# console. It has no settings for speed (https://github.com/Portkey-AI/gateway/blob/main/docs/installation-deployments.md); keys,
# limits and logs are not in this edition: the caller's `Authorization` goes to the provider, whose place headers say.
# shellcheck shell=bash
set -euo pipefail
# shellcheck source=benches/subjects/shared.sh
. "$(dirname "$0")/shared.sh"
version=1.15.2
app=$CACHE/portkey-$version

case $1 in
install)
  [ -d "$app/node_modules" ] && exit
  command -v npm >/dev/null || packages nodejs npm
  mkdir -p "$app"
  # Behind newer releases of its server library every stream ends in a 500 (`TypeError: immutable`).
  cat >"$app/package.json" <<EOF
{"private": true, "dependencies": {"@portkey-ai/gateway": "$version"}, "overrides": {"@hono/node-server": "1.13.8"}}
EOF
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$app"
  ;;
prepare)
  printf 'openai\t/v1/chat/completions\tfixed-model\tAuthorization: Bearer upstream\tx-portkey-provider: openai\tx-portkey-custom-host: http://%s/v1\n' \
    "$UPSTREAM" >"$PLACE/asks"
  ;;
serve)
  no_proxies
  export NODE_ENV=production
  exec node "$app/node_modules/@portkey-ai/gateway/build/start-server.js" --headless "--port=${LISTEN##*:}"
  ;;
version) echo "$version" ;;
esac
