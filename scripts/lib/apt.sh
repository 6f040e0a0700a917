# shellcheck shell=bash
# Debian packages, installed when they are missing.

# with_root CMD...: runs CMD as root, through sudo when that needs no password.
with_root() {
    if ((EUID == 0)); then
        "$@"
    elif have sudo && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 126
    fi
}

# apt_install PACKAGE...: installs what dpkg does not know yet. Two apt commands at once break each other, hence the lock.
apt_install() {
    local package missing=()
    for package in "$@"; do
        if [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) != installed ]]; then
            missing+=("$package")
        fi
    done
    ((${#missing[@]})) || return 0
    have apt-get || die "needs ${missing[*]}: install them with this system's package manager"
    step "installing ${missing[*]}"
    local try
    (
        exec 9>"${TMPDIR:-/tmp}/apt.lock"
        flock 9
        for try in 1 2 3; do
            if with_root apt-get -o DPkg::Lock::Timeout=300 update -qq </dev/null 9>&- >&2 &&
                with_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq \
                    install -y --no-install-recommends "${missing[@]}" </dev/null 9>&- >&2; then
                exit 0
            fi
            say "attempt $try to install ${missing[*]} failed"
            sleep $((try * 5))
        done
        exit 1
    ) || die "could not install ${missing[*]}: run 'sudo apt-get install ${missing[*]}' and try again"
}

# need_command COMMAND PACKAGE...: installs the packages when the command is missing.
need_command() {
    have "$1" && return 0
    apt_install "${@:2}"
    have "$1" || die "$1 is still missing after installing ${*:2}"
}
