#!/usr/bin/env bash
# Runs a command with a session bus and an unlocked gnome-keyring of its own, and GW_TEST_KEYRING=1:
#
#     tests/harness/with-keyring.sh cargo test --test vault
#
# Needs dbus-run-session, gdbus and gnome-keyring-daemon (Debian: dbus libglib2.0-bin gnome-keyring).
# The user's own keyring, home and bus are not touched.
set -euo pipefail

if [ "${1:-}" = "" ]; then
    echo "usage: $0 COMMAND [ARGUMENT...]" >&2
    exit 2
fi
for tool in dbus-run-session gdbus gnome-keyring-daemon; do
    if ! command -v "$tool" >/dev/null; then
        echo "$0: \`$tool\` is missing; on Debian: apt-get install dbus libglib2.0-bin gnome-keyring" >&2
        exit 77
    fi
done

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir -m 700 "$place/home" "$place/runtime" "$place/data" "$place/config" "$place/cache"

# The toolchain finds itself through the real home, the keyring must not: name the former before the latter changes.
export CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
export HOME=$place/home XDG_RUNTIME_DIR=$place/runtime XDG_DATA_HOME=$place/data
export XDG_CONFIG_HOME=$place/config XDG_CACHE_HOME=$place/cache
# A prompt would wait for a person.
unset DISPLAY WAYLAND_DISPLAY DBUS_SESSION_BUS_ADDRESS || true

code=0
dbus-run-session -- bash -c '
    set -u
    # In the foreground and waited for: started any other way it races the locked daemon that the bus activates.
    printf "pw\n" | gnome-keyring-daemon --foreground --unlock --components=secrets >"$XDG_RUNTIME_DIR/keyring.log" 2>&1 &
    daemon=$!
    ready=
    for _ in $(seq 500); do
        answer=$(gdbus call --session --dest org.freedesktop.DBus --object-path /org/freedesktop/DBus \
            --method org.freedesktop.DBus.NameHasOwner org.freedesktop.secrets 2>/dev/null || true)
        if [ "$answer" = "(true,)" ]; then ready=yes; break; fi
        if ! kill -0 "$daemon" 2>/dev/null; then break; fi
        sleep 0.02
    done
    if [ -z "$ready" ]; then
        echo "gnome-keyring-daemon did not start:" >&2
        cat "$XDG_RUNTIME_DIR/keyring.log" >&2
        kill "$daemon" 2>/dev/null
        exit 70
    fi
    code=0
    GW_TEST_KEYRING=1 GW_TEST_KEYRING_PID=$daemon "$@" || code=$?
    kill "$daemon" 2>/dev/null
    wait "$daemon" 2>/dev/null
    exit "$code"
' with-keyring "$@" || code=$?
exit "$code"
