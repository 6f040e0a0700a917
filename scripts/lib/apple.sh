# shellcheck shell=bash
# The static libraries for Apple's systems: built, stripped, with the header and the Swift sources that belong to them.
#
#   apple_library TRIPLE FOLDER   builds, writes FOLDER/TRIPLE/libtandem.a
#   apple_bindings LIBRARY FOLDER writes FOLDER/Headers and FOLDER/TandemGenerated for an unstripped library
#   apple_output TRIPLE           prints the folder where the build of a library leaves it
#
# Wants common.sh, apt.sh, cache.sh, maven.sh, rust.sh and cross.sh to be sourced before.

# The device first: it is what ships.
# shellcheck disable=SC2034 # used by the scripts that source this file
readonly APPLE_TRIPLES=(aarch64-apple-ios aarch64-apple-ios-sim x86_64-apple-ios)
# The largest that a library for one architecture may be, in bytes.
# shellcheck disable=SC2034 # used by the scripts that source this file
readonly APPLE_LIMIT=60000000

# xcode: whether this machine has Xcode, whose compilers and tools are then used.
xcode() { [[ $(uname -s) == Darwin ]] && have xcodebuild; }

apple_output() {
    if xcode; then
        printf '%s\n' "$CARGO_TARGET_DIR/$1/mobile"
    else
        printf '%s\n' "$(cross_output "$1")/mobile"
    fi
}

# llvm TOOL ARG...: Xcode's tool or Debian's.
llvm() {
    if xcode; then
        xcrun "$@"
    else
        "llvm-$1-22" "${@:2}"
    fi
}

# build_apple TRIPLE: the facade alone, so that no other crate's features come along. No dynamic library: it would want an SDK.
build_apple() {
    local triple=$1 build=(rustc -p tandem-ffi --lib --crate-type staticlib --profile mobile)
    cd "$ROOT" || return
    if xcode; then
        need_rust
        rustup target add "$triple" >&2 || return
        IPHONEOS_DEPLOYMENT_TARGET=15.0 RUSTFLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=crates" \
            cargo "${build[@]}" --target "$triple"
    else
        cross_cargo "$triple" "${build[@]}"
    fi
}

apple_library() {
    local triple=$1 place=$2/$1
    step "building for $triple: ten minutes of a processor when nothing is built yet"
    (build_apple "$triple") || return
    mkdir -p "$place" || return
    # Without debug information. Names that only an object itself uses stay, for the app's linker to take: with -x, LLVM 22 takes the
    # number in an ARM64_RELOC_ADDEND for a symbol's, and no linker can read what comes out.
    llvm strip -S -o "$place/libtandem.a" "$(apple_output "$triple")/libtandem_ffi.a"
}

apple_bindings() {
    local library=$1 place=$2
    rm -rf "$place/Headers" "$place/TandemGenerated"
    mkdir -p "$place/Headers/tandem_ffiFFI" || return
    # The generator reads the workspace's metadata, so it runs inside it.
    (cd "$ROOT" && cargo build -p tandem-uniffi-bindgen &&
        "$CARGO_TARGET_DIR/debug/uniffi-bindgen" generate --language swift --out-dir "$place/TandemGenerated" \
            --no-format "$library") || return
    mv "$place"/TandemGenerated/*.h "$place/Headers/tandem_ffiFFI/" || return
    rm -f "$place"/TandemGenerated/*.modulemap
    # In a folder that is called like the module, where clang looks too: Xcode copies the headers of all frameworks into one.
    printf 'module tandem_ffiFFI {\n    header "tandem_ffiFFI.h"\n    export *\n}\n' >"$place/Headers/tandem_ffiFFI/module.modulemap"
}
