# shellcheck shell=bash
# Swift on Linux: Debian's toolchain in a root folder of its own, because this system's libraries may be too old for it.

readonly SWIFT_SUITE=trixie
readonly SWIFT_PACKAGES=swiftlang,libc6-dev,libstdc++-14-dev

# The package mirror that this machine itself uses.
debian_mirror() {
    local mirror
    mirror=$(cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null |
        awk '/^URIs:/ { print $2; exit } /^deb / { for (i = 2; i <= NF; i++) if ($i ~ /^[a-z+]+:\/\//) { print $i; exit } }')
    [[ -n $mirror ]] || return 1
    printf '%s\n' "$mirror"
}

make_swift_root() {
    local place=$1 mirror
    mirror=$(debian_mirror) || {
        say "no Debian mirror in this machine's apt sources"
        return 1
    }
    step "installing Swift into the cache: about 2.1 GB, two minutes"
    # mmdebstrap's hooks and maintainer scripts expect a folder that they may own; /proc is left unmounted.
    mmdebstrap --quiet --mode=root --variant=apt --include="$SWIFT_PACKAGES" \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/libexec/swift/bin/*lldb*' \
        --dpkgopt='path-exclude=/usr/libexec/swift/lib/liblldb*' \
        --dpkgopt='path-exclude=/usr/libexec/swift/bin/clangd' \
        "$SWIFT_SUITE" "$place" "deb $mirror $SWIFT_SUITE main" </dev/null >&2 || return 1
    # A link to an absolute path, so it is not there when seen from outside the root.
    [[ -L $place/usr/bin/swift || -x $place/usr/bin/swift ]] || {
        say "the Swift root has no swift in it"
        return 1
    }
}

# A Swift of this machine's own that is new enough for the package's tools version.
has_swift() { have swift && [[ $(swift --version 2>&1) =~ Swift\ version\ ([0-9]+) ]] && ((BASH_REMATCH[1] >= 6)); }

# swift_toolchain: makes Swift available, or skips the part with the reason.
swift_toolchain() {
    has_swift && return 0
    [[ $(uname -s) == Linux ]] || skip "Swift: no Swift 6 on the PATH, install Xcode's command line tools"
    have apt-get || skip "Swift: no Swift 6 on the PATH, and only Debian's packages can be installed from here"
    [[ $(id -u) == 0 ]] || skip "Swift: no Swift 6 on the PATH, and making a Swift root needs to be root"
    unshare --mount true 2>/dev/null || skip "Swift: no Swift 6 on the PATH, and this machine does not let root mount folders"
    need_command mmdebstrap mmdebstrap
    cached swift-root "$(recipe_hash "$SWIFT_SUITE" "$SWIFT_PACKAGES" "$(declare -f make_swift_root)")" make_swift_root ||
        die "could not make the Swift root: is the package mirror reachable?"
}

# in_swift FOLDER NAME=VALUE... -- COMMAND...: runs a command of the toolchain in FOLDER. Only the variables given
# exist there, and of this machine's files only those under the repository and the cargo target folder, at their own paths.
in_swift() {
    local folder=$1 variables=()
    shift
    while [[ $1 != -- ]]; do
        variables+=("$1")
        shift
    done
    shift
    if has_swift; then
        (cd "$folder" && env "${variables[@]}" "$@")
        return
    fi
    mkdir -p "$CARGO_TARGET_DIR"
    # A mount namespace of its own leaves no mounts behind, whatever happens.
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount --propagation private bash -c '
        set -e
        root=$1 folder=$2 repository=$3 target=$4
        shift 4
        mkdir -p "$root/proc"
        mount -t proc proc "$root/proc"
        for shared in "$repository" "$target" "$folder"; do
            mkdir -p "$root$shared"
            mount --bind "$shared" "$root$shared"
        done
        exec chroot "$root" /usr/bin/env -i HOME=/tmp PATH=/usr/bin:/bin LANG=C.UTF-8 \
            sh -c "cd \"\$0\" && exec env \"\$@\"" "$folder" "$@"
    ' _ "$CACHE/swift-root" "$folder" "$ROOT" "$CARGO_TARGET_DIR" "${variables[@]}" "$@"
}
