# Reads a test run under -Xcheck:jni. Drops the warnings that JNA itself causes, with their stack traces, and says how
# many there were; any other one stays and makes the run fail.

function known(line) {
    return line ~ /^WARNING in native method: JNI call made without checking exceptions when required to from Call(Void|Object|StaticObject)Method$/ ||
        line ~ /^WARNING: JNI local refs: 33, exceeds capacity: 32$/
}

known($0) {
    dropped++
    inside = 1
    next
}

inside && /^\t(at|-) / { next }

{ inside = 0 }

/^(WARNING|FATAL ERROR) in native method/ || /^WARNING: JNI / { unknown++ }

{ print; fflush() }

END {
    if (dropped) printf "%d warnings of JNA's own about JNI left out\n", dropped
    if (unknown) {
        printf "%d unexpected warnings about JNI\n", unknown
        exit 1
    }
}
