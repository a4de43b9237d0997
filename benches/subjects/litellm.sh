# LiteLLM's proxy (https://pypi.org/project/litellm/) as its documentation has it for production and speed, on one core:
# https://docs.litellm.ai/docs/proxy/prod (one worker a core, `LITELLM_MODE=PRODUCTION`, `LITELLM_LOG=ERROR`) and
# https://docs.litellm.ai/docs/proxy/server_tuning (uvicorn, which is its default). No database: no spend logs, no budgets; the
# key is its master key. Prices come from the wheel, so that a start asks nobody.
# shellcheck shell=bash
set -euo pipefail
# shellcheck source=benches/subjects/shared.sh
. "$(dirname "$0")/shared.sh"
version=1.106.2
venv=$CACHE/litellm-$version

case $1 in
install) wheel "$venv" "litellm[proxy]==$version" ;;
prepare)
  cat >"$PLACE/config.yaml" <<EOF
model_list:
  - model_name: fixed-model
    litellm_params:
      model: openai/fixed-model
      api_base: http://$UPSTREAM/v1
      api_key: upstream
general_settings:
  master_key: sk-litellm
litellm_settings:
  set_verbose: false
  request_timeout: 600
EOF
  printf 'openai\t/v1/chat/completions\tfixed-model\tAuthorization: Bearer sk-litellm\n' >"$PLACE/asks"
  ;;
serve)
  no_proxies
  export LITELLM_MODE=PRODUCTION LITELLM_LOG=ERROR LITELLM_LOCAL_MODEL_COST_MAP=True
  exec "$venv/bin/litellm" --config "$PLACE/config.yaml" --host "${LISTEN%:*}" --port "${LISTEN##*:}" --num_workers 1
  ;;
version) echo "$version" ;;
esac
