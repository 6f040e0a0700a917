# shellcheck shell=bash
# ONNX's own node tests as folders in the cache.

# node_tests: writes them if they are not there, prints their folder.
node_tests() {
    local python recipe
    python=$(python_environment onnx) || return 1
    recipe=$(recipe_hash "$(cat "$ROOT/scripts/lib/onnx_node_tests.py" "$ROOT/scripts/lib/requirements/onnx.txt")")
    cached onnx-node-tests "$recipe" "$python" -W ignore "$ROOT/scripts/lib/onnx_node_tests.py" || return 1
    printf '%s\n' "$CACHE/onnx-node-tests"
}
