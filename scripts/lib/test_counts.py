"""Counts the tests in what cargo, surefire, `swift test`, unittest and this project's own scripts print."""

import dataclasses
import re
import sys

CARGO = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;")
# Without a time: surefire prints one such line for each class and one, without, for each module.
SUREFIRE = re.compile(r"^(?:\[\w+\] )?Tests run: (\d+), Failures: (\d+), Errors: (\d+), Skipped: (\d+)$")
XCTEST = re.compile(r"^Test Case '.+' (passed|failed|skipped) \(")
SWIFT_RUN = re.compile(r"^\S+ Test run with (\d+) tests? .*(?:passed|failed) after")
SWIFT_FAILED = re.compile(r"^\S+ Test (?!run with ).+ failed after")
SWIFT_SKIPPED = re.compile(r"^\S+ Test .+ skipped")
UNITTEST_RAN = re.compile(r"^Ran (\d+) tests? in ")
UNITTEST_END = re.compile(r"^(?:OK|FAILED)(?: \((.+)\))?$")
OURS = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclasses.dataclass
class Counts:
    """How many tests ended how."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, passed, failed, skipped):
        """Adds the counts of one more run."""
        self.passed += passed
        self.failed += failed
        self.skipped += skipped


def count(lines):
    """The counts of every test run in a log."""
    counts = Counts()
    ran = None
    for raw in lines:
        line = COLOUR.sub("", raw).rstrip()
        if m := CARGO.match(line) or OURS.match(line):
            counts.add(*map(int, m.groups()))
        elif m := SUREFIRE.match(line):
            run, failures, errors, skipped = map(int, m.groups())
            counts.add(run - failures - errors - skipped, failures + errors, skipped)
        elif m := XCTEST.match(line):
            counts.add(*(int(m[1] == end) for end in ("passed", "failed", "skipped")))
        elif m := SWIFT_RUN.match(line):
            # The run's total holds the failed and the skipped ones, which were counted as they came.
            counts.passed += int(m[1])
        elif SWIFT_FAILED.match(line):
            counts.add(-1, 1, 0)
        elif SWIFT_SKIPPED.match(line):
            counts.add(-1, 0, 1)
        elif m := UNITTEST_RAN.match(line):
            ran = int(m[1])
        elif ran is not None and (m := UNITTEST_END.match(line)):
            ends = {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", m[1] or "")}
            failed = ends.get("failures", 0) + ends.get("errors", 0)
            counts.add(ran - failed - ends.get("skipped", 0), failed, ends.get("skipped", 0))
            ran = None
    # A Swift run that died has failed tests and no total.
    counts.passed = max(counts.passed, 0)
    return counts


def main():
    with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
        counts = count(log)
    print(counts.passed, counts.failed, counts.skipped)


if __name__ == "__main__":
    main()
