"""What scripts/build-android has made: what is in it, and that it makes the same again.

TANDEM_PACKAGE and TANDEM_PACKAGE_AGAIN are the folders of two runs; TANDEM_ABIS what was built; TANDEM_JNA JNA's AAR,
unpacked; TANDEM_SYSROOTS the folder of scripts/lib/cross.sh with a sysroot for each triple.
"""

import os
import re
import unittest
import zipfile
from pathlib import Path

import elf
import elf_gate

# Licences that let an app ship what they cover. MPL-2.0, UniFFI's, asks that changes to its own files be published.
FREE = {
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MPL-2.0",
    "Unlicense",
    "Zlib",
}
TRIPLES = {
    "arm64-v8a": "aarch64-linux-android",
    "armeabi-v7a": "armv7-linux-androideabi",
    "x86_64": "x86_64-linux-android",
}


def only(pattern: str, root: str = "TANDEM_PACKAGE") -> Path:
    """The one file that a pattern finds among the results."""
    (found,) = Path(os.environ[root]).glob(pattern)
    return found


class PackageTest(unittest.TestCase):
    def test_a_second_run_gives_the_same_bytes(self):
        first, again = (Path(os.environ[name]) / "maven" for name in ("TANDEM_PACKAGE", "TANDEM_PACKAGE_AGAIN"))
        files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
        self.assertEqual(len(files), 20)
        for name in files:
            self.assertEqual((first / name).read_bytes(), (again / name).read_bytes(), name)

    def test_the_aar_holds_our_classes_rules_and_libraries_and_nothing_else(self):
        with zipfile.ZipFile(only("maven/dev/tandem/tandem-android/*/*.aar")) as archive:
            names = set(archive.namelist())
        libraries = {f"jni/{abi}/libtandem_ffi.so" for abi in os.environ["TANDEM_ABIS"].split()}
        rest = {"AndroidManifest.xml", "R.txt", "classes.jar", "proguard.txt"}
        self.assertEqual(names, libraries | rest | {"META-INF/com/android/build/gradle/aar-metadata.properties"})

    def test_the_classes_are_of_our_packages(self):
        with zipfile.ZipFile(Path(os.environ["TANDEM_CLASSES"])) as archive:
            names = archive.namelist()
        for expected in (
            "dev/tandem/Tandem.class",
            "dev/tandem/ffi/UniffiLib.class",
            "dev/tandem/android/AndroidDeviceStateProvider.class",
        ):
            self.assertIn(expected, names)
        foreign = [name for name in names if not name.startswith(("dev/tandem/", "META-INF/")) or "Test" in name]
        self.assertEqual(foreign, [])
        self.assertEqual([name for name in names if "forTest" in name], [])

    def test_sources_and_kdoc_are_there(self):
        with zipfile.ZipFile(only("maven/dev/tandem/tandem-android/*/*-sources.jar")) as archive:
            self.assertIn("dev/tandem/Runtime.kt", archive.namelist())
        with zipfile.ZipFile(only("maven/dev/tandem/tandem-android/*/*-javadoc.jar")) as archive:
            pages = archive.namelist()
            self.assertIn("index.html", pages)
            self.assertTrue(any("android-device-state-provider" in page for page in pages), pages[:20])
            self.assertNotIn(str(Path.home()).encode(), b"".join(archive.read(page) for page in pages))

    def test_a_build_without_the_ndk_says_so(self):
        if os.environ.get("ANDROID_NDK_HOME"):
            self.skipTest("built with the NDK")
        self.assertRegex(only("maven/dev/tandem/tandem-android/*/*.pom").name, r"-\d+\.\d+\.\d+-test\.pom$")
        self.assertIn("This is a test build", only("README.md").read_text())

    def test_the_symbols_set_aside_belong_to_the_libraries(self):
        for abi in os.environ["TANDEM_ABIS"].split():
            shipped = elf.Elf.open(only(f"jni/{abi}/*.so"))
            aside = elf.Elf.open(only(f"symbols/{abi}/*.so"))
            self.assertGreater(aside.section_size(".symtab"), 0)
            self.assertEqual(shipped.section_size(".text"), aside.section_size(".text"))

    def test_every_licence_lets_an_app_ship_it(self):
        rows = [line for line in only("THIRD-PARTY.md").read_text().splitlines() if re.match(r"\| [\w-]+ v\d", line)]
        self.assertGreater(len(rows), 50)
        for row in rows:
            # All that are joined by `and`, one of those joined by `or`.
            needed = [set(re.split(r" OR |/", part.strip("() "))) for part in row.split("|")[2].split(" AND ")]
            for choice in needed:
                self.assertTrue({licence.strip() for licence in choice} & FREE, row)

    def test_jna_passes_the_gate_too(self):
        for abi in os.environ["TANDEM_ABIS"].split():
            with self.subTest(abi):
                names = (Path(os.environ["TANDEM_SYSROOTS"]) / TRIPLES[abi] / "symbols").read_text().split()
                library = elf.Elf.open(Path(os.environ["TANDEM_JNA"]) / "jni" / abi / "libjnidispatch.so")
                self.assertEqual(list(elf_gate.faults(library, elf_gate.Rules(abi, frozenset(names)))), [])
