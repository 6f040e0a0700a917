"""What the packer of the sample app writes, and that its gate sees each planted fault."""

import pathlib
import tempfile
import unittest
import zipfile

import apk

ABI = "arm64-v8a"


class ApkTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.parts = {"AndroidManifest.xml": b"m", "resources.arsc": b"r" * 99, "assets/digits/digits.onnx": b"o"}
        self.libraries = {name: b"\x7fELF" * 5000 for name in apk.LIBRARIES}

    def packed(self, name="app.apk"):
        with zipfile.ZipFile(self.folder / "base.apk", "w") as base:
            for part, data in self.parts.items():
                base.writestr(part, data)
        (self.folder / "dex").mkdir(exist_ok=True)
        (self.folder / "dex/classes.dex").write_bytes(b"dex")
        (self.folder / "jni" / ABI).mkdir(parents=True, exist_ok=True)
        for library, data in self.libraries.items():
            (self.folder / "jni" / ABI / library).write_bytes(data)
        out = self.folder / name
        apk.pack(out, self.folder / "base.apk", self.folder / "dex", [self.folder / "jni"])
        return out

    def test_what_is_packed_passes_and_is_the_same_twice(self):
        first, second = self.packed("first.apk"), self.packed("second.apk")
        self.assertEqual(apk.faults(first, [ABI]), [])
        self.assertEqual(first.read_bytes(), second.read_bytes())
        with zipfile.ZipFile(first) as archive:
            self.assertIsNone(archive.testzip())

    def test_a_library_that_is_missing_is_seen(self):
        self.assertEqual(apk.faults(self.packed(), [ABI, "x86_64"])[0], "lib/x86_64/libjnidispatch.so is missing")

    def test_what_does_not_belong_is_seen(self):
        for name in ("assets/secret.txt", "kotlin/kotlin.kotlin_builtins", f"lib/{ABI}/libother.so"):
            self.parts[name] = b"x"
            self.assertIn(f"{name} does not belong in it", apk.faults(self.packed(), [ABI]))

    def rewritten(self, compression):
        out = self.folder / "other.apk"
        with zipfile.ZipFile(self.packed()) as source, zipfile.ZipFile(out, "w", compression) as target:
            for name in source.namelist():
                target.writestr(name, source.read(name))
        return apk.faults(out, [ABI])

    def test_a_library_that_is_compressed_is_seen(self):
        self.assertIn(f"lib/{ABI}/libtandem_ffi.so is compressed", self.rewritten(zipfile.ZIP_DEFLATED))

    def test_a_library_that_no_page_begins_at_is_seen(self):
        fault = f"lib/{ABI}/libtandem_ffi.so does not begin at a multiple of 16384 bytes"
        self.assertIn(fault, self.rewritten(zipfile.ZIP_STORED))


if __name__ == "__main__":
    unittest.main()
