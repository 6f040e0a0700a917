"""Packs the sample app for Android, and holds what was packed to what may be in it.

    apk.py pack OUT BASE DEX_FOLDER LIBRARIES...   BASE is what aapt2 linked; LIBRARIES are folders of ABI/NAME.so
    apk.py check APK ABI...                        prints the content with sizes; fails on anything unexpected

Native libraries are stored as they are, each at a multiple of 16 KB, so that devices with such pages map them from the
file. Debian's zipalign knows pages of 4 KB only, hence the writing here. Dates are fixed: the same input gives the same
bytes.
"""

import pathlib
import re
import struct
import sys
import zipfile

PAGE = 16384
# What Android's own tools pad entries with: two bytes of alignment, then zeros (APK Signature Scheme, `zipalign`).
ALIGNMENT_FIELD = 0xD935
STORED = (".so", ".png", "resources.arsc")
DATE = (1981, 1, 1, 1, 1, 2)
LIBRARIES = ("libjnidispatch.so", "libtandem_ffi.so")
CONTENT = re.compile(
    r"AndroidManifest\.xml|resources\.arsc|classes\d*\.dex"
    r"|res/[\w\-/]+(?:\.9)?\.(?:xml|png)"
    r"|assets/(?:digits|planning)/\w+\.(?:onnx|tandem\.json)|assets/digits/pictures/\d-\d{4}\.png"
    r"|META-INF/MANIFEST\.MF"
)
NEEDED = ("AndroidManifest.xml", "resources.arsc", "classes.dex", "assets/digits/digits.onnx")


def alignment(name):
    """At a multiple of how many bytes the entry's data begins."""
    return PAGE if name.endswith(".so") else 4


def entry(archive, name, data):
    """Writes one entry, padded so that its data begins where it must."""
    info = zipfile.ZipInfo(name, DATE)
    info.create_system = 0
    info.external_attr = 0
    if not name.endswith(STORED):
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, data)
        return
    multiple = alignment(name)
    # A local header takes 30 bytes and the name; the field takes 6 before its padding.
    begins = archive.fp.tell() + 30 + len(name.encode()) + 6
    padding = -begins % multiple
    info.extra = struct.pack("<HHH", ALIGNMENT_FIELD, 2 + padding, multiple) + bytes(padding)
    archive.writestr(info, data)


def pack(out, base, dex, folders):
    """Writes the unsigned APK."""
    with zipfile.ZipFile(base) as linked:
        parts = {name: linked.read(name) for name in linked.namelist()}
    parts |= {path.name: path.read_bytes() for path in pathlib.Path(dex).glob("classes*.dex")}
    for folder in map(pathlib.Path, folders):
        for path in folder.glob("*/*.so"):
            parts[f"lib/{path.parent.name}/{path.name}"] = path.read_bytes()
    with zipfile.ZipFile(out, "w") as archive:
        for name in sorted(parts):
            entry(archive, name, parts[name])


def data_offset(file, info):
    """Where the data of an entry begins in the file."""
    file.seek(info.header_offset)
    header = file.read(30)
    name, extra = struct.unpack_from("<HH", header, 26)
    return info.header_offset + 30 + name + extra


def faults(path, abis):
    """What is wrong with an APK, as sentences."""
    found = []
    libraries = {f"lib/{abi}/{library}" for abi in abis for library in LIBRARIES}
    with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        found += [f"{name} is in it twice" for name in sorted({name for name in names if names.count(name) > 1})]
        found += [f"{name} is missing" for name in sorted((libraries | set(NEEDED)) - set(names))]
        for info in archive.infolist():
            name = info.filename
            if name not in libraries and not CONTENT.fullmatch(name):
                found.append(f"{name} does not belong in it")
            if info.compress_type != zipfile.ZIP_STORED:
                if name.endswith((".so", "resources.arsc")):
                    found.append(f"{name} is compressed")
            elif data_offset(file, info) % alignment(name):
                found.append(f"{name} does not begin at a multiple of {alignment(name)} bytes")
    return found


def content(path):
    """The content by folder: bytes in the APK, number of files, name."""
    groups = {}
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            parts = info.filename.split("/")
            group = info.filename if len(parts) == 1 or parts[0] == "lib" else "/".join(parts[:2])
            group = "res" if parts[0] == "res" else group
            size, count = groups.get(group, (0, 0))
            groups[group] = (size + info.compress_size, count + 1)
    return [(size, count, name) for name, (size, count) in groups.items()]


def check(path, abis):
    """Prints the content and what is wrong with it; gives whether nothing is."""
    for size, count, name in sorted(content(path), reverse=True):
        print(f"{size:>10}  {count:>3}  {name}")
    print(f"{pathlib.Path(path).stat().st_size:>10}       in all")
    found = faults(path, abis)
    for fault in found:
        print(f"error: {fault}", file=sys.stderr)
    return not found


def main():
    command, *arguments = sys.argv[1:]
    if command == "pack":
        out, base, dex, *folders = arguments
        pack(out, base, dex, folders)
    elif command == "check":
        path, *abis = arguments
        sys.exit(not check(path, abis))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
