"""The gate for Android libraries, with one library for each fault, linked by the linker that links ours.

TANDEM_SYSROOT is the folder of scripts/lib/cross.sh with the libraries of aarch64-linux-android.
"""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import elf
import elf_gate

SYSROOT = Path(os.environ["TANDEM_SYSROOT"])
# What a library of ours looks like, in little.
SOURCE = """
#define EXPORTED __attribute__((visibility("default")))
extern int open(const char *, int, ...);
extern double sin(double);
extern int maybe(void) __attribute__((weak));
static int (*const table[])(const char *, int, ...) = {open};
EXPORTED int ffi_own(void) {
    return table[0]("x", 0) + (int)sin(1.0) + (maybe ? maybe() : 0);
}
"""
FLAGS = ["-Wl,-soname,libown.so", "-Wl,-z,max-page-size=16384", "-Wl,-z,now", "-s", "-lc", "-lm"]


class ElfGateTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.work = Path(folder.name)
        cls.rules = elf_gate.Rules(
            abi="arm64-v8a",
            symbols=frozenset((SYSROOT / "symbols").read_text().split()),
            soname="libown.so",
            exports="ffi_own",
            paths=("/machine/of/mine",),
            limit=100_000,
        )

    def link(self, extra: str = "", flags: tuple[str, ...] = (), compile_flags: tuple[str, ...] = ()) -> bytes:
        (self.work / "own.c").write_text(SOURCE + extra)
        target = f"--target={(SYSROOT / 'target').read_text().strip()}"
        command = ["clang-22", target, "-O1", "-fPIC", "-fvisibility=hidden", *compile_flags]
        subprocess.run([*command, "-c", "own.c", "-o", "own.o"], cwd=self.work, check=True)
        command = ["clang-22", target, "-fuse-ld=lld", "-nostdlib", "-shared", f"-L{SYSROOT}", "own.o", "-o", "own.so"]
        subprocess.run([*command, *FLAGS, *flags], cwd=self.work, check=True)
        return (self.work / "own.so").read_bytes()

    def faults(self, data: bytes, **rules) -> list[str]:
        return list(elf_gate.faults(elf.Elf(data), elf_gate.Rules(**{**vars(self.rules), **rules})))

    def assert_fault(self, expected: str, data: bytes, **rules):
        found = self.faults(data, **rules)
        self.assertTrue(any(expected in fault for fault in found), f"expected '{expected}', got {found}")

    def test_a_sound_library_passes(self):
        self.assertEqual(self.faults(self.link()), [])

    def test_pages_of_4_kb(self):
        self.assert_fault("aligned to 4096 bytes, expected", self.link(flags=("-Wl,-z,max-page-size=4096",)))

    def test_a_symbol_of_android_11(self):
        extra = "extern int memfd_create(const char *, int); EXPORTED int ffi_more(void) { return memfd_create(0, 0); }"
        data = self.link(extra)
        self.assert_fault("wants memfd_create", data, exports="ffi_.*")

    def test_an_export_that_is_not_ours(self):
        data = self.link("EXPORTED int stray(void) { return 1; }")
        self.assertEqual(self.faults(data), ["exports stray"])

    def test_no_export_of_ours(self):
        self.assert_fault("exports nothing of other_.*", self.link(), exports="other_.*")

    def test_another_name(self):
        self.assert_fault("is named libelse.so, expected libown.so", self.link(flags=("-Wl,-soname,libelse.so",)))

    def test_another_architecture(self):
        self.assert_fault("is built for arm64-v8a, expected x86_64", self.link(), abi="x86_64")

    def test_a_library_that_no_phone_has(self):
        target = f"--target={(SYSROOT / 'target').read_text().strip()}"
        other = [
            "clang-22",
            target,
            "-fuse-ld=lld",
            "-nostdlib",
            "-shared",
            "-Wl,-soname,libother.so",
            "-xc",
            "/dev/null",
        ]
        subprocess.run([*other, "-o", "libother.so"], cwd=self.work, check=True)
        self.assert_fault("needs libother.so", self.link(flags=("-L.", "-Wl,--no-as-needed", "-lother")))

    def test_no_relro(self):
        self.assert_fault("(RELRO)", self.link(flags=("-Wl,-z,norelro",)))

    def test_lazy_binding(self):
        self.assert_fault("(BIND_NOW)", self.link(flags=("-Wl,-z,lazy",)))

    def test_a_segment_that_is_written_and_executed(self):
        self.assert_fault("can be written and executed", self.link(flags=("-Wl,--omagic",)))

    def test_an_executable_stack(self):
        self.assert_fault("stack that can be executed", self.link(flags=("-Wl,-z,execstack",)))

    def test_relocations_in_the_code(self):
        extra = '__asm__(".text\\n .quad ffi_own\\n");'
        self.assert_fault("(TEXTREL)", self.link(extra, flags=("-Wl,-z,notext",)))

    def test_a_search_path(self):
        self.assert_fault(
            "carries RUNPATH /somewhere", self.link(flags=("-Wl,-rpath,/somewhere", "-Wl,--enable-new-dtags"))
        )

    def test_thread_local_storage_of_elf(self):
        extra = "__thread int mine; EXPORTED int ffi_more(void) { return mine++; }"
        data = self.link(extra, compile_flags=("-fno-emulated-tls",), flags=("-Wl,-z,undefs",))
        self.assert_fault("thread-local storage", data, exports="ffi_.*")

    def test_symbols_left_in(self):
        # The last of these flags counts.
        self.assert_fault("is not stripped: it carries .symtab", self.link(flags=("-Wl,--strip-debug",)))

    def test_a_path_of_the_machine(self):
        for path in ("/machine/of/mine/src/lib.rs", "/" + "home/somebody/src/lib.rs"):
            data = self.link(f'__attribute__((used)) const char *where = "{path}";')
            self.assert_fault(f"carries a path of the machine that built it: {path}", data)

    def test_a_size_above_the_limit(self):
        self.assert_fault("at most 1000 are allowed", self.link(), limit=1000)

    def test_files_that_are_no_libraries(self):
        data = self.link()
        for broken in (b"", b"not elf" * 20, data[:40], data[:100], data[: len(data) // 2]):
            with self.assertRaises(elf.NotElf):
                elf.Elf(broken)

    def test_the_linker_itself_refuses_what_android_6_has_not(self):
        (self.work / "new.c").write_text(
            "extern int getentropy(void *, long); int go(void) { return getentropy(0, 0); }"
        )
        target = f"--target={(SYSROOT / 'target').read_text().strip()}"
        subprocess.run(["clang-22", target, "-fPIC", "-c", "new.c"], cwd=self.work, check=True)
        ended = subprocess.run(
            [SYSROOT / "android-clang", "-shared", "new.o", "-o", "new.so"],
            cwd=self.work,
            check=False,
            capture_output=True,
            text=True,
        )
        self.assertNotEqual(ended.returncode, 0)
        self.assertIn("undefined symbol: getentropy", ended.stderr)
