"""The package that scripts/build-apple made: what is in it, and what an app's linker makes of its library.

TANDEM_APPLE is the folder of the results.
"""

import hashlib
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import macho

RESULTS = Path(os.environ.get("TANDEM_APPLE", "."))
PACKAGE = RESULTS / "Tandem"
DEVICE = PACKAGE / "Tandem.xcframework/ios-arm64/libtandem.a"


@unittest.skipUnless("TANDEM_APPLE" in os.environ, "TANDEM_APPLE is not set: nothing was built")
class PackageTest(unittest.TestCase):
    def link(self, *arguments: str) -> Path:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        image = Path(folder.name) / "image"
        command = ["ld64.lld-22", "-arch", "arm64", "-platform_version", "ios", "15.0", "17.0", "-dylib"]
        # There is no SDK whose names could be looked up: the gate holds them against the list.
        command += ["-undefined", "dynamic_lookup", "-dead_strip", "-o", str(image), *arguments]
        ended = subprocess.run(command, check=False, capture_output=True, text=True)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return image

    def test_it_holds_only_what_it_should(self):
        self.assertEqual(
            sorted(path.name for path in PACKAGE.iterdir()),
            ["LICENSE", "Package.swift", "README.md", "Sources", "Tandem.xcframework"],
        )
        self.assertEqual(sorted(path.name for path in (PACKAGE / "Sources").iterdir()), ["Tandem", "TandemGenerated"])
        self.assertEqual(sorted(path.name for path in RESULTS.iterdir()), ["Tandem", "Tandem.xcframework.zip"])

    def test_the_readme_states_the_checksum(self):
        checksum = hashlib.sha256((RESULTS / "Tandem.xcframework.zip").read_bytes()).hexdigest()
        self.assertIn(checksum, (PACKAGE / "README.md").read_text(encoding="utf-8"))

    def test_every_function_that_the_header_declares_is_in_the_library(self):
        header = (DEVICE.parent / "Headers/tandem_ffiFFI/tandem_ffiFFI.h").read_text(encoding="utf-8")
        declared = {
            f"_{word}" for word in header.replace("(", " ").split() if word.startswith(("uniffi_tandem", "ffi_tandem"))
        }
        self.assertGreater(len(declared), 50)
        defined = {name for part in macho.read(DEVICE) for thing in part for name in thing.defined}
        self.assertEqual(declared - defined, set())

    def test_an_app_links_it_and_offers_only_what_it_chooses(self):
        image = self.link("-all_load", "-exported_symbol", "_uniffi_tandem_ffi_*", str(DEVICE))
        named = subprocess.run(
            ["llvm-nm-22", "--extern-only", "--defined-only", "--just-symbol-name", str(image)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        self.assertGreater(len(named), 50)
        self.assertEqual([name for name in named if not name.startswith("_uniffi_tandem_ffi_")], [])
        print(f"an app grows by {image.stat().st_size} bytes at most")


if __name__ == "__main__":
    unittest.main()
