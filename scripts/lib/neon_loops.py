"""Counts the instructions for each multiply-add in the innermost work of NEON kernels, in a disassembly of arm64 code.

    llvm-objdump -d --no-show-raw-insn --demangle LIBRARY | neon_loops.py LIMITS

What counts of a function is its longest work: of the instructions between two branches, or targets of branches, those
with the most multiply-adds. Loops are not looked for: where the accumulators of a tile stay in registers, all of its
work is one such run, and where they do not, the run is short and full of loads and stores.

A line of LIMITS names the most instructions for each multiply-add, the instruction that counts as one, and a regular
expression. Every function that matches is held to it, and one must. A limit of `-` only has the cheapest printed.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")
INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$")
BRANCH = re.compile(r"^(b|b\.\w+|cbn?z|tbn?z)$")
END = re.compile(r"^(b|b\.\w+|cbn?z|tbn?z|bl|blr|br|ret)$")
TARGET = re.compile(r"0x([0-9a-f]+) <")
# What multiplies, and the kind of vector that it is counted for. `smull` stands for the `smull2` beside it too.
VECTORS = {"fmla": "4s", "sdot": "4s", "smull": "8h"}
STORES = {"str", "stp", "stur"}


@dataclass(frozen=True)
class Instruction:
    """One instruction of a disassembly."""

    address: int
    name: str
    operands: str

    @property
    def target(self) -> int | None:
        """Where a branch within the file leads."""
        found = TARGET.search(self.operands) if BRANCH.match(self.name) else None
        return int(found[1], 16) if found else None


@dataclass(frozen=True)
class Work:
    """The instructions between two branches: how many, and how many of them multiply and add, or store."""

    function: str
    instructions: int
    multiply_adds: int
    stores: int

    @property
    def cost(self) -> float:
        """Instructions for each multiply-add."""
        return self.instructions / self.multiply_adds


@dataclass(frozen=True)
class Limit:
    """What the functions that match may cost, if it is limited."""

    most: float | None
    multiply_add: str
    pattern: str


def functions(lines: Iterable[str]) -> Iterator[tuple[str, list[Instruction]]]:
    """Pairs of a function's name and its instructions."""
    name, body = "", []
    for line in lines:
        if found := FUNCTION.match(line):
            if body:
                yield name, body
            name, body = found[1], []
        elif name and (found := INSTRUCTION.match(line)):
            body.append(Instruction(int(found[1], 16), found[2], found[3]))
    if body:
        yield name, body


def runs(body: list[Instruction]) -> Iterator[list[Instruction]]:
    """A function's instructions, cut behind branches and calls and before targets of branches."""
    targets = {instruction.target for instruction in body}
    run: list[Instruction] = []
    for instruction in body:
        if run and instruction.address in targets:
            yield run
            run = []
        run.append(instruction)
        if END.match(instruction.name):
            yield run
            run = []
    if run:
        yield run


def longest_work(function: str, body: list[Instruction], multiply_add: str) -> Work | None:
    """The work of a function with the most multiply-adds, if it has any."""

    vector = re.compile(rf"^v\d+\.{VECTORS[multiply_add]}, ")

    def counted(instruction: Instruction) -> bool:
        return instruction.name == multiply_add and bool(vector.match(instruction.operands))

    found = [
        Work(function, len(run), sum(map(counted, run)), sum(instruction.name in STORES for instruction in run))
        for run in runs(body)
    ]
    return max((work for work in found if work.multiply_adds), key=lambda work: work.multiply_adds, default=None)


def limits(text: str) -> list[Limit]:
    """The lines of a file of limits."""
    found = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            most, multiply_add, pattern = line.split(maxsplit=2)
            found.append(Limit(None if most == "-" else float(most), multiply_add, pattern))
    return found


def check(bodies: list[tuple[str, list[Instruction]]], limit: Limit) -> Iterator[tuple[bool, str]]:
    """Whether it holds, and a sentence that says so, for each function that a limit is for."""
    matching = [
        work
        for name, body in bodies
        if re.search(limit.pattern, name) and (work := longest_work(name, body, limit.multiply_add))
    ]
    if not matching:
        yield False, f"no {limit.multiply_add} in any function like {limit.pattern}"
    if matching and limit.most is None:
        matching = [min(matching, key=lambda work: work.cost)]
    for work in matching:
        good = limit.most is None or work.cost <= limit.most
        allowed = "" if limit.most is None else f", allowed {limit.most}"
        yield (
            good,
            (
                f"{'ok' if good else 'TOO MANY'}: {work.cost:.3f} instructions for each {limit.multiply_add}{allowed}: "
                f"{work.instructions} for {work.multiply_adds}, {work.stores} of them stores, in {work.function}"
            ),
        )


def main() -> int:
    """Prints a line for each function, and their number."""
    table = limits(Path(sys.argv[1]).read_text(encoding="utf-8"))
    bodies = list(functions(sys.stdin))
    results = [result for limit in table for result in check(bodies, limit)]
    for _, sentence in results:
        print(sentence)
    failed = sum(not good for good, _ in results)
    print(f"{len(results) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
