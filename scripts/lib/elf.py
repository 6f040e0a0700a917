"""Reads of an ELF shared library what a loader reads, and what a release must not carry."""

import dataclasses
import struct
from pathlib import Path

MACHINES = {183: "arm64-v8a", 40: "armeabi-v7a", 62: "x86_64", 3: "x86"}

PT_LOAD, PT_DYNAMIC, PT_TLS = 1, 2, 7
PT_GNU_STACK, PT_GNU_RELRO = 0x6474E551, 0x6474E552
PF_X, PF_W = 1, 2
SHT_SYMTAB, SHT_DYNSYM = 2, 11
DT_NEEDED, DT_SONAME, DT_RPATH, DT_TEXTREL, DT_BIND_NOW, DT_RUNPATH, DT_FLAGS, DT_FLAGS_1 = (
    1,
    14,
    15,
    22,
    24,
    29,
    30,
    0x6FFFFFFB,
)
DF_TEXTREL, DF_BIND_NOW, DF_1_NOW = 4, 8, 1
STB_LOCAL, STB_WEAK = 0, 2


class NotElf(ValueError):
    """The file is no ELF file of a kind that Android knows, or is cut short."""


@dataclasses.dataclass(frozen=True)
class Segment:
    """One entry of the program headers."""

    kind: int
    flags: int
    offset: int
    address: int
    file_size: int
    memory_size: int
    align: int


@dataclasses.dataclass(frozen=True)
class Section:
    """One entry of the section headers."""

    name: str
    kind: int
    offset: int
    size: int
    link: int


@dataclasses.dataclass(frozen=True)
class Symbol:
    """One entry of the dynamic symbol table."""

    name: str
    defined: bool
    weak: bool


class Elf:
    """A little-endian ELF file, 32 or 64 bits wide."""

    def __init__(self, data: bytes):
        self.data = data
        if data[:4] != b"\x7fELF" or len(data) < 52 or data[5] != 1 or data[4] not in (1, 2):
            raise NotElf("not a little-endian ELF file")
        self.wide = data[4] == 2
        try:
            self._read()
        except (struct.error, IndexError) as cause:
            raise NotElf(f"cut short: {cause}") from cause

    @classmethod
    def open(cls, path: Path) -> "Elf":
        """Reads a file whole."""
        return cls(path.read_bytes())

    def _read(self) -> None:
        header = struct.unpack_from("<HHIQQQIHHHHHH" if self.wide else "<HHIIIIIHHHHHH", self.data, 16)
        _, machine, _, _, at_segments, at_sections, _, _, segment_size, segments, section_size, sections, names = header
        self.abi = MACHINES.get(machine, f"machine {machine}")
        self.segments = [self._segment(at_segments + i * segment_size) for i in range(segments)]
        self.sections = self._sections(at_sections, section_size, sections, names)
        self.dynamic = self._dynamic()
        self.symbols = self._symbols()

    def _segment(self, at: int) -> Segment:
        if self.wide:
            kind, flags, offset, address, _, file_size, memory_size, align = struct.unpack_from(
                "<IIQQQQQQ", self.data, at
            )
        else:
            kind, offset, address, _, file_size, memory_size, flags, align = struct.unpack_from(
                "<IIIIIIII", self.data, at
            )
        return Segment(kind, flags, offset, address, file_size, memory_size, align)

    def _sections(self, at: int, size: int, count: int, names: int) -> list[Section]:
        form = "<IIQQQQIIQQ" if self.wide else "<IIIIIIIIII"
        raw = [struct.unpack_from(form, self.data, at + i * size) for i in range(count)]
        table = raw[names][4] if count else 0
        return [Section(self._text(table + r[0]), r[1], r[4], r[5], r[6]) for r in raw]

    def _text(self, at: int) -> str:
        return self.data[at : self.data.index(b"\0", at)].decode(errors="replace")

    def _dynamic(self) -> list[tuple[int, int]]:
        form, size = ("<qQ", 16) if self.wide else ("<iI", 8)
        entries = []
        for segment in self.segments:
            if segment.kind == PT_DYNAMIC:
                for at in range(segment.offset, segment.offset + segment.file_size, size):
                    tag, value = struct.unpack_from(form, self.data, at)
                    if tag == 0:
                        break
                    entries.append((tag, value))
        return entries

    def _symbols(self) -> list[Symbol]:
        symbols = []
        for section in self.sections:
            if section.kind != SHT_DYNSYM:
                continue
            strings = self.sections[section.link].offset
            size = 24 if self.wide else 16
            for at in range(section.offset + size, section.offset + section.size, size):
                if self.wide:
                    name, info, _, index = struct.unpack_from("<IBBH", self.data, at)
                else:
                    name, _, _, info, _, index = struct.unpack_from("<IIIBBH", self.data, at)
                if info >> 4 != STB_LOCAL:
                    symbols.append(Symbol(self._text(strings + name), index != 0, info >> 4 == STB_WEAK))
        return symbols

    def section_size(self, name: str) -> int:
        """The bytes of a section, 0 if it is not there."""
        return sum(section.size for section in self.sections if section.name == name)

    def segments_of(self, kind: int) -> list[Segment]:
        """The program headers of one kind."""
        return [segment for segment in self.segments if segment.kind == kind]

    def values(self, tag: int) -> list[int]:
        """The values of a tag in the dynamic table."""
        return [value for entry, value in self.dynamic if entry == tag]

    def strings(self, tag: int) -> list[str]:
        """The values of a tag in the dynamic table that are texts."""
        table = next((self.sections[s.link].offset for s in self.sections if s.kind == SHT_DYNSYM), None)
        if table is None:
            return []
        return [self._text(table + value) for value in self.values(tag)]
