# shellcheck shell=bash
# MLServer from the Python package index: a second dialect of the protocol, without the binary extension.

# start_mlserver REPOSITORY FOLDER LOG: starts MLServer over the models of a Triton-like repository, with its settings in
# FOLDER, and waits until every model is ready; its address is in SERVER_URL.
start_mlserver() {
    local python ports
    python=$(python_environment mlserver) || return
    read -r -a ports <<<"$(free_ports 3)"
    "$python" "$ROOT/scripts/lib/mlserver_repository.py" "$1" "$2" "${ports[@]}" || return
    (cd "$2" && PYTHONPATH=$ROOT/scripts/lib PYTHONDONTWRITEBYTECODE=1 exec "$python" -c 'from mlserver.cli import main; main()' start .) \
        </dev/null >"$3" 2>&1 &
    started MLServer "${ports[0]}" $! "$3"
}
