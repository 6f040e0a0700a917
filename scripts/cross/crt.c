// What the NDK's crtbegin and compiler-rt give every binary, and what Debian's libunwind, built for glibc, asks for
// under glibc's names. Nothing of it is exported.
#define HIDDEN __attribute__((visibility("hidden")))

extern int *__errno(void);
extern void abort(void) __attribute__((noreturn));

HIDDEN void *__dso_handle = &__dso_handle;
HIDDEN int *__errno_location(void) { return __errno(); }
HIDDEN __attribute__((noreturn)) void __assert_fail(const char *a, const char *f, unsigned l, const char *n) { abort(); }
HIDDEN int __fprintf_chk(void *stream, int flag, const char *format, ...) { return 0; }
