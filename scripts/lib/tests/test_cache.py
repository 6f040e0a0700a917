"""The shell functions that keep made things in the cache."""

import pathlib
import subprocess
import tempfile
import unittest

LIB = pathlib.Path(__file__).resolve().parents[1]
# A maker that leaves a trace of every call beside the cache, and fails when told to.
MAKER = """
make() {
    echo made >>"$CACHE/calls"
    echo "$1" >"$2/content"
    sleep 0.2
    [[ $1 != broken ]]
}
"""


class CacheTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cache = pathlib.Path(folder.name)

    def shell(self, command):
        script = f'set -euo pipefail\n. "{LIB}/common.sh"\n. "{LIB}/cache.sh"\n{MAKER}\n{command}'
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.cache), "TANDEM_CACHE": str(self.cache)}
        return subprocess.run(["bash", "-c", script], env=environment, check=False, capture_output=True).returncode

    def calls(self):
        return (self.cache / "calls").read_text().count("made")

    def content(self):
        return (self.cache / "part" / "content").read_text().strip()

    def test_a_part_is_made_once(self):
        self.assertEqual(self.shell("cached part r1 make one; cached part r1 make one"), 0)
        self.assertEqual((self.calls(), self.content()), (1, "one"))

    def test_another_recipe_makes_it_anew(self):
        self.assertEqual(self.shell("cached part r1 make one; cached part r2 make two"), 0)
        self.assertEqual((self.calls(), self.content()), (2, "two"))

    def test_a_failed_maker_keeps_what_was_there_and_is_tried_again(self):
        self.assertEqual(self.shell("cached part r1 make one; cached part r2 make broken"), 1)
        self.assertEqual(self.content(), "one")
        self.assertEqual(self.shell("cached part r2 make two"), 0)
        self.assertEqual(self.content(), "two")

    def test_what_an_interrupted_run_left_is_no_part(self):
        (self.cache / "part.new").mkdir()
        (self.cache / "part.new" / "rubbish").touch()
        (self.cache / "part").mkdir()
        self.assertEqual(self.shell("cached part r1 make one"), 0)
        self.assertEqual(sorted(p.name for p in (self.cache / "part").iterdir()), [".recipe", "content"])

    def test_of_two_at_once_one_makes_it(self):
        command = "for i in 1 2 3; do (cached part r1 make one) & done; wait"
        self.assertEqual(self.shell(command), 0)
        self.assertEqual(self.calls(), 1)


if __name__ == "__main__":
    unittest.main()
