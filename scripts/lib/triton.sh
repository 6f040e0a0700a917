# shellcheck shell=bash
# NVIDIA's Triton from the Python package index: a real server, without a container or a GPU.

finish_triton() {
    local place=$1 version server
    version=$("$place/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || return 1
    server=$(echo "$place"/lib/python*/site-packages/pytriton/tritonserver)
    cp "$server/python_backend_stubs/$version/triton_python_backend_stub" "$server/backends/python/"
}

# triton_environment: makes Triton available and prints the path of its Python, or skips the part with the reason.
triton_environment() {
    local glibc python version
    [[ $(uname -sm) == "Linux x86_64" ]] || skip "Triton: its Python package is for x86-64 Linux only, this is $(uname -sm)"
    glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | awk '{ print $2 }')
    if [[ -z $glibc || $(printf '%s\n2.35\n' "$glibc" | sort -V | head -n 1) != 2.35 ]]; then
        skip "Triton: needs glibc 2.35 or newer, this system has ${glibc:-another C library}"
    fi
    python=$(python_environment triton finish_triton) || return 1
    # The stub that runs the models is linked against the shared Python library.
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if ! ldconfig -p | grep -q "libpython$version.so"; then
        apt_install "libpython$version" || return 1
    fi
    printf '%s\n' "$python"
}

# make_triton_repository FOLDER MODEL.onnx...: a model repository that Triton serves through its Python backend.
make_triton_repository() {
    local python
    python=$(triton_environment) || return
    "$python" "$ROOT/scripts/lib/triton_repository.py" "$@"
}

# start_triton REPOSITORY LOG: starts Triton and waits until every model is ready; its address is in SERVER_URL.
start_triton() {
    local python server ports try
    python=$(triton_environment) || return
    server=$(echo "$(dirname "$python")"/../lib/python*/site-packages/pytriton/tritonserver)
    for try in 1 2; do
        read -r -a ports <<<"$(free_ports 3)"
        # The stub takes numpy from the first python3 on the PATH.
        PATH=$(dirname "$python"):$PATH "$server/bin/tritonserver" \
            --model-repository "$1" --backend-directory "$server/backends" --cache-directory "$server/caches" \
            --http-address 127.0.0.1 --http-port "${ports[0]}" --grpc-address 127.0.0.1 --grpc-port "${ports[1]}" \
            --metrics-address 127.0.0.1 --metrics-port "${ports[2]}" --allow-gpu-metrics false \
            </dev/null >"$2" 2>&1 &
        if started Triton "${ports[0]}" $! "$2"; then
            return 0
        fi
        # Another program may have taken a port between the choice and the start.
        if ((try == 2)) || ! grep -q 'Address already in use\|failed to start' "$2"; then
            return 1
        fi
    done
}
