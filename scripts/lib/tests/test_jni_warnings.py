"""What the filter of the JNI checks drops, keeps and refuses."""

import pathlib
import subprocess
import unittest

FILTER = pathlib.Path(__file__).resolve().parents[1] / "jni_warnings.awk"
KNOWN = "WARNING in native method: JNI call made without checking exceptions when required to from CallVoidMethod"
TRACE = "\tat dev.tandem.A.b(Native Method)\n\t- locked <0x1>\n"


class JniWarningsTest(unittest.TestCase):
    def run_filter(self, text):
        return subprocess.run(["awk", "-f", FILTER], input=text, capture_output=True, text=True, check=False)

    def test_a_warning_of_jna_goes_with_its_trace_and_is_counted(self):
        result = self.run_filter(f"before\n{KNOWN}\n{TRACE}after\n")
        self.assertEqual(result.stdout, "before\nafter\n1 warnings of JNA's own about JNI left out\n")
        self.assertEqual(result.returncode, 0)

    def test_another_warning_stays_and_fails_the_run(self):
        for line in (KNOWN.replace("CallVoidMethod", "CallLongMethod"), "FATAL ERROR in native method: bad"):
            result = self.run_filter(f"{line}\n{TRACE}")
            self.assertIn(line, result.stdout)
            self.assertEqual(result.returncode, 1)

    def test_the_trace_of_a_failed_test_stays(self):
        self.assertEqual(self.run_filter(f"expected 1\n{TRACE}").stdout, f"expected 1\n{TRACE}")


if __name__ == "__main__":
    unittest.main()
