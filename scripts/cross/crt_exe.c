// Where an Android executable starts: the NDK's crtbegin_dynamic, without constructors of its own.
extern int main(int, char **, char **);
extern void __libc_init(void *, void (*)(void), int (*)(int, char **, char **), void *);

__attribute__((used)) static void start_c(void *raw) {
  void *structors[3] = {0, 0, 0};
  __libc_init(raw, 0, main, structors);
}

#if defined(__aarch64__)
__asm__(".globl _start\n_start:\n bti j\n mov x29, #0\n mov x30, #0\n mov x0, sp\n b start_c\n");
#elif defined(__arm__)
__asm__(".globl _start\n_start:\n mov r0, sp\n bic sp, sp, #7\n mov lr, #0\n b start_c\n");
#elif defined(__x86_64__)
__asm__(".globl _start\n_start:\n xor %rbp, %rbp\n mov %rsp, %rdi\n andq $-16, %rsp\n callq start_c\n");
#endif
