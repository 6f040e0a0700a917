"""How many of ONNX's own node tests each runtime passes, refuses and gets wrong."""

import json
import pathlib
import subprocess
import sys
import tempfile
from collections import Counter

from bench import Row, arguments, report

STATUSES = ("passed", "refused", "wrong", "crashed")


def names_of(folder):
    """The cases of a folder, in the order in which the runners take them."""
    return sorted(path.parent.name for path in folder.glob("*/case.json"))


def run_once(command, folder):
    """One run over a folder: its results, and what it died of, if it did."""
    child = subprocess.run([*command, str(folder)], stdout=subprocess.PIPE, text=True, check=False)
    # A line that is not whole is the one the child died in.
    lines = [line for line in child.stdout.split("\n")[:-1] if line.startswith("{")]
    results = {r["case"]: (r["status"], r["detail"]) for r in map(json.loads, lines)}
    return results, f"ended with status {child.returncode}" if child.returncode else None


def run(command, folder):
    """The status and the detail of every case. One that ends the process has crashed; those after it are run anew."""
    results = {}
    left = names_of(folder)
    while left:
        with tempfile.TemporaryDirectory() as rest:
            for name in left:
                (pathlib.Path(rest) / name).symlink_to(folder.resolve() / name)
            found, death = run_once(command, rest)
        results.update(found)
        left = [name for name in left if name not in results]
        if left and death is None:
            sys.exit(f"error: {' '.join(command)} left out {len(left)} cases, {left[0]} first")
        if left:
            results[left.pop(0)] = ("crashed", death)
    return results


def verdict(counts, at_least):
    """How the counts of a subject end a test: the line that is counted, and whether it went well."""
    bad = counts["wrong"] + counts["crashed"]
    # Cases that passed once and are refused now have failed too.
    failed = bad + max(0, at_least - counts["passed"] - bad)
    return f"{counts['passed']} passed, {failed} failed, 0 skipped", not failed


def main():
    parser = arguments(__doc__)
    parser.add_argument("--cases", type=pathlib.Path, required=True, help="the exported node tests")
    parser.add_argument("--all", action="store_true", help="list the refused cases too")
    parser.add_argument(
        "--subject", action="append", nargs="+", required=True, metavar=("NAME", "COMMAND"), help="called with a folder"
    )
    parser.add_argument(
        "--at-least", type=int, help="a test: fails where an answer is wrong or fewer cases pass, and counts for it"
    )
    options = parser.parse_args()
    rows = []
    well = True
    for name, *command in options.subject:
        results = run(command, options.cases)
        listed = STATUSES[1:] if options.all else STATUSES[2:]
        for case, (status, detail) in sorted(results.items()):
            if status in listed:
                print(f"{name}: {status}: {case}: {detail}")
        counts = Counter(status for status, _ in results.values())
        rows += [Row("node tests", name, status, "cases", counts[status]) for status in STATUSES]
        rows.append(Row("node tests", name, "all", "cases", len(results)))
        if options.at_least is not None:
            line, passed = verdict(counts, options.at_least)
            well = well and passed
            print(f"{name}: {counts['refused']} of {len(results)} cases refused by name")
            print(line)
    print()
    report("coverage", rows, options.json)
    sys.exit(not well)


if __name__ == "__main__":
    main()
