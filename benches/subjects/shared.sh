# What subjects' scripts have in common; they read this file.
# shellcheck shell=bash

# Installs packages of Debian's.
packages() {
  local as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# A Python environment of its own in $1 with the wheel $2 in it; what broke off is begun anew.
wheel() {
  [ ! -e "$1/ready" ] || return 0
  python3 -m venv --help >/dev/null 2>&1 || packages python3 python3-venv
  python3 -m venv --clear "$1"
  "$1/bin/pip" install --quiet "$2"
  touch "$1/ready"
}

# Nothing between a subject and the upstream.
no_proxies() {
  unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
}
