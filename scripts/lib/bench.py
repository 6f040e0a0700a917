"""What every benchmark here shares: interleaved rounds, medians, the table and the JSON file.

A benchmark measures its subjects in turns, so that what else the machine does falls on all of them alike, and reports
medians, which a single slow round does not move.
"""

import argparse
import dataclasses
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys


@dataclasses.dataclass(frozen=True)
class Row:
    """One measured value, or a word where there is none."""

    case: str
    subject: str
    metric: str
    unit: str
    value: float | str


def interleave(subjects, rounds, warm_up=1):
    """Calls each of `subjects` (name to callable) in turn and returns name to the list of what the calls gave.

    The order turns by one every round, so that no subject always runs after the same one. The first `warm_up` rounds
    count for nothing.
    """
    if rounds < 1:
        raise ValueError(f"a benchmark needs at least one round, got {rounds}")
    names = list(subjects)
    results = {name: [] for name in names}
    for turn in range(warm_up + rounds):
        start = turn % len(names) if names else 0
        for name in names[start:] + names[:start]:
            result = subjects[name]()
            if turn >= warm_up:
                results[name].append(result)
    return results


def medians(results):
    """The median of each list of numbers."""
    return {name: statistics.median(values) for name, values in results.items()}


def percentile(values, share):
    """The smallest value that at least `share` of the values do not exceed."""
    if not values:
        raise ValueError("no values")
    rank = max(1, math.ceil(len(values) * share))
    return sorted(values)[rank - 1]


def table(rows):
    """The rows as text: a line for each case and metric, a column for each subject."""
    subjects = list(dict.fromkeys(row.subject for row in rows))
    lines = {}
    for row in rows:
        lines.setdefault((row.case, row.metric, row.unit), {})[row.subject] = number(row.value)
    head = ["case", "metric", "unit", *subjects]
    body = [[*key, *(values.get(subject, "-") for subject in subjects)] for key, values in lines.items()]
    widths = [max(len(line[i]) for line in [head, *body]) for i in range(len(head))]
    words = 3

    def text(line):
        cells = [c.ljust(w) if i < words else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))]
        return "  ".join(cells).rstrip()

    return "\n".join(text(line) for line in [head, *body])


def number(value):
    """Three significant digits for small numbers, all digits before the point for large ones, words as they are."""
    if isinstance(value, str):
        return value
    if value == int(value) or abs(value) >= 1000:
        return str(round(value))
    return f"{value:.3g}"


def machine():
    """A description of this machine that means the same elsewhere: processor, cores, memory, system."""
    model = platform.processor() or platform.machine()
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}"


def report(bench, rows, json_file=None):
    """Prints the table and, if asked to, writes the file."""
    print(table(rows))
    if json_file:
        result = {"bench": bench, "machine": machine(), "rows": [dataclasses.asdict(row) for row in rows]}
        pathlib.Path(json_file).write_text(json.dumps(result, indent=1) + "\n")


def run_json(command, **options):
    """Runs a child that prints one JSON value, and returns it. A failing child ends the benchmark."""
    child = subprocess.run(command, stdout=subprocess.PIPE, check=False, **options)
    if child.returncode:
        sys.exit(f"error: {' '.join(map(str, command))} ended with status {child.returncode}")
    return json.loads(child.stdout)


def arguments(description):
    """The options that `scripts/bench` passes to every benchmark."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", metavar="FILE", help="also write the rows to FILE")
    return parser
