"""The counting of the node tests, with runners of a few lines."""

import pathlib
import sys
import tempfile
import unittest
from collections import Counter

from coverage import run, verdict

RUNNER = """
import json, os, pathlib, sys
for case in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    if case.name == "b":
        os._exit(9)
    print(json.dumps({"case": case.name, "status": "passed", "detail": ""}), flush=True)
"""


class RunTest(unittest.TestCase):
    def cases(self, *names):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name in names:
            (pathlib.Path(folder.name) / name).mkdir()
            (pathlib.Path(folder.name) / name / "case.json").write_text("{}")
        return pathlib.Path(folder.name)

    def test_a_case_that_ends_the_process_has_crashed_and_the_others_are_run(self):
        results = run([sys.executable, "-c", RUNNER], self.cases("a", "b", "c"))
        self.assertEqual({k: v[0] for k, v in results.items()}, {"a": "passed", "b": "crashed", "c": "passed"})
        self.assertIn("status 9", results["b"][1])

    def test_a_runner_that_leaves_cases_out_ends_the_benchmark(self):
        with self.assertRaisesRegex(SystemExit, "left out 2 cases, a first"):
            run([sys.executable, "-c", "pass"], self.cases("a", "b"))


class VerdictTest(unittest.TestCase):
    def verdict(self, at_least, **counts):
        return verdict(Counter(counts), at_least)

    def test_what_passes_at_least_as_much_and_errs_nowhere_is_well(self):
        self.assertEqual(self.verdict(7, passed=7, refused=3), ("7 passed, 0 failed, 0 skipped", True))
        self.assertEqual(self.verdict(7, passed=9), ("9 passed, 0 failed, 0 skipped", True))

    def test_wrong_and_crashed_cases_fail_however_many_pass(self):
        self.assertEqual(self.verdict(7, passed=9, wrong=1), ("9 passed, 1 failed, 0 skipped", False))
        self.assertEqual(self.verdict(7, passed=9, crashed=2), ("9 passed, 2 failed, 0 skipped", False))

    def test_cases_that_are_refused_now_have_failed(self):
        self.assertEqual(self.verdict(7, passed=4, refused=3), ("4 passed, 3 failed, 0 skipped", False))
        self.assertEqual(self.verdict(7, passed=4, wrong=1), ("4 passed, 3 failed, 0 skipped", False))


if __name__ == "__main__":
    unittest.main()
