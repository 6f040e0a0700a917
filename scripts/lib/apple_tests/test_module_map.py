"""Our headers beside those of a second framework, copied into one folder as Xcode does, and imported by clang."""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import frameworks


class Collision(Exception):
    """Two frameworks bring the same file: Xcode's "Multiple commands produce"."""


def copy_headers(target: Path, *sources: Path):
    """What Xcode does with the headers of static libraries in XCFrameworks."""
    for source in sources:
        for file in sorted(path for path in source.rglob("*") if path.is_file()):
            place = target / file.relative_to(source)
            if place.exists():
                raise Collision(str(file.relative_to(source)))
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)


class ModuleMapTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name)
        self.ours = frameworks.headers(self.work / "ours")
        self.theirs = frameworks.headers(self.work / "theirs", "otherFFI")

    def imports(self, *modules: str) -> subprocess.CompletedProcess:
        source = self.work / "app.m"
        source.write_text(
            "".join(f"@import {module};\nint use_{module} = sizeof(&{module}_version);\n" for module in modules)
        )
        command = ["clang-22", "--target=arm64-apple-ios15.0", "-fsyntax-only", "-fmodules", "-nostdlibinc"]
        command += [f"-fmodules-cache-path={self.work / 'cache'}", f"-I{self.work / 'include'}", str(source)]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    def test_both_are_found(self):
        copy_headers(self.work / "include", self.ours, self.theirs)
        ended = self.imports("tandem_ffiFFI", "otherFFI")
        self.assertEqual(ended.returncode, 0, ended.stderr)

    def test_a_module_that_is_not_there_is_not_found(self):
        copy_headers(self.work / "include", self.ours)
        self.assertIn("'otherFFI' not found", self.imports("tandem_ffiFFI", "otherFFI").stderr)

    def test_module_maps_at_the_top_collide(self):
        for place, module in ((self.ours, "tandem_ffiFFI"), (self.theirs, "otherFFI")):
            for file in sorted((place / module).iterdir()):
                file.rename(place / file.name)
        with self.assertRaisesRegex(Collision, "module.modulemap"):
            copy_headers(self.work / "include", self.ours, self.theirs)


if __name__ == "__main__":
    unittest.main()
