/* Android's C library by name, on top of glibc: built as `libc.so`, it lets programs linked for Android run on Linux.
 *
 * What has the same layout in both goes through to glibc. What differs is translated here: structures, and the numbers
 * of sysconf. The layouts are those of bionic's headers for 64-bit targets. A test aid and no bionic: it has bionic's
 * names and none of its behaviour. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Defines `name` of this library under another C name, because glibc's headers declare it with other types. */
#define BIONIC(name) __asm__(name)

static void *glibc(const char *name) {
    static void *library;
    if (!library) library = dlopen("libc.so.6", RTLD_NOLOAD | RTLD_LAZY);
    void *symbol = library ? dlsym(library, name) : NULL;
    if (!symbol) {
        fprintf(stderr, "shim: glibc has no %s\n", name);
        abort();
    }
    return symbol;
}

/* --- errors ------------------------------------------------------------------------------------------------------ */

int *__errno(void) { return __errno_location(); }

/* bionic's is the one of POSIX, glibc's of that name is GNU's. */
extern int __xpg_strerror_r(int, char *, size_t);
int bionic_strerror_r(int, char *, size_t) BIONIC("strerror_r");
int bionic_strerror_r(int error, char *text, size_t size) { return __xpg_strerror_r(error, text, size); }

void android_set_abort_message(const char *message) { fprintf(stderr, "abort message: %s\n", message); }

/* --- the system -------------------------------------------------------------------------------------------------- */

long bionic_sysconf(int) BIONIC("sysconf");
long bionic_sysconf(int name) {
    static const struct {
        int bionic, glibc;
    } names[] = {
        {0x00, _SC_ARG_MAX},          {0x06, _SC_CLK_TCK},           {0x0a, _SC_NGROUPS_MAX},
        {0x0b, _SC_OPEN_MAX},         {0x27, _SC_PAGESIZE},          {0x28, _SC_PAGESIZE},
        {0x38, _SC_IOV_MAX},          {0x47, _SC_GETGR_R_SIZE_MAX},  {0x48, _SC_GETPW_R_SIZE_MAX},
        {0x4c, _SC_THREAD_STACK_MIN}, {0x60, _SC_NPROCESSORS_CONF},  {0x61, _SC_NPROCESSORS_ONLN},
        {0x62, _SC_PHYS_PAGES},       {0x63, _SC_AVPHYS_PAGES},
    };
    long (*real)(int) = glibc("sysconf");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].bionic == name) return real(names[i].glibc);
    fprintf(stderr, "shim: sysconf(0x%x) is not translated\n", name);
    errno = EINVAL;
    return -1;
}

int __system_property_get(const char *name, char *value) {
    const char *known = strcmp(name, "ro.build.version.sdk") == 0 ? "24" : "";
    strcpy(value, known);
    return (int)strlen(known);
}

/* --- what glibc has in an old form too, to which a name without a version leads -------------------------------------- */

char *bionic_realpath(const char *, char *) BIONIC("realpath");
char *bionic_realpath(const char *path, char *resolved) {
    char *(*real)(const char *, char *) = glibc("realpath");
    return real(path, resolved);
}

int bionic_sched_getaffinity(pid_t, size_t, void *) BIONIC("sched_getaffinity");
int bionic_sched_getaffinity(pid_t process, size_t size, void *set) {
    int (*real)(pid_t, size_t, void *) = glibc("sched_getaffinity");
    return real(process, size, set);
}

/* --- threads: pthread_attr_t has 56 bytes in bionic and up to 64 in glibc ------------------------------------------- */

typedef struct {
    unsigned flags;
    void *stack_base;
    size_t stack_size, guard_size;
    int policy, priority;
    char reserved[16];
} attributes;
_Static_assert(sizeof(attributes) == 56, "bionic's pthread_attr_t");

int attr_init(attributes *) BIONIC("pthread_attr_init");
int attr_init(attributes *a) {
    memset(a, 0, sizeof *a);
    a->stack_size = 1 << 20;
    a->guard_size = 4096;
    return 0;
}

int attr_destroy(attributes *) BIONIC("pthread_attr_destroy");
int attr_destroy(attributes *a) {
    memset(a, 0x42, sizeof *a);
    return 0;
}

int attr_setstacksize(attributes *, size_t) BIONIC("pthread_attr_setstacksize");
int attr_setstacksize(attributes *a, size_t size) {
    if (size < 16384) return EINVAL;
    a->stack_size = size;
    return 0;
}

int attr_getstack(const attributes *, void **, size_t *) BIONIC("pthread_attr_getstack");
int attr_getstack(const attributes *a, void **base, size_t *size) {
    *base = a->stack_base;
    *size = a->stack_size;
    return 0;
}

int attr_getguardsize(const attributes *, size_t *) BIONIC("pthread_attr_getguardsize");
int attr_getguardsize(const attributes *a, size_t *size) {
    *size = a->guard_size;
    return 0;
}

int getattr_np(pthread_t, attributes *) BIONIC("pthread_getattr_np");
int getattr_np(pthread_t thread, attributes *a) {
    int (*get)(pthread_t, pthread_attr_t *) = glibc("pthread_getattr_np");
    int (*stack)(const pthread_attr_t *, void **, size_t *) = glibc("pthread_attr_getstack");
    int (*guard)(const pthread_attr_t *, size_t *) = glibc("pthread_attr_getguardsize");
    int (*destroy)(pthread_attr_t *) = glibc("pthread_attr_destroy");
    pthread_attr_t real;
    int failed = get(thread, &real);
    if (failed) return failed;
    attr_init(a);
    stack(&real, &a->stack_base, &a->stack_size);
    guard(&real, &a->guard_size);
    return destroy(&real);
}

int create(pthread_t *, const attributes *, void *(*)(void *), void *) BIONIC("pthread_create");
int create(pthread_t *thread, const attributes *a, void *(*start)(void *), void *argument) {
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = glibc("pthread_create");
    int (*init)(pthread_attr_t *) = glibc("pthread_attr_init");
    int (*set_stack)(pthread_attr_t *, size_t) = glibc("pthread_attr_setstacksize");
    int (*destroy)(pthread_attr_t *) = glibc("pthread_attr_destroy");
    pthread_attr_t translated;
    init(&translated);
    /* glibc takes its own bookkeeping out of the stack, and refuses less than this on arm64. */
    if (a) set_stack(&translated, a->stack_size < 1 << 17 ? 1 << 17 : a->stack_size);
    int failed = real(thread, &translated, start, argument);
    destroy(&translated);
    return failed;
}

/* --- signals: a set has 8 bytes in bionic and 128 in glibc; sigaction has its flags first ---------------------------- */

typedef unsigned long signals;

typedef struct {
    int flags;
    void *handler;
    signals mask;
    void (*restorer)(void);
} action;

static sigset_t widened(const signals *set) {
    sigset_t wide;
    memset(&wide, 0, sizeof wide);
    memcpy(&wide, set, sizeof *set);
    return wide;
}

int bionic_sigaction(int, const action *, action *) BIONIC("sigaction");
int bionic_sigaction(int number, const action *new, action *old) {
    int (*real)(int, const struct sigaction *, struct sigaction *) = glibc("sigaction");
    struct sigaction set, was;
    memset(&set, 0, sizeof set);
    memset(&was, 0, sizeof was);
    if (new) {
        set.sa_handler = (void (*)(int))new->handler;
        set.sa_flags = new->flags;
        set.sa_mask = widened(&new->mask);
    }
    int failed = real(number, new ? &set : NULL, old ? &was : NULL);
    if (old) {
        old->handler = (void *)was.sa_handler;
        old->flags = was.sa_flags;
        old->restorer = NULL;
        memcpy(&old->mask, &was.sa_mask, sizeof old->mask);
    }
    return failed;
}

static int masked(const char *name, int how, const signals *new, signals *old) {
    int (*real)(int, const sigset_t *, sigset_t *) = glibc(name);
    sigset_t set, was;
    memset(&was, 0, sizeof was);
    if (new) set = widened(new);
    int failed = real(how, new ? &set : NULL, old ? &was : NULL);
    if (old) memcpy(old, &was, sizeof *old);
    return failed;
}

int bionic_sigprocmask(int, const signals *, signals *) BIONIC("sigprocmask");
int bionic_sigprocmask(int how, const signals *new, signals *old) { return masked("sigprocmask", how, new, old); }

int bionic_pthread_sigmask(int, const signals *, signals *) BIONIC("pthread_sigmask");
int bionic_pthread_sigmask(int how, const signals *new, signals *old) {
    return masked("pthread_sigmask", how, new, old);
}

int bionic_sigemptyset(signals *) BIONIC("sigemptyset");
int bionic_sigemptyset(signals *set) {
    *set = 0;
    return 0;
}

int bionic_sigfillset(signals *) BIONIC("sigfillset");
int bionic_sigfillset(signals *set) {
    *set = ~0ul;
    return 0;
}

int bionic_sigaddset(signals *, int) BIONIC("sigaddset");
int bionic_sigaddset(signals *set, int number) {
    *set |= 1ul << (number - 1);
    return 0;
}

/* --- names of hosts: bionic has the name before the address, as the BSDs do, and positive error numbers -------------- */

typedef struct names {
    int flags, family, type, protocol;
    socklen_t length;
    char *name;
    struct sockaddr *address;
    struct names *next;
} names;

static int name_error(int glibcs) {
    switch (glibcs) {
        case 0: return 0;
        case EAI_AGAIN: return 2;
        case EAI_BADFLAGS: return 3;
        case EAI_FAIL: return 4;
        case EAI_FAMILY: return 5;
        case EAI_MEMORY: return 6;
        case EAI_SERVICE: return 9;
        case EAI_SOCKTYPE: return 10;
        case EAI_SYSTEM: return 11;
        default: return 8; /* EAI_NONAME */
    }
}

int bionic_getaddrinfo(const char *, const char *, const names *, names **) BIONIC("getaddrinfo");
int bionic_getaddrinfo(const char *node, const char *service, const names *hints, names **found) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = glibc("getaddrinfo");
    void (*release)(struct addrinfo *) = glibc("freeaddrinfo");
    struct addrinfo want = {0}, *list = NULL;
    if (hints) {
        /* Both number AI_PASSIVE, AI_CANONNAME and AI_NUMERICHOST alike; nothing here asks for more. */
        want.ai_flags = hints->flags & 7;
        want.ai_family = hints->family;
        want.ai_socktype = hints->type;
        want.ai_protocol = hints->protocol;
    }
    int failed = real(node, service, hints ? &want : NULL, &list);
    if (failed) return name_error(failed);
    names **end = found;
    for (struct addrinfo *it = list; it; it = it->ai_next) {
        names *copy = calloc(1, sizeof *copy + it->ai_addrlen);
        if (!copy) abort();
        *copy = (names){it->ai_flags, it->ai_family, it->ai_socktype, it->ai_protocol, it->ai_addrlen, NULL,
                        (struct sockaddr *)(copy + 1), NULL};
        memcpy(copy->address, it->ai_addr, it->ai_addrlen);
        *end = copy;
        end = &copy->next;
    }
    release(list);
    return 0;
}

void bionic_freeaddrinfo(names *) BIONIC("freeaddrinfo");
void bionic_freeaddrinfo(names *list) {
    while (list) {
        names *next = list->next;
        free(list);
        list = next;
    }
}

/* --- programs: where the start file hands over ---------------------------------------------------------------------- */

extern int __libc_start_main(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void),
                             void (*)(void), void *);

void __libc_init(void *raw, void (*at_exit)(void), int (*main_function)(int, char **, char **), const void *structors) {
    (void)at_exit, (void)structors;
    long *arguments = raw;
    __libc_start_main(main_function, (int)arguments[0], (char **)(arguments + 1), NULL, NULL, NULL, raw);
    abort();
}
