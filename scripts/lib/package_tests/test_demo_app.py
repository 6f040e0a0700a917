"""The sample app as scripts/build-android --apk packs it: what is in it, what it asks for, that it would install.

TANDEM_PACKAGE is the folder of the build, TANDEM_ABIS what was built. Without TANDEM_R8 no APK was made.
"""

import os
import subprocess
import unittest
import zipfile
from pathlib import Path

import apk

PACKAGE = Path(os.environ["TANDEM_PACKAGE"])
APP = PACKAGE / "tandem-demo-debug.apk"
ABIS = os.environ["TANDEM_ABIS"].split()
# For an endpoint, and for what connects the device to it.
PERMISSIONS = {"android.permission.INTERNET", "android.permission.ACCESS_NETWORK_STATE"}


def said(*command) -> str:
    """What a program prints, standard error too."""
    ended = subprocess.run([*map(str, command)], check=False, capture_output=True, text=True)
    if ended.returncode:
        raise AssertionError(f"{command[0]} ended with {ended.returncode}: {ended.stdout}{ended.stderr}")
    return ended.stdout + ended.stderr


@unittest.skipUnless(
    "TANDEM_R8" in os.environ, "R8 was not found: set ANDROID_HOME, or let Maven reach Google's repository"
)
class DemoAppTest(unittest.TestCase):
    def test_it_holds_what_it_should_and_nothing_else(self):
        self.assertEqual(apk.faults(APP, ABIS), [])

    def test_its_libraries_are_those_of_the_package(self):
        with zipfile.ZipFile(APP) as archive:
            for abi in ABIS:
                shipped = (PACKAGE / "jni" / abi / "libtandem_ffi.so").read_bytes()
                self.assertEqual(archive.read(f"lib/{abi}/libtandem_ffi.so"), shipped)

    def test_it_asks_for_two_permissions(self):
        lines = said("aapt2", "dump", "permissions", APP).splitlines()
        asked = {line.split("'")[1] for line in lines if line.startswith("uses-permission")}
        self.assertEqual(asked, PERMISSIONS)

    def test_it_starts_on_the_androids_that_the_package_is_for(self):
        badging = said("aapt2", "dump", "badging", APP)
        for expected in ("package: name='dev.tandem.demo'", "sdkVersion:'26'", "targetSdkVersion:'35'"):
            self.assertIn(expected, badging)
        self.assertIn("launchable-activity: name='dev.tandem.demo.MainActivity'", badging)
        self.assertIn("native-code: " + " ".join(f"'{abi}'" for abi in sorted(ABIS)), badging)

    def test_its_signature_holds(self):
        checked = said("apksigner", "verify", "--verbose", "--min-sdk-version", "26", APP)
        self.assertIn("Verified using v2 scheme (APK Signature Scheme v2): true", checked)

    def test_a_changed_byte_breaks_its_signature(self):
        data = bytearray(APP.read_bytes())
        data[len(data) // 2] ^= 1
        changed = PACKAGE / "changed.apk"
        self.addCleanup(changed.unlink)
        changed.write_bytes(data)
        with self.assertRaises(AssertionError):
            said("apksigner", "verify", "--min-sdk-version", "26", changed)

    def test_nothing_of_the_tests_is_in_its_classes(self):
        with zipfile.ZipFile(APP) as archive:
            classes = b"".join(archive.read(name) for name in archive.namelist() if name.endswith(".dex"))
        self.assertIn(b"Ldev/tandem/demo/MainActivity;", classes)
        for foreign in (b"Lorg/junit/", b"Lorg/robolectric/", b"Ldev/tandem/demo/MainActivityTest;"):
            self.assertNotIn(foreign, classes)
