"""A small app over the package as a Maven repository serves it: as it is, and shrunk with and without our rules.

TANDEM_CONSUMER is a folder with `app.jar` and `lib`, all that Maven resolved for it; TANDEM_RULES the rules out of the
AAR; TANDEM_NATIVE the folder of the facade's library for this machine; TANDEM_MODEL the model the app loads;
TANDEM_PROGUARD and TANDEM_R8 the folders of the shrinkers' jars, of which the second may be missing.
"""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

CONSUMER = Path(os.environ["TANDEM_CONSUMER"])
RULES = Path(os.environ["TANDEM_RULES"])
MAIN = "dev.tandem.consumer.MainKt"
# What an app says of itself: where it starts, and that desktop Java's and Android's own classes are not in it.
APP_RULES = f"""
-keep class {MAIN} {{ public static void main(java.lang.String[]); }}
-dontwarn android.**,androidx.annotation.**,java.awt.**,java.lang.**,java.rmi.**,javax.swing.**,sun.misc.**
"""
# Its optimiser breaks kotlinx-coroutines 1.11.0 (VerifyError in JobKt.invokeOnCompletion), with our rules and without.
PROGUARD_RULES = "-ignorewarnings\n-dontoptimize\n"


def run(jars: list[Path]) -> subprocess.CompletedProcess:
    """Starts the app on this machine's JVM."""
    command = ["java", f"-Djna.library.path={os.environ['TANDEM_NATIVE']}", "-cp", os.pathsep.join(map(str, jars))]
    return subprocess.run(
        [*command, MAIN, os.environ["TANDEM_MODEL"]], check=False, capture_output=True, text=True, timeout=120
    )


def java_home() -> Path:
    """Of the Java that runs here."""
    shown = subprocess.run(
        ["java", "-XshowSettings:properties", "-version"], check=True, capture_output=True, text=True
    )
    return Path(next(line.split("=")[1].strip() for line in shown.stderr.splitlines() if "java.home =" in line))


class ConsumerTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name)
        self.jars = [CONSUMER / "app.jar", *sorted((CONSUMER / "lib").glob("*.jar"))]

    def rules_without(self, *dropped: str) -> str:
        """Our rules but for the lines that hold one of these words."""
        return "\n".join(line for line in RULES.read_text().splitlines() if not any(word in line for word in dropped))

    def proguard(self, rules: str) -> Path:
        out = self.work / "out.jar"
        lines = [f"-injars {jar}(!META-INF/versions/**,!module-info.class)" for jar in self.jars]
        lines += [
            f"-libraryjars {jmod}(!**.jar;!module-info.class)"
            for jmod in sorted((java_home() / "jmods").glob("java.*.jmod"))
        ]
        (self.work / "app.pro").write_text("\n".join([*lines, f"-outjars {out}", PROGUARD_RULES, APP_RULES, rules]))
        command = [
            "java",
            "-cp",
            f"{os.environ['TANDEM_PROGUARD']}/*",
            "proguard.ProGuard",
            f"@{self.work / 'app.pro'}",
        ]
        ended = subprocess.run(command, check=False, capture_output=True, text=True)
        self.assertEqual(ended.returncode, 0, ended.stdout[-2000:] + ended.stderr[-2000:])
        return out

    def r8(self, rules: str) -> Path:
        out = self.work / "out.jar"
        (self.work / "app.pro").write_text(APP_RULES + rules)
        jars = f"{os.environ['TANDEM_R8']}/*"
        command = [
            "java",
            "-cp",
            jars,
            "com.android.tools.r8.R8",
            "--classfile",
            "--release",
            "--lib",
            str(java_home()),
        ]
        command += ["--pg-conf", str(self.work / "app.pro"), "--output", str(out), *map(str, self.jars)]
        ended = subprocess.run(command, check=False, capture_output=True, text=True)
        self.assertEqual(ended.returncode, 0, ended.stdout[-2000:] + ended.stderr[-2000:])
        return out

    def assert_runs(self, jars: list[Path]):
        ended = run(jars)
        self.assertEqual(ended.returncode, 0, ended.stdout[-2000:] + ended.stderr[-4000:])
        self.assertIn("consumer: all is well", ended.stdout)

    def assert_breaks(self, jars: list[Path], sign: str):
        ended = run(jars)
        self.assertNotEqual(ended.returncode, 0, ended.stdout)
        self.assertRegex(ended.stderr, sign)

    def test_it_runs_as_it_is(self):
        self.assert_runs(self.jars)

    def test_it_runs_when_proguard_has_shrunk_it(self):
        shrunk = self.proguard(RULES.read_text())
        self.assertLess(shrunk.stat().st_size, sum(jar.stat().st_size for jar in self.jars))
        self.assert_runs([shrunk])

    def test_without_our_rules_it_breaks(self):
        self.assert_breaks([self.proguard("")], "UnsatisfiedLinkError")

    def test_without_the_rule_for_structures_it_breaks(self):
        self.assert_breaks([self.proguard(self.rules_without("com.sun.jna.Structure"))], "Structure")

    @unittest.skipUnless(
        "TANDEM_R8" in os.environ, "R8 was not found: set ANDROID_HOME, or let Maven reach Google's repository"
    )
    def test_it_runs_when_r8_has_shrunk_it(self):
        self.assert_runs([self.r8(RULES.read_text())])

    @unittest.skipUnless(
        "TANDEM_R8" in os.environ, "R8 was not found: set ANDROID_HOME, or let Maven reach Google's repository"
    )
    def test_without_our_rules_r8_breaks_it(self):
        self.assert_breaks([self.r8("")], "Error")
