# shellcheck shell=bash
# Cargo and a C compiler, which every part that builds needs.

# What every build selects. Cargo gives a crate other features when it is built alone, and then builds all that it
# stands on once more: with tract that is ten minutes. One selection for all keeps one set of built crates.
# shellcheck disable=SC2034 # used by the scripts that source this file
readonly WORKSPACE=(--workspace --exclude tandem-uniffi-bindgen)

need_rust() {
    if ! have cargo && [[ -x ${CARGO_HOME:-$HOME/.cargo}/bin/cargo ]]; then
        PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
    fi
    have cargo || die "needs Rust, which is not installed: see rustup.rs"
    have cc || have gcc || have clang || apt_install gcc libc6-dev
}

# native_library FOLDER: the path of the facade's library in a cargo output folder.
native_library() {
    case $(uname -s) in
        Darwin) printf '%s\n' "$1/libtandem_ffi.dylib" ;;
        *) printf '%s\n' "$1/libtandem_ffi.so" ;;
    esac
}
