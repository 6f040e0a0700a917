# shellcheck shell=bash
# Things made once and kept in the cache: right when it is empty, stale, half made or shared.

# recipe_hash WORD...: a short name for what a cached part is made from.
recipe_hash() { printf '%s\0' "$@" | sha256sum | cut -c1-12; }

# cached NAME RECIPE MAKE [ARG...]: makes $CACHE/NAME by `MAKE [ARG...] FOLDER`, unless its stamp already carries RECIPE.
# The folder is filled under another name and renamed, so what stands at the final name is whole. MAKE must say by its
# status whether it worked: bash switches `set -e` off in whatever runs on the left of `||`.
cached() {
    local name=$1 recipe=$2
    shift 2
    local place=$CACHE/$name
    mkdir -p "$(dirname "$place")"
    (
        exec 9>"$place.lock"
        flock 9
        if [[ $(cat "$place/.recipe" 2>/dev/null) == "$recipe" ]]; then
            exit 0
        fi
        rm -rf "$place.new" "$place.old"
        mkdir "$place.new"
        # A child must not hold the lock: a server it leaves behind would keep it for ever.
        "$@" "$place.new" 9>&- || exit 1
        printf '%s\n' "$recipe" >"$place.new/.recipe" || exit 1
        if [[ -e $place ]]; then mv "$place" "$place.old" || exit 1; fi
        mv "$place.new" "$place" || exit 1
        rm -rf "$place.old"
    )
}
