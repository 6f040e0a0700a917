# shellcheck shell=bash
# Inference servers on loopback: started on free ports, waited for with a bound, always stopped.

SERVER_PIDS=()

# free_ports N: prints N ports that nobody listens on just now.
free_ports() {
    python3 - "$1" <<'PY'
import socket, sys
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in held))
PY
}

# answers_ready PORT: whether the server says that it and all its models are ready.
answers_ready() {
    local status
    exec {ready_fd}<>"/dev/tcp/127.0.0.1/$1" || return 1
    printf 'GET /v2/health/ready HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' >&"$ready_fd"
    read -r -t 5 status <&"$ready_fd" || status=
    exec {ready_fd}>&-
    [[ $status == "HTTP/1.1 200"* ]]
}

# log_gist LOG: the lines of a server's log that speak of a failure, and its end.
log_gist() {
    {
        grep -i 'error\|failed\|unavailable' "$1" | head -n 20
        tail -n 10 "$1"
    } >&2
}

# started NAME PORT PID LOG: takes charge of a server just started in the background: SERVER_URL is its address,
# stop_servers will stop it. Waits until it is ready, or prints what its log says and fails.
started() {
    local name=$1 port=$2 pid=$3 log=$4 limit=120
    local until=$((SECONDS + limit))
    SERVER_PIDS+=("$pid")
    # shellcheck disable=SC2034 # read by the scripts that source this file
    SERVER_URL=http://127.0.0.1:$port
    while ((SECONDS < until)); do
        if ! kill -0 "$pid" 2>/dev/null; then
            say "$name stopped before it was ready; $log says:"
            log_gist "$log"
            return 1
        fi
        if answers_ready "$port" 2>/dev/null; then
            return 0
        fi
        sleep 0.1
    done
    say "$name was not ready after $limit seconds; $log says:"
    log_gist "$log"
    return 1
}

# stop_servers: stops what was started here, the last first; kills what has not gone after 15 seconds.
stop_servers() {
    local i pid until
    for ((i = ${#SERVER_PIDS[@]} - 1; i >= 0; i--)); do
        pid=${SERVER_PIDS[i]}
        kill "$pid" 2>/dev/null || continue
        until=$((SECONDS + 15))
        while kill -0 "$pid" 2>/dev/null; do
            if ((SECONDS >= until)); then
                kill -KILL "$pid" 2>/dev/null || true
                break
            fi
            sleep 0.1
        done
        wait "$pid" 2>/dev/null || true
    done
    SERVER_PIDS=()
}
