# shellcheck shell=bash
# The parts of scripts/test-emulated and what they share. Wants common.sh, apt.sh, cache.sh, rust.sh, maven.sh, cross.sh,
# servers.sh and tandem.sh before it.

# What is built for a target is built with these packages, all of them: with others cargo would give tract's dependencies
# other features, and build tract once more.
readonly PACKAGES=(-p tandem-core -p tandem-kernels -p tandem-engine -p tandem-remote -p tandem -p tandem-ffi
    --features tandem-ffi/test-hooks)

# lean_cargo TRIPLE COMMAND ARG...: cross_cargo with the dev profile, but for what only a debugger or a second build would use,
# and for the last third of the dependencies' speed, which takes as long to compile as all before it. Not set for what is
# built for this machine, which would be built anew.
lean_cargo() {
    CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_LTO=off \
        cross_cargo "$1" "$2" --config 'profile.dev.package."*".opt-level=1' "${@:3}"
}

# outputs_file PART: where the conformance table's outputs of a part are written.
outputs_file() {
    mkdir -p "$CACHE/emulated/outputs"
    printf '%s\n' "$CACHE/emulated/outputs/$1.json"
}

# timed NAME COMMAND...: runs the command and adds the seconds it took to those of that name.
declare -A SPENT=()
timed() {
    local name=$1 began=$SECONDS status=0
    shift
    "$@" || status=$?
    SPENT[$name]=$((${SPENT[$name]:-0} + SECONDS - began))
    return "$status"
}

print_times() { printf 'seconds: build %d, tests %d\n' "${SPENT[build]:-0}" "${SPENT[tests]:-0}"; }

# cargo_tests PART TRIPLE ARG...: builds the tests that ARG... chooses for the target, and runs them under emulation.
cargo_tests() {
    local part=$1 triple=$2
    shift 2
    local runner="target.$triple.runner=['$ROOT/scripts/emulation/run-test', '$part']"
    cd "$ROOT" || return
    timed build lean_cargo "$triple" test --no-run "$@" || return
    TANDEM_CONFORMANCE_OUTPUTS=$(outputs_file "$part") \
        timed tests lean_cargo "$triple" test --no-fail-fast --config "$runner" "$@"
}

# make_arm64_java FOLDER: Debian's Java for arm64 with the library that it wants, and a `bin/java` that runs it under qemu.
make_arm64_java() {
    local place=$1 package home
    for package in openjdk-17-jre-headless zlib1g; do
        foreign_package arm64 "$package" "$place" || return 1
    done
    home=$place/usr/lib/jvm/java-17-openjdk-arm64
    # Its configuration is in /etc, by links that do not hold here.
    cp -rL --remove-destination "$place/etc/java-17-openjdk/." "$home/conf/" || return 1
    mkdir "$place/bin" || return 1
    cp "$ROOT/scripts/emulation/java" "$place/bin/java" || return 1
    # Maven's test runner reads the version there.
    cp "$home/release" "$place/release"
}

# arm64_java: makes it where needed, prints the path of its `java`.
arm64_java() {
    local recipe
    apt_install qemu-user-static libc6-dev-arm64-cross gcc-aarch64-linux-gnu
    recipe=$(recipe_hash "$(cat "$ROOT/scripts/emulation/java")" "$(declare -f make_arm64_java foreign_package)")
    cached emulated/java "$recipe" make_arm64_java || die "could not unpack Java for arm64: is the package mirror reachable?"
    printf '%s\n' "$CACHE/emulated/java/bin/java"
}

part_linux_arm64() {
    cargo_tests linux-arm64 aarch64-unknown-linux-gnu "${PACKAGES[@]}" --lib --tests
}

# facade_for TRIPLE: builds the library for a target with the features of its tests.
facade_for() {
    # The test is named for the features that tests give the dependencies. It is built in the other parts anyway.
    (cd "$ROOT" && lean_cargo "$1" build "${PACKAGES[@]}" --lib --test conformance)
}

run_kotlin() { mvn -B -f "$ROOT/bindings/kotlin/pom.xml" -Dsurefire.failIfNoSpecifiedTests=false "$@"; }

part_jvm_arm64() {
    local java
    need_maven
    java=$(arm64_java) || return
    timed build facade_for aarch64-unknown-linux-gnu || return
    timed build "$ROOT/scripts/generate-bindings" --kotlin --test-hooks || return
    timed build start_tandem "$ROOT/bindings/conformance/repository" "$CACHE/logs/emulated-server.log" || return
    timed tests run_kotlin -pl sdk -am test -Djvm="$java" -Dtest='ConformanceTest,PredictionTest,CallbackTest,ErrorTest' \
        -Dtandem.native.dir="$(cross_output aarch64-unknown-linux-gnu)/debug" -Dtandem.test.server="$SERVER_URL"
}

part_outputs() {
    local host other
    host=$(outputs_file host) other=$(outputs_file linux-arm64)
    [[ -s $other ]] || die "linux-arm64 has not run, so there is nothing to compare"
    (cd "$ROOT" && TANDEM_CONFORMANCE_OUTPUTS=$host cargo test "${WORKSPACE[@]}" --test conformance) || return
    python3 -B "$ROOT/scripts/lib/compare_outputs.py" "$ROOT/bindings/conformance/cases.json" "$host" "$other"
}
