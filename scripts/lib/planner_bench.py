"""The planner in virtual time, and what it allocates."""

import os

from bench import Row, arguments, report, run_json
from planner_plot import svg


def main():
    parser = arguments(__doc__)
    parser.add_argument("--models", metavar="FILE", help="times and bytes of the models")
    parser.add_argument("--plot", metavar="FILE", help="draws speed-up and energy as SVG")
    parser.add_argument("--bench", required=True, help="the example bench_planner")
    parser.add_argument("--count", required=True, help="the example count_planner")
    options = parser.parse_args()
    quick = ["--quick"] if options.quick else []
    models = ["--models", os.path.abspath(options.models)] if options.models else []
    found = run_json([options.bench, *quick, *models]) + run_json([options.count, *quick])
    rows = [Row(**row) for row in found]
    if options.plot:
        with open(options.plot, "w", encoding="utf-8") as file:
            file.write(svg(rows))
    report("planner", rows, options.json)


if __name__ == "__main__":
    main()
