"""Puts the XCFramework together where there is no `xcodebuild -create-xcframework`, and packs it for download.

usage: apple_package.py --headers FOLDER --privacy FILE --out FOLDER.xcframework LIBRARY...

Each LIBRARY is IDENTIFIER=FILE: `ios-arm64=libtandem.a`, `ios-arm64_x86_64-simulator=libtandem.a`. Writes
FOLDER.xcframework and FOLDER.xcframework.zip, whose SHA-256, the `checksum` of a binary target, it prints.
"""

import argparse
import hashlib
import plistlib
import shutil
import zipfile
from pathlib import Path

LIBRARY = "libtandem.a"


def entry(identifier: str) -> dict:
    """What Info.plist says of one library: its folder's name holds it all."""
    platform, architectures, *variant = identifier.split("-")
    said = {
        "BinaryPath": LIBRARY,
        "HeadersPath": "Headers",
        "LibraryIdentifier": identifier,
        "LibraryPath": LIBRARY,
        # x86_64 is the only one with an underscore of its own.
        "SupportedArchitectures": architectures.replace("x86_64", "x86-64").replace("_", " ").replace("-", "_").split(),
        "SupportedPlatform": platform,
    }
    return said | ({"SupportedPlatformVariant": variant[0]} if variant else {})


def assemble(folder: Path, headers: Path, libraries: dict[str, Path]):
    """The folder as Xcode would make it."""
    shutil.rmtree(folder, ignore_errors=True)
    for identifier, library in libraries.items():
        place = folder / identifier
        place.mkdir(parents=True)
        shutil.copyfile(library, place / LIBRARY)
        shutil.copytree(headers, place / "Headers")
    info = {
        "AvailableLibraries": [entry(identifier) for identifier in sorted(libraries)],
        "CFBundlePackageType": "XFWK",
        "XCFrameworkFormatVersion": "1.0",
    }
    (folder / "Info.plist").write_bytes(plistlib.dumps(info))


def pack(folder: Path) -> str:
    """The folder as a zip file, the same bytes for the same content; its SHA-256."""
    file = folder.with_name(folder.name + ".zip")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            member = zipfile.ZipInfo(str(path.relative_to(folder.parent)), (1980, 1, 1, 0, 0, 0))
            member.external_attr, member.compress_type = 0o100644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(member, path.read_bytes())
    return hashlib.sha256(file.read_bytes()).hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--headers", type=Path, required=True)
    parser.add_argument("--privacy", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("libraries", nargs="*", help="IDENTIFIER=FILE; none where the folder is there already")
    options = parser.parse_args()
    if options.libraries:
        libraries = dict(library.split("=", 1) for library in options.libraries)
        assemble(options.out, options.headers, {name: Path(file) for name, file in libraries.items()})
    for path in options.out.iterdir():
        if path.is_dir():
            shutil.copyfile(options.privacy, path / "PrivacyInfo.xcprivacy")
    print(pack(options.out))


if __name__ == "__main__":
    main()
