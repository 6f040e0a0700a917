"""Runs the test programs that cargo has built, several at a time, each in its package's folder as cargo would.

Wants cargo's messages (`cargo test --no-run --message-format=json`) on its standard input. What a program printed is
printed in one piece once it has ended, under a line like cargo's. Ends with 1 where a program failed, and with 2 where
there was none.

A program that dies of a signal inside qemu is run again, alone and several times, because qemu itself has crashed so
(rust/docs/adr/0014-tests-under-emulation.md). It fails where that happens once more. A failing test is never run again.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import time

# What qemu says where the program that it runs dies of a signal.
CRASH = "qemu: uncaught target signal"
# What Rust's tests say of one that failed.
FAILED = " ... FAILED\n"
# How often a program that crashed is run again, without a crash.
AGAIN = 3


@dataclasses.dataclass
class Program:
    """A test program, the source file of its tests, and the folder of its package."""

    path: str
    source: str
    folder: str

    @property
    def name(self):
        """What cargo calls it, without the hash that it appends."""
        return pathlib.Path(self.path).name.rpartition("-")[0]


def programs(messages, first=()):
    """The test programs in cargo's messages in cargo's order, but for those named in `first`."""
    found = []
    for line in messages:
        message = json.loads(line) if line.startswith("{") else {}
        if message.get("executable") and message["profile"]["test"]:
            folder = str(pathlib.Path(message["manifest_path"]).parent)
            source = os.path.relpath(message["target"]["src_path"], folder)
            found.append(Program(message["executable"], source, folder))
    order = {name: place for place, name in enumerate(first)}
    return sorted(found, key=lambda program: order.get(program.name, len(order)))


def run(command, program):
    """The exit status of a program, and what it printed."""
    began = time.monotonic()
    environment = os.environ | {"CARGO_MANIFEST_DIR": program.folder}
    done = subprocess.run(
        [*command, program.path],
        cwd=program.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    took = time.monotonic() - began
    head = f"     Running {program.source} ({program.path}): {took:.1f} s\n"
    tail = "" if done.returncode == 0 else f"error: {program.name} ended with {done.returncode}\n"
    return done.returncode, head + done.stdout.decode(errors="replace") + tail


def run_all(command, tests, jobs, out):
    """Runs all programs, prints what each printed to `out`, and tells whether all succeeded."""
    good, crashed = True, []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(run, command, test): test for test in tests}
        for ended in concurrent.futures.as_completed(running):
            status, text = ended.result()
            if status != 0 and CRASH in text and FAILED not in text:
                crashed.append((running[ended], text))
                continue
            good = good and status == 0
            print(text, file=out, flush=True)
    for test, text in crashed:
        good = run_again(command, test, text, out) and good
    return good


def run_again(command, program, text, out):
    """Runs a program that crashed again, alone, and tells whether it always succeeded."""
    # Quoted, so that no test in it is counted.
    print("".join(f"| {line}\n" for line in text.splitlines()), file=out)
    print(f"CRASHED in the emulator: {program.name} runs again, {AGAIN} times, alone", file=out)
    for _ in range(AGAIN):
        status, text = run(command, program)
        if status != 0:
            break
    print(text, file=out, flush=True)
    return status == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many programs run at a time")
    parser.add_argument("--first", action="append", default=[], help="a program to begin with, because it takes long")
    parser.add_argument("command", nargs="+", help="what runs a program, whose path is appended")
    arguments = parser.parse_args()
    tests = programs(sys.stdin, arguments.first)
    if not tests:
        print("error: cargo has built no test program", file=sys.stderr)
        sys.exit(2)
    sys.exit(0 if run_all(arguments.command, tests, arguments.jobs, sys.stdout) else 1)


if __name__ == "__main__":
    main()
