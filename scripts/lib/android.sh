# shellcheck shell=bash
# The Android library for each ABI: built, stripped, its symbols set aside, held to the gates.
#
#   android_library ABI FOLDER   builds, and writes FOLDER/jni/ABI/libtandem_ffi.so and FOLDER/symbols/ABI/libtandem_ffi.so
#   android_version              prints the version of the package: the workspace's, with -test where there is no NDK
#   pom_property NAME            prints a version that the Kotlin modules use
#
# Wants common.sh, apt.sh, cache.sh, maven.sh, rust.sh and cross.sh to be sourced before.

readonly ANDROID_ABIS=(arm64-v8a armeabi-v7a x86_64)
readonly ANDROID_LIBRARY=libtandem_ffi.so
# What UniFFI's scaffolding for our facade is called, and what it tells the generator of itself.
readonly ANDROID_EXPORTS='(uniffi|ffi)_tandem_ffi_\w+|UNIFFI_META_\w+'
# The largest that the arm64 library may be, in bytes: a little above what it has (rust/docs/adr/0013). With the NDK, whose
# builds nobody has measured, the aim.
ANDROID_LIMIT=11300000
[[ -z ${ANDROID_NDK_HOME:-} ]] || ANDROID_LIMIT=12000000
readonly ANDROID_LIMIT

# android_triple ABI: the ABI as Rust calls it.
android_triple() {
    case $1 in
        arm64-v8a) printf 'aarch64-linux-android\n' ;;
        armeabi-v7a) printf 'armv7-linux-androideabi\n' ;;
        x86_64) printf 'x86_64-linux-android\n' ;;
        *) die "no ABI '$1'; there are: ${ANDROID_ABIS[*]}" ;;
    esac
}

android_version() {
    local version
    version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml")
    [[ -n ${ANDROID_NDK_HOME:-} ]] || version+=-test
    printf '%s\n' "$version"
}

# pom_property NAME: a version that the Kotlin modules use.
pom_property() { sed -n "s|.*<$1>\(.*\)</$1>.*|\1|p" "$ROOT/bindings/kotlin/pom.xml"; }

# ndk_cargo TRIPLE ARG...: cargo with the NDK's compiler and rustup's target.
ndk_cargo() (
    triple=$1 lower=${1//-/_}
    shift
    tools=("$ANDROID_NDK_HOME"/toolchains/llvm/prebuilt/*/bin)
    [[ -d ${tools[0]} ]] || die "no compiler in $ANDROID_NDK_HOME: is ANDROID_NDK_HOME right?"
    need_rust
    compiler=${tools[0]}/$(clang_target "$triple")-clang
    export "CC_$lower=$compiler" "AR_$lower=${tools[0]}/llvm-ar" "CARGO_TARGET_${lower^^}_LINKER=$compiler"
    export CARGO_TARGET_DIR=$CROSS_TARGET_DIR/ndk
    export RUSTFLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=crates -Clink-arg=-Wl,-z,max-page-size=16384"
    cargo "$1" --target "$triple" "${@:2}"
)

# android_output TRIPLE: the folder where the build of a library leaves it.
android_output() {
    if [[ -n ${ANDROID_NDK_HOME:-} ]]; then
        printf '%s\n' "$CROSS_TARGET_DIR/ndk/$1/mobile"
    else
        printf '%s\n' "$(cross_output "$1")/mobile"
    fi
}

# The facade's features, instead of its default ones.
ANDROID_FEATURES=remote,transformers

# Relocations as Android reads them since API 23, in a tenth of the bytes, and equal functions once: Rust promises no function an
# address of its own, and rustc does not mark which addresses matter, without which `safe` folds nothing.
readonly ANDROID_LINK=--pack-dyn-relocs=android,--icf=all

# build_android TRIPLE: the facade alone, so that no other crate's features come along.
build_android() {
    local cargo=(cross_cargo "$1" rustc "$SMALL_STD")
    [[ -z ${ANDROID_NDK_HOME:-} ]] || cargo=(ndk_cargo "$1" rustc)
    (cd "$ROOT" && "${cargo[@]}" -p tandem-ffi --lib --crate-type cdylib --profile mobile \
        --no-default-features --features "$ANDROID_FEATURES" -- "-Clink-arg=-Wl,$ANDROID_LINK")
}

android_library() {
    local abi=$1 place=$2 triple
    triple=$(android_triple "$abi") || return
    step "building the library for $abi: the first time this takes ten minutes of a processor"
    build_android "$triple" || return
    mkdir -p "$place/jni/$abi" "$place/symbols/$abi" || return
    apt_install llvm-22
    cp "$(android_output "$triple")/$ANDROID_LIBRARY" "$place/symbols/$abi/" || return
    llvm-strip-22 --strip-unneeded -o "$place/jni/$abi/$ANDROID_LIBRARY" "$place/symbols/$abi/$ANDROID_LIBRARY" || return
    check_library "$abi" "$place/jni/$abi/$ANDROID_LIBRARY"
}

# check_library ABI FILE: the gates for a library of ours.
check_library() {
    local own=(--soname "$ANDROID_LIBRARY" --export "$ANDROID_EXPORTS" --path "$ROOT" --path "$HOME" --path "$CACHE" --path /usr/lib/rustlib)
    [[ $1 != arm64-v8a ]] || own+=(--limit "$ANDROID_LIMIT")
    check_foreign_library "$1" "${own[@]}" "$2"
}

# check_foreign_library ABI ARG...: the gates for any library that an app loads.
check_foreign_library() {
    local symbols
    symbols=$(android_sysroot "$(android_triple "$1")")/symbols || return
    python3 -B "$ROOT/scripts/lib/elf_gate.py" --abi "$1" --symbols "$symbols" "${@:2}"
}
