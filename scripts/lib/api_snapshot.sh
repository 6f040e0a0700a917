# shellcheck shell=bash
# Snapshots of public interfaces: a change of the API is a change of a committed file, and so is seen in review.

# same_api SNAPSHOT: compares the interface on standard input with the committed file, or, where TANDEM_UPDATE_API is
# set, writes the file.
same_api() {
    local snapshot=$1 found
    found=$(cat)
    if [[ -z $found ]]; then
        say "there is no interface to compare with ${snapshot#"$ROOT"/}"
        return 1
    fi
    if [[ -n ${TANDEM_UPDATE_API:-} ]]; then
        mkdir -p "$(dirname "$snapshot")"
        printf '%s\n' "$found" >"$snapshot"
    elif ! diff -u --label committed --label now "$snapshot" - <<<"$found" >&2; then
        say "the public interface differs from ${snapshot#"$ROOT"/}; if that is meant, write it anew with TANDEM_UPDATE_API=1"
        return 1
    fi
}

# kotlin_api CLASSES: what a folder of Kotlin classes declares in public.
kotlin_api() {
    local version folder
    version=$(sed -n 's:.*<kotlin.version>\(.*\)</kotlin.version>.*:\1:p' "$ROOT/bindings/kotlin/pom.xml")
    folder=$(jars "org.jetbrains.kotlin:abi-tools:$version") || return
    java -cp "$folder/*" "$ROOT/scripts/lib/AbiDump.java" "$1"
}
