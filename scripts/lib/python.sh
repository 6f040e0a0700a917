# shellcheck shell=bash
# Python environments in the cache, one for each list of pinned packages.

# A Python that the pinned packages have wheels for.
find_python() {
    local name
    for name in python3.11 python3.12 python3; do
        if have "$name" && "$name" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; then
            printf '%s\n' "$name"
            return 0
        fi
    done
    return 1
}

make_environment() {
    local python=$1 list=$2 finish=$3 place=$4 try
    "$python" -m venv "$place" || return 1
    for try in 1 2 3; do
        # The list names every package, those that others depend on too.
        if "$place/bin/python" -m pip install -q --no-deps --disable-pip-version-check -r "$list" >&2; then
            "$finish" "$place"
            return
        fi
        say "attempt $try to install $(basename "$list") failed"
    done
    say "could not install the packages of $list: is the Python package index reachable?"
    return 1
}

# python_environment NAME [FINISH]: makes the environment of requirements/NAME.txt, ends with `FINISH FOLDER`, and prints
# the path of its interpreter.
# Call the interpreter, never the programs beside it: those carry the path of the folder they were made in.
python_environment() {
    local list=$ROOT/scripts/lib/requirements/$1.txt python
    if ! python=$(find_python); then
        apt_install python3.11
        python=$(find_python) || die "needs Python 3.11 or 3.12"
    fi
    "$python" -c 'import ensurepip, venv' 2>/dev/null || apt_install "python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    local recipe
    recipe=$(recipe_hash "$("$python" -c 'import sys; print(sys.version, sys.executable)')" "$(cat "$list")")
    [[ -x $CACHE/python/$1-$recipe/bin/python ]] || step "installing the Python packages of $1"
    cached "python/$1-$recipe" "$recipe" make_environment "$python" "$list" "${2:-true}" || die "no Python environment for $1"
    printf '%s\n' "$CACHE/python/$1-$recipe/bin/python"
}
