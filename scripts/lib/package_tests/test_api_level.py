"""The check of classes against an Android level, with classes that keep to it and that do not.

TANDEM_API_JARS is the folder of animal-sniffer, TANDEM_API_SIGNATURE what API 24 has, TANDEM_CLASSES our classes.jar.
"""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

CHECK = Path(__file__).resolve().parents[1] / "ApiLevel.java"


def check(classes: Path) -> subprocess.CompletedProcess:
    """Runs the check over a jar or a folder."""
    jars = os.environ["TANDEM_API_JARS"] + "/*"
    command = ["java", "-cp", jars, str(CHECK), os.environ["TANDEM_API_SIGNATURE"], str(classes)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


class ApiLevelTest(unittest.TestCase):
    def compiled(self, body: str) -> Path:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        source = Path(folder.name) / "Planted.java"
        source.write_text(f"final class Planted {{ static Object made() {{ return {body}; }} }}")
        subprocess.run(["javac", "--release", "17", "-d", folder.name, str(source)], check=True)
        return Path(folder.name)

    def test_our_classes_keep_to_the_level(self):
        ended = check(Path(os.environ["TANDEM_CLASSES"]))
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)

    def test_a_class_that_keeps_to_it(self):
        ended = check(self.compiled("new java.util.ArrayList<String>()"))
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)

    def test_a_method_that_came_later(self):
        ended = check(self.compiled('"a".describeConstable()'))
        self.assertEqual(ended.returncode, 1)
        self.assertIn("String.describeConstable()", ended.stdout + ended.stderr)

    def test_a_class_that_came_later(self):
        ended = check(self.compiled("java.lang.ref.Cleaner.create()"))
        self.assertEqual(ended.returncode, 1)
        self.assertIn("Undefined reference: java.lang.ref.Cleaner", ended.stdout + ended.stderr)
