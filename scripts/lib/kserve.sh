# shellcheck shell=bash
# The KServe SDK's server from the Python package index: a third dialect of the protocol, without model versions.

# start_kserve REPOSITORY LOG: starts it over the models of a Triton-like repository and waits until it is ready; its
# address is in SERVER_URL.
start_kserve() {
    local python ports
    python=$(python_environment kserve) || return
    read -r -a ports <<<"$(free_ports 2)"
    PYTHONDONTWRITEBYTECODE=1 "$python" "$ROOT/scripts/lib/kserve_server.py" "$1" "${ports[@]}" </dev/null >"$2" 2>&1 &
    started "KServe SDK" "${ports[0]}" $! "$2"
}
