"""The counts against what the tools really print."""

import unittest

from test_counts import Counts, count

CARGO = """\
running 3 tests
test a ... ok
test b ... FAILED
test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
   Doc-tests tandem_core
test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.21s
"""

SUREFIRE = """\
[INFO] Tests run: 2, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.03 s -- in dev.tandem.ATest
[ERROR] Tests run: 3, Failures: 1, Errors: 1, Skipped: 0, Time elapsed: 0.05 s <<< FAILURE! -- in dev.tandem.BTest
[INFO] Results:
[ERROR] Tests run: 5, Failures: 1, Errors: 1, Skipped: 0
[WARNING] Tests run: 4, Failures: 0, Errors: 0, Skipped: 1
"""

SWIFT = """\
Test Suite 'All tests' started at 2026-11-21 10:58:17.781
Test Case 'XT.testA' passed (0.002 seconds)
Test Case 'XT.testB' failed (0.001 seconds)
Test Case 'XT.testC' skipped (0.0 seconds)
Test Suite 'All tests' failed at 2026-11-21 10:58:17.802
\t Executed 3 tests, with 1 test skipped and 1 failure (0 unexpected) in 0.002 (0.002) seconds
◇ Test run started.
✘ Test c() skipped: "why"
✘ Test b() recorded an issue at T.swift:10:20: Expectation failed: 1 == 2
✘ Test b() failed after 0.001 seconds with 1 issue.
✔ Test a() passed after 0.001 seconds.
✘ Suite ST failed after 0.001 seconds with 2 issues.
✘ Test run with 3 tests failed after 0.001 seconds with 2 issues.
"""

UNITTEST = """\
FAIL: test_x (tests.T.test_x)
Ran 7 tests in 0.012s

FAILED (failures=1, errors=2, skipped=1)
"""


class CountTest(unittest.TestCase):
    def counts(self, text):
        return count(text.splitlines())

    def test_cargo_runs_are_added_up(self):
        self.assertEqual(self.counts(CARGO), Counts(6, 1, 1))

    def test_surefire_counts_modules_and_not_classes(self):
        self.assertEqual(self.counts(SUREFIRE), Counts(6, 2, 1))

    def test_swift_counts_both_frameworks(self):
        self.assertEqual(self.counts(SWIFT), Counts(2, 2, 2))

    def test_unittest_failures_and_errors_are_failed(self):
        self.assertEqual(self.counts(UNITTEST), Counts(3, 3, 1))

    def test_unittest_without_failures(self):
        self.assertEqual(self.counts("Ran 4 tests in 0.1s\n\nOK\n"), Counts(4, 0, 0))

    def test_our_own_summary(self):
        self.assertEqual(self.counts("3 passed, 1 failed, 2 skipped\n"), Counts(3, 1, 2))

    def test_colour_does_not_hide_a_line(self):
        line = "\x1b[1mTests run: 1, Failures: 0, Errors: 0, Skipped: 0\x1b[m\n"
        self.assertEqual(self.counts(line), Counts(1, 0, 0))

    def test_other_lines_count_nothing(self):
        self.assertEqual(self.counts("OK\nerror: could not compile\ntest result\n"), Counts())

    def test_a_swift_run_that_died_has_no_negative_counts(self):
        self.assertEqual(self.counts("✘ Test b() failed after 0.001 seconds with 1 issue.\n"), Counts(0, 1, 0))


if __name__ == "__main__":
    unittest.main()
