#!/usr/bin/env bash
# The sample app for Android as a signed debug APK, without Gradle: aapt2, R8, a zip of our own, apksigner.
#
#   build_apk FOLDER   packs FOLDER/tandem-demo-debug.apk with the libraries in FOLDER/jni, where scripts/build-android
#                      leaves them, and JNA's
#
# Sourced by scripts/build-android; run by itself it takes the folder as its argument.
set -euo pipefail
if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    # shellcheck source=common.sh
    . "$(dirname "${BASH_SOURCE[0]}")/common.sh"
    # shellcheck source=apt.sh
    . "$ROOT/scripts/lib/apt.sh"
    # shellcheck source=cache.sh
    . "$ROOT/scripts/lib/cache.sh"
    # shellcheck source=rust.sh
    . "$ROOT/scripts/lib/rust.sh"
    # shellcheck source=maven.sh
    . "$ROOT/scripts/lib/maven.sh"
fi

readonly APK_MIN_SDK=26

# property NAME: a version that the Kotlin modules use.
apk_property() { sed -n "s|.*<$1>\(.*\)</$1>.*|\1|p" "$ROOT/bindings/kotlin/pom.xml"; }

# r8_classes: prints the path of a jar with R8: the SDK's, else the one that Maven finds.
r8_classes() {
    local found folder
    found=$(find "${ANDROID_HOME:-/nonexistent}/build-tools" -name d8.jar 2>/dev/null | sort -V | tail -n 1)
    if [[ -z $found ]]; then
        folder=$(jars com.android.tools:r8:9.5.28) || return
        found=$folder/r8-9.5.28.jar
    fi
    printf '%s\n' "$found"
}

# maven_file GROUP:NAME:VERSION:TYPE FOLDER: fetches one file.
maven_file() {
    mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy -Dartifact="$1" -DoutputDirectory="$2" \
        -Dmdep.useBaseVersion=true </dev/null >&2
}

# app_classes WORK: compiles the app and gathers, in WORK/program, all that its dex is made of, and in WORK/jna JNA's AAR.
app_classes() {
    local work=$1 module
    "$ROOT/scripts/generate-bindings" --kotlin
    mvn -q -B -f "$ROOT/bindings/kotlin/pom.xml" -Pandroid-demo -pl ../../android-demo -am -Dmaven.test.skip=true \
        -Dmdep.skip=true package </dev/null >&2 || return
    mkdir -p "$work/program" "$work/jna" || return
    for module in bindings/kotlin/generated bindings/kotlin/sdk bindings/kotlin-android android-demo; do
        cp "$ROOT/$module"/target/*-0.1.0.jar "$work/program/" || return
    done
    maven_file "org.jetbrains.kotlin:kotlin-stdlib:$(apk_property kotlin.version):jar" "$work/program" || return
    maven_file org.jetbrains:annotations:13.0:jar "$work/program" || return
    for module in core-jvm android; do
        maven_file "org.jetbrains.kotlinx:kotlinx-coroutines-$module:$(apk_property coroutines.version):jar" \
            "$work/program" || return
    done
    maven_file "net.java.dev.jna:jna:$(apk_property jna.version):aar" "$work/jna" || return
    unzip -q "$work"/jna/*.aar -d "$work/jna" || return
    cp "$work/jna/classes.jar" "$work/program/jna.jar" || return
    maven_file org.robolectric:android-all:15-robolectric-13954326:jar "$work/platform"
}

# shrink WORK R8: makes WORK/dex from the program, as small as the rules of the app, the library and JNA let it be.
shrink() {
    local work=$1 home
    home=$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")
    mkdir -p "$work/dex"
    java -Xmx2g -cp "$2" com.android.tools.r8.R8 --release --min-api "$APK_MIN_SDK" --lib "$home" \
        --lib "$(echo "$work"/platform/*.jar)" --output "$work/dex" --pg-map-output "$work/mapping.txt" \
        --pg-conf "$ROOT/android-demo/app/proguard-rules.pro" --pg-conf "$ROOT/bindings/kotlin-android/consumer-rules.pro" \
        --pg-conf "$ROOT/android-demo/target/app/aapt.pro" "$work"/program/*.jar >"$work/r8.log" 2>&1 || {
        cat "$work/r8.log" >&2
        return 1
    }
}

# sign UNSIGNED SIGNED WORK: signs with a key made on the spot, as Android Studio does for builds that are tried out.
sign() {
    keytool -genkeypair -keystore "$3/debug.p12" -storetype PKCS12 -storepass android -alias androiddebugkey \
        -dname "CN=Android Debug,O=Android,C=US" -keyalg RSA -keysize 2048 -validity 10000 2>/dev/null || return
    apksigner sign --ks "$3/debug.p12" --ks-pass pass:android --min-sdk-version "$APK_MIN_SDK" \
        --v1-signing-enabled false --out "$2" "$1" || return
    rm -f "$2.idsig"
    apksigner verify --min-sdk-version "$APK_MIN_SDK" "$2"
}

build_apk() {
    local out=$1 work r8 abi abis=()
    need_command aapt2 aapt
    need_command apksigner apksigner
    need_command unzip unzip
    apt_install android-framework-res
    r8=$(r8_classes) || skip "no R8 for the APK: set ANDROID_HOME to an Android SDK"
    [[ -f $r8 ]] || skip "no R8 at $r8: set ANDROID_HOME to an Android SDK"
    for abi in "$out"/jni/*/; do
        abis+=("$(basename "$abi")")
    done
    [[ -d $out/jni/${abis[0]} ]] || die "no libraries in $out/jni: run scripts/build-android first"
    work=$(mktemp -d)
    step "compiling the sample app"
    app_classes "$work" || die "the sample app does not compile"
    step "shrinking it with R8"
    shrink "$work" "$r8" || die "R8 failed"
    for abi in "${abis[@]}"; do
        mkdir -p "$work/libraries/$abi"
        cp "$work/jna/jni/$abi/libjnidispatch.so" "$out/jni/$abi/libtandem_ffi.so" "$work/libraries/$abi/"
    done
    python3 -B "$ROOT/scripts/lib/apk.py" pack "$work/unsigned.apk" "$ROOT/android-demo/target/app/base.apk" "$work/dex" \
        "$work/libraries" || die "the APK was not packed"
    sign "$work/unsigned.apk" "$out/tandem-demo-debug.apk" "$work" || die "the APK was not signed"
    cp "$work/mapping.txt" "$out/tandem-demo-debug.mapping.txt"
    step "the sample app: bytes, files, name"
    python3 -B "$ROOT/scripts/lib/apk.py" check "$out/tandem-demo-debug.apk" "${abis[@]}" ||
        die "the APK holds what it should not"
    rm -rf "$work"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    need_rust
    need_maven
    build_apk "${1:?the folder of scripts/build-android}"
fi
