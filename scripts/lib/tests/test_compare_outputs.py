"""What counts as agreement between two targets."""

import base64
import struct
import unittest

from compare_outputs import compare, differences


def ran(*values, name="y", dtype="f32"):
    """What a case gave that has one output."""
    data = base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
    return {"case": "a", "outputs": [{"name": name, "dtype": dtype, "shape": [len(values)], "base64": data}]}


class Differences(unittest.TestCase):
    def test_equal_bytes_agree(self):
        self.assertEqual(differences(ran(1, 2), ran(1, 2), 0), [])

    def test_without_a_tolerance_the_last_bit_counts(self):
        self.assertEqual(differences(ran(1), ran(1 + 2**-23), 0), ["output y has other bytes"])

    def test_a_tolerance_is_kept_and_enforced(self):
        self.assertEqual(differences(ran(1), ran(1 + 2**-23), 1e-6), [])
        self.assertIn("differs by", differences(ran(1), ran(1.001), 1e-6)[0])

    def test_not_a_number_is_within_no_tolerance(self):
        self.assertIn("differs by", differences(ran(1), ran(float("nan")), 1e-6)[0])

    def test_name_and_type_count(self):
        self.assertTrue(differences(ran(1), ran(1, name="z"), 1e-6))
        self.assertTrue(differences(ran(1), ran(1, dtype="f64"), 1e-6))

    def test_an_error_is_no_output(self):
        self.assertTrue(differences(ran(1), {"case": "a", "error": "closed"}, 1e-6))
        self.assertTrue(differences({"case": "a", "error": "closed"}, {"case": "a", "error": "offline"}, 0))
        self.assertEqual(differences({"case": "a", "plan": None}, {"case": "a", "plan": None}, 0), [])

    def test_a_case_that_the_host_did_not_run_is_a_difference(self):
        self.assertEqual(list(compare({}, [], [ran(1)])), [("a", ["this machine did not run it"])])


if __name__ == "__main__":
    unittest.main()
