# shellcheck shell=bash
# What every script here starts from: the places and the messages.

# shellcheck disable=SC2034 # used by the scripts that source this file
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${TANDEM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tandem}
mkdir -p "$CACHE"
CACHE=$(cd "$CACHE" && pwd)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CACHE/target}

say() { printf '%s\n' "$*" >&2; }
step() { printf '==> %s\n' "$*" >&2; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# The exit status of a part that cannot run on this machine. Not a failure, except in CI.
# shellcheck disable=SC2034 # used by the scripts that source this file
readonly SKIPPED=77

# Says why a part cannot run here and leaves with the status that means so.
skip() {
    printf 'SKIPPED: %s\n' "$*" >&2
    exit "$SKIPPED"
}

have() { command -v "$1" >/dev/null 2>&1; }

# usage FILE: prints the comment block at the top of a script, which is its help.
usage() { awk 'NR > 1 && /^#/ { sub(/^# ?/, ""); print; next } NR > 1 { exit }' "$1"; }
