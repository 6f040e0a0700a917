# shellcheck shell=bash
# Our own programs, as the tests use them: debug builds from the selection that all parts share.

# start_tandem REPOSITORY LOG: builds and starts `tandem serve` and waits until it is ready; its address is in SERVER_URL.
start_tandem() {
    local port
    (cd "$ROOT" && cargo build "${WORKSPACE[@]}" --bin tandem) || return
    read -r port <<<"$(free_ports 1)"
    "$CARGO_TARGET_DIR/debug/tandem" serve "$1" --port "$port" </dev/null >"$2" 2>&1 &
    started Tandem "$port" $! "$2"
}

# test_models FOLDER: writes the generated models that tests use.
test_models() {
    (cd "$ROOT" && cargo build "${WORKSPACE[@]}" --bin testkit-models) || return
    "$CARGO_TARGET_DIR/debug/testkit-models" "$1"
}

# split_models FOLDER: splits some of them into a repository for Triton's Python backend.
split_models() {
    (cd "$ROOT" && cargo build "${WORKSPACE[@]}" --example split_models) || return
    "$CARGO_TARGET_DIR/debug/examples/split_models" "$1"
}
