/* Android's log by name: built as `liblog.so`, it writes to standard error. */
#include <stdarg.h>
#include <stdio.h>

int __android_log_write(int priority, const char *tag, const char *text) {
    return fprintf(stderr, "log[%d] %s: %s\n", priority, tag, text);
}

int __android_log_print(int priority, const char *tag, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "log[%d] %s: ", priority, tag);
    int written = vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return written;
}
