"""How large a library is, stripped and compressed, and which crates and sections make it so.

The bytes of code come from the symbol table of the unstripped library, each function under the crate that a demangled
name begins with; tables, constants and the like have no names and stand under their sections.
"""

import gzip
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import bench
import elf

# Of which one row each is more than the table has to tell.
GROUPS = {
    "our crates": ("tandem", "tandem_"),
    "tract": ("tract_",),
    "rustls, ring, webpki": ("rustls", "ring", "webpki", "untrusted", "subtle"),
    "hyper, tokio": ("hyper", "tokio", "http", "httparse", "h2", "mio", "want", "futures_", "bytes", "socket2"),
    "standard library": (
        "std",
        "core",
        "alloc",
        "compiler_builtins",
        "gimli",
        "addr2line",
        "rustc_demangle",
        "hashbrown",
    ),
    "serde": ("serde", "serde_"),
    "prost": ("prost",),
    "rustfft": ("rustfft", "strength_reduce", "transpose", "primal_check"),
    "ndarray, smallvec, num": ("ndarray", "smallvec", "itertools", "num_", "matrixmultiply", "half"),
    "uniffi": ("uniffi_",),
}
# The first name of a path, behind what demangling puts before it: `<`, `&`, `*const`, `dyn`, brackets.
CRATE = re.compile(r"^(?:[<&*\[(]|mut |const |dyn |fn\(|impl )*([A-Za-z_][A-Za-z0-9_]*)::")
# Sections that a loaded library has beside its code.
SECTIONS = (
    ".rodata",
    ".eh_frame",
    ".eh_frame_hdr",
    ".gcc_except_table",
    ".data.rel.ro",
    ".rela.dyn",
    ".rel.dyn",
    ".data",
)
NAMES = (".dynsym", ".dynstr", ".gnu.hash", ".hash", ".gnu.version", ".rela.plt", ".plt", ".got", ".got.plt")


# What of Rust's older mangling nm leaves as it is.
ESCAPES = {
    "$LT$": "<",
    "$GT$": ">",
    "$RF$": "&",
    "$BP$": "*",
    "$C$": ",",
    "$u20$": " ",
    "$u7b$": "{",
    "$u7d$": "}",
    "..": "::",
}


def plain(name):
    """A name without what is left of mangling."""
    if name.startswith("_$"):
        name = name[1:]
    for escape, text in ESCAPES.items():
        name = name.replace(escape, text)
    return name


def group(name):
    """The row of a function by its name. One with type parameters stands with the crate that wrote it."""
    found = CRATE.match(plain(name))
    if not found:
        # Assembly has no paths: tract's and ring's kernels and the C library's helpers.
        return "assembly and C"
    crate = found[1]
    for row, prefixes in GROUPS.items():
        if any(crate == prefix or (prefix.endswith("_") and crate.startswith(prefix)) for prefix in prefixes):
            return row
    return "other crates"


def code(symbols):
    """The bytes of code of each row, from what `nm --print-size --demangle` prints. A place counts once."""
    sizes, seen = Counter(), set()
    for line in symbols.splitlines():
        parts = line.split(" ", 3)
        if len(parts) == 4 and parts[2] in "tTwW" and parts[0] not in seen:
            seen.add(parts[0])
            sizes[group(parts[3])] += int(parts[1], 16)
    return sizes


def rows(subject, stripped, unstripped):
    """The rows of one library."""
    library = elf.Elf.open(stripped)
    symbols = subprocess.run(
        ["llvm-nm-22", "--print-size", "--demangle", "--defined-only", unstripped],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    parts = code(symbols)
    parts["code without a name"] = library.section_size(".text") - sum(parts.values())
    total = len(library.data)
    measured = [
        bench.Row("whole file", subject, "size", "bytes", total),
        bench.Row("whole file, gzip -9", subject, "size", "bytes", len(gzip.compress(library.data, 9))),
    ]
    measured += [bench.Row(f"code: {row}", subject, "size", "bytes", size) for row, size in parts.most_common()]
    known = library.section_size(".text")
    for name in SECTIONS:
        if size := library.section_size(name):
            measured.append(bench.Row(f"section {name}", subject, "size", "bytes", size))
            known += size
    names = sum(library.section_size(name) for name in NAMES)
    measured.append(bench.Row("names and links of the loader", subject, "size", "bytes", names))
    measured.append(bench.Row("headers and padding", subject, "size", "bytes", total - known - names))
    return measured


def main():
    """Measures NAME=STRIPPED=UNSTRIPPED for each library named."""
    parser = bench.arguments(__doc__.partition("\n")[0])
    parser.add_argument("libraries", nargs="+", metavar="NAME=STRIPPED=UNSTRIPPED")
    given = parser.parse_args()
    measured = []
    for library in given.libraries:
        name, stripped, unstripped = library.split("=")
        measured += rows(name, Path(stripped), Path(unstripped))
    bench.report("size", measured, given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
