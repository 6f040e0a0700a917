"""Refuses Android libraries that a phone would not load, or that carry what does not belong in them.

Usage: elf_gate.py --abi ABI --symbols FILE [OPTION...] LIBRARY...

Prints a line for every fault and fails if there was one. `--soname`, `--export`, `--path` and `--limit` are for our own
libraries: the name they must carry, what alone they may export, folders of the machine that built them, and their size.
"""

import argparse
import dataclasses
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import elf

# Android 15 runs with pages of this size; Google Play asks for it of 64-bit code.
PAGE = 16384
# What every Android has and lets an app link to. Of these we need no other.
SYSTEM_LIBRARIES = {"libc.so", "libdl.so", "liblog.so", "libm.so"}
# Home folders, whoever built it.
HOMES = [f"/{name}/".encode() for name in ("root", "home", "Users")]


@dataclasses.dataclass(frozen=True)
class Rules:
    """What a library is held to. The last four are for our own libraries only."""

    abi: str
    symbols: frozenset[str]
    soname: str | None = None
    exports: str | None = None
    paths: tuple[str, ...] = ()
    limit: int | None = None


def faults(library: elf.Elf, rules: Rules) -> Iterator[str]:
    """What is wrong with a library."""
    if library.abi != rules.abi:
        yield f"is built for {library.abi}, expected {rules.abi}"
    yield from segment_faults(library)
    yield from dynamic_faults(library)
    yield from symbol_faults(library, rules)
    yield from own_faults(library, rules)


def segment_faults(library: elf.Elf) -> Iterator[str]:
    """Whether it can be mapped with 16 KB pages, and safely."""
    loads = library.segments_of(elf.PT_LOAD)
    if not loads:
        yield "has no segment to load"
    for index, load in enumerate(loads):
        if library.wide and (load.align < PAGE or load.align % PAGE):
            yield f"segment {index} is aligned to {load.align} bytes, expected a multiple of {PAGE}"
        elif load.align > 1 and (load.address - load.offset) % load.align:
            yield f"segment {index} lies at {load.address:#x}, which does not fit its offset {load.offset:#x}"
        if load.flags & elf.PF_W and load.flags & elf.PF_X:
            yield f"segment {index} can be written and executed"
    if not library.segments_of(elf.PT_GNU_RELRO):
        yield "has no segment that becomes read-only after relocation (RELRO)"
    stacks = library.segments_of(elf.PT_GNU_STACK)
    if not stacks or any(stack.flags & elf.PF_X for stack in stacks):
        yield "asks for a stack that can be executed"
    if library.segments_of(elf.PT_TLS):
        yield "has thread-local storage of ELF's own, which Android knows only from API 29 on"


def dynamic_faults(library: elf.Elf) -> Iterator[str]:
    """What the loader is told."""
    for name in library.strings(elf.DT_NEEDED):
        if name not in SYSTEM_LIBRARIES:
            yield f"needs {name}, which is not one of {', '.join(sorted(SYSTEM_LIBRARIES))}"
    for tag, name in ((elf.DT_RPATH, "RPATH"), (elf.DT_RUNPATH, "RUNPATH")):
        if library.strings(tag):
            yield f"carries {name} {', '.join(library.strings(tag))}"
    flags = sum(library.values(elf.DT_FLAGS))
    if library.values(elf.DT_TEXTREL) or flags & elf.DF_TEXTREL:
        yield "has relocations in its code (TEXTREL)"


def symbol_faults(library: elf.Elf, rules: Rules) -> Iterator[str]:
    """Whether the oldest Android that is supported has all it asks for."""
    for symbol in library.symbols:
        # A weak symbol that is missing is null, and whoever declares it so asks before the call.
        if not symbol.defined and not symbol.weak and symbol.name not in rules.symbols:
            yield f"wants {symbol.name}, which Android 6.0 (API 23) has not"


def own_faults(library: elf.Elf, rules: Rules) -> Iterator[str]:
    """What only our own libraries are held to."""
    if rules.soname is not None:
        named = library.strings(elf.DT_SONAME)
        if named != [rules.soname]:
            yield f"is named {', '.join(named) or 'nothing'}, expected {rules.soname}"
        now = library.values(elf.DT_BIND_NOW) or sum(library.values(elf.DT_FLAGS)) & elf.DF_BIND_NOW
        if not now and not sum(library.values(elf.DT_FLAGS_1)) & elf.DF_1_NOW:
            yield "is not bound when it is loaded (BIND_NOW), so its jump table stays writable"
        for section in library.sections:
            if section.kind == elf.SHT_SYMTAB or section.name.startswith(".debug_"):
                yield f"is not stripped: it carries {section.name} of {section.size} bytes"
    if rules.exports is not None:
        ours = re.compile(rules.exports)
        exported = [symbol.name for symbol in library.symbols if symbol.defined]
        yield from (f"exports {name}" for name in exported if not ours.fullmatch(name))
        if not any(ours.fullmatch(name) for name in exported):
            yield f"exports nothing of {rules.exports}"
    if rules.limit is not None and len(library.data) > rules.limit:
        yield f"has {len(library.data)} bytes, at most {rules.limit} are allowed"
    if rules.paths:
        yield from path_faults(library.data, [path.encode() for path in rules.paths] + HOMES)


def path_faults(data: bytes, paths: list[bytes]) -> Iterator[str]:
    """Whether the machine that built it has left its paths in it."""
    for path in paths:
        at = data.find(path)
        if at >= 0:
            text = re.match(rb"[\x20-\x7e]+", data[at : at + 120])
            yield f"carries a path of the machine that built it: {text[0].decode() if text else path.decode()}"


def main() -> int:
    """Checks the libraries named on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--abi", required=True)
    parser.add_argument("--symbols", required=True, type=Path, help="a file of the names the system defines")
    parser.add_argument("--soname")
    parser.add_argument("--export", help="regular expression of what may be exported, and something of it must be")
    parser.add_argument("--path", action="append", default=[])
    parser.add_argument("--limit", type=int)
    parser.add_argument("libraries", nargs="+", type=Path, metavar="LIBRARY")
    given = parser.parse_args()
    symbols = frozenset(given.symbols.read_text().split())
    rules = Rules(given.abi, symbols, given.soname, given.export, tuple(given.path), given.limit)
    bad = 0
    for path in given.libraries:
        try:
            found = list(faults(elf.Elf.open(path), rules))
        except elf.NotElf as cause:
            found = [str(cause)]
        for fault in found:
            print(f"{path}: {fault}")
        bad += len(found)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
