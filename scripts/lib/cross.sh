# shellcheck shell=bash
# Cargo for phones on a Debian machine, without the NDK, Xcode or rustup's other targets (rust/docs/adr/0013).
#
#   cross_cargo TRIPLE ARG...   runs cargo; ARG... names the command first: `cross_cargo aarch64-linux-android test --lib`.
#                               What is missing is installed and made. `--target`, `-Zbuild-std`, the compilers and the linker
#                               are set; a runner is the caller's, in CARGO_TARGET_<TRIPLE>_RUNNER.
#   cross_output TRIPLE         prints where cargo puts what it builds: the folder that holds debug, release, mobile
#   android_sysroot TRIPLE      prints the folder of the libraries linked against, of its linker `android-clang` and `symbols`, the
#                               names that Android 6.0 (API 23) defines
#
# TRIPLE is one of
#   aarch64-linux-android, armv7-linux-androideabi, x86_64-linux-android   API 24 and up
#   aarch64-unknown-linux-gnu                                              against Debian's cross compiler's glibc
#   aarch64-apple-ios, aarch64-apple-ios-sim, x86_64-apple-ios             static libraries only: there is no SDK
#
# All share one target folder, TANDEM_CROSS_TARGET_DIR, by default `cross` in the cache. The same flags for every build, so that
# none rebuilds tract for another; the compiler is Debian's rustc-web, whose sources of the standard library match it.
#
# CROSS_RUSTFLAGS are further flags for the compiler, of builds in a profile of their own.
#
# Wants common.sh, apt.sh, cache.sh and maven.sh to be sourced before.

CROSS_TARGET_DIR=${TANDEM_CROSS_TARGET_DIR:-$CACHE/cross}
# Its jar carries Android 6.0's own C library, from which only the names of the symbols are taken.
readonly UNIDBG=com.github.zhkl0228:unidbg-android:0.9.8

# For what ships: the standard library's small algorithms, of which sorting is compiled once for every type, and without its reader of
# debug information, which no phone has.
# shellcheck disable=SC2034 # used by the scripts that source this file
readonly SMALL_STD=-Zbuild-std-features=optimize_for_size,panic-unwind

# The triple as clang wants it.
clang_target() {
    case $1 in
        aarch64-linux-android | x86_64-linux-android) printf '%s24\n' "$1" ;;
        armv7-linux-androideabi) printf 'armv7a-linux-androideabi24\n' ;;
        *) return 1 ;;
    esac
}

# foreign_package ARCHITECTURE PACKAGE FOLDER: unpacks a Debian package of another architecture without telling this
# system's dpkg of that architecture.
foreign_package() {
    local architecture=$1 package=$2 place=$3 state=$3/apt options
    mkdir -p "$state/lists/partial" "$state/archives/partial" || return 1
    options=(-qq -o APT::Sandbox::User=root -o "APT::Architecture=$architecture" -o "APT::Architectures=$architecture" -o Dir::State::status=/dev/null
        -o "Dir::State=$state" -o "Dir::State::lists=$state/lists" -o "Dir::Cache=$state")
    # Sources without this architecture are no error here.
    apt-get "${options[@]}" update </dev/null >&2 || true
    (cd "$place" && apt-get "${options[@]}" download "$package" </dev/null >&2) || return 1
    dpkg -x "$place/$package"_*.deb "$place" || return 1
    rm -rf "$state" "$place/$package"_*.deb
}

# make_stubs FOLDER OF THE REAL LIBRARIES, ELF ARCHITECTURE, FOLDER: libraries with the same names and versions and no code.
make_stubs() {
    local real=$1 architecture=$2 place=$3 name
    for name in libc libm libdl liblog; do
        llvm-ifs-22 --input-format=ELF --output-ifs="$place/$name.ifs" "$real/$name.so" || return 1
        sed -i "s/Arch: AArch64/Arch: $architecture/" "$place/$name.ifs" || return 1
        llvm-ifs-22 --input-format=IFS --output-elf="$place/$name.so" "$place/$name.ifs" || return 1
    done
    grep -hv 'Undefined: true' "$place"/*.ifs | sed -n 's/.*{ Name: \([^,]*\),.*/\1/p' | sort -u >"$place/symbols" || return 1
    rm "$place"/*.ifs
}

make_android_sysroot() {
    local triple=$1 place=$2 jars folder architecture package flags=()
    case $triple in
        aarch64-*) folder=lib64 architecture=AArch64 package=arm64:libunwind-22-dev ;;
        # Of the jar's libraries for Intel there are none: the names are those of the other 64-bit architecture.
        x86_64-*) folder=lib64 architecture=x86_64 package=amd64:libunwind-22-dev ;;
        # The newest that Debian 12 has for this architecture.
        armv7-*) folder=lib architecture=ARM package=armhf:libunwind-19-dev flags=(-mfloat-abi=softfp) ;;
    esac
    jars=$(jars "$UNIDBG") || return 1
    mkdir "$place/unpacked" || return 1
    unzip -q -j "$jars"/unidbg-android-*.jar "android/sdk23/$folder/*.so" -d "$place/unpacked" || return 1
    make_stubs "$place/unpacked" "$architecture" "$place" || return 1
    clang_target "$triple" >"$place/target" || return 1
    local part
    for part in crt crt_exe; do
        clang-22 --target="$(cat "$place/target")" "${flags[@]}" -O2 -fPIC -fno-stack-protector \
            -c -o "$place/$part.o" "$ROOT/scripts/cross/$part.c" || return 1
    done
    foreign_package "${package%%:*}" "${package##*:}" "$place/unpacked" || return 1
    # No function of it takes floating-point numbers, so how those are passed does not matter.
    llvm-objcopy-22 --remove-section .ARM.attributes "$place"/unpacked/usr/lib/llvm-*/lib/libunwind.a "$place/libunwind.a" || return 1
    # What it would hold is in Rust's compiler_builtins.
    llvm-ar-22 crs "$place/libgcc.a" || return 1
    cp "$ROOT/scripts/cross/android-clang" "$place/android-clang" || return 1
    rm -r "$place/unpacked"
}

android_sysroot() {
    local recipe
    need_command unzip unzip
    recipe=$(recipe_hash "$UNIDBG" "$(cat "$ROOT"/scripts/cross/*)" "$(declare -f make_android_sysroot make_stubs clang_target)")
    cached "android/$1" "$recipe" make_android_sysroot "$1" || die "could not make the libraries that $1 links against"
    printf '%s\n' "$CACHE/android/$1"
}

cross_output() { printf '%s\n' "$CROSS_TARGET_DIR/$1"; }

# cross_environment TRIPLE: installs and makes what the target needs, and sets the variables of cargo, rustc and cc.
cross_environment() {
    local triple=$1 lower=${1//-/_} sysroot
    local upper=${lower^^}
    if [[ $(uname -sm) != "Linux x86_64" ]] || ! have apt-get; then
        skip "$triple: cross builds are made for Debian on x86-64"
    fi
    apt_install rustc-web cargo-web rust-web-src clang-22 lld-22 llvm-22 libjemalloc2
    # About a tenth of this compiler's time: Rust's own builds of it come with jemalloc, Debian's with glibc's malloc.
    export LD_PRELOAD=libjemalloc.so.2
    export RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc CARGO_TARGET_DIR=$CROSS_TARGET_DIR
    # Opens -Zbuild-std.
    export RUSTC_BOOTSTRAP=1
    export "CC_$lower=clang-22" "AR_$lower=llvm-ar-22"
    # ring's C files need no C library but for these two headers, which it can do without.
    local freestanding="-nostdlibinc -DRING_CORE_NOSTDLIBINC=1"
    # Clang's headers of Intel's intrinsics want <stdlib.h> for one pair of functions, which ring does not use.
    [[ $triple != x86_64-* ]] || freestanding+=" -D__MM_MALLOC_H"
    case $triple in
        *-android*)
            sysroot=$(android_sysroot "$triple") || exit
            # Clang takes soft floating point for 32-bit ARM, tract's kernels do not.
            [[ $triple != armv7-* ]] || freestanding+=" -mfloat-abi=softfp"
            export "CFLAGS_$lower=--target=$(clang_target "$triple") $freestanding"
            export "CARGO_TARGET_${upper}_LINKER=$sysroot/android-clang"
            ;;
        aarch64-unknown-linux-gnu)
            apt_install gcc-aarch64-linux-gnu libc6-dev-arm64-cross
            export "CC_$lower=aarch64-linux-gnu-gcc" "AR_$lower=aarch64-linux-gnu-ar"
            export "CARGO_TARGET_${upper}_LINKER=aarch64-linux-gnu-gcc"
            ;;
        *-apple-ios*)
            # A folder with two headers, for the system's log and ring, instead of an SDK: cc would ask Xcode for its place. At the
            # same path for every clone, because other flags build everything anew.
            mkdir -p "$CROSS_TARGET_DIR/no-sdk/include"
            cp -ru "$ROOT/scripts/apple/include/." "$CROSS_TARGET_DIR/no-sdk/include"
            export "CFLAGS_$lower=$freestanding -isystem $CROSS_TARGET_DIR/no-sdk/include"
            export SDKROOT=$CROSS_TARGET_DIR/no-sdk IPHONEOS_DEPLOYMENT_TARGET=15.0
            ;;
        *) die "no cross builds for $triple" ;;
    esac
    # No path of this machine in what is built. The workspace's own are relative already.
    export RUSTFLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=crates --remap-path-prefix=/usr/lib/rustlib/src/rust=rust${CROSS_RUSTFLAGS:+ $CROSS_RUSTFLAGS}"
}

cross_cargo() (
    triple=$1
    shift
    cross_environment "$triple"
    # `test` of the standard library too, even where nothing is tested: one set of crates for all.
    /usr/bin/cargo "$1" --target "$triple" -Zbuild-std=std,panic_unwind,test "${@:2}"
)
