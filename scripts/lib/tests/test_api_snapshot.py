"""The gate on public interfaces."""

import os
import pathlib
import subprocess
import tempfile
import unittest

LIB = pathlib.Path(__file__).resolve().parents[1]
API = "public final class dev/tandem/Model {\n\tpublic final fun close ()V\n}\n"


def gate(snapshot, api, update=False):
    """Runs the gate on the interface `api`; whether it passes, and what it says."""
    script = f'set -euo pipefail; . "{LIB}/common.sh"; . "{LIB}/api_snapshot.sh"; same_api "$1"'
    environment = {key: value for key, value in os.environ.items() if key != "TANDEM_UPDATE_API"}
    if update:
        environment["TANDEM_UPDATE_API"] = "1"
    child = subprocess.run(
        ["bash", "-c", script, "_", str(snapshot)],
        input=api,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    return child.returncode == 0, child.stderr


class SameApi(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.snapshot = pathlib.Path(folder.name) / "api" / "sdk.api"
        self.assertTrue(gate(self.snapshot, API, update=True)[0])

    def test_the_same_interface_passes(self):
        self.assertEqual(gate(self.snapshot, API), (True, ""))

    def test_a_changed_signature_fails_and_is_shown(self):
        passes, said = gate(self.snapshot, API.replace("()V", "(Z)V"))
        self.assertFalse(passes)
        self.assertIn("-\tpublic final fun close ()V\n+\tpublic final fun close (Z)V\n", said)
        self.assertIn("TANDEM_UPDATE_API=1", said)

    def test_what_comes_and_what_goes_fails(self):
        for api in (API + "public final class dev/tandem/More {\n}\n", API.splitlines(keepends=True)[0]):
            self.assertFalse(gate(self.snapshot, api)[0])

    def test_no_interface_and_no_snapshot_fail(self):
        self.assertFalse(gate(self.snapshot, "")[0])
        self.assertFalse(gate(self.snapshot.with_name("other.api"), API)[0])

    def test_an_update_is_what_passes_from_then_on(self):
        other = API.replace("close", "shutDown")
        self.assertTrue(gate(self.snapshot, other, update=True)[0])
        self.assertTrue(gate(self.snapshot, other)[0])
        self.assertFalse(gate(self.snapshot, API)[0])


if __name__ == "__main__":
    unittest.main()
