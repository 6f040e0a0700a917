# shellcheck shell=bash
# The parts of scripts/test-emulated, each with a function that builds and one that tests, and what they share. Wants common.sh,
# apt.sh, cache.sh, rust.sh, maven.sh, cross.sh, android.sh, servers.sh and tandem.sh before it.

# What is built for a target is built with these packages, all of them: with others cargo would give tract's dependencies
# other features, and build tract once more.
readonly WITHOUT_FACADE=(-p tandem-core -p tandem-kernels -p tandem-engine -p tandem-remote -p tandem)
readonly WITH_FACADE=("${WITHOUT_FACADE[@]}" -p tandem-ffi --features tandem-ffi/test-hooks)

# What runs once for each model that is loaded, and is long to compile.
readonly COLD=(tract-hir tract-onnx tract-onnx-opl tract-nnef tract-extra tract-transformers)

# Our crates in these builds.
readonly OURS=(tandem tandem-{core,kernels,onnx,split,engine,wire,remote,server,testkit,ffi})

# lean_cargo TRIPLE COMMAND ARG...: cross_cargo with the dev profile, but for what only a debugger or a second build would use,
# and for the last third of the dependencies' speed, which takes as long to compile as all before it; where no emulator slows
# it down, COLD at no speed at all. Dependencies without debug assertions and checks of overflow, a fifth of the time that they take
# to compile; ours have them. The standard library without its own checks of pointers, from which no inlining takes the price at these
# levels. What is left out is in the same tests on this machine, whose builds these settings would make anew.
lean_cargo() {
    local crate settings=(opt-level=1 debug-assertions=false overflow-checks=false incremental=false lto=\"off\")
    for crate in "${OURS[@]}"; do
        settings+=("package.$crate.debug=false" "package.$crate.debug-assertions=true" "package.$crate.overflow-checks=true")
    done
    if [[ $1 == x86_64-* ]]; then
        for crate in "${COLD[@]}"; do
            settings+=("package.$crate.opt-level=0")
        done
    fi
    # Without the standard library's reader of debug information, of which there is none.
    CROSS_RUSTFLAGS=-Zub-checks=no \
        cross_cargo "$1" "$2" -Zbuild-std-features=panic-unwind "${settings[@]/#/--config=profile.dev.}" "${@:3}"
}

# make_shim ARCHITECTURE FOLDER: Android's libraries by name over Debian's glibc of that architecture, and glibc's loader
# under a fixed name.
make_shim() {
    local place=$2 compiler=cc libraries=/lib/x86_64-linux-gnu loader=ld-linux-x86-64.so.2 name
    if [[ $1 == arm64 ]]; then
        compiler=aarch64-linux-gnu-gcc libraries=/usr/aarch64-linux-gnu/lib loader=ld-linux-aarch64.so.1
    fi
    local shared=("$compiler" -O1 -Wall -Wextra -Werror -fPIC -shared)
    "${shared[@]}" -Wl,-soname,libc.so -o "$place/libc.so" "$ROOT/scripts/emulation/shim/libc.c" \
        -Wl,--no-as-needed -l:libc.so.6 || return 1
    "${shared[@]}" -Wl,-soname,liblog.so -o "$place/liblog.so" "$ROOT/scripts/emulation/shim/liblog.c" || return 1
    "${shared[@]}" -Wl,-soname,libdl.so -o "$place/libdl.so" -x c /dev/null || return 1
    "${shared[@]}" -Wl,-soname,libm.so -o "$place/libm.so" -x c /dev/null -Wl,--no-as-needed -l:libm.so.6 || return 1
    for name in libc.so.6 libm.so.6; do
        ln -s "$libraries/$name" "$place/$name" || return 1
    done
    ln -s "$libraries/$loader" "$place/loader"
}

# shim ARCHITECTURE: makes it where needed, prints its folder.
shim() {
    local recipe
    case $1 in
        x86_64) have cc || apt_install gcc libc6-dev ;;
        arm64) apt_install gcc-aarch64-linux-gnu libc6-dev-arm64-cross ;;
    esac
    recipe=$(recipe_hash "$(cat "$ROOT"/scripts/emulation/shim/*.c)" "$(declare -f make_shim)")
    cached "emulated/shim-$1" "$recipe" make_shim "$1" || die "could not make Android's libraries over glibc for $1"
    printf '%s\n' "$CACHE/emulated/shim-$1"
}

# outputs_file PART: where the conformance table's outputs of a part are written.
outputs_file() {
    mkdir -p "$CACHE/emulated/outputs"
    printf '%s\n' "$CACHE/emulated/outputs/$1.json"
}

# The longest test programs, which are begun first.
readonly LONG=(--first memory --first fused --first kernels --first cache)

# build_programs PART TRIPLE ARG...: builds the tests that ARG... chooses for the target; cargo's messages about them are kept.
build_programs() {
    cd "$ROOT" || return
    lean_cargo "$2" test --no-run --message-format=json-render-diagnostics "${@:3}" >"$CACHE/emulated/$1.programs"
}

# run_programs PART SHIM: runs them under emulation.
run_programs() {
    # Several at a time: many of them wait, for one long test or for time to pass.
    TANDEM_CONFORMANCE_OUTPUTS=$(outputs_file "$1") python3 -B "$ROOT/scripts/lib/run_tests.py" "${LONG[@]}" \
        "$ROOT/scripts/emulation/run-test" "$1" "$2" <"$CACHE/emulated/$1.programs"
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

build_linux_arm64() { build_programs linux-arm64 aarch64-unknown-linux-gnu "${WITH_FACADE[@]}" --lib --tests; }
test_linux_arm64() { run_programs linux-arm64 -; }

# The facade's tests need the binding generator, which runs on no phone.
build_android_x86_64() { build_programs android-x86_64 x86_64-linux-android "${WITHOUT_FACADE[@]}" --lib --tests; }
test_android_x86_64() {
    local folder
    folder=$(shim x86_64) || return
    run_programs android-x86_64 "$folder"
}

build_android_arm64() { build_programs android-arm64 aarch64-linux-android "${WITHOUT_FACADE[@]}" --lib --tests; }
test_android_arm64() {
    local folder
    folder=$(shim arm64) || return
    run_programs android-arm64 "$folder"
}

# run_kotlin FOLDER ARG...: Maven on the Kotlin modules; what it builds goes to a folder of that name in each of them, so that two can
# run at once.
run_kotlin() {
    mvn -B -f "$ROOT/bindings/kotlin/pom.xml" -Dtandem.build="target/$1" -Dsurefire.failIfNoSpecifiedTests=false "${@:2}"
}

# shipped_library: builds the arm64 Android library as it ships and strips it into the folder SHIPPED. Its gates are the part
# `packages` of scripts/test.
readonly SHIPPED=$CACHE/emulated/android
shipped_library() {
    apt_install llvm-22
    build_android aarch64-linux-android || return
    mkdir -p "$SHIPPED" || return
    llvm-strip-22 --strip-unneeded -o "$SHIPPED/$ANDROID_LIBRARY" "$(android_output aarch64-linux-android)/$ANDROID_LIBRARY"
}

# start_shipped_library LOG: builds it beside the parts that do not want it: its last step, which optimises the whole program, keeps
# one processor busy for minutes. In a group of its own, which the caller ends when it ends: kill -- -"$SHIPPING".
SHIPPING=
start_shipped_library() {
    set -m
    CARGO_BUILD_JOBS=$((($(nproc) + 1) / 2)) shipped_library </dev/null >"$1" 2>&1 &
    # shellcheck disable=SC2034 # read by scripts/test-emulated
    SHIPPING=$!
    set +m
}

build_bionic() {
    need_maven
    shipped_library || return
    "$ROOT/scripts/generate-bindings" --kotlin --test-hooks
}
test_bionic() {
    run_kotlin bionic -Pbionic -pl ../kotlin-bionic -am test -Dtandem.android.library="$SHIPPED/$ANDROID_LIBRARY" \
        -Dtandem.conformance.outputs="$(outputs_file bionic)" -Dtest='SelfTest,ConformanceTest'
}

build_jvm_arm64() {
    need_maven
    # The test is named for the features that tests give the dependencies. It is built in the other parts anyway.
    (cd "$ROOT" && lean_cargo aarch64-unknown-linux-gnu build "${WITH_FACADE[@]}" --lib --test conformance) || return
    "$ROOT/scripts/generate-bindings" --kotlin --test-hooks || return
    arm64_java >/dev/null
}
test_jvm_arm64() {
    local java
    java=$(arm64_java) || return
    start_tandem "$ROOT/bindings/conformance/repository" "$CACHE/logs/emulated-server.log" || return
    run_kotlin jvm-arm64 -pl sdk -am test -Djvm="$java" -Dtest='ConformanceTest,PredictionTest,CallbackTest,ErrorTest' \
        -Dtandem.native.dir="$(cross_output aarch64-unknown-linux-gnu)/debug" -Dtandem.test.server="$SERVER_URL"
}

build_neon_loops() { shipped_library; }
# Of the library with its symbols, which name the kernels.
test_neon_loops() {
    llvm-objdump-22 -d --no-show-raw-insn --demangle "$(android_output aarch64-linux-android)/$ANDROID_LIBRARY" |
        python3 -B "$ROOT/scripts/lib/neon_loops.py" "$ROOT/scripts/emulation/neon-limits"
}

build_outputs() { (cd "$ROOT" && cargo test "${WORKSPACE[@]}" --test conformance --no-run); }
test_outputs() {
    local host others=() part
    host=$(outputs_file host)
    (cd "$ROOT" && TANDEM_CONFORMANCE_OUTPUTS=$host cargo test "${WORKSPACE[@]}" --test conformance) || return
    for part in linux-arm64 android-x86_64 android-arm64 bionic; do
        [[ ! -s $(outputs_file "$part") ]] || others+=("$(outputs_file "$part")")
    done
    ((${#others[@]})) || die "none of the parts before wrote outputs"
    python3 -B "$ROOT/scripts/lib/compare_outputs.py" "$ROOT/bindings/conformance/cases.json" "$host" "${others[@]}"
}
