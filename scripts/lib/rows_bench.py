"""The table of a benchmark whose programs print their rows, one JSON object a line."""

import argparse
import json
import pathlib

import bench


def rows(text):
    """The rows of one program's output."""
    return [bench.Row(**json.loads(line)) for line in text.splitlines() if line]


def main():
    """Reads the outputs and reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="also write the rows to FILE")
    parser.add_argument("name", help="the benchmark's name")
    parser.add_argument("outputs", nargs="+", type=pathlib.Path, metavar="OUTPUT")
    arguments = parser.parse_args()
    measured = [row for output in arguments.outputs for row in rows(output.read_text())]
    bench.report(arguments.name, measured, arguments.json)


if __name__ == "__main__":
    main()
