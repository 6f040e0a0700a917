"""Says what in an XCFramework would keep an app from building, from being accepted, or from having a second framework.

usage: apple_gate.py --limit BYTES [--path PATH]... FOLDER.xcframework
"""

import argparse
import plistlib
import re
import sys
from pathlib import Path

import macho

MINIMUM = (15, 0)
LIBRARY = "libtandem.a"
MODULE = "tandem_ffiFFI"
# UniFFI's scaffolding for our facade, and what it tells the generator of itself.
FACADE = re.compile(r"_(uniffi|ffi)_tandem_ffi_\w+|_UNIFFI_META_\w+")
# What is compiled from C and assembly has names without a crate. Each carries a prefix of its library's own, or, as
# tract's loops do, its version. `foo` is what tract tries its assembler with: without the underscore of those.
FOREIGN = re.compile(
    r"_ring_core_\w+|_wrapped_(os_log_\w+|get_default_log)|___os_log_helper_\w+"
    r"|_(arm64\w*|avx\w*|fma|sse\w*)_\w+_\d+_\d+_\d+|foo"
)
# Rust's mangled names, and the few of its runtime's that are not.
RUST = re.compile(r"__R\w+|__ZN\w+|_rust_eh_personality|___rust\w*|___rdl_\w+|___rg_\w+")
# What libSystem, which every app links, does not give: C++ (whose names begin as Rust's do, but for the hash at their
# end), Objective-C, and Apple's frameworks for C.
UNLINKED = re.compile(
    r"__Z(?!N.*17h[0-9a-f]{16}E).*|___(cxa|gxx)_\w+|_objc_\w+|_OBJC_\w+\$_\w+|_k?(CF|Sec|SC|NS|CG|MTL|UI)[A-Z]\w+"
)
# The functions whose use needs a declared reason: developer.apple.com, "Describing use of required reason API".
REASONS = {
    "NSPrivacyAccessedAPICategoryFileTimestamp": {
        *("_stat", "_fstat", "_lstat", "_fstatat", "_getattrlist", "_fgetattrlist", "_getattrlistat"),
        *("_getattrlistbulk", "_stat$INODE64", "_fstat$INODE64", "_lstat$INODE64", "_fstatat$INODE64"),
    },
    "NSPrivacyAccessedAPICategorySystemBootTime": {"_mach_absolute_time"},
    "NSPrivacyAccessedAPICategoryDiskSpace": {"_statfs", "_statvfs", "_fstatfs", "_fstatvfs"},
    "NSPrivacyAccessedAPICategoryUserDefaults": {"_OBJC_CLASS_$_NSUserDefaults"},
}


class Gate:
    """What is wrong with one XCFramework."""

    def __init__(self, folder: Path, limit: int, paths: list[str]):
        self.folder, self.limit, self.paths = folder, limit, paths
        self.complaints: list[str] = []

    def complain(self, text: str):
        """Something is wrong."""
        self.complaints.append(text)

    def plist(self, path: Path) -> dict:
        """A property list, or an empty one and a complaint."""
        try:
            return plistlib.loads(path.read_bytes())
        except (OSError, ValueError, plistlib.InvalidFileException) as error:
            self.complain(f"{path.name}: {error}")
        except Exception as error:  # noqa: BLE001 expat's own, which has no name of its own in plistlib
            self.complain(f"{path.name} is no property list: {error}")
        return {}

    def check(self) -> list[str]:
        """All that is wrong."""
        info = self.plist(self.folder / "Info.plist")
        if (info.get("CFBundlePackageType"), info.get("XCFrameworkFormatVersion")) != ("XFWK", "1.0"):
            self.complain("Info.plist is not that of an XCFramework")
        entries = info.get("AvailableLibraries", [])
        named = {entry.get("LibraryIdentifier") for entry in entries}
        for path in sorted(self.folder.iterdir()):
            if path.is_dir() and path.name not in named:
                self.complain(f"Info.plist does not name {path.name}")
        for entry in entries:
            self.check_library(entry)
        return self.complaints

    def check_library(self, entry: dict):
        """One library: what Info.plist says of it, what is in it, and what lies beside it."""
        folder = self.folder / entry.get("LibraryIdentifier", "?")
        path = folder / entry.get("LibraryPath", "?")
        if not path.is_file():
            self.complain(f"no library {path.relative_to(self.folder)}")
            return
        data = path.read_bytes()
        try:
            parts = macho.read(path)
        except (macho.MachOError, ValueError, IndexError) as error:
            self.complain(f"{folder.name}: {error}")
            return
        architectures = sorted({thing.architecture for part in parts for thing in part})
        if architectures != sorted(entry.get("SupportedArchitectures", [])):
            self.complain(
                f"{folder.name} is for {architectures}, Info.plist says {entry.get('SupportedArchitectures')}"
            )
        platform = "-".join(filter(None, (entry.get("SupportedPlatform"), entry.get("SupportedPlatformVariant"))))
        for part in parts:
            self.check_objects(folder, part, platform)
            self.check_symbols(folder, part)
        for size in map(len, macho.slices(data)):
            if size > self.limit:
                self.complain(f"{folder.name} has {size} bytes for one architecture, the limit is {self.limit}")
        for text in self.paths:
            if text.encode() in data:
                self.complain(f"{folder.name} holds the path {text}")
        self.check_headers(folder / entry.get("HeadersPath", "?"))

    def check_objects(self, folder: Path, part: list[macho.Object], platform: str):
        """Platform and minimum version of every member."""
        if not part:
            self.complain(f"{folder.name}: an empty library")
        for thing in part:
            if (thing.platform, thing.minimum) != (platform, MINIMUM):
                built = f"{thing.platform} {thing.minimum}"
                self.complain(f"{folder.name}: {thing.name} is for {built}, expected {platform} {MINIMUM}")

    def check_symbols(self, folder: Path, part: list[macho.Object]):
        """Only our names are offered, nothing is wanted that apps do not link, and what needs a reason is declared."""
        defined = {name for thing in part for name in thing.defined}
        wanted = {name for thing in part for name in thing.undefined} - defined
        if not any(FACADE.fullmatch(name) for name in defined):
            self.complain(f"{folder.name} offers nothing of the facade")
        for name in sorted(defined):
            if not any(kind.fullmatch(name) for kind in (FACADE, FOREIGN, RUST)):
                self.complain(f"{folder.name} offers {name}, which another library may offer too")
        for name in sorted(wanted):
            if UNLINKED.fullmatch(name):
                self.complain(f"{folder.name} wants {name}, which an app does not link by itself")
        manifest = self.plist(folder / "PrivacyInfo.xcprivacy")
        declared = {use.get("NSPrivacyAccessedAPIType") for use in manifest.get("NSPrivacyAccessedAPITypes", [])}
        for category, names in REASONS.items():
            if names & wanted and category not in declared:
                self.complain(f"{folder.name} wants {sorted(names & wanted)}, the privacy manifest lacks {category}")

    def check_headers(self, headers: Path):
        """Xcode copies the headers of all frameworks into one folder: two module maps at its top would collide."""
        if [path.name for path in sorted(headers.glob("*"))] != [MODULE]:
            self.complain(f"{headers.parent.name}: headers are not in the folder {MODULE} of their own")
            return
        text = (headers / MODULE / "module.modulemap").read_text(encoding="utf-8")
        if not re.match(rf"module {MODULE} \{{", text):
            self.complain(f"{headers.parent.name}: the module map is not that of {MODULE}")
        for header in re.findall(r'header "([^"]+)"', text):
            if not (headers / MODULE / header).is_file():
                self.complain(f"{headers.parent.name}: no header {header}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, required=True, help="bytes that one architecture may take")
    parser.add_argument("--path", action="append", default=[], help="a path of this machine that must not be inside")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    complaints = Gate(options.folder, options.limit, options.path).check()
    for complaint in complaints:
        print(complaint)
    sys.exit(bool(complaints))


if __name__ == "__main__":
    main()
