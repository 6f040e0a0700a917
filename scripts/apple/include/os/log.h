// As much of Apple's <os/log.h> as the crate `oslog` uses, for builds without an SDK: the same symbols of libSystem, called
// as Apple's macros call them (__builtin_os_log_format is clang's own). With Xcode its own header is used, not this one.
#ifndef TANDEM_OS_LOG_H
#define TANDEM_OS_LOG_H

#include <stdbool.h>
#include <stdint.h>

typedef struct os_log_s *os_log_t;
typedef uint8_t os_log_type_t;

enum {
    OS_LOG_TYPE_DEFAULT = 0x00,
    OS_LOG_TYPE_INFO = 0x01,
    OS_LOG_TYPE_DEBUG = 0x02,
    OS_LOG_TYPE_ERROR = 0x10,
    OS_LOG_TYPE_FAULT = 0x11,
};

extern struct os_log_s _os_log_default;
#define OS_LOG_DEFAULT (&_os_log_default)

extern void *__dso_handle;
extern bool os_log_type_enabled(os_log_t log, os_log_type_t type);
extern void _os_log_impl(
    void *dso, os_log_t log, os_log_type_t type, const char *format, uint8_t *arguments, uint32_t size);

#define os_log_with_type(log, type, format, ...)                                                                       \
    do {                                                                                                               \
        os_log_t to = (log);                                                                                           \
        os_log_type_t of = (type);                                                                                     \
        if (os_log_type_enabled(to, of)) {                                                                             \
            __attribute__((section("__TEXT,__oslogstring,cstring_literals"))) static const char text[] = format;       \
            _Alignas(16) uint8_t arguments[__builtin_os_log_format_buffer_size(format, __VA_ARGS__)];                  \
            __builtin_os_log_format(arguments, format, __VA_ARGS__);                                                   \
            _os_log_impl(&__dso_handle, to, of, text, arguments, (uint32_t)sizeof(arguments));                         \
        }                                                                                                              \
    } while (0)

#define os_log(log, ...) os_log_with_type(log, OS_LOG_TYPE_DEFAULT, __VA_ARGS__)
#define os_log_info(log, ...) os_log_with_type(log, OS_LOG_TYPE_INFO, __VA_ARGS__)
#define os_log_debug(log, ...) os_log_with_type(log, OS_LOG_TYPE_DEBUG, __VA_ARGS__)
#define os_log_error(log, ...) os_log_with_type(log, OS_LOG_TYPE_ERROR, __VA_ARGS__)
#define os_log_fault(log, ...) os_log_with_type(log, OS_LOG_TYPE_FAULT, __VA_ARGS__)

#endif
