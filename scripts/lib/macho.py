"""Reads what Apple's linker gets: static archives of 64-bit Mach-O objects, for one architecture or several.

The layouts are those of Apple's <mach-o/loader.h>, <mach-o/fat.h>, <mach-o/nlist.h> and <ar.h>.
"""

import dataclasses
import struct
from collections.abc import Iterator
from pathlib import Path

ARCHIVE = b"!<arch>\n"
FAT = 0xCAFEBABE
MACHO64 = 0xFEEDFACF
CPUS = {0x0100000C: "arm64", 0x01000007: "x86_64"}
LC_SYMTAB, LC_BUILD_VERSION = 0x2, 0x32
N_STAB, N_PEXT, N_TYPE, N_EXT = 0xE0, 0x10, 0x0E, 0x01
PLATFORMS = {1: "macos", 2: "ios", 6: "maccatalyst", 7: "ios-simulator"}


class MachOError(ValueError):
    """What is not as the format has it."""


@dataclasses.dataclass(frozen=True)
class Object:
    """One member of an archive."""

    name: str
    architecture: str
    platform: str | None
    minimum: tuple[int, int] | None
    defined: frozenset[str]
    undefined: frozenset[str]


def version(packed: int) -> tuple[int, int]:
    """Major and minor of `X.Y.Z` in nibbles: xxxx.yy.zz."""
    return packed >> 16, packed >> 8 & 0xFF


def symbols(data: bytes, command: int) -> tuple[set[str], set[str]]:
    """The names that other objects see, and those that this one wants of others."""
    symbol_at, count, string_at, string_size = struct.unpack_from("<4I", data, command + 8)
    strings = data[string_at : string_at + string_size]
    defined, undefined = set(), set()
    for at in range(symbol_at, symbol_at + 16 * count, 16):
        name_at, kind = struct.unpack_from("<IB", data, at)
        if kind & N_STAB or not kind & N_EXT or kind & N_PEXT:
            continue
        name = strings[name_at : strings.index(b"\0", name_at)].decode()
        (defined if kind & N_TYPE else undefined).add(name)
    return defined, undefined


def read_object(name: str, data: bytes) -> Object:
    """One Mach-O object."""
    if len(data) < 32 or struct.unpack_from("<I", data)[0] != MACHO64:
        raise MachOError(f"{name} is no 64-bit Mach-O object")
    cpu, _, _, commands = struct.unpack_from("<4I", data, 4)
    platform, minimum = None, None
    defined: set[str] = set()
    undefined: set[str] = set()
    at = 32
    for _ in range(commands):
        command, size = struct.unpack_from("<2I", data, at)
        if size < 8:
            raise MachOError(f"{name} has a load command of {size} bytes")
        if command == LC_BUILD_VERSION:
            number, packed = struct.unpack_from("<2I", data, at + 8)
            platform, minimum = PLATFORMS.get(number, str(number)), version(packed)
        elif command == LC_SYMTAB:
            defined, undefined = symbols(data, at)
        at += size
    architecture = CPUS.get(cpu, hex(cpu))
    return Object(name, architecture, platform, minimum, frozenset(defined), frozenset(undefined))


def members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every member of an archive but for its table of symbols."""
    if not data.startswith(ARCHIVE):
        raise MachOError("not an archive")
    at, long_names = len(ARCHIVE), b""
    while at + 60 <= len(data):
        name, size = data[at : at + 16].decode().rstrip(), int(data[at + 48 : at + 58])
        body = data[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
        if name.startswith("#1/"):  # BSD: the name stands before the member
            length = int(name[3:])
            name, body = body[:length].rstrip(b"\0").decode(), body[length:]
        elif name == "//":
            long_names = body
            continue
        elif name[1:].isdigit():  # GNU: the name stands in a table
            start = int(name[1:])
            name = long_names[start : long_names.index(b"/\n", start)].decode()
        if name != "/" and not name.startswith("__.SYMDEF"):
            yield name.rstrip("/"), body


def slices(data: bytes) -> Iterator[bytes]:
    """The file of each architecture."""
    if len(data) < 8 or struct.unpack_from(">I", data)[0] != FAT:
        yield data
        return
    for index in range(struct.unpack_from(">I", data, 4)[0]):
        _, _, offset, size, _ = struct.unpack_from(">5I", data, 8 + 20 * index)
        yield data[offset : offset + size]


def read(path: Path) -> list[list[Object]]:
    """The objects of a static library, a list for each architecture."""
    return [[read_object(*member) for member in members(part)] for part in slices(path.read_bytes())]
