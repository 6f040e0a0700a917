"""The packing of the AAR."""

import dataclasses
import io
import os
import tempfile
import unittest
import zipfile
from pathlib import Path

import android_package


class PackageTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.package = android_package.Package(
            version="1.2.3",
            description="A library.",
            manifest=self.file("AndroidManifest.xml", "<manifest/>"),
            rules=self.file("rules.pro", "-keep class a.A"),
            classes=[self.file("one/a/A.class", "A").parents[1], self.file("two/a/B.class", "B").parents[1]],
            sources=[self.file("src/a/A.kt", "class A").parents[1]],
            documentation=self.file("kdoc/index.html", "A").parent,
            libraries=self.file("jni/arm64-v8a/liba.so", "code").parents[1],
            dependencies=["org.x:y:1", "org.x:z:2:aar"],
        )

    def file(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def entries(self, data: bytes) -> dict[str, bytes]:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def test_the_aar_holds_what_android_studio_looks_for(self):
        entries = self.entries(android_package.aar(self.package))
        self.assertEqual(
            sorted(entries),
            [
                "AndroidManifest.xml",
                "META-INF/com/android/build/gradle/aar-metadata.properties",
                "R.txt",
                "classes.jar",
                "jni/arm64-v8a/liba.so",
                "proguard.txt",
            ],
        )
        self.assertEqual(self.entries(entries["classes.jar"]), {"a/A.class": b"A", "a/B.class": b"B"})
        self.assertEqual(entries["proguard.txt"], b"-keep class a.A")

    def test_dates_and_permissions_of_the_files_do_not_show(self):
        before = android_package.aar(self.package)
        library = self.root / "jni/arm64-v8a/liba.so"
        library.chmod(0o755)
        os.utime(library, (1, 1))
        self.assertEqual(android_package.aar(self.package), before)

    def test_two_modules_with_different_files_of_one_name_are_refused(self):
        self.file("two/a/A.class", "another A")
        with self.assertRaisesRegex(SystemExit, "two different files are named a/A.class"):
            android_package.aar(self.package)

    def test_an_aar_without_libraries_is_refused(self):
        (self.root / "jni/arm64-v8a/liba.so").unlink()
        with self.assertRaisesRegex(SystemExit, "no libraries"):
            android_package.aar(self.package)

    def test_the_repository_has_all_parts_with_their_sums(self):
        folder = android_package.publish(self.package, self.root / "maven")
        self.assertEqual(folder.relative_to(self.root).as_posix(), "maven/dev/tandem/tandem-android/1.2.3")
        parts = {f"tandem-android-1.2.3{end}" for end in (".aar", ".pom", "-sources.jar", "-javadoc.jar")}
        sums = {f"{part}.{algorithm}" for part in parts for algorithm in ("md5", "sha1", "sha256", "sha512")}
        self.assertEqual({path.name for path in folder.iterdir()}, parts | sums)

    def test_the_pom_names_what_is_needed_and_as_what(self):
        text = android_package.pom(self.package).decode()
        self.assertIn("<packaging>aar</packaging>", text)
        self.assertEqual(text.count("<type>aar</type>"), 1)
        without = dataclasses.replace(self.package, dependencies=["org.x:y:1"])
        self.assertNotIn("<type>", android_package.pom(without).decode())
