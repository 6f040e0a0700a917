import io
import json
import pathlib
import re
import tempfile
import unittest

import run_tests


def artifact(name, folder="/crate", test=True, executable=True):
    path = f"/deps/{name}-0123abcd" if executable else None
    target = {"src_path": f"{folder}/tests/{name}.rs"}
    return json.dumps(
        {"executable": path, "manifest_path": f"{folder}/Cargo.toml", "profile": {"test": test}, "target": target}
    )


class Programs(unittest.TestCase):
    def test_only_test_programs_are_found_and_the_long_ones_come_first(self):
        messages = [
            "not a message of cargo's",
            json.dumps({"reason": "build-finished", "success": True}),
            artifact("a_b"),
            artifact("library", executable=False),
            artifact("example", test=False),
            artifact("long", "/other"),
        ]
        found = run_tests.programs(messages, ["absent", "long"])
        self.assertEqual([program.name for program in found], ["long", "a_b"])
        self.assertEqual(found[0].folder, "/other")
        self.assertEqual(found[0].source, "tests/long.rs")


class Running(unittest.TestCase):
    def run_scripts(self, scripts):
        with tempfile.TemporaryDirectory() as folder:
            tests = []
            for name, text in scripts.items():
                path = pathlib.Path(folder, f"{name}-0")
                path.write_text(text)
                tests.append(run_tests.Program(str(path), f"{name}.rs", folder))
            out = io.StringIO()
            return run_tests.run_all(["sh"], tests, 2, out), out.getvalue(), folder

    def test_each_runs_in_its_folder_and_its_output_stays_together(self):
        script = 'echo one; sleep 0.2; echo two; pwd; echo "$CARGO_MANIFEST_DIR"'
        good, text, folder = self.run_scripts({"x": script, "y": script})
        self.assertTrue(good)
        self.assertEqual(text.count(f"one\ntwo\n{folder}\n{folder}\n"), 2)

    def test_one_that_fails_stops_none_and_is_told(self):
        good, text, _ = self.run_scripts({"x": "echo printed >&2; exit 3", "y": "echo ran"})
        self.assertFalse(good)
        self.assertIn("printed\nerror: x ended with 3\n", text)
        self.assertIn("ran\n", text)

    CRASH = "echo 'test result: ok. 1 passed'; echo 'qemu: uncaught target signal 11'; exit 139"

    def test_one_that_crashes_in_the_emulator_runs_again_and_is_counted_once(self):
        once = f"echo run >>runs; [ $(wc -l <runs) -gt 1 ] || {{ {self.CRASH}; }}; echo 'test result: ok. 2 passed'"
        good, text, _ = self.run_scripts({"x": once})
        self.assertTrue(good)
        self.assertIn("| qemu: uncaught target signal 11\n", text)
        self.assertIn("CRASHED in the emulator: x runs again, 3 times, alone\n", text)
        self.assertEqual(re.findall("^test result.*", text, re.MULTILINE), ["test result: ok. 2 passed"])

    def test_one_that_crashes_twice_fails(self):
        third = f"echo run >>runs; case $(wc -l <runs) in 1 | 3) {self.CRASH} ;; esac; echo ran"
        good, text, _ = self.run_scripts({"x": third})
        self.assertFalse(good)
        self.assertIn("\nerror: x ended with 139\n", text)

    def test_a_failure_is_not_run_again(self):
        good, text, _ = self.run_scripts({"x": "echo run >>runs; wc -l <runs; exit 101"})
        self.assertFalse(good)
        self.assertIn("\n1\nerror: x ended with 101\n", text)

    def test_nor_is_one_that_fails_before_a_crash(self):
        good, text, _ = self.run_scripts({"x": f"echo run >>runs; wc -l <runs; echo 'test a ... FAILED'; {self.CRASH}"})
        self.assertFalse(good)
        self.assertIn("\n1\ntest a ... FAILED\n", text)
        self.assertIn("\nerror: x ended with 139\n", text)


if __name__ == "__main__":
    unittest.main()
