"""The arithmetic and the format of the benchmarks."""

import contextlib
import io
import json
import pathlib
import tempfile
import unittest

from bench import Row, interleave, medians, number, percentile, report, table


class InterleaveTest(unittest.TestCase):
    def test_subjects_take_turns_and_the_first_one_changes(self):
        calls = []
        interleave({n: lambda n=n: calls.append(n) for n in "abc"}, rounds=2, warm_up=1)
        self.assertEqual("".join(calls), "abcbcacab")

    def test_warm_up_rounds_do_not_count(self):
        numbers = iter(range(10))
        self.assertEqual(interleave({"a": lambda: next(numbers)}, rounds=3, warm_up=2), {"a": [2, 3, 4]})

    def test_no_rounds_are_refused(self):
        with self.assertRaisesRegex(ValueError, "got 0"):
            interleave({"a": int}, rounds=0)


class ArithmeticTest(unittest.TestCase):
    def test_one_slow_round_does_not_move_the_median(self):
        self.assertEqual(medians({"a": [1, 2, 900]}), {"a": 2})

    def test_percentile_is_one_of_the_values(self):
        values = list(range(1, 101))
        self.assertEqual([percentile(values, s) for s in (0, 0.5, 0.99, 1)], [1, 50, 99, 100])
        self.assertEqual(percentile([7], 0.99), 7)

    def test_percentile_of_nothing_is_refused(self):
        with self.assertRaises(ValueError):
            percentile([], 0.5)

    def test_numbers_keep_three_digits_or_all_before_the_point(self):
        self.assertEqual([number(v) for v in (3.0, 0.012345, 12.345, 1234.5)], ["3", "0.0123", "12.3", "1234"])
        self.assertEqual(number("refused"), "refused")


class ReportTest(unittest.TestCase):
    rows = (
        Row("small", "tandem", "latency", "ms", 1.5),
        Row("small", "onnxruntime", "latency", "ms", 2),
        Row("large", "tandem", "latency", "ms", 10.25),
    )

    def test_a_column_for_each_subject_and_a_dash_for_what_was_not_measured(self):
        self.assertEqual(
            [line.split() for line in table(self.rows).splitlines()],
            [
                ["case", "metric", "unit", "tandem", "onnxruntime"],
                ["small", "latency", "ms", "1.5", "2"],
                ["large", "latency", "ms", "10.2", "-"],
            ],
        )

    def test_the_file_has_the_agreed_form(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "out.json"
            with contextlib.redirect_stdout(io.StringIO()):
                report("engine", self.rows, file)
            result = json.loads(file.read_text())
        self.assertEqual(list(result), ["bench", "machine", "rows"])
        self.assertEqual(
            result["rows"][0],
            {"case": "small", "subject": "tandem", "metric": "latency", "unit": "ms", "value": 1.5},
        )


if __name__ == "__main__":
    unittest.main()
